"""Mail: is it set up, does the server take us as we are, and would anybody believe the sender?

The mail server is asked once, up to the sender's address; nothing is sent to anybody.
"""

from __future__ import annotations

import ipaddress
from email.headerregistry import Address
from typing import Final
from urllib.parse import urlsplit

from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.delivery.channels.email import Rehearsal, Step
from enlist.delivery.channels.mime import BadAddress, sender
from enlist.settings import Smtp
from enlist.wiring.delivery import email_channel
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.installation import CannotStart

_ORDER: Final[tuple[Step, ...]] = ("reach", "protect", "login", "sender")


def _set(ground: Ground) -> Finding:
    if ground.server.mailbox:
        raise CannotTell("messages stay in the demo's mailbox")
    if not ground.settings.smtp.host:
        return warning(
            "no mail server is set",
            "Set ENLIST_SMTP_HOST, and ENLIST_SMTP_USER and _PASSWORD_FILE if it asks for a login.",
        )
    return fine(f"{ground.settings.smtp.host}:{ground.settings.smtp.effective_port}")


def _secure(ground: Ground) -> Finding:
    smtp = _smtp(ground)
    if smtp.security == "none" and not is_local(smtp.host):
        return problem(
            f"{smtp.host} is spoken to without protection",
            "Set ENLIST_SMTP_SECURITY=starttls (or tls).",
        )
    return fine({"none": "this machine's own", "starttls": "STARTTLS"}.get(smtp.security, "TLS"))


def _reaches(ground: Ground) -> Finding:
    return _step(
        ground,
        "reach",
        "answers",
        "Check ENLIST_SMTP_HOST and ENLIST_SMTP_PORT, and whether a firewall lets this machine "
        "through.",
    )


def _protects(ground: Ground) -> Finding:
    if _smtp(ground).security == "none":
        raise CannotTell("the connection is not protected")
    return _step(
        ground,
        "protect",
        "its certificate is trusted",
        "Renew the mail server's certificate, or name its authority in ENLIST_SMTP_CA_FILE; "
        "ENLIST_SMTP_HOST must be the name in the certificate.",
    )


def _logs_in(ground: Ground) -> Finding:
    smtp = _smtp(ground)
    if not smtp.user:
        raise CannotTell("no login is set")
    if not smtp.password.get_secret_value():
        raise CannotTell(
            "the password is in the server's environment alone; run this with the same settings"
        )
    return _step(
        ground,
        "login",
        f"{smtp.user} is let in",
        "Set ENLIST_SMTP_USER and ENLIST_SMTP_PASSWORD_FILE to a login that works.",
    )


def _sends_as(ground: Ground) -> Finding:
    return _step(
        ground,
        "sender",
        f"{_sender(ground).addr_spec} may send",
        "Let the mail server's login send from that address, or set another ENLIST_MAIL_FROM.",
    )


def _from(ground: Ground) -> Finding:
    _smtp(ground)
    try:
        address = _sender(ground)
    except BadAddress as error:
        return problem(str(error), 'Set ENLIST_MAIL_FROM="Example Corp <enroll@example.com>".')
    domain = address.domain.lower()
    if is_local(domain) or "." not in domain or domain.startswith("["):
        return problem(
            f"{address.addr_spec} is nobody's address outside of this machine",
            'Set ENLIST_MAIL_FROM="Example Corp <enroll@example.com>".',
        )
    host = (urlsplit(ground.addresses.public_url).hostname or "").lower()
    if not _related(domain, host) and not is_local(host):
        return warning(
            f"mails come from {domain}, their links lead to {host}",
            "Send from the domain of ENLIST_PUBLIC_URL, or check that the domain's SPF and DMARC "
            "records allow it.",
        )
    return fine(address.addr_spec)


def _step(ground: Ground, step: Step, good: str, remedy: str) -> Finding:
    """What one step of the rehearsal came to; an earlier one that failed is another check's."""
    found = _rehearsed(ground)
    if found.failed == step:
        return problem(found.reason, remedy)
    if found.failed and _ORDER.index(found.failed) < _ORDER.index(step):
        raise CannotTell("it does not come that far")
    return fine(good)


def _rehearsed(ground: Ground) -> Rehearsal:
    _smtp(ground)
    return ground.once("mail", lambda: _rehearse(ground))


def _rehearse(ground: Ground) -> Rehearsal:
    try:
        return email_channel(ground.settings, ground.addresses.mail_domain).rehearse()
    except CannotStart as error:
        raise CannotTell(str(error)) from error


def _smtp(ground: Ground) -> Smtp:
    if ground.server.mailbox or not ground.settings.smtp.host:
        raise CannotTell("no mail server is set")
    return ground.settings.smtp


def _sender(ground: Ground) -> Address:
    domain = ground.addresses.mail_domain
    return sender(ground.settings.mail_from or f"Enlist <enlist@{domain}>")


def is_local(host: str) -> bool:
    """Whether it is this machine."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").removeprefix("IPv6:")).is_loopback
    except ValueError:
        return False


def _related(one: str, other: str) -> bool:
    """Whether two names are of one organization, as far as two labels tell."""
    return one.split(".")[-2:] == other.split(".")[-2:]


CHECKS: Final = (
    Check("mail-set", "set up", "Without it no token reaches anybody by mail.", _set),
    Check(
        "mail-secure",
        "protection",
        "Tokens and the mail server's password cross the network for everybody to read.",
        _secure,
    ),
    Check("mail-reachable", "reachable", "Messages wait and people do not get theirs.", _reaches),
    Check(
        "mail-certificate",
        "certificate",
        "Enlist sends nothing to a mail server that it cannot be sure of; messages wait.",
        _protects,
    ),
    Check("mail-login", "login", "The mail server takes nothing; messages wait.", _logs_in),
    Check("mail-sender", "sender", "The mail server refuses every message.", _sends_as),
    Check(
        "mail-from",
        "From address",
        "Mail from an address that does not fit lands in the spam folder, or nowhere.",
        _from,
    ),
)
