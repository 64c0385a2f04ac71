"""Asking a server's API: what goes wrong is told in words, and the key goes nowhere else.

The key is read from a file that nobody else can read, and never from the command line, where
everybody on the machine could. Redirects are not followed: they could lead it to another server.
What goes to this machine itself takes no proxy of the environment, which would read it on the way.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import httpx2

from enlist import __version__
from enlist.core.faults import Unusable
from enlist.core.outcomes import FieldError, Refusal
from enlist.core.refusals import CATALOGUE

PATIENCE: Final = 60.0
"""Seconds for an answer; a bulk of thousands takes its time."""
_API: Final = "/api/v1"


def read_key(path: Path) -> str:
    """The API key in a file.

    Raises:
        Unusable: it cannot be read, others can read it, or there is no key in it.
    """
    try:
        found = path.stat()
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unusable(f"The API key file {path} cannot be read: {why}.") from error
    if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
        raise Unusable(f"Others may read the API key file {path}. Run: chmod 600 {path}")
    if stat.S_ISREG(found.st_mode) and found.st_uid not in (os.geteuid(), 0):
        raise Unusable(f"The API key file {path} belongs to somebody else; use one of your own.")
    if not text.startswith("enk_") or len(text.split()) != 1:
        raise Unusable(f"There is no API key in {path}. One begins with enk_ and stands alone.")
    return text


def address(url: str) -> str:
    """A server's address as it is asked, without a slash at its end.

    Raises:
        Unusable: it is none, or the key would cross the network for everybody to read.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise Unusable(f"--server {url}: write an address such as https://enroll.example.com")
    if parts.scheme == "http" and not _on_this_machine(parts.hostname):
        raise Unusable(f"--server {url}: the API key goes over https:// alone, or to this machine.")
    return url.rstrip("/")


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Connection:
    """A server, asked with one API key."""

    def __init__(
        self,
        server: str,
        key: str,
        ca_file: Path | None = None,
        *,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.server = address(server)
        headers = {"authorization": f"Bearer {key}", "user-agent": f"enlist/{__version__}"}
        self._client = httpx2.Client(
            headers=headers,
            timeout=PATIENCE,
            verify=_trust(ca_file),
            trust_env=not _on_this_machine(urlsplit(self.server).hostname or ""),
            transport=transport,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> Any | Refusal:
        """What the API answers: its JSON, its text, None for nothing, or its refusal.

        Args:
            version: of what is changed; with another one the server refuses.

        Raises:
            Unusable: there was no answer of Enlist's, or none to this key.
        """
        headers = {} if version is None else {"if-match": f'"{version}"'}
        return self._told(method, path, self._sent(method, path, query, json=body, headers=headers))

    def send(self, path: str, file: BinaryIO, query: Mapping[str, str]) -> Any | Refusal:
        """Send a file of comma-separated values; answers as `ask` does.

        Raises:
            Unusable: as `ask`.
        """
        headers = {"content-type": "text/csv"}
        answer = self._sent("POST", path, query, content=file, headers=headers)
        return self._told("POST", path, answer)

    def take(self, path: str, query: Mapping[str, str]) -> Iterator[str] | Refusal:
        """Take a file away, piece by piece as it comes: it may be larger than the memory here.

        Raises:
            Unusable: as `ask`; also later, where the answer breaks off.
        """
        with self._explained():
            request = self._client.build_request("GET", self._url(path), params=query or None)
            answer = self._client.send(request, stream=True)
            if not answer.is_success:
                answer.read()
        if answer.is_success:
            return self._pieces(answer)
        return self._refused("GET", path, answer)

    def _pieces(self, answer: httpx2.Response) -> Iterator[str]:
        with self._explained(), closing(answer):
            yield from answer.iter_text()

    def _told(self, method: str, path: str, answer: httpx2.Response) -> Any | Refusal:
        if answer.is_success:
            if not answer.content:
                return None
            as_json = "json" in answer.headers.get("content-type", "")
            return answer.json() if as_json else answer.text
        return self._refused(method, path, answer)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _url(self, path: str) -> str:
        return f"{self.server}{_API}{path}"

    def _sent(
        self, method: str, path: str, query: Mapping[str, str] | None, **sent: Any
    ) -> httpx2.Response:
        with self._explained():
            return self._client.request(method, self._url(path), params=query or None, **sent)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong on the way, in words."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise Unusable(
                f"{self.server} did not answer within {PATIENCE:g} seconds. Look whether it was "
                "done before you try again."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Unusable(
                    f"The certificate of {self.server} cannot be trusted: {_why(error)}. For a "
                    "private CA, name its certificate by --ca-file."
                ) from error
            raise Unusable(
                f"{self.server} cannot be reached: {_why(error)}. Check the address, and whether "
                "the server runs."
            ) from error

    def _refused(self, method: str, path: str, answer: httpx2.Response) -> Refusal:
        if answer.is_redirect:
            where = answer.headers.get("location", "elsewhere")
            raise Unusable(f"{self.server} leads to {where}. Give that address by --server.")
        if answer.headers.get("content-type", "") != "application/problem+json":
            raise Unusable(
                f"{self.server} answered {answer.status_code}, and not as Enlist does. Check the "
                "address: it is the one that people open, without a path behind it."
            )
        problem = answer.json()
        if problem["code"] == "unauthenticated":
            raise Unusable(
                f"{self.server} does not take this API key: it is unknown, expired, revoked, or "
                "not allowed from this machine's address."
            )
        if answer.status_code in (404, 405) and not self._knows(method, path):
            raise Unusable(
                f"{self.server} does not know this yet: it is older than this command, which is "
                f"Enlist {__version__}. Upgrade the server, or use the command of its version."
            )
        if problem["code"] not in CATALOGUE:
            raise Unusable(f"{problem['title']} ({problem['code']})\n{problem['detail']}")
        return Refusal(
            problem["code"],
            detail=problem["detail"],
            retry_after=problem.get("retry_after"),
            fields=tuple(
                FieldError(each["field"], each["message"]) for each in problem.get("fields", ())
            ),
        )

    def _knows(self, method: str, path: str) -> bool:
        """Whether the server has such an operation at all; what is named may just not be there."""
        document = self._sent("GET", "/openapi.json", None)
        if not document.is_success:
            return True
        asked = f"{_API}{path}".split("/")
        for known, operations in document.json()["paths"].items():
            parts = known.split("/")
            if method.lower() in operations and len(parts) == len(asked):
                pairs = zip(parts, asked, strict=True)
                if all(part == each or part[:1] == "{" for part, each in pairs):
                    return True
        return False


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        why = error.strerror or error
        raise Unusable(f"--ca-file {ca_file} cannot be used: {why}.") from error


def _why(error: Exception) -> str:
    """What the system said, without the numbers around it."""
    return str(error).rpartition("] ")[2].partition(" (_ssl")[0].rstrip(".") or type(error).__name__
