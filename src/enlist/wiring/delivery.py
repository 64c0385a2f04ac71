"""Delivery, put together: the channels that the settings name, and the worker over them."""

from __future__ import annotations

from urllib.parse import urlsplit

from enlist.core.secrets import Secret
from enlist.delivery.channels import Channel, MailboxChannel
from enlist.delivery.channels.email import EmailChannel, MailServer
from enlist.delivery.worker import Worker
from enlist.settings import Settings
from enlist.wiring.installation import Installation


def delivery_worker(
    installation: Installation, settings: Settings, mailbox: MailboxChannel | None = None
) -> Worker:
    """The worker of this process, started.

    Args:
        mailbox: keeps every message instead of a mail server; the demo's.
    """
    channels: dict[str, Channel] = {}
    if mailbox is not None:
        channels["email"] = mailbox
    elif settings.smtp.host:
        channels["email"] = EmailChannel(_server(settings), _sender(settings, installation))
    public_url = installation.tools.addresses.public_url
    worker = Worker(installation.driver, channels, public_url)
    worker.start()
    return worker


def _sender(settings: Settings, installation: Installation) -> str:
    host = urlsplit(installation.tools.addresses.public_url).hostname or "localhost"
    return settings.mail_from or f"enlist@{host}"


def _server(settings: Settings) -> MailServer:
    smtp = settings.smtp
    return MailServer(
        host=smtp.host,
        port=smtp.effective_port,
        security=smtp.security,
        user=smtp.user,
        password=Secret(smtp.password.get_secret_value()),
        ca_file=smtp.ca_file,
    )
