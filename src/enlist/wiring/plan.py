"""What the listeners speak, decided before anything is served.

The web listener speaks plain HTTP only on localhost or behind a proxy; the device listener always
TLS. What has no certificate of the operator's shows one of our own CA, and says so.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from enlist.settings import Settings
from enlist.web.serving import CannotListen, Listener, listen
from enlist.web.tls import ReloadingTls, device_tls, web_tls, why_unusable
from enlist.wiring import certificates
from enlist.wiring.certificates import DEVICE_LISTENER, listener_certificate
from enlist.wiring.installation import CannotStart, Installation, speaks_tls
from enlist.wiring.listener_names import tls_by_name


@dataclass(frozen=True, slots=True)
class Plan:
    """What the listeners speak, and how to say so.

    Attributes:
        own_ca: see `Services`.
    """

    web: Listener
    device: Listener
    line: str
    own_ca: str = ""


def plan_listeners(settings: Settings, installation: Installation) -> Plan:
    """Open both sockets, and decide what each speaks.

    Raises:
        CannotStart: with one line that says what to do.
    """
    try:
        web_socket, device_socket = listen(settings.http), listen(settings.device)
    except CannotListen as error:
        raise CannotStart(str(error)) from error
    tls, line, own_ca = None, "plain HTTP, on this machine only", ""
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            tls = ReloadingTls("web", (settings.tls_cert, settings.tls_key), web_tls)
        except (OSError, ValueError) as error:
            files = f"{settings.tls_cert} with {settings.tls_key}"
            raise CannotStart(f"cannot use {files}: {why_unusable(error)}.") from error
        line = f"HTTPS with {settings.tls_cert}"
    elif settings.trusted_proxy:
        line = f"plain HTTP behind a proxy in {', '.join(settings.trusted_proxy)}"
    elif speaks_tls(settings):
        host = settings.http.rpartition(":")[0].strip("[]")
        tls = _own_tls(settings, installation, "web-listener", [host], web_tls)
        own_ca = f"sha256:{installation.folder.authority.root_fingerprint}"
        line = (
            "HTTPS with a certificate of Enlist's own CA; browsers will warn until they trust "
            f"{settings.data / 'pki' / 'root.pem'}, or give --tls-cert and --tls-key"
        )
    make = functools.partial(_device_tls, settings.data)
    names = tls_by_name(settings, installation.tools.addresses, installation.tools.clock, make)
    device = _own_tls(settings, installation, DEVICE_LISTENER, [], make, names)
    return Plan(
        Listener("web", web_socket, tls), Listener("device", device_socket, device), line, own_ca
    )


def _device_tls(data: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for devices of every issuing CA that is in the folder now."""
    return device_tls(certificate, key, certificates.authority(data).trusted_pem)


def _own_tls(
    settings: Settings,
    installation: Installation,
    name: str,
    more: Sequence[str],
    make: Callable[[Path, Path], ssl.SSLContext],
    names: Mapping[str, ReloadingTls] | None = None,
) -> ReloadingTls:
    """TLS with a certificate of our own CA, which a server that runs for a year renews."""
    tools = installation.tools
    renew = functools.partial(
        listener_certificate, settings.data, tools.addresses, tools.clock, name, more
    )
    return ReloadingTls(name.removesuffix("-listener"), renew(), make, renew, names)
