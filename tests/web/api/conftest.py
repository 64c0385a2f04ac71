"""The API over HTTP, in process: the web application on an installation of each store.

    answer = api.key("operator").post("/devices", {...})
    device = answered(answer, 201)["device"]

Each caller has a network address of its own, because strangers are throttled by theirs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from enlist.verbs.api_keys import CreateApiKey
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import Enlist
from tests.requests import request_pem
from tests.web.bells import stopping

ORIGIN = "http://localhost:8000"

Answer = httpx2.Response


@dataclass(frozen=True)
class Client:
    """Somebody who asks, with his key and from his address."""

    http: TestClient
    headers: dict[str, str]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request below `/api/v1`; `raw` is sent as JSON whatever it is."""
        sent = {**self.headers, **(headers or {})}
        content = raw
        if raw is None and body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            sent.setdefault("content-type", "application/json")
        address = path if path.startswith("/api/") else f"/api/v1{path}"
        answer = self.http.request(method, address, content=content, headers=sent)
        assert answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path: str, **options: Any) -> Answer:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.ask("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.ask("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.ask("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.ask("DELETE", path, **options)


@dataclass
class Api:
    """The API, and those who ask it."""

    enlist: Enlist
    services: Services
    http: TestClient
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def stranger(self) -> Client:
        """Somebody without a key, from an address of his own."""
        number = next(self._numbers)
        return Client(self.http, {"x-forwarded-for": f"192.0.{number >> 8}.{number & 255}"})

    def key(self, role: str = "administrator", *permissions: str, organization: str = "") -> Client:
        """Somebody with an API key."""
        place = organization or self.enlist.root.id
        made = self.enlist.do(CreateApiKey(f"{role} key", role, place, permissions))
        return self.with_key(made.secret.reveal())

    def with_key(self, key: str) -> Client:
        """Somebody with this API key."""
        return Client(self.http, {**self.stranger.headers, "authorization": f"Bearer {key}"})


def answered(answer: Answer, status: int = 200) -> Any:
    """The JSON of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def refused(answer: Answer) -> tuple[int, str]:
    """Status and code of an answer that must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    return answer.status_code, problem["code"]


def wrong_fields(answer: Answer) -> set[str]:
    """The fields that `validation_failed` names."""
    assert refused(answer) == (422, "validation_failed"), answer.text
    return {each["field"] for each in answer.json()["fields"]}


def csr_text(number: int = 0) -> str:
    """A certificate request under the key of device `number`, as a request carries it."""
    return request_pem(number).decode()


@contextmanager
def served_api(enlist: Enlist) -> Iterator[Api]:
    """The API of an installation."""
    services = Services(
        driver=enlist.driver,
        store=enlist.store,
        trusted_proxies=("127.0.0.1/32",),
        version="test",
        bell=stopping(),
    )
    client = TestClient(web_application(services), ORIGIN, client=("127.0.0.1", 50000))
    with client:
        yield Api(enlist, services, client)


@pytest.fixture
def api(enlist: Enlist) -> Iterator[Api]:
    """The API on each store."""
    with served_api(enlist) as found:
        yield found
