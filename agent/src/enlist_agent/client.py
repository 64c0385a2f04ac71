"""Asking a server: always verified, patient with what passes, plain about what does not.

A connection that breaks, and 502, 503 and 504, are tried again until a deadline, at the pace that
`Retry-After` asks for. That is safe because every request here may be repeated: it is a GET, or it
carries its `Idempotency-Key`. A certificate that does not verify is never tried again.
"""

from __future__ import annotations

import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any, Final, Protocol, TypeVar

import httpx2

from enlist_agent.address import is_loopback
from enlist_agent.outcomes import HandshakeError, Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable

PASSING: Final = frozenset({502, 503, 504})
LONGEST_TRY: Final = 30.0
LONGEST_ANSWER: Final = 1 << 20
"""Bytes; Enlist's own are a few thousand, and a stranger's must not fill the memory."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
USER_AGENT: Final = f"enlist-agent/{metadata.version('enlist-agent')}"
"""Administrators read it in the audit log."""

Answer = dict[str, Any]
Read = TypeVar("Read")

_NOT_YET, _EXPIRED = 9, 10
_OTHER_NAMES: Final = frozenset({62, 64})
"""OpenSSL's `X509_V_ERR_...` numbers: each asks for another remedy."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying, in seconds, and whom to tell; a test brings its own time."""

    seconds: float = 60.0
    notice: Callable[[str], object] = lambda _: None
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic


class UnprovenError(ssl.SSLError):
    """A handshake that a check of our own has ended; its first argument says why and what to do."""


