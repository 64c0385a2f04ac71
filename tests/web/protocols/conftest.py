"""The device listener over HTTP, in process, as an OpenZiti client meets it.

    answer = ziti.post("/enroll", params={"method": "ott", "token": ziti.jti(issued)}, content=csr)

A client certificate is put where the listener itself puts the one that TLS has proved.
"""

from __future__ import annotations

import itertools
import json
import ssl
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from enlist.core.model import GrantKind
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Issued
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from enlist.web.app import device_application
from enlist.web.services import Services
from tests.installation import SHOWN, Enlist
from tests.requests import request_pem

PREFIX = "/edge/client/v1"
CERTIFICATE = "x-test-certificate"
ADDRESS = "x-test-address"


class Certified:
    """Puts the certificate that a test names into the scope, as `DeviceConnection` does, and the
    address that it comes from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.known: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        named = headers.get(CERTIFICATE.encode(), b"").decode()
        tls = {"client_certificate": self.known.get(named)}
        client = (headers.get(ADDRESS.encode(), b"127.0.0.1").decode(), 50000)
        await self._app({**scope, "client": client, "extensions": {"tls": tls}}, receive, send)


@dataclass(frozen=True)
class Ziti:
    """Somebody who asks the device listener, from an address of his own."""

    enlist: Enlist
    http: TestClient
    certified: Certified
    headers: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def register(self, user: str = "ada", expires_at: int | None = None) -> Issued:
        """A device that is to enroll with a JWT."""
        if user not in {row["username"] for row in self.enlist.rows("app_user")}:
            self.enlist.user(user)
        details = DeviceDetails("laptop", "linux")
        verb = Register("", user, details, SHOWN, expires_at, GrantKind.ONE_TIME_JWT)
        return self.enlist.do(verb)

    def jti(self, issued: Issued) -> str:
        """What the JWT of an enrollment brings along."""
        jwt = self.enlist.do(ShowJwt(issued.enrollment_id)).jwt.reveal()
        claims: dict[str, str] = json.loads(urlsafe_b64decode(jwt.split(".")[1] + "=="))
        return claims["jti"]

    def enroll(
        self, token: str, csr: bytes | str | None = None, prefix: str = "", **more: Any
    ) -> httpx2.Response:
        """Enroll as a client does."""
        content = request_pem(0) if csr is None else csr
        params = {"method": "ott", "token": token}
        headers = {"content-type": "text/plain"}
        return self.post(
            f"{prefix}/enroll", **{"params": params, "content": content, "headers": headers, **more}
        )

    def enrolled(self, issued: Issued, key: int = 0) -> Ziti:
        """Whoever enrolls with an enrollment's JWT, with his certificate from then on."""
        answer = self.enroll(self.jti(issued), request_pem(key))
        assert answer.status_code == 200, answer.text
        return self.with_certificate(answer.json()["data"]["cert"])

    def with_certificate(self, pem: str) -> Ziti:
        """The same with a client certificate: the first of a chain in PEM."""
        leaf = pem[: pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
        name = str(next(self.numbers))
        self.certified.known[name] = ssl.PEM_cert_to_DER_cert(leaf)
        return replace(self, headers={**self.headers, CERTIFICATE: name})

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        number = next(self.numbers)
        address = {ADDRESS: f"192.0.{number >> 8}.{number & 255}"}
        headers = {**address, **self.headers, **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("DELETE", path, **options)


@pytest.fixture
def ziti(enlist: Enlist) -> Iterator[Ziti]:
    """The device listener on each store."""
    services = Services(enlist.driver, enlist.store, trusted_proxies=("127.0.0.1/32",))
    certified = Certified(device_application(services))
    client = TestClient(certified, "https://localhost:8443", client=("127.0.0.1", 50000))
    with client:
        yield Ziti(enlist, client, certified)


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of an answer that must be OpenZiti's envelope of an error (D72)."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body = answer.json()
    assert set(body) == {"error", "meta"}
    error = body["error"]
    assert set(error) == {"code", "message", "requestId", "cause", "args"}
    assert error["args"] == {"urlVars": {}}
    assert body["meta"] == {"apiEnrollmentVersion": "0.0.1", "apiVersion": "0.0.1"}
    assert error["message"]
    assert error["requestId"]
    return answer.status_code, error["code"]
