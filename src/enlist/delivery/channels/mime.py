"""A message as Internet mail: RFC 5322 headers, a text part and an HTML part.

Values meet headers here, so this is where they are made harmless: one line, no characters that
have a meaning in an address (S76, TP43). The `SMTP` policy refuses line breaks once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Final, cast

from enlist.core.clock import to_datetime
from enlist.core.templates import header_line
from enlist.delivery.channels.channel import Attachment, Outgoing, Picture

_LONGEST_NAME: Final = 60
# RFC 5321 section 4.1.2 without quoted local parts, which hardly any system lets through.
_ATOM: Final = r"[^\s\x00-\x20\x7f\"(),.:;<>@\[\\\]]{1,64}"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f.:IPv]+\]")
_read_header = HeaderRegistry()
_SAME_IN_MANY: Final = frozenset(
    ("from", "content-type", "content-transfer-encoding", "content-language", "mime-version")
) | {"auto-submitted", "x-auto-response-suppress"}
"""Headers that say the same in one letter after the other, and nothing of whom it is for."""
_UNSAFE_IN_NAME = re.compile(r"[^\w\s'\u2019\u00b7-]|_")


class _Headers(HeaderRegistry):
    """Reads headers as the library does, but what it says of a name or a common value only once.

    That took longer than everything else about a letter.
    """

    def __init__(self) -> None:
        super().__init__()
        self._class_of: Callable[[str], Any] = lru_cache(64)(super().__getitem__)
        self._common: Callable[[str, Any], Any] = lru_cache(256)(super().__call__)

    def __getitem__(self, name: str) -> Any:
        return self._class_of(name)

    def __call__(self, name: str, value: Any) -> Any:
        common = name.lower() in _SAME_IN_MANY
        return self._common(name, value) if common else super().__call__(name, value)


_POLICY: Final = SMTP.clone(header_factory=_Headers())


class BadAddress(ValueError):
    """Not an address that mail can be sent to, or from."""


def address(text: str, name: str = "") -> Address:
    """A mailbox, its host in ASCII.

    Raises:
        BadAddress: it has no form that a mail server would take.
    """
    local, _, host = text.strip().rpartition("@")
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_host = ""
    if not _LOCAL.fullmatch(local) or not _HOST.fullmatch(ascii_host):
        raise BadAddress(f"{header_line(text)!r} is no e-mail address")
    return Address(header_name(name), local, ascii_host)


def header_name(name: str) -> str:
    """A display name without the characters that mean something in an address list.

    Quoting them would be allowed, but not everybody who folds and unfolds a header keeps quotes.
    """
    return header_line(_UNSAFE_IN_NAME.sub(" ", header_line(name)), _LONGEST_NAME).strip()


def sender(setting: str) -> Address:
    """The sender of all mails, from `Name <address>` or a bare address.

    Raises:
        BadAddress: it is neither.
    """
    read: Any = _read_header("from", setting)
    found = read.addresses
    if len(found) == 1 and found[0].domain and setting.isprintable():
        return address(found[0].addr_spec, found[0].display_name)
    return address(setting)


def compose(message: Outgoing, origin: Address, recipient: Address) -> EmailMessage:
    """The message as it goes over the wire.

    Both parts are quoted-printable: no line is long, and no server needs to re-encode them.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = str(origin)
    mail["To"] = recipient
    mail["Subject"] = header_line(message.subject)
    mail["Date"] = format_datetime(to_datetime(message.at))
    mail["Message-ID"] = message.message_id
    # Nobody's vacation notice shall answer (RFC 3834 section 5; the second is Exchange's).
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(message.text, charset="utf-8", cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", charset="utf-8", cte="quoted-printable")
    for picture in message.pictures:
        _embed(mail, picture)
    if message.attachment is not None:
        _attach(mail, message.attachment)
    # Last, because what begins with Content- moves into the first part when a second is added.
    mail["Content-Language"] = message.language
    return mail


def _embed(mail: EmailMessage, picture: Picture) -> None:
    """Put a picture beside the HTML part, which fetches nothing: no reader is tracked by it."""
    html = cast("EmailMessage", mail.get_body(("html",)))
    kind, _, subtype = picture.media_type.partition("/")
    html.add_related(
        picture.content,
        maintype=kind,
        subtype=subtype,
        cid=f"<{picture.name}>",
        filename=f"{picture.name}.{subtype}",
        disposition="inline",
    )


def _attach(mail: EmailMessage, file: Attachment) -> None:
    kind, _, subtype = file.media_type.partition("/")
    mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
