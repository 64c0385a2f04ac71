"""Bad input over HTTP: a problem document each time, never a fault, never a word of the inside."""

from __future__ import annotations

import base64
import itertools
import json
from urllib.parse import quote

import pytest
from prometheus_client import REGISTRY
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from enlist.core.secrets import new_machine_secret
from enlist.store.limits import THROTTLE_REFUSALS
from enlist.store.tx import StoreUnavailable
from enlist.verbs.callers import API_KEY_PREFIX
from enlist.verbs.passwords import Busy
from enlist.web.app import web_application
from tests.web.api.conftest import ORIGIN, Api, Client, answered, csr_text, refused, wrong_fields
from tests.web.malformed import MALFORMED

ROUTES = [
    ("POST", "/redeem"),
    ("POST", "/attempts"),
    ("POST", "/attempts/01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6/complete"),
    ("POST", "/devices"),
    ("PATCH", "/organizations/main/settings"),
]
MOST = 64 * 1024


def test_malformed_bodies(api: Api) -> None:
    client = api.key()
    for (method, path), body in itertools.product(ROUTES, MALFORMED):
        answer = client.ask(method, path, raw=body)
        assert refused(answer)[1] in ("malformed", "validation_failed"), body[:40]
        assert "Traceback" not in answer.text
    as_form = {"content-type": "application/x-www-form-urlencoded"}
    for method, path in ROUTES:
        for body in (b"[]", b"5", b'"text"', b"null", b"true"):
            assert refused(client.ask(method, path, raw=body)) == (422, "validation_failed"), body
        assert client.ask(method, path, raw=b"token=x", headers=as_form).status_code in (400, 422)


def test_what_was_told_often_before_is_counted_in_a_metric(api: Api) -> None:
    """Of pages as of everything else: it was read, and has become no event."""

    def counted() -> float:
        labels = {"code": "forbidden"}
        return REGISTRY.get_sample_value("enlist_refused_unrecorded_total", labels) or 0.0

    helpdesk, before = api.key("helpdesk"), counted()
    for _ in range(THROTTLE_REFUSALS + 2):
        assert refused(helpdesk.get("/revocations")) == (403, "forbidden")
    assert counted() == before + 2


def test_what_is_no_event_is_counted_in_a_metric(api: Api) -> None:
    """Ruling 11: a wrong check letter, a malformed secret, a body too large, a throttled source."""
    mistyped, large, guesser = api.stranger, api.stranger, api.stranger

    def counted() -> list[float]:
        text = api.http.get("/metrics").text
        lines = dict(line.rpartition(" ")[::2] for line in text.splitlines() if line[:1] != "#")
        unread, requests = "enlist_refused_unrecorded_total", "enlist_http_requests_total"
        return [
            float(lines.get(name, "0"))
            for name in (
                f'{unread}{{code="token_invalid"}}',
                f'{unread}{{code="unauthenticated"}}',
                f'{unread}{{code="rate_limited"}}',
                f'{requests}{{listener="web",method="POST",status="413"}}',
            )
        ]

    for _ in range(10):
        guesser.post("/redeem", {"token": "8Kq2mWx7Rb"})
    before, events = counted(), api.enlist.events()
    for wrong in ("BCDF-GHJK-M", "short"):
        assert refused(mistyped.post("/redeem", {"token": wrong})) == (404, "token_invalid")
    assert refused(api.with_key("enk_mistyped").get("/devices")) == (401, "unauthenticated")
    assert refused(guesser.post("/redeem", {"token": "8Kq2mWx7Rb"})) == (429, "rate_limited")
    assert refused(large.post("/redeem", raw=b" " * (MOST + 1))) == (413, "too_large")
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1, 1, 1]
    assert api.enlist.events() == events


