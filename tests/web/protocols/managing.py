"""Somebody who manages identities at the device listener, with an API key of Enlist's.

    manager = managing(ziti, "operator")
    made = manager.create("laptop")
    jwt = manager.read(f"/identities/{made}")["enrollment"]["ott"]["jwt"]

Whatever he is answered is looked at as a whole: times (D73), envelopes (D72), and no fault of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from enlist.core.clock import to_datetime
from enlist.verbs.api_keys import CreateApiKey
from tests.installation import Enlist
from tests.requests import request_pem
from tests.web.protocols.conftest import Ziti, error_of

PREFIX = "/edge/management/v1"
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]")


@dataclass(frozen=True)
class Manager:
    """Who asks, and the listener that is asked."""

    ziti: Ziti
    key: str

    @property
    def enlist(self) -> Enlist:
        return self.ziti.enlist

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        answer = self.ziti.ask(method, f"{PREFIX}{path}", headers=headers, **options)
        assert answer.headers["content-type"] == "application/json", answer.text
        if answer.status_code >= 400:
            assert error_of(answer)[0] < 500, answer.text
        else:
            assert set(answer.json()) == {"data", "meta"}
            _with_times(answer.json())
        return answer

    def get(self, path: str, **query: Any) -> httpx2.Response:
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: Any) -> httpx2.Response:
        return self.ask("POST", path, json=body)

    def patch(self, path: str, body: Any) -> httpx2.Response:
        return self.ask("PATCH", path, json=body)

    def delete(self, path: str) -> httpx2.Response:
        return self.ask("DELETE", path)

    def read(self, path: str, **query: Any) -> Any:
        """The data of what must be there."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def make(self, path: str, body: Any) -> str:
        """The id of what must be made (D64)."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        kind = data["_links"]["self"]["href"].split("/")[1]
        assert data == {
            "id": data["id"],
            "_links": {"self": {"href": f"./{kind}/{data['id']}"}},
        }
        return str(data["id"])

    def create(self, name: str = "laptop", **more: Any) -> str:
        """A new identity that is to enroll with a JWT."""
        body = {"name": name, "type": "Device", "isAdmin": False, "enrollment": {"ott": True}}
        return self.make("/identities", {**body, **more})

    def ott(self, identity: str) -> dict[str, str]:
        """What an identity is to enroll with."""
        found: dict[str, str] = self.read(f"/identities/{identity}")["enrollment"]["ott"]
        return found

    def enrolled(self, name: str = "laptop", key: int = 0) -> tuple[str, str, Ziti]:
        """An identity that has enrolled, its authenticator, and the device with its certificate."""
        identity = self.create(name)
        device = enroll(self.ziti, self.ott(identity)["token"], key)
        held = self.read(f"/identities/{identity}")["authenticators"]["cert"]["id"]
        return identity, held, device

    def in_days(self, days: float) -> str:
        """A moment so many days from now."""
        moment = to_datetime(self.enlist.clock.now) + timedelta(days=days)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def managing(ziti: Ziti, role: str = "administrator", organization: str = "") -> Manager:
    """Somebody with a key of this role."""
    place = organization or ziti.enlist.root.group_id
    key = ziti.enlist.do(CreateApiKey(f"{role} of {place}", role, place)).secret
    return Manager(ziti, key.reveal())


def enroll(ziti: Ziti, token: str, key: int = 0) -> Ziti:
    """Whoever enrolls with a one-time token."""
    answer = ziti.enroll(token, request_pem(key))
    assert answer.status_code == 200, answer.text
    return ziti.with_certificate(answer.json()["data"]["cert"])


def authenticates(device: Ziti) -> tuple[int, str]:
    """Whether a device is let in: 200 and "", or status and code of the refusal."""
    answer = device.post("/edge/client/v1/authenticate", params={"method": "cert"}, content=b"{}")
    return (200, "") if answer.status_code == 200 else error_of(answer)


def _with_times(value: Any) -> None:
    for text in _texts(value):
        assert not LOOKS_LIKE_A_TIME.match(text) or MILLISECONDS.fullmatch(text), text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
