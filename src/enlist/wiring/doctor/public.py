"""Addresses, and what stands in front of Enlist: does all lead here, and who is believed?"""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2

from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.web.peers import networks, within
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.doctor.fetching import fetch, judged, own_address
from enlist.wiring.doctor.machine import needs_server
from enlist.wiring.shown import certificate_at

_WIDEST: Final = {4: 8, 6: 16}
"""The shortest prefix of a network that one organization may have of its own."""
_NOBODY: Final = "203.0.113.9"
"""An address for documentation (RFC 5737): no client has it."""


def _local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _name(ground: Ground) -> Finding:
    where = ground.addresses
    public, device = _host(where.public_url), _host(where.device_url)
    behind = bool(ground.settings.trusted_proxy)
    listens = _host(f"//{ground.settings.http}")
    if _local(public) and (behind or not _local(listens) or not _local(device)):
        return problem(
            f"links lead to {where.public_url}, which is each reader's own machine",
            "Set ENLIST_PUBLIC_URL to the address that people use, then restart.",
        )
    if _local(device) and not _local(public):
        return problem(
            f"devices are sent to {where.device_url}, which is each device itself",
            "Set ENLIST_DEVICE_URL to the address that devices use, then restart.",
        )
    if _local(public):
        return fine(f"{where.public_url}, for this machine only")
    return fine(f"{where.public_url}, {where.device_url}")


def _https(ground: Ground) -> Finding:
    url = ground.addresses.public_url
    if url.startswith("https:"):
        return fine("HTTPS")
    if _local(_host(url)):
        return fine("plain HTTP, on this machine only")
    return problem(
        f"{url} is plain HTTP",
        "Put a proxy with HTTPS in front, or give --tls-cert and --tls-key; then set "
        f"ENLIST_PUBLIC_URL={url.replace('http:', 'https:', 1)}",
    )


def _public(ground: Ground) -> Finding:
    return _answers(
        ground,
        ground.addresses.public_url,
        "Start the server, let the proxy forward to its --http address, and see that the name "
        "leads here.",
    )


def _device(ground: Ground) -> Finding:
    """With our own root and no other: a proxy that ends TLS shows a certificate of its own."""
    needs_server(ground)
    url = ground.addresses.device_url
    root = ground.settings.data / "pki" / "root.pem"
    remedy = (
        "Let TCP through to the --device address untouched: TLS must end in Enlist, which asks "
        "for client certificates."
    )
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        raise CannotTell(f"{root} cannot be read: {error}") from error
    try:
        answer = fetch(f"{url}/healthz", context=context)
    except httpx2.HTTPError as error:
        return problem(f"{url} cannot be used: {_words(error)}", remedy)
    if answer.status_code != 200:
        return problem(f"{url}/healthz answers {answer.status_code}", remedy)
    return _another_key(ground, url, root) or fine(url)


def _another_key(ground: Ground, url: str, root: Path) -> Finding | None:
    """What is wrong where one-time JWTs are signed by another key than devices see (D38)."""
    ours = ground.certificate(ground.settings.data / "pki" / "device-listener.pem")
    try:
        shown = certificate_at(url, judged(root))
    except OSError as error:
        raise CannotTell(f"{url} cannot be reached: {error}") from error
    if shown.public_key() == ours.public_key():
        return None
    return problem(
        f"{url} shows the certificate of another key than pki/device-listener.key, so OpenZiti "
        "clients believe no JWT that is made here",
        "Give every server of this installation the same data folder, then restart them.",
    )


def _pki(ground: Ground) -> Finding:
    needs_server(ground)
    url = ground.addresses.pki_url
    remedy = (
        "Let the proxy pass /pki/ on, also over plain HTTP, and set ENLIST_PKI_URL to where it "
        "can be read."
    )
    return _own_root(ground, url, remedy) or fine(url)


def _answers(ground: Ground, url: str, remedy: str) -> Finding:
    needs_server(ground)
    try:
        answer = fetch(f"{url}/healthz")
    except httpx2.HTTPError as error:
        return problem(f"{url} cannot be reached: {_words(error)}", remedy)
    try:
        alive = answer.status_code == 200 and answer.json() == {"status": "alive"}
    except json.JSONDecodeError:
        alive = False
    if not alive:
        return problem(f"{url} answers, but it is not Enlist ({answer.status_code})", remedy)
    return _own_root(ground, f"{url}/pki", remedy) or fine(url)


def _words(error: httpx2.HTTPError) -> str:
    text = re.sub(r"^\[(Errno -?\d+|SSL: \w+)\] ", "", str(error))
    return re.sub(r" \(_ssl\.c:\d+\)$", "", text) or type(error).__name__