def test_large_bodies(api: Api) -> None:
    client = api.key()
    body = b'{"token": "' + b"x" * (MOST - 13) + b'"}'
    assert len(body) == MOST
    for method, path in ROUTES:
        assert client.ask(method, path, raw=body).status_code != 413
        assert refused(client.ask(method, path, raw=body + b" ")) == (413, "too_large")
        chunked = client.http.request(
            method,
            f"/api/v1{path}",
            content=iter([b" " * 1024] * 65),
            headers={**client.headers, "content-type": "application/json"},
        )
        assert refused(chunked) == (413, "too_large")


UNSTORABLE = ["\x00", "a\x00b", "\ud800", "\udfff x"]
ODD = [
    "\N{SNOWMAN}" * 50,
    "\u05d0\u05d1\u05d2 abc",
    "\u200b",
    "\U0010ffff",
    "'; DROP TABLE device; --",
    "{{7*7}}",
    "../../etc/passwd",
    "%s%n",
    "e\u0301" * 90,
]


def test_text_that_no_database_stores(api: Api) -> None:
    api.enlist.user("ada")
    client = api.key()
    for text in UNSTORABLE:
        device = {"user": "ada", "name": text, "platform": "linux"}
        assert wrong_fields(client.post("/devices", device)) == {"name"}
        user = {"username": "bob", "first_name": text, "password": text}
        assert wrong_fields(client.post("/users", user)) == {"first_name", "password"}
        redeem = {"token": text, "device": {"name": text, "platform": "linux"}}
        assert wrong_fields(api.stranger.post("/redeem", redeem)) == {"token", "device.name"}
        assert wrong_fields(api.stranger.post("/attempts", {"token": text})) == {"token"}
        settings = {"enrollment_mode": text}
        assert wrong_fields(client.patch("/organizations/main/settings", settings))


def test_odd_text_comes_back_as_it_was_sent(api: Api) -> None:
    api.enlist.user("ada")
    client = api.key()
    for text in ODD:
        body = {"user": "ada", "name": text, "platform": "linux", "model": text}
        made = answered(client.post("/devices", body), 201)["device"]
        assert (made["name"], made["model"]) == (text.strip(), text.strip())
        found = client.ask("GET", "/devices?search=" + quote(text, safe=""))
        assert [each["id"] for each in answered(found)["items"]] == [made["id"]], text


def test_odd_addresses(api: Api) -> None:
    client = api.key()
    for path in (
        "/devices/%00",
        "/devices/%ff%fe",
        "/devices/..%2f..%2fetc",
        "/devices/" + "x" * 4000,
        "/devices/" + "9" * 36,
        "/enrollments/%00",
        "/users/%00",
        "/users/%ed%a0%80",
        "/users/" + "%F0%9F%98%80" * 100,
        "/organizations/%00",
        "/organizations/%25",
        "/events/%00",
        "/support-codes/%00",
        "/devices?search=%00",
        "/devices?search=%ff",
        "/devices?user=%00",
        "/events?kind=%00",
        "/events?%00=x",
        "/search?text=%00",
        "/search?text=%f0%9f%98%80",
        "/devices?limit=" + "9" * 5000,
        "/devices?cursor=" + "A" * 999,
        "/devices?limit=1&limit=2",
    ):
        answer = client.get(path)
        assert answer.status_code in (200, 404, 422), path
        if answer.status_code != 200:
            refused(answer)


def test_forged_cursors(api: Api) -> None:
    client = api.key()
    identity = "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6"
    values: tuple[object, ...] = (10**30, -(10**30), "\x00", "\ud800", "x", True, None, [], 1.5, 7)
    for value in values:
        for place in (identity, "x", 5):
            raw = json.dumps([value, place]).encode()
            cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
            for sort in ("registered_at", "name"):
                answer = client.get(f"/devices?sort={sort}&cursor={cursor}")
                assert answer.status_code == 200 or wrong_fields(answer) == {"cursor"}, raw


