"""More host names of the device listener, each with a certificate of its own.

The name in the device URL is OpenZiti's, and its key stays for ever (see `pki.listener`). Programs
that speak to the listener for another reason, by another name, may be shown a certificate that
they trust already, and one whose key is replaced whenever the certificate is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlsplit

from enlist.core.clock import Clock
from enlist.settings import ListenerName, Settings
from enlist.verbs.driver import Addresses
from enlist.web.tls import ReloadingTls, why_unusable
from enlist.wiring.certificates import name_certificate
from enlist.wiring.installation import CannotStart


def tls_by_name(
    settings: Settings, where: Addresses, clock: Clock, make: Callable[[Path, Path], SSLContext]
) -> dict[str, ReloadingTls]:
    """TLS for each of the names that the settings add.

    Args:
        make: a context of a certificate and its key.

    Raises:
        CannotStart: a name is the device URL's, or its files cannot be used.
    """
    first = (urlsplit(where.device_url).hostname or "").lower()

    def tls(given: ListenerName) -> ReloadingTls:
        if given.name == first:
            raise CannotStart(
                f"--device-name {first} is the device URL's own name. OpenZiti clients know its "
                "certificate by the key, so Enlist makes it. Leave the name out."
            )
        title = f"device, {given.name}"
        if given.certificate is not None and given.key is not None:
            return ReloadingTls(title, (given.certificate, given.key), make)
        renew = functools.partial(name_certificate, settings.data, clock, given.name)
        return ReloadingTls(title, renew(), make, renew)

    made: dict[str, ReloadingTls] = {}
    for given in settings.listener_names:
        try:
            made[given.name] = tls(given)
        except (OSError, ValueError) as error:
            files = given.certificate or "its certificate"
            why = why_unusable(error)
            raise CannotStart(f"cannot use {files} for {given.name}: {why}.") from error
    return made
