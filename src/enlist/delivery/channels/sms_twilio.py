"""SMS through Twilio's REST API, or a gateway that offers the same one.

https://www.twilio.com/docs/messaging/api/message-resource and, for the signature of its reports,
https://www.twilio.com/docs/usage/security#validating-requests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from enlist.core.secrets import Secret
from enlist.core.templates import one_line
from enlist.delivery.channels.channel import Outgoing
from enlist.delivery.channels.sms import (
    Answer,
    Incoming,
    NotFromGateway,
    Question,
    Report,
    Unusable,
    by_status,
    place_of,
)
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

USUAL_URL: Final = "https://api.twilio.com"
_FORM: Final = "application/x-www-form-urlencoded"
_ABOUT_SENDER: Final = frozenset({20003, 21212, 21603, 21606, 21659, 21660, 21701, 21705})
"""Codes that blame the sender or the account: a mistake in the settings, not in the message."""


@dataclass(frozen=True)
class TwilioGateway:
    """An account there.

    Attributes:
        sender: a phone number or a name, or the id of a messaging service (`MG…`).

    Raises:
        Unusable: the address is none.
    """

    account: str
    token: Secret
    sender: str
    url: str = USUAL_URL

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unusable("ENLIST_SMS_URL must be an address such as https://api.twilio.com")

    @property
    def place(self) -> str:
        return place_of(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.token.reveal(),)

    @property
    def _account(self) -> str:
        return f"{self.url.rstrip('/')}/2010-04-01/Accounts/{quote(self.account, safe='')}"

    @property
    def _login(self) -> dict[str, str]:
        login = b64encode(f"{self.account}:{self.token.reveal()}".encode()).decode()
        return {"authorization": f"Basic {login}"}

    def question(self, message: Outgoing) -> Question:
        by_service = self.sender.startswith("MG")
        form = {
            "To": message.recipient,
            "MessagingServiceSid" if by_service else "From": self.sender,
            "Body": message.text,
        }
        if message.report_url:
            form["StatusCallback"] = message.report_url
        headers = {**self._login, "content-type": _FORM}
        return Question("POST", f"{self._account}/Messages.json", headers, urlencode(form).encode())

    def verdict(self, answer: Answer) -> Verdict:
        found = _read(answer.text)
        code = found.get("code")
        said = f"{code} {found.get('message', '')}" if code else ""
        refused = by_status(self.place, answer, said)
        if isinstance(refused, Rejected) and code in _ABOUT_SENDER:
            return Retry(f"{refused.reason} (look at ENLIST_SMS_SENDER)", unreachable=True)
        return refused or Accepted(one_line(str(found.get("sid") or "")))

    def report(self, incoming: Incoming) -> Report | None:
        """What it says, where its signature is right."""
        if not hmac.compare_digest(self.signature(incoming).encode(), incoming.signature.encode()):
            raise NotFromGateway
        fields = dict(incoming.posted)
        status = fields.get("MessageStatus", "").lower()
        if status == "delivered":
            return Report(delivered=True)
        if status not in ("undelivered", "failed"):
            return None
        code = one_line(fields.get("ErrorCode", ""))[:20]
        told = f"{status}, error {code}" if code else status
        return Report(False, f"the gateway reports that it was not delivered ({told})")

    def signature(self, incoming: Incoming) -> str:
        """What `X-Twilio-Signature` says: HMAC-SHA1, as that API has it, of address and fields."""
        signed = incoming.url + "".join(name + value for name, value in sorted(incoming.posted))
        made = hmac.digest(self.token.reveal().encode(), signed.encode(), hashlib.sha1)
        return b64encode(made).decode()

    def rehearsal(self) -> Question:
        return Question("GET", f"{self._account}.json", self._login)


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