def test_odd_headers(api: Api) -> None:
    api.enlist.user("ada")
    body = {"user": "ada", "name": "x", "platform": "linux"}
    client = api.key()
    odd = {"user-agent": "x" * 5000, "accept-language": ";;q=,,de;q=9", "if-match": "?"}
    answered(client.post("/devices", body, headers=odd), 201)
    for name in (b"user-agent", b"accept-language", b"authorization", b"cookie", b"forwarded"):
        headers = {name: b"Bearer \xe4\xff=\xf6"}
        assert api.http.get("/api/v1/me", headers=headers).status_code == 401
    token = api.enlist.register("ada").token.reveal()
    redeem = json.dumps({"token": token, "csr": csr_text()}).encode()
    for key in (b"", b"x" * 201, b"\xe4", b"\x7f"):
        headers = {b"content-type": b"application/json", b"idempotency-key": key}
        answer = api.http.post("/api/v1/redeem", content=redeem, headers=headers)
        assert wrong_fields(answer) == {"Idempotency-Key"}, key


def test_addresses_that_are_not_offered(api: Api) -> None:
    client = api.key()
    for path in ("/nothing", "/devices/", "/", "", "/redeem/", "/../healthz"):
        assert refused(client.get(path)) == (404, "not_found"), path
    answer = client.ask("PUT", "/devices")
    assert refused(answer) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert refused(client.ask("TRACE", "/devices"))[0] == 405
    assert refused(client.get("/redeem")) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RuntimeError("the secret is 8Kq2mWx7Rb"), (500, "internal_error")),
        (StoreUnavailable("postgresql://enlist:password@db"), (503, "try_later")),
        (Busy(), (503, "try_later")),
    ],
)
def test_faults_tell_a_support_code_and_nothing_else(
    api: Api, fault: Exception, expected: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_asked: object, **_how: object) -> None:
        raise fault

    broken = TestClient(web_application(api.services), ORIGIN)
    key = new_machine_secret(API_KEY_PREFIX).text.reveal()
    for way in ("read", "write", "claim"):
        monkeypatch.setattr(type(api.enlist.store), way, fails)
    for method, path, headers in (
        ("POST", "/api/v1/redeem", {}),
        ("POST", "/api/v1/attempts", {}),
        ("GET", "/api/v1/devices", {"authorization": f"Bearer {key}"}),
    ):
        body = b'{"token": "8Kq2mWx7Rb"}' if method == "POST" else None
        sent = {"content-type": "application/json", **headers}
        with capture_logs() as lines:
            answer = broken.request(method, path, content=body, headers=sent)
        assert refused(answer) == expected
        if expected[0] == 500:
            logged = next(line for line in lines if line["event"] == "fault")
            assert logged["support_code"] == answer.json()["support_code"]
        assert "secret" not in answer.text
        assert "password" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_answer_is_guarded(api: Api) -> None:
    client: Client = api.key()
    for answer in (
        client.get("/devices"),
        client.get("/nothing"),
        client.post("/devices", {}),
        api.stranger.get("/devices"),
        api.stranger.post("/redeem", {"token": "8Kq2mWx7Rb"}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("letter", ["\u202e", "\u2066"])
def test_no_name_turns_the_writing_round(api: Api, letter: str) -> None:
    """A device called `exe.gnp` must not read as another one, wherever its name is shown."""
    name = f"ada{letter}gnp.exe"
    sent = {"user": "ada", "name": name, "platform": "linux", "message": {"type": "email"}}
    api.enlist.user("ada")
    assert wrong_fields(api.key().post("/devices", sent)) == {"name"}
    device = {"name": name, "platform": "linux"}
    body = {"token": api.enlist.register("ada").token.reveal(), "device": device, "csr": csr_text()}
    assert wrong_fields(api.stranger.post("/redeem", body)) == {"device.name"}
    assert wrong_fields(api.key().post("/users", {"username": name})) == {"username"}
    assert wrong_fields(api.key().post("/organizations", {"name": name, "group_id": "n"})) == {
        "name"
    }
