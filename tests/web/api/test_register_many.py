"""Registering in bulk over HTTP: one request, one line for each row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from enlist.verbs import in_bulk
from enlist.verbs.api_keys import CreateApiKey, RevokeApiKey
from enlist.web.api.rows import line
from tests.web.api.conftest import Answer, Api


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def rows(*users: str) -> list[Any]:
    return [{"user": user, "name": f"{user}'s laptop", "platform": "linux"} for user in users]


@pytest.fixture
def people(api: Api) -> list[str]:
    names = ["ada", "bob", "eve"]
    for name in names:
        api.enlist.user(name, password="")
    return names


def test_every_row_is_answered_in_its_place(api: Api, people: list[str]) -> None:
    """X09, P05: what is wrong stands beside what was done, and the last line counts both."""
    wanted: list[Any] = [*rows("ada"), {"user": "bob", "nam": 1}, 7, *rows("nobody", "eve")]
    sent = {"rows": wanted, "message": {"type": "email"}}
    key = api.key("operator")
    *told, last = lines(key.post("/devices/bulk", sent, headers={"Idempotency-Key": "w"}))
    assert [line["row"] for line in told] == [0, 1, 2, 3, 4]
    assert [line["status"] for line in told] == [201, 422, 422, 404, 201]
    assert {error["field"] for error in told[1]["problem"]["fields"]} == {"name", "platform", "nam"}
    assert last == {"issued": 2, "refused": 3}
    assert "token" not in told[0]
    shown = key.get(f"/enrollments/{told[0]['enrollment_id']}").json()
    assert (shown["user"], shown["device_id"]) == ("ada", told[0]["device_id"])
    *again, _ = lines(key.post("/devices/bulk", sent, headers={"Idempotency-Key": "w"}))
    assert [again[0], again[4]] == [told[0], told[4]]
    assert len(api.enlist.rows("message")) == 2
    other = key.post("/devices/bulk", {"rows": rows("bob")}, headers={"Idempotency-Key": "w"})
    assert other.json()["code"] == "idempotency_key_reused"


def test_what_is_too_much_is_refused_whole(api: Api, people: list[str]) -> None:
    """S46: before anything is done, and before a stranger's body is read."""
    key = api.key("operator")
    many = key.post("/devices/bulk", {"rows": rows("ada") * 10_001})
    assert (many.status_code, many.json()["fields"][0]["field"]) == (422, "rows")
    huge = b'{"rows": ["' + b"x" * 8 * 1024 * 1024 + b'"]}'
    for headers in ({}, {"transfer-encoding": "chunked"}):
        answer = key.ask("POST", "/devices/bulk", raw=huge, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    stranger = api.stranger.ask("POST", "/devices/bulk", raw=huge[:1_000_000])
    assert stranger.status_code == 401
    reader = api.key("reader").post("/devices/bulk", {"rows": rows("ada")})
    assert reader.json()["code"] == "forbidden"
    assert api.enlist.rows("device") == []


def test_rows_that_follow_are_refused_once_the_right_is_gone(
    api: Api, people: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S54: an answer may take as long as its reader; each portion is done by the rights of then."""
    made = api.enlist.do(CreateApiKey("mine", "operator", api.enlist.root.id))

    def meanwhile(place: int, status: int, **values: Any) -> bytes:
        if place == 0:
            api.enlist.do(RevokeApiKey(made.key.id))
        return line(place, status, **values)

    monkeypatch.setattr("enlist.web.api.rows.line", meanwhile)
    monkeypatch.setattr(in_bulk, "PORTION", 1)
    mine = api.with_key(made.secret.reveal())
    *told, last = lines(mine.post("/devices/bulk", {"rows": rows(*people, *people)}))
    # A few portions are under way when the first is answered.
    assert [each["status"] for each in told] == [201, 201, 201, 401, 401, 401]
    assert last == {"issued": 3, "refused": 3}
    assert len(api.enlist.rows("device")) == 3
