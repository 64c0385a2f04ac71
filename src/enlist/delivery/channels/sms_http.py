"""Any SMS gateway that takes one HTTP request per message, told how by settings.

Address, headers and body are templates with placeholders such as `{To}` and `{Text}`. Each value is
escaped as the place asks where it stands, so no text can add a parameter, a header or a field. The
host is never a placeholder's: no message decides where it goes (S59).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape as xml_escape

from enlist.core import sms
from enlist.core.secrets import Secret
from enlist.core.templates import one_line
from enlist.delivery.channels.channel import Outgoing
from enlist.delivery.channels.sms import (
    Answer,
    Incoming,
    Question,
    Report,
    Unusable,
    by_status,
    place_of,
)
from enlist.verbs.verdicts import Accepted, Retry, Verdict

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "To": "the phone number, `+4930123456`",
    "ToDigits": "the same without the plus",
    "Text": "the text",
    "Coding": "`0` where the text fits the GSM alphabet, else `2`",
    "From": "ENLIST_SMS_SENDER",
    "User": "ENLIST_SMS_USER",
    "Password": "ENLIST_SMS_PASSWORD",
    "BasicAuth": "user and password as HTTP Basic has them, in base64",
    "MessageId": "what Enlist calls the message; the same at every try",
    "ReportUrl": "where the gateway can report of the message",
}
_PLACEHOLDER: Final = re.compile(r"\{([A-Z][A-Za-z]*)\}")
_FORM: Final = "application/x-www-form-urlencoded"
Escape = Callable[[str], str]


@dataclass(frozen=True)
class HttpGateway:
    """A gateway as the settings describe it.

    Attributes:
        accepted: what the answer to a message that was taken contains; "" for any 2xx.
        id: a pattern whose first group is the gateway's name for the message; "" for none.
        report_status, report_reason: the fields of a report.
        delivered, undelivered: what the first of them says in the end, in small letters.

    Raises:
        Unusable: a template or a pattern that cannot be used.
    """

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    sender: str = ""
    user: str = ""
    password: Secret = Secret("")  # noqa: RUF009 - never changed
    accepted: str = ""
    id: str = ""
    report_status: str = "status"
    report_reason: str = ""
    delivered: frozenset[str] = frozenset({"1", "delivered"})
    undelivered: frozenset[str] = frozenset({"2", "16", "failed", "undelivered"})

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
            raise Unusable("ENLIST_SMS_URL must begin with an address such as https://sms.example")
        for name, template in (("URL", self.url), ("BODY", self.body), *self._headers()):
            for found in _PLACEHOLDER.findall(template):
                if found not in PLACEHOLDERS:
                    known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
                    raise Unusable(f"ENLIST_SMS_{name}: {{{found}}} is none of {known}")
        if "{Text}" not in self.url + self.body:
            raise Unusable("ENLIST_SMS_URL or ENLIST_SMS_BODY must hold {Text}")
        for name, pattern in (("ACCEPTED", self.accepted), ("ID", self.id)):
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise Unusable(f"ENLIST_SMS_{name} is no regular expression: {error}") from error
            if name == "ID" and pattern and not groups:
                raise Unusable("ENLIST_SMS_ID must hold a group in parentheses")

    def _headers(self) -> list[tuple[str, str]]:
        return [("HEADERS", value) for value in self.headers.values()]

    @property
    def place(self) -> str:
        return place_of(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        password = self.password.reveal()
        return (password, quote(password, safe=""), self._basic())

    def question(self, message: Outgoing) -> Question:
        values = self._values(message)
        kind = next((v for k, v in self.headers.items() if k.lower() == "content-type"), "")
        kind = kind or ("application/json" if self.body.lstrip()[:1] in ("{", "[") else _FORM)
        headers = {name: _filled(text, values, one_line) for name, text in self.headers.items()}
        if self.body and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = kind
        url = _filled(self.url, values, lambda value: quote(value, safe=""))
        return Question(
            self.method, url, headers, _filled(self.body, values, _escape(kind)).encode()
        )

    def _values(self, message: Outgoing) -> dict[str, str]:
        return {
            "To": message.recipient,
            "ToDigits": message.recipient.removeprefix("+"),
            "Text": message.text,
            "Coding": "0" if sms.size(message.text).encoding == "GSM-7" else "2",
            "From": self.sender,
            "User": self.user,
            "Password": self.password.reveal(),
            "BasicAuth": self._basic(),
            "MessageId": message.message_id.strip("<>"),
            "ReportUrl": message.report_url,
        }

    def _basic(self) -> str:
        return b64encode(f"{self.user}:{self.password.reveal()}".encode()).decode()

    def verdict(self, answer: Answer) -> Verdict:
        refused = by_status(self.place, answer)
        if refused is not None:
            return refused
        if self.accepted and not re.search(self.accepted, answer.text):
            told = one_line(answer.text)[:200]
            return Retry(f"{self.place} did not answer as ENLIST_SMS_ACCEPTED says: {told}")
        found = re.search(self.id, answer.text) if self.id else None
        return Accepted(one_line(found[1] or "") if found else "")

    def report(self, incoming: Incoming) -> Report | None:
        """By its status; whoever knows the address was told it, so no other proof is asked for."""
        fields = dict((*incoming.asked, *incoming.posted))
        status = fields.get(self.report_status, "").strip().lower()
        if status in self.delivered:
            return Report(delivered=True)
        if status not in self.undelivered:
            return None
        why = one_line(fields.get(self.report_reason, "")) if self.report_reason else ""
        told = f"{status}: {why}" if why else status
        return Report(False, f"the gateway reports that it was not delivered ({told[:200]})")

    def rehearsal(self) -> None:
        """There is no question that sends nothing."""


def _filled(template: str, values: Mapping[str, str], escape: Escape) -> str:
    return _PLACEHOLDER.sub(lambda found: escape(values[found[1]]), template)


def _escape(content_type: str) -> Escape:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return lambda value: quote(value, safe="")
    if kind.endswith("json"):
        return lambda value: json.dumps(value)[1:-1]
    if kind.endswith("xml"):
        return lambda value: xml_escape(value, {'"': "&quot;", "'": "&apos;"})
    return str