def _own_root(ground: Ground, url: str, remedy: str) -> Finding | None:
    """What is wrong where our own root certificate should be; None where nothing is."""
    root: Path = ground.settings.data / "pki" / "root.pem"
    try:
        answer = fetch(f"{url}/root.pem")
    except httpx2.HTTPError as error:
        return problem(f"{url} cannot be reached: {_words(error)}", remedy)
    if answer.status_code != 200:
        return problem(f"{url}/root.pem answers {answer.status_code}", remedy)
    if root.exists() and answer.content.strip() != root.read_bytes().strip():
        return problem(f"{url} is another installation's", remedy)
    return None


def _everybody(ground: Ground) -> Finding:
    trusted = tuple(ground.settings.trusted_proxy)
    if not trusted:
        raise CannotTell("no proxy is trusted")
    wide = [str(net) for net in networks(trusted) if net.prefixlen < _WIDEST[net.version]]
    remedy = "Name the proxy alone, such as ENLIST_TRUSTED_PROXY=127.0.0.1, then restart."
    if wide:
        return problem(f"{', '.join(wide)} is everybody, not a proxy", remedy)
    public = [str(net) for net in networks(trusted) if net.is_global and net.num_addresses > 256]
    if public:
        return warning(f"{', '.join(public)} holds many public addresses", remedy)
    return fine(", ".join(trusted))


def _untrusted(ground: Ground) -> Finding:
    settings = ground.settings
    listens, public = _host(f"//{settings.http}"), urlsplit(ground.addresses.public_url)
    ends_tls = settings.tls_cert is not None or not _local(listens)
    if settings.trusted_proxy or ends_tls:
        return fine("a proxy is trusted" if settings.trusted_proxy else "no proxy in front")
    if public.scheme == "https" or not _local(_host(ground.addresses.public_url)):
        return problem(
            f"people come by {ground.addresses.public_url}, but Enlist listens on "
            f"{settings.http}, so a proxy stands between, and none is trusted",
            "Set ENLIST_TRUSTED_PROXY to the proxy's address (127.0.0.1 on this machine), then "
            "restart.",
        )
    return fine("no proxy in front")


def _forged(ground: Ground) -> Finding:
    """The metrics are shown to this machine alone, so their address tells who one is taken for."""
    trusted = tuple(ground.settings.trusted_proxy)
    if not trusted:
        raise CannotTell("no proxy is trusted")
    url = f"{ground.addresses.public_url}/metrics"
    try:
        source = own_address(url)
        if within(source, trusted):
            raise CannotTell("from the trusted proxy itself it cannot be told")
        honest = fetch(url).status_code
        forged = {
            fetch(url, headers={"X-Forwarded-For": text, "Forwarded": f"for={text}"}).status_code
            for text in (_NOBODY, "127.0.0.1")
        }
    except (httpx2.HTTPError, OSError) as error:
        raise CannotTell(f"{url} cannot be reached") from error
    if forged != {honest}:
        return problem(
            "the proxy passes on whatever address a client writes about itself",
            f"Let it write the client's address into {ground.settings.proxy_header}, or name "
            "the header that it writes as ENLIST_PROXY_HEADER: docs/how-to/proxies.md has the "
            "lines.",
        )
    return fine("what clients write about themselves is not believed")


CHECKS: Final = (
    Check(
        "address-names",
        "names",
        "Links in messages and the addresses in certificates are made of these settings.",
        _name,
    ),
    Check(
        "address-https",
        "HTTPS",
        "Passwords and tokens cross the network for everybody to read; browsers refuse security "
        "keys.",
        _https,
    ),
    Check("public-answers", "for people", "Every link in every message leads there.", _public),
    Check("device-answers", "for devices", "Enrolled devices speak to nothing else.", _device),
    Check(
        "pki-answers",
        "revocation list",
        "Whoever checks a device's certificate asks there whether it was revoked.",
        _pki,
    ),
    Check(
        "proxy-width",
        "trusted proxies",
        "Whoever is trusted may say that he is anybody: limits on guessing and the addresses in "
        "the audit log are then worth nothing.",
        _everybody,
    ),
    Check(
        "proxy-trusted",
        "proxy",
        "All people look like one address: ten wrong tokens of one of them lock all others out.",
        _untrusted,
    ),
    Check(
        "proxy-forged",
        "forged addresses",
        "An attacker guesses tokens from a new address each time, and the audit log names others.",
        _forged,
    ),
)
