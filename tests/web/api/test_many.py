"""One act on many enrollments or devices by API: each is answered, and none stops another."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from enlist.verbs.api_keys import CreateApiKey, RevokeApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.staff import WithdrawRole
from enlist.web.api.rows import line
from tests.installation import SHOWN, code, done
from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields

NOBODYS = "0199a000-0000-7000-8000-000000000000"


@pytest.fixture
def operator(api: Api) -> Client:
    return api.key("operator")


def lines(answer: httpx2.Response) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """What came of each, and the count at the end."""
    assert answer.status_code == 200, answer.text
    *rows, last = map(json.loads, answer.text.splitlines())
    return rows, last


def test_each_of_many_is_answered_in_its_place(api: Api, operator: Client) -> None:
    """A42: what is used, gone or no id at all is told and stops no other."""
    used, *waiting = (api.enlist.register("ada", name=f"box {n}") for n in range(3))
    done(api.enlist.redeem(used.token))
    ids = [waiting[0].enrollment_id, used.enrollment_id, NOBODYS, "x", waiting[1].enrollment_id]
    body = {"ids": ids, "reason": "the contract ended"}
    rows, last = lines(operator.post("/enrollments/bulk/revoke", body))
    assert [(row["row"], row["id"]) for row in rows] == list(enumerate(ids))
    assert [row["status"] for row in rows] == [200, 409, 404, 404, 200]
    assert rows[1]["problem"]["code"] == "token_used"
    assert last == {"done": 2, "refused": 3}
    for each in waiting:
        assert code(api.enlist.redeem(each.token, key=1)) == "token_revoked"
    assert {each.data["reason"] for each in api.enlist.events("enrollment.revoked")} == {
        "the contract ended"
    }


def test_many_are_sent_again(api: Api, operator: Client) -> None:
    """A40: n are asked for, n messages follow; value and expiry stay, what is expired is told."""
    tickets = [api.enlist.register("ada", name=f"box {n}") for n in range(3)]
    api.enlist.clock.advance(hours=23)
    young = api.enlist.register("ada", name="young")
    api.enlist.clock.advance(hours=2)
    ids = [each.enrollment_id for each in (*tickets, young)]
    rows, last = lines(operator.post("/enrollments/bulk/resend", {"ids": ids}))
    assert [row["status"] for row in rows] == [409, 409, 409, 200]
    assert rows[0]["problem"]["code"] == "not_resendable"
    assert last == {"done": 1, "refused": 3}
    assert [each["enrollment_id"] for each in api.enlist.rows("message")] == [young.enrollment_id]
    assert api.enlist.enrollment(young.enrollment_id).expires_at == young.expires_at
    assert code(api.enlist.redeem(young.token)) == "done"


def test_many_get_new_tokens_and_nobody_is_shown_them(api: Api, operator: Client) -> None:
    """A41."""
    tickets = [api.enlist.register("ada", name=f"box {n}") for n in range(2)]
    body = {
        "ids": [each.enrollment_id for each in tickets],
        "message": {"type": "email"},
        "expires_at": "2026-03-05T12:00:00Z",
    }
    shown = {**body, "message": {"type": "none"}}
    knowing = api.key("administrator", "enrollments:reveal")
    assert wrong_fields(knowing.post("/enrollments/bulk/reissue", shown)) == {"message.type"}
    rows, last = lines(operator.post("/enrollments/bulk/reissue", body))
    assert last == {"done": 2, "refused": 0}
    assert all(set(row) == {"row", "id", "status"} for row in rows)
    for each in tickets:
        assert code(api.enlist.redeem(each.token)) == "token_replaced"
    assert len(api.enlist.rows("message")) == 2


def test_many_are_deleted_moved_and_given_an_ownership(api: Api, operator: Client) -> None:
    """A43, D17."""
    api.enlist.organization("berlin")
    tickets = [api.enlist.register("ada", name=f"box {n}", organization="main") for n in range(3)]
    devices = [each.device_id for each in tickets]
    asked = {"ids": devices, "organization": "berlin"}
    assert lines(operator.post("/devices/bulk/move", asked))[1] == {"done": 3, "refused": 0}
    assert lines(operator.post("/devices/bulk/move", asked))[1] == {"done": 0, "refused": 3}
    asked = {"ids": devices, "ownership": "corporate_shared"}
    assert lines(operator.post("/devices/bulk/ownership", asked))[1]["done"] == 3
    shown = answered(operator.get("/enrollments?ownership=corporate_shared&organization=berlin"))
    assert len(shown["items"]) == 3
    last = tickets[2]
    body = {"ids": [last.enrollment_id]}
    assert lines(operator.post("/enrollments/bulk/delete", body))[1]["done"] == 1
    assert code(api.enlist.redeem(last.token)) == "token_invalid"
    moved = operator.post(f"/devices/{devices[0]}/move", {"organization": "main"})
    assert answered(moved)["organization"] == "main"


@pytest.mark.parametrize("what", ["key", "role"])
def test_what_follows_is_refused_once_the_right_is_gone(
    api: Api, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """S54: an answer may take as long as its reader; each is done by the rights of its moment."""
    tickets = [api.enlist.register("ada", name=f"box {n}") for n in range(3)]
    eve = api.enlist.staff("administrator", username="eve")
    made = api.enlist.do(CreateApiKey("hers", "operator", api.enlist.root.id), eve)
    withdrawn = WithdrawRole("eve", "main", "administrator")
    taken: dict[str, Any] = {"key": RevokeApiKey(made.key.id), "role": withdrawn}

    def meanwhile(place: int, status: int, **values: Any) -> bytes:
        if place == 0:
            api.enlist.do(taken[what])
        return line(place, status, **values)

    monkeypatch.setattr("enlist.web.api.rows.line", meanwhile)
    body = {"ids": [each.enrollment_id for each in tickets]}
    hers = api.with_key(made.secret.reveal())
    rows, last = lines(hers.post("/enrollments/bulk/revoke", body))
    assert [row["status"] for row in rows] == [200, 401, 401]
    assert last == {"done": 1, "refused": 2}
    states = [api.enlist.enrollment(each.enrollment_id).state for each in tickets]
    assert states == ["revoked", "active", "active"]
    assert len(api.enlist.events("api_key.refused")) == 1


def test_registrations_are_deleted_by_their_numbers(api: Api, operator: Client) -> None:
    """A69: total, accepted and failed, and a fault for each that failed."""
    api.enlist.user("ada")
    for number in (1, 2, 3, 3):
        details = DeviceDetails("box", "linux", asset_number=f"A{number}")
        api.enlist.do(Register("", "ada", details, SHOWN))
    body = {"by": "asset_number", "values": ["A1", "A9", "A3", "A2", "A1"]}
    found = answered(operator.post("/devices/bulk/delete", body))
    assert (found["total"], found["accepted"], found["failed"]) == (5, 2, 3)
    assert [(each["value"], each["code"]) for each in found["faults"]] == [
        ("A9", "not_found"),
        ("A3", "conflict"),
        ("A1", "not_found"),
    ]
    assert all(each["message"] for each in found["faults"])
    assert len(answered(operator.get("/devices"))["items"]) == 2


def test_whoever_may_do_it_nowhere_is_refused_at_once(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    reader = api.key("reader")
    body = {"ids": [ticket.enrollment_id]}
    assert refused(reader.post("/enrollments/bulk/revoke", body)) == (403, "forbidden")
    assert wrong_fields(operator.post("/enrollments/bulk/revoke", {"ids": []})) == {"ids"}
    many = {"ids": [NOBODYS] * 1001}
    assert wrong_fields(operator.post("/enrollments/bulk/revoke", many)) == {"ids"}
