"""SMS through a gateway that is spoken to by HTTP.

A gateway says what to ask for a message and what its answer means; asking is done here, alike for
all: one time limit for the whole exchange, no redirects, no more of an answer than anybody reads.
An answer that blames this installation (a login, an address) keeps every message for later, since
none of them is at fault; one that blames the message ends that message.

Neither the password nor the address, which may hold it, ever gets into a reason or a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx2

from enlist.core.clock import SECOND
from enlist.core.templates import one_line
from enlist.delivery.channels.channel import Outgoing
from enlist.delivery.deadline import BoundedTransport, Deadline
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

PATIENCE: Final = 10.0
"""Seconds for connecting, asking and the whole answer, all together."""
MOST_ANSWERED: Final = 64 * 1024
"""Bytes of an answer that are read."""
_LONGEST_WAIT: Final = 3600
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_ABOUT_US: Final = frozenset({401, 403, 404, 405, 407})
"""What a gateway answers to a wrong login, or where it is not what is asked."""


class Unusable(ValueError):
    """Settings with which no message can be sent; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a gateway is asked. Its `repr` shows nothing that may hold a secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gateway answered."""

    status: int
    text: str
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A delivery report as it came in.

    Attributes:
        url: the whole address that was asked, as the gateway was told it.
        asked: the fields of the address's query, without our key.
        posted: the fields of the body.
        signature: what the gateway proves itself by, if it does.
    """

    url: str = field(repr=False)
    asked: tuple[tuple[str, str], ...] = ()
    posted: tuple[tuple[str, str], ...] = ()
    signature: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message for good."""

    delivered: bool
    reason: str = ""


class NotFromGateway(Exception):
    """A report that lacks what the gateway proves itself by."""


class Gateway(Protocol):
    """One way to speak to a gateway; it does nothing by itself."""

    @property
    def place(self) -> str:
        """Scheme and host, for people."""
        ...

    @property
    def secrets(self) -> Iterable[str]:
        """What must not get into a reason."""
        ...

    def question(self, message: Outgoing) -> Question:
        """How it is asked to send a message."""
        ...

    def verdict(self, answer: Answer) -> Verdict:
        """What its answer means."""
        ...

    def report(self, incoming: Incoming) -> Report | None:
        """What a delivery report says; None for what is not final.

        Raises:
            NotFromGateway: somebody else made it up.
        """
        ...

    def rehearsal(self) -> Question | None:
        """What finds out whether the login is right, where there is such a question."""
        ...


class SmsChannel:
    """Sends by one gateway. Used by one thread.

    Raises:
        OSError: the file with the authority cannot be read or holds no certificate.
    """

    def __init__(
        self, gateway: Gateway, ca_file: Path | None = None, patience: float = PATIENCE
    ) -> None:
        self._gateway = gateway
        self._patience = patience
        self._deadline = Deadline()
        self._ca_file = ca_file
        self._client: httpx2.Client | None = self._connected()

    def send(self, message: Outgoing) -> Verdict:
        if not _E164.fullmatch(message.recipient):
            return Rejected("the user's phone number lacks its country code")
        found = self.ask(self._gateway.question(message))
        verdict = found if isinstance(found, Retry) else self._gateway.verdict(found)
        return self._without_secrets(verdict)

    def rehearse(self) -> Answer | Retry | None:
        """Ask whether the login is right, where that can be asked; nothing is sent to anybody."""
        question = self._gateway.rehearsal()
        return None if question is None else self.ask(question)

    def ask(self, question: Question) -> Answer | Retry:
        """Ask the gateway something; why there is no answer, where there is none."""
        if self._client is None:
            self._client = self._connected()
        self._deadline.begin(self._patience)
        try:
            asked = self._client.stream(
                question.method,
                question.url,
                headers={"user-agent": "enlist", **question.headers},
                content=question.body or None,
            )
            with asked as answer:
                text = _beginning(answer).decode("utf-8", "replace")
                wait = answer.headers.get("retry-after", "")
                return Answer(answer.status_code, text, wait)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Retry(f"{self._gateway.place} {_why_not(error)}", unreachable=True)

    def release(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> httpx2.Client:
        return httpx2.Client(transport=BoundedTransport(self._deadline, self._ca_file))

    def _without_secrets(self, verdict: Verdict) -> Verdict:
        if isinstance(verdict, Accepted):
            return verdict
        reason = verdict.reason
        for secret in self._gateway.secrets:
            reason = reason.replace(secret, "•••") if secret else reason
        if isinstance(verdict, Rejected):
            return Rejected(reason)
        return Retry(reason, verdict.after, verdict.unreachable)


def by_status(place: str, answer: Answer, said: str = "") -> Verdict | None:
    """What an answer means whoever gives it; None for one that took the message.

    Args:
        said: its reason, as far as it was understood; else the beginning of the answer.
    """
    told = one_line(said or answer.text)[:200]
    reason = f"{place} answered {answer.status}{': ' + told if told else ''}"
    if 200 <= answer.status < 300:
        return None
    if answer.status == 429:
        return Retry(reason, _wait(answer.retry_after), unreachable=True)
    if answer.status in _ABOUT_US:
        return Retry(f"{reason} (look at ENLIST_SMS_*)", unreachable=True)
    if 300 <= answer.status < 400:
        return Retry(f"{reason}; redirects are not followed", unreachable=True)
    if answer.status >= 500 or answer.status == 408:
        wait = _wait(answer.retry_after)
        return Retry(reason, wait, unreachable=answer.status in (502, 503, 504))
    return Rejected(reason)


def place_of(url: str) -> str:
    """Scheme, host and port of an address: what may be shown of it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def _wait(header: str) -> int:
    """`Retry-After` in microseconds; 0 where it says a date, or nothing."""
    seconds = int(header) if header.isascii() and header.isdigit() and len(header) < 9 else 0
    return min(seconds, _LONGEST_WAIT) * SECOND


def _beginning(answer: httpx2.Response) -> bytes:
    found = b""
    for part in answer.iter_bytes():
        found += part
        if len(found) > MOST_ANSWERED:
            break
    return found[:MOST_ANSWERED]


def _why_not(error: Exception) -> str:
    """Why there was no answer; never the exception's own words, which may hold the address."""
    match error:
        case httpx2.ConnectTimeout() | httpx2.ReadTimeout() | httpx2.WriteTimeout():
            return "did not answer in time"
        case httpx2.ConnectError() if "CERTIFICATE" in str(error).upper():
            return "shows a certificate that cannot be trusted (see ENLIST_SMS_CA_FILE)"
        case httpx2.ConnectError():
            return "cannot be reached"
    return f"broke off ({type(error).__name__})"
