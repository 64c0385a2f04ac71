"""Waves over HTTP: started, watched, held, and each person by his state."""

from __future__ import annotations

from typing import Any

from enlist.verbs.groups import AddGroup, AddMember
from enlist.verbs.waving import Waving
from tests.web.api.conftest import Api, answered, refused, wrong_fields


def test_a_wave_from_start_to_end(api: Api) -> None:
    enlist, operator = api.enlist, api.key("operator")
    group = enlist.do(AddGroup("main", "field staff"))
    for name in ("ada", "bob", "eve"):
        enlist.user(name, password="")
        enlist.do(AddMember(group.id, name))
    asked: dict[str, Any] = {
        "name": "Autumn", "group": group.id, "platform": "ios", "canary_percent": 30,
        "per_minute": 0,
    }  # fmt: skip
    again = {"idempotency-key": "autumn"}
    wave = answered(operator.ask("POST", "/waves", asked, headers=again), 201)
    assert (wave["state"], wave["people"], wave["canary"]) == ("running", 3, 1)
    assert answered(operator.ask("POST", "/waves", asked, headers=again), 201)["id"] == wave["id"]
    at = f"/waves/{wave['id']}"
    assert answered(operator.post(f"{at}/pause"))["state"] == "paused"
    assert answered(operator.post(f"{at}/resume"))["state"] == "running"
    work = Waving(enlist.driver, enlist.store).work
    assert work()
    assert answered(operator.get(at))["state"] == "waiting"
    assert refused(operator.post(f"{at}/resume")) == (409, "conflict")
    assert answered(operator.post(f"{at}/continue"))["state"] == "running"
    assert work()
    shown = answered(operator.get(at))
    assert (shown["state"], shown["counts"]["queued"], shown["done"]) == ("done", 3, 3)
    people = answered(api.key("reader").get(f"{at}/people?state=queued&limit=2"))
    assert [each["user"] for each in people["items"]] == ["ada", "bob"]
    assert people["next_cursor"]
    assert answered(operator.post(f"{at}/resend"))["state"] == "done"
    (listed,) = answered(operator.get("/waves?state=done"))["items"]
    assert listed["id"] == wave["id"]
    assert refused(operator.post(f"{at}/stop")) == (409, "conflict")
    assert refused(api.key("helpdesk").post(f"{at}/pause")) == (403, "forbidden")


def test_what_is_wrong_is_told_at_its_field(api: Api) -> None:
    operator, asked = api.key("operator"), {"name": "w", "platform": "ios"}
    assert wrong_fields(operator.post("/waves", asked)) == {"users"}
    assert wrong_fields(operator.post("/waves", {**asked, "csv": "name\nada\n"})) == {"csv"}
    late = {**asked, "users": ["ada"], "remind_hours": 24}
    assert wrong_fields(operator.post("/waves", late)) == {"remind_hours"}
    assert api.enlist.rows("wave") == []


def test_a_large_file_is_taken(api: Api) -> None:
    """Ten thousand lines are more than other requests may have."""
    text = "username\n" + "".join(f"a-rather-long-name-{number}\n" for number in range(10_000))
    asked = {"name": "w", "platform": "ios", "csv": text}
    assert answered(api.key("operator").post("/waves", asked), 201)["people"] == 10_000
