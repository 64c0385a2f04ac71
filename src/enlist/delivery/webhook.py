"""Posting events to somebody's address, signed as Standard Webhooks has it (S63).

The id stays the same at every try, so that the receiver can tell a repetition; the time is that of
the try and is signed too, so that what was overheard cannot be sent again later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

import httpx2

from enlist.core.clock import SECOND, rfc3339
from enlist.core.templates import one_line
from enlist.delivery.deadline import BoundedTransport, Deadline
from enlist.delivery.guard import Guard
from enlist.store.revocations import Revocation
from enlist.verbs import documents

PATIENCE: Final = 5.0
"""Seconds for connecting, sending and the head of the answer, all together."""
_SHOWN: Final = 300
"""Characters of an answer that are kept."""


def signature(key: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """What `webhook-signature` says of a message."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def signed(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a message."""
    return {
        "content-type": "application/json",
        "user-agent": "enlist",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(key, message_id, seconds, body),
    }


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
        headers = signed(self._key, message_id, now // SECOND, body)
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


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a post.

    Attributes:
        status: of the answer; None where there was none.
        answer: how it began, or why there was none.
    """

    status: int | None
    answer: str


class Poster:
    """Posts to whatever addresses organizations have set, within what a guard allows (X59).

    Used by one thread. A connection is kept for the next message to the same place.
    """

    def __init__(self, guard: Guard, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._deadline = Deadline()
        self._client = httpx2.Client(transport=BoundedTransport(self._deadline, guard=guard))

    def post(self, url: str, key: bytes, message_id: str, body: bytes, now: int) -> Posted:
        """Send a message. No redirect is followed, and little of the answer is read."""
        headers = signed(key, message_id, now // SECOND, body)
        self._deadline.begin(self._patience)
        try:
            with self._client.stream("POST", url, content=body, headers=headers) as answer:
                return Posted(answer.status_code, _beginning(answer))
        except httpx2.TimeoutException:
            return Posted(None, f"no answer within {self._patience:g} seconds")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return Posted(None, one_line(str(error) or type(error).__name__)[:_SHOWN])

    def close(self) -> None:
        """Nothing more to send."""
        self._client.close()


def _beginning(answer: httpx2.Response) -> str:
    """How an answer begins, in one line; it may be of any kind, and of any length."""
    found = b""
    try:
        for piece in answer.iter_raw(_SHOWN):
            found += piece
            if len(found) >= _SHOWN:
                break
    except httpx2.HTTPError:
        pass  # its head was there, which is what counts
    return one_line(found[:_SHOWN].decode("utf-8", "replace").replace("\x00", ""))
