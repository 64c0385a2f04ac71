"""Certificates that will end, do not fit their name, or are not what is shown to clients."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from enlist import keyfolder
from enlist.core.clock import DAY, from_datetime
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, Level, fine, problem, warning
from enlist.datafolder import DataFolderProblem
from enlist.settings import ListenerName
from enlist.web.tls import load, open_to_everybody, why_unusable
from enlist.wiring.certificates import name_file
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.doctor.fetching import judged
from enlist.wiring.shown import certificate_at

_SOON: Final = 21 * DAY
"""A certificate that is renewed by a program should have been by then."""
_AUTHORITY_SOON: Final = 2 * 365 * DAY
_RESTART: Final = "Restart the server, which renews it: systemctl restart enlist"


def _authority(ground: Ground) -> Finding:
    try:
        authority = keyfolder.load(ground.settings.data, ground.now).authority
    except DataFolderProblem as error:
        raise CannotTell("the authority cannot be read") from error
    root, issuing = (
        from_datetime(each.not_valid_after_utc) for each in (authority.root, authority.issuing)
    )
    if root <= issuing:
        name, end, remedy = "root", root, "Plan a new installation: nothing replaces the root."
    else:
        remedy = f"Run: {ground.command('keys rotate ca')}\nThen back up."
        name, end = "issuing", issuing
    days = (end - ground.now) // DAY
    if end <= ground.now + ground.settings.certificate_days * DAY:
        return problem(
            f"the {name} certificate ends {_in(days)}, before the device certificates that it "
            "signs now",
            remedy,
        )
    if end <= ground.now + _AUTHORITY_SOON:
        return warning(f"the {name} certificate ends {_in(days)}", remedy)
    return fine(f"ends {_in(days)}")


def _device(ground: Ground) -> Finding:
    pki = ground.settings.data / "pki"
    present = ground.certificate(pki / "device-listener.pem")
    finding = _lasting(present, ground.now, _RESTART)
    if finding is not None:
        return finding
    host = urlsplit(ground.addresses.device_url).hostname or ""
    if not _names(present, host):
        return problem(
            f"it does not name {host}, where devices are sent",
            "Restart the server, which makes a new one: systemctl restart enlist",
        )
    return fine(f"{host}, ends {_in(_days(present, ground.now))}")


def _web(ground: Ground) -> Finding:
    certificate, key = ground.settings.tls_cert, ground.settings.tls_key
    if certificate is None or key is None:
        raise CannotTell("no certificate files are set")
    host = urlsplit(ground.addresses.public_url).hostname or ""
    finding = _files(ground, certificate, key)
    if finding is not None:
        return finding
    present = ground.certificate(certificate)
    if not _names(present, host):
        return problem(
            f"{certificate} does not name {host}, where people are sent",
            f"Get a certificate for {host}, or set ENLIST_PUBLIC_URL to a name that it has.",
        )
    return fine(f"{host}, ends {_in(_days(present, ground.now))}")


def _files(ground: Ground, certificate: Path, key: Path) -> Finding | None:
    """What is wrong with files that somebody else renews; None where nothing is."""
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, key)
    except (OSError, ValueError) as error:
        return problem(
            f"{certificate} and {key} cannot be used: {why_unusable(error)}",
            "Put a certificate with its chain and its unencrypted key there, readable by "
            "Enlist's user; the server takes them by itself.",
        )
    mode = open_to_everybody(key)
    if mode:
        return problem(
            f"everybody on this machine can read {key} (mode {mode})", f"Run: chmod o= {key}"
        )
    present = ground.certificate(certificate)
    return _lasting(present, ground.now, f"Renew {certificate}; the server takes it by itself.")


def _more_names(ground: Ground) -> Finding:
    """Everything that is amiss with any of them, as grave as the worst."""
    found = [_one_name(ground, each) for each in ground.settings.listener_names]
    if not found:
        raise CannotTell("no further names are set")
    amiss = [each for each in found if each.level is not Level.OK]
    told = "; ".join(each.found for each in amiss or found)
    if not amiss:
        return fine(told)
    remedy = "\n".join(each.remedy for each in amiss)
    grave = any(each.level is Level.PROBLEM for each in amiss)
    return problem(told, remedy) if grave else warning(told, remedy)


def _one_name(ground: Ground, given: ListenerName) -> Finding:
    name = given.name
    if given.certificate is None or given.key is None:
        certificate = name_file(ground.settings.data, name)
        finding = _lasting(ground.certificate(certificate), ground.now, _RESTART)
    else:
        certificate = given.certificate
        finding = _files(ground, certificate, given.key)
    if finding is not None:
        return replace(finding, found=f"{name}: {finding.found}")
    present = ground.certificate(certificate)
    if not _names(present, name):
        return problem(f"{certificate} does not name {name}", f"Get a certificate for {name}.")
    return fine(f"{name}, ends {_in(_days(present, ground.now))}")


def _shown(ground: Ground) -> Finding:
    url = ground.addresses.public_url
    if not url.startswith("https:"):
        raise CannotTell(f"{url} is no HTTPS")
    root = ground.settings.data / "pki" / "root.pem"
    try:
        present = certificate_at(url, judged(root if root.exists() else None))
    except ssl.SSLCertVerificationError as error:
        return problem(
            f"{url} shows a certificate that browsers refuse: {error.verify_message}",
            "Renew the certificate, with its whole chain, where HTTPS ends: in the proxy, "
            "or --tls-cert.",
        )
    except OSError as error:
        raise CannotTell(f"{url} cannot be reached: {error}") from error
    remedy = "See why it was not renewed where HTTPS ends: in the proxy, or --tls-cert."
    finding = _lasting(present, ground.now, remedy)
    return finding or fine(f"ends {_in(_days(present, ground.now))}")


def _lasting(present: x509.Certificate, now: int, remedy: str) -> Finding | None:
    """What is wrong with how long it lasts; None where nothing is."""
    days = _days(present, now)
    if from_datetime(present.not_valid_after_utc) <= now:
        return problem(f"it ended {counted(-days, 'day')} ago", remedy)
    if from_datetime(present.not_valid_after_utc) <= now + _SOON:
        return warning(f"it ends {_in(days)}", remedy)
    return None


def _days(present: x509.Certificate, now: int) -> int:
    return (from_datetime(present.not_valid_after_utc) - now) // DAY


def _in(days: int) -> str:
    if days > 730:
        return f"in {days // 365} years"
    return f"in {counted(days, 'day')}" if days >= 0 else f"{counted(-days, 'day')} ago"


def _names(certificate: x509.Certificate, host: str) -> bool:
    """Whether it is for that host; one label may be a star (RFC 9525 section 6.3)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    names |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return host.lower() in names or f"*.{host.lower().partition('.')[2]}" in names


CHECKS: Final = (
    Check(
        "authority-certificate",
        "authority",
        "When the authority's certificate ends, every device certificate under it is worth "
        "nothing at once.",
        _authority,
    ),
    Check(
        "device-certificate",
        "device listener",
        "Devices refuse to speak to a listener whose certificate has ended or names another host.",
        _device,
    ),
    Check(
        "device-names",
        "more names",
        "Who comes to the device listener by such a name refuses a certificate that has ended or "
        "names another host.",
        _more_names,
    ),
    Check(
        "web-certificate",
        "certificate files",
        "The server does not start with files that it cannot use or a key that everybody can read, "
        "and browsers refuse a certificate that has ended.",
        _web,
    ),
    Check(
        "public-certificate",
        "shown to people",
        "What people's browsers see at the public address is what counts, wherever HTTPS ends.",
        _shown,
    ),
)
