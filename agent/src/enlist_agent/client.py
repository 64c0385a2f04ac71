"""Asking a server: always verified, patient with what passes, plain about what does not.

A connection that breaks, and 502, 503 and 504, are tried again until a deadline, at the pace that
`Retry-After` asks for. That is safe because every request here may be repeated: it is a GET, or it
carries its `Idempotency-Key`. A certificate that does not verify is never tried again.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from enlist_agent.address import is_loopback
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret, printable

PASSING: Final = frozenset({502, 503, 504})
LONGEST_TRY: Final = 30.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
USER_AGENT: Final = f"enlist-agent/{metadata.version('enlist-agent')}"
"""Administrators read it in the audit log."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying, in seconds, and whom to tell; a test brings its own time."""

    seconds: float = 60.0
    notice: Callable[[str], object] = lambda _: None
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic


class _PassingError(Exception):
    """What may be over soon, and how many seconds the server asked to wait, if it did."""

    def __init__(self, told: str, wait: float | None = None) -> None:
        super().__init__(told)
        self.wait = wait


def read_ca(path: Path) -> str:
    """The certificates of a PEM file.

    Raises:
        UsageError: the file cannot be read or holds no certificate.
    """
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no certificate in PEM form"
        raise UsageError(f"{path} cannot be used: {reason}.") from None
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


def web_trust(extra_ca: str) -> ssl.SSLContext:
    """What the system trusts, and the certificates of `--ca`."""
    context = httpx2.create_ssl_context()
    if extra_ca:
        context.load_verify_locations(cadata=extra_ca)
    return context


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
        asked = {"method": method, "url": self.address + path, "content": body, "headers": sent}
        deadline = self.patience.clock() + self.patience.seconds
        pause = FIRST_PAUSE
        while True:
            left = deadline - self.patience.clock()
            try:
                return self._read(self._send(asked, min(LONGEST_TRY, max(left, 1.0))))
            except _PassingError as trouble:
                wait, told = trouble.wait, str(trouble)
            if wait is None:
                wait = secrets.SystemRandom().uniform(pause / 2, pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            if self.patience.clock() + wait >= deadline:
                raise UnreachableError(f"{told} Nothing is lost: repeat the same command later.")
            self.patience.notice(f"{told} Trying again in {wait:.0f} seconds.")
            self.patience.sleep(wait)

    def _send(self, asked: dict[str, Any], seconds: float) -> httpx2.Response:
        # A proxy of the environment must not see what plain HTTP carries on this machine.
        through_proxies = not is_loopback(self.address)
        try:
            with httpx2.Client(
                verify=self.trust, trust_env=through_proxies, timeout=seconds
            ) as http:
                return http.request(**asked)
        except (httpx2.InvalidURL, UnicodeError):
            raise UsageError(f"{self.address} is not an address that can be asked.") from None
        except httpx2.RequestError as error:
            # `from None`: the error holds the request, and the request the secret.
            raise self._explain(error) from None

    def _explain(self, error: httpx2.RequestError) -> Exception:
        broken = _tls_error(error)
        if isinstance(broken, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"The certificate of {self.address} is not trusted here "
                f"({printable(broken.verify_message)}), so nothing was sent. If your administrator "
                "gave you a CA file, add --ca FILE; otherwise do not go on."
            )
        if broken is not None:
            reason = printable(broken.reason or broken)
            return UnreachableError(
                f"{self.address} does not speak TLS with this device ({reason})."
            )
        reason = printable(error, self.hidden) or type(error).__name__
        return _PassingError(f"{self.address} cannot be reached ({reason}).")

    def _read(self, answer: httpx2.Response) -> Answer | Refusal:
        content = _json_object(answer)
        if answer.is_success and content is not None:
            return content
        if answer.is_redirect:
            other = printable(answer.headers.get("Location", "another address"), self.hidden)
            raise UnreachableError(
                f"{self.address} sends elsewhere, to {other}. Secrets do not follow: if that is "
                "right, give that address with --server."
            )
        refusal = self._refusal(content or {}, answer.headers.get("Retry-After", ""))
        if answer.status_code in PASSING:
            told = refusal or f"{self.address} answers {answer.status_code}."
            raise _PassingError(str(told), _retry_after(answer))
        if refusal is None:
            raise UnreachableError(
                f"{self.address} answers {answer.status_code}, but not as Enlist does. "
                "Check the address of the server."
            )
        if answer.is_server_error:
            raise UnreachableError(f"{self.address} failed: {refusal}")
        return refusal

    def _refusal(self, content: Answer, retry_after: str) -> Refusal | None:
        """A problem document as it may be shown, or None when it is not one of Enlist's."""
        names = ("code", "title", "detail", "support_code")
        told = {name: printable(content.get(name) or "", self.hidden) for name in names}
        if retry_after.isdecimal():
            told["detail"] += f" Wait {retry_after[:9]} seconds."
        return Refusal(**told) if told["code"] else None


def _json_object(answer: httpx2.Response) -> Answer | None:
    try:
        content = answer.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """The TLS failure behind an error; not one that only says that the connection broke."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return None if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else cause


def _retry_after(answer: httpx2.Response) -> float | None:
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
