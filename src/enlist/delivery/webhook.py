"""Posting events to somebody's address, signed as Standard Webhooks has it (S63).

The id stays the same at every try, so that the receiver can tell a repetition; the time is that of
the try and is signed too, so that what was overheard cannot be sent again later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Final

import httpx2

from enlist.core.clock import SECOND, rfc3339
from enlist.delivery.deadline import BoundedTransport, Deadline
from enlist.store.revocations import Revocation
from enlist.verbs import documents

PATIENCE: Final = 5.0
"""Seconds for connecting, sending and the head of the answer, all together."""


def signature(key: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """What `webhook-signature` says of a message."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def message_of(revocation: Revocation) -> tuple[str, bytes]:
    """The id and the body of the message about a revocation; both stay the same."""
    data = documents.revocation(revocation)
    data |= {name: rfc3339(data[name]) for name in ("revoked_at", "not_after")}
    moment = rfc3339(revocation.revoked_at)
    body = {"type": "credential.revoked", "timestamp": moment, "data": data}
    return f"rev_{data['cursor']}", json.dumps(body).encode()


class Webhook:
    """One receiver. Used by one thread.

    Attributes:
        id: what he is known by; his address may hold a secret of its own.
        patience: seconds that he has to take a message.
    """

    def __init__(self, url: str, key: bytes, patience: float = PATIENCE) -> None:
        self.id = hashlib.sha256(url.encode()).hexdigest()
        self._url = url
        self._key = key
        self._patience = patience
        self._deadline = Deadline()
        self._client: httpx2.Client | None = None

    def post(self, message_id: str, body: bytes, now: int) -> str:
        """Send a message; "" where it was taken, else why not. What is answered is not read."""
        seconds = now // SECOND
        headers = {
            "content-type": "application/json",
            "user-agent": "enlist",
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(self._key, message_id, seconds, body),
        }
        if self._client is None:
            self._client = httpx2.Client(transport=BoundedTransport(self._deadline))
        self._deadline.begin(self._patience)
        try:
            asked = self._client.stream("POST", self._url, content=body, headers=headers)
            with asked as answer:
                return "" if answer.is_success else f"answered {answer.status_code}"
        except httpx2.HTTPError as error:
            return f"{type(error).__name__}: {error}"[:300]

    def release(self) -> None:
        """Nothing more to send now: let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
