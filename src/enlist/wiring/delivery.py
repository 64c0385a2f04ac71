"""Delivery, put together: the channels that the settings name, and the worker over them."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable
from typing import Final

from enlist.core.secrets import Secret
from enlist.delivery.channels import Channel, MailboxChannel
from enlist.delivery.channels.email import EmailChannel, MailServer
from enlist.delivery.channels.mime import BadAddress
from enlist.delivery.channels.sms import Gateway, SmsChannel, Unusable
from enlist.delivery.channels.sms_http import HttpGateway
from enlist.delivery.channels.sms_twilio import USUAL_URL, TwilioGateway
from enlist.delivery.post_beside import Orders, PostBeside, Way
from enlist.delivery.worker import Worker
from enlist.settings import Settings
from enlist.wiring.installation import CannotStart, Installation
from enlist.wiring.own_texts import own_folder

_HANDED_ON: Final = (
    *("url", "method", "headers", "body", "sender", "user", "accepted", "id"),
    *("report_status", "report_reason"),
)
"""What the driver `http` is told just as it is set."""


def delivery_worker(
    installation: Installation, settings: Settings, mailbox: MailboxChannel | None = None
) -> Worker:
    """The worker of this process, started.

    Args:
        mailbox: keeps every message instead of a mail server; the demo's.

    Raises:
        CannotStart: the settings for mail or SMS cannot be used.
    """
    addresses = installation.tools.addresses
    channels: dict[str, Channel] = {}
    ways: dict[str, Way] = {}
    if mailbox is not None:
        channels["email"] = mailbox
    elif settings.smtp.host:
        channels["email"] = email_channel(settings, addresses.mail_domain)
        make = _email(settings, addresses.mail_domain)
        ways["email"] = Way(make, settings.smtp.connections)
    if settings.sms.driver and mailbox is None:
        channels["sms"] = sms_channel(settings)
        # One after the other: gateways count how many come in a second, and refuse the rest.
        ways["sms"] = Way(_sms(settings), 1)
    orders = Orders(ways, addresses.public_url, own_folder(settings))
    beside = PostBeside(orders) if ways else None
    worker = Worker(installation.driver, channels, addresses.public_url, beside=beside)
    worker.start()
    return worker


def email_channel(settings: Settings, domain: str) -> EmailChannel:
    """Mail as the settings say; `domain` is how this side calls itself.

    Raises:
        CannotStart: the settings cannot be used.
    """
    try:
        return _email(settings, domain)()
    except BadAddress as error:
        raise CannotStart(f"ENLIST_MAIL_FROM: {error}") from error
    except OSError as error:
        raise CannotStart(f"ENLIST_SMTP_CA_FILE {settings.smtp.ca_file}: {error}") from error


def sms_channel(settings: Settings) -> SmsChannel:
    """SMS as the settings say.

    Raises:
        CannotStart: the settings cannot be used.
    """
    try:
        return _sms(settings)()
    except OSError as error:
        raise CannotStart(f"ENLIST_SMS_CA_FILE {settings.sms.ca_file}: {error}") from error


def sms_gateway(settings: Settings) -> Gateway | None:
    """The gateway that the settings name; None where they name none.

    Raises:
        CannotStart: the settings cannot be used.
    """
    given = settings.sms
    password = Secret(given.password.get_secret_value())
    try:
        if given.driver == "twilio":
            url = given.url or USUAL_URL
            return TwilioGateway(given.user, password, given.sender, url)
        if given.driver == "http":
            return HttpGateway(
                **given.model_dump(include=set(_HANDED_ON)),
                password=password,
                delivered=frozenset(given.delivered),
                undelivered=frozenset(given.undelivered),
            )
    except Unusable as error:
        raise CannotStart(str(error)) from error
    return None


def _email(settings: Settings, domain: str) -> Callable[[], EmailChannel]:
    """What makes such a channel, in whichever process it is called."""
    sender = settings.mail_from or f"Enlist <enlist@{domain}>"
    return functools.partial(EmailChannel, _server(settings, domain), sender)


def _sms(settings: Settings) -> Callable[[], SmsChannel]:
    """Likewise.

    Raises:
        CannotStart: the settings cannot be used.
    """
    gateway = sms_gateway(settings)
    if gateway is None:
        raise CannotStart("ENLIST_SMS_DRIVER names no way to send SMS")
    return functools.partial(SmsChannel, gateway, settings.sms.ca_file)


def _server(settings: Settings, domain: str) -> MailServer:
    smtp = settings.smtp
    return MailServer(
        host=smtp.host,
        port=smtp.effective_port,
        security=smtp.security,
        user=smtp.user,
        password=Secret(smtp.password.get_secret_value()),
        ca_file=smtp.ca_file,
        helo=_greeting(domain),
    )


def _greeting(domain: str) -> str:
    """What a mail server is greeted with: an address goes in brackets (RFC 5321 section 4.1.3)."""
    try:
        address = ipaddress.ip_address(domain)
    except ValueError:
        return domain
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
