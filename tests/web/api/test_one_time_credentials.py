"""One-time credentials by API: staff has them sent, and a device redeems the pair alone."""

from __future__ import annotations

import json

from enlist.verbs.one_time_credentials import IssueCredentials
from tests.behaviour.credentials import pair
from tests.web.api.conftest import Api, csr_text, refused, wrong_fields

UNKNOWN = {"username": "BCDFGHJK@main", "password": "BBBB-BBBB"}


def test_many_are_sent_theirs_each_with_a_result(api: Api) -> None:
    """B16, B17, B18: in the order of the request; who cannot be sent any stops nobody."""
    for name, email in (("ada", None), ("bob", ""), ("eve", None)):
        api.enlist.user(name, email=email)
    operator = api.key("operator")
    body = {"ids": ["ada", "bob", "eve", "nobody"], "platform": "windows", "tags": ["loan"]}
    answer = operator.post("/users/enrollment-credentials", {**body, "hours": 5})
    *rows, last = map(json.loads, answer.text.splitlines())
    assert [row["status"] for row in rows] == [200, 422, 200, 404]
    assert rows[1]["problem"]["code"] == "email_missing"
    assert last == {"done": 2, "refused": 2}
    assert [device.tags for device in api.enlist.devices()] == [("loan",), ("loan",)]
    assert {device.id for device in api.enlist.devices()} == {
        rows[0]["device_id"],
        rows[2]["device_id"],
    }
    again = operator.post("/users/ada/enrollment-credentials", {"platform": "windows"})
    assert refused(again) == (429, "recipient_cap_reached")
    too_long = operator.post("/users/ada/enrollment-credentials", {"platform": "x", "hours": 9000})
    assert wrong_fields(too_long) == {"platform", "hours"}
    reader = api.key("reader").post("/users/enrollment-credentials", body)
    assert refused(reader) == (403, "forbidden")


def test_no_answer_holds_what_was_sent(api: Api) -> None:
    api.enlist.user("ada")
    made = api.key("operator").post("/users/ada/enrollment-credentials", {"platform": "linux"})
    assert made.status_code == 201
    found = made.json()
    assert (found["grant"], found["source"], found["message_to"]) == (
        "passcode",
        "api",
        "ada@example.com",
    )
    assert "token" not in found
    (row,) = api.enlist.rows("one_time_login")
    assert row["locator"] not in made.text


def test_a_device_redeems_the_pair_alone(api: Api) -> None:
    api.enlist.user("ada")
    both = pair(api.enlist, api.enlist.do(IssueCredentials("ada", "linux")))
    given = {"username": both[0], "password": both[1], "device": {"platform": "linux"}}
    begun = api.stranger.post("/attempts", given)
    assert (begun.status_code, begun.json()["next"]) == (201, "certificate")
    enrolled = api.stranger.post("/redeem", {**given, "csr": csr_text(0)})
    assert enrolled.status_code == 201
    assert enrolled.json()["device"]["user"] == "ada"
    used = api.stranger.post("/redeem", {**given, "csr": csr_text(1)})
    assert refused(used) == (410, "token_used")


def test_only_what_looks_like_a_pair_may_stand_alone(api: Api) -> None:
    """Ruling 8: the shape of a request says what it is taken for."""
    assert refused(api.stranger.post("/redeem", UNKNOWN)) == (403, "credentials_invalid")
    alone = api.stranger.post("/redeem", {**UNKNOWN, "username": "ada"})
    assert wrong_fields(alone) == {"token", "group_id"}