class _PassingError(Exception):
    """What may be over soon, and how many seconds the server asked to wait, if it did."""

    def __init__(self, told: str, wait: float | None = None) -> None:
        super().__init__(told)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back, read to its end."""

    status: int
    headers: httpx2.Headers
    content: bytes


class Stream(Protocol):
    """A connection's bytes; its errors are httpcore2's."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...
    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A connection that speaks another protocol from now on, and the answer that changed it."""

    headers: httpx2.Headers
    stream: Stream


@dataclass(frozen=True, slots=True)
class Server:
    """One server, known by its base address; `hidden` is what none of its words may repeat."""

    address: str
    trust: ssl.SSLContext
    patience: Patience
    hidden: tuple[Secret, ...] = ()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer | Refusal:
        """The JSON object that the server answers, or its refusal.

        Raises:
            UnreachableError: no usable answer before the deadline, or none that can be trusted.
        """
        sent = {"User-Agent": USER_AGENT, **headers}
        return self._patiently(
            {"method": method, "url": self.address + path, "content": body, "headers": sent},
            self._read,
        )

    def fetch(self, path: str) -> bytes:
        """What lies at an address, as it is; nothing secret is sent.

        Raises:
            UnreachableError: nothing lies there, or no answer before the deadline.
        """
        sent = {"User-Agent": USER_AGENT}
        return self._patiently(
            {"method": "GET", "url": self.address + path, "headers": sent}, self._content
        )

    def _patiently(self, asked: dict[str, Any], read: Callable[[_Reply], Read]) -> Read:
        deadline = self.patience.clock() + self.patience.seconds
        pause = FIRST_PAUSE
        while True:
            left = deadline - self.patience.clock()
            try:
                return read(self._send(asked, min(LONGEST_TRY, max(left, 1.0))))
            except _PassingError as trouble:
                wait, told = trouble.wait, str(trouble)
            if wait is None:
                wait = secrets.SystemRandom().uniform(pause / 2, pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            if self.patience.clock() + wait >= deadline:
                raise UnreachableError(f"{told} Nothing is lost: repeat the same command later.")
            self.patience.notice(f"{told} Trying again in {_in_words(wait)}.")
            self.patience.sleep(wait)

    def _send(self, asked: dict[str, Any], seconds: float) -> _Reply:
        with self._opened(asked, seconds) as answer:
            return self._whole(answer)

    @contextmanager
    def upgraded(self, path: str, headers: Mapping[str, str]) -> Iterator[Upgraded | Refusal]:
        """A connection that changes to another protocol (RFC 9110 section 7.8), tried once.

        It is closed at the end, whatever it speaks then.

        Raises:
            UnreachableError: no answer, none that can be trusted, or one that changes nothing.
        """
        asked = {
            "method": "GET",
            "url": self.address + path,
            "headers": {"User-Agent": USER_AGENT, "Connection": "Upgrade", **headers},
        }
        try:
            with self._opened(asked, LONGEST_TRY) as answer:
                if answer.status_code == 101:
                    yield Upgraded(answer.headers, answer.extensions["network_stream"])
                    return
                refusal = self._read(self._whole(answer))
        except _PassingError as trouble:
            raise UnreachableError(str(trouble)) from None
        if not isinstance(refusal, Refusal):
            raise UnreachableError(f"{self.address} does not stay connected at {path}.")
        yield refusal

    @contextmanager
    def _opened(self, asked: dict[str, Any], seconds: float) -> Iterator[httpx2.Response]:
        # A proxy of the environment must not see what plain HTTP carries on this machine.
        through_proxies = not is_loopback(self.address)
        try:
            with (
                httpx2.Client(
                    verify=self.trust, trust_env=through_proxies, timeout=seconds
                ) as http,
                http.stream(**asked) as answer,
            ):
                yield answer
        except (httpx2.InvalidURL, UnicodeError):
            raise UsageError(f"{self.address} is not an address that can be asked.") from None
        except httpx2.RequestError as error:
            # `from None`: the error holds the request, and the request the secret.
            raise self._explain(error) from None

    def _whole(self, answer: httpx2.Response) -> _Reply:
        return _Reply(answer.status_code, answer.headers, self._all_of(answer))

    def _all_of(self, answer: httpx2.Response) -> bytes:
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > LONGEST_ANSWER:
                raise UnreachableError(
                    f"{self.address} answers more than Enlist ever would. "
                    "Check the address of the server."
                )
        return bytes(content)

    def _explain(self, error: httpx2.RequestError) -> Exception:
        broken = _tls_error(error)
        if isinstance(broken, UnprovenError):
            return UnreachableError(str(broken.args[0]))
        if isinstance(broken, ssl.SSLCertVerificationError):
            return UnreachableError(self._distrust(broken))
        if broken is not None:
            reason = printable(broken.reason or broken)
            return HandshakeError(f"{self.address} does not speak TLS with this device ({reason}).")
        reason = printable(_system_error(error) or error, self.hidden) or type(error).__name__
        return _PassingError(f"{self.address} cannot be reached ({reason}).")

    def _distrust(self, error: ssl.SSLCertVerificationError) -> str:
        """Why the certificate does not count, and what would help against just that."""
        number = error.verify_code
        if number == _NOT_YET:
            remedy = "This device's clock seems to be slow: set it right, and repeat the command."
        elif number == _EXPIRED:
            remedy = "If this device's clock is right, tell your administrator."
        elif number in _OTHER_NAMES:
            remedy = "Check the address of the server."
        else:
            remedy = (
                "If your administrator gave you the CA's file or fingerprint, add --ca FILE or "
                "--ca-fingerprint sha256:…; otherwise do not go on."
            )
        told = printable(error.verify_message)
        return (
            f"The certificate of {self.address} is not trusted here ({told}), so nothing was sent. "
            f"{remedy}"
        )

    def _read(self, answer: _Reply) -> Answer | Refusal:
        content = _json_object(answer)
        if 200 <= answer.status < 300 and content is not None:
            return content
        if 300 <= answer.status < 400 and "Location" in answer.headers:
            other = printable(answer.headers.get("Location", "another address"), self.hidden)
            raise UnreachableError(
                f"{self.address} sends elsewhere, to {other}. Secrets do not follow: if that is "
                "right, give that address with --server."
            )
        refusal = self._refusal(content or {}, answer.headers.get("Retry-After", ""))
        if answer.status in PASSING:
            told = refusal or f"{self.address} answers {answer.status}."
            raise _PassingError(str(told), _retry_after(answer))
        if refusal is None:
            raise UnreachableError(
                f"{self.address} answers {answer.status}, but not as Enlist does. "
                "Check the address of the server."
            )
        if answer.status >= 500:
            raise UnreachableError(f"{self.address} failed: {refusal}")
        return refusal

    def _content(self, answer: _Reply) -> bytes:
        if answer.status == 200:
            return answer.content
        refusal = self._read(answer)
        told = refusal if isinstance(refusal, Refusal) else f"It answers {answer.status}."
        raise UnreachableError(f"{self.address} does not give what was asked for. {told}")

    def _refusal(self, content: Answer, retry_after: str) -> Refusal | None:
        """A problem document as it may be shown, or None when it is not one of Enlist's."""
        names = ("code", "title", "detail", "support_code")
        if isinstance(error := content.get("error"), dict):  # as the OpenZiti addresses have it
            told_as = ("code", "message", "", "requestId")
            content = {name: error.get(there) for name, there in zip(names, told_as, strict=True)}
        told = {name: printable(content.get(name) or "", self.hidden) for name in names}
        if retry_after.isdecimal():
            told["detail"] += f" Wait {retry_after[:9]} seconds."
        asked = content.get("questions")
        questions = tuple(map(printable, asked)) if isinstance(asked, list) else ()
        return Refusal(**told, questions=questions) if told["code"] else None


def _json_object(answer: _Reply) -> Answer | None:
    try:
        content = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """The TLS failure behind an error; not one that only says that the connection broke."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return None if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else cause


def _system_error(error: BaseException) -> str:
    """What the system said, without its number: *Connection refused*."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    return "" if cause is None else str(cause.strerror)


def _in_words(seconds: float) -> str:
    whole = max(round(seconds), 1)
    return "1 second" if whole == 1 else f"{whole} seconds"


def _retry_after(answer: _Reply) -> float | None:
    """Seconds, from either form of RFC 9110 section 10.2.3.

    A date is read against the server's own `Date`: this device's clock may be wrong.
    """
    text = answer.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, TypeError, ValueError):
        return None
    return max(until.total_seconds(), 0.0)
