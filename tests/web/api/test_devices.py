"""Devices by API: registering, looking, changing, deleting, and issuing anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.conftest import Api, Client, answered, csr_text, refused, wrong_fields


def registering(**more: Any) -> dict[str, Any]:
    """A body that registers Ada's laptop."""
    return {"organization": "main", "user": "ada", "name": "laptop", "platform": "linux", **more}


@pytest.fixture
def operator(api: Api) -> Client:
    api.enlist.user("ada")
    return api.key("operator")


@pytest.fixture
def revealing(api: Api) -> Client:
    api.enlist.user("ada")
    return api.key("operator", "enrollments:reveal")


def test_the_token_is_in_the_message_and_nowhere_else(api: Api, operator: Client) -> None:
    body = registering(message={"type": "email"})
    made = answered(operator.post("/devices", body), 201)
    assert "token" not in made["enrollment"]
    assert "link" not in made["enrollment"]
    assert made["enrollment"]["message_state"] == "queued"
    assert made["enrollment"]["message_to"] == "ada@example.com"
    assert made["enrollment"]["expires_at"] == "2026-03-03T12:00:00.000000Z"
    assert refused(operator.post("/devices", registering(message={"type": "none"}))) == (
        403,
        "forbidden",
    )
    assert len(api.enlist.devices()) == 1


def test_ids_and_names_are_as_good(api: Api, operator: Client) -> None:
    user = answered(operator.get("/users/ada"))
    root = api.enlist.root.id
    body = registering(organization=root, user=user["id"])
    device = answered(operator.post("/devices", body), 201)["device"]
    assert (device["organization"], device["organization_id"]) == ("main", root)
    assert (device["user"], device["user_id"]) == ("ada", user["id"])
    del body["organization"]
    again = answered(operator.post("/devices", {**body, "name": "phone"}), 201)["device"]
    assert again["organization"] == "main"


def test_an_expiry_of_ones_own(api: Api, operator: Client) -> None:
    body = registering(expires_at="2026-03-02T20:00:00+02:00")
    made = answered(operator.post("/devices", body), 201)
    assert made["enrollment"]["expires_at"] == "2026-03-02T18:00:00.000000Z"
    for wrong in ("2026-03-02T20:00:00", "tomorrow", 1772481600, "2026-02-30T00:00:00Z"):
        body = registering(expires_at=wrong)
        assert wrong_fields(operator.post("/devices", body)) == {"expires_at"}
    past = registering(expires_at="2026-03-02T11:59:59Z")
    assert wrong_fields(operator.post("/devices", past)) == {"expires_at"}


def test_what_is_wrong_is_told_field_by_field(operator: Client) -> None:
    body = {
        "user": "ada",
        "name": "",
        "platform": "amiga",
        "ownership": "mine",
        "identifiers": {"serial": 7},
        "colour": "blue",
        "message": {"type": "pigeon"},
    }
    assert wrong_fields(operator.post("/devices", body)) == {
        "name",
        "platform",
        "ownership",
        "identifiers.serial",
        "colour",
        "message.type",
    }
    assert wrong_fields(operator.post("/devices", {})) == {"user", "name", "platform"}
    assert refused(operator.post("/devices", registering(user="nobody"))) == (404, "not_found")


def test_a_repeated_registration_is_done_once(api: Api, revealing: Client) -> None:
    key = {"idempotency-key": "register-1"}
    body = registering(message={"type": "none"})
    first = answered(revealing.post("/devices", body, headers=key), 201)
    assert answered(revealing.post("/devices", body, headers=key), 201) == first
    assert len(api.enlist.devices()) == 1
    other = registering(name="another", message={"type": "none"})
    assert refused(revealing.post("/devices", other, headers=key)) == (
        422,
        "idempotency_key_reused",
    )
    elsewhere = api.key("operator", "enrollments:reveal")
    second = answered(elsewhere.post("/devices", body, headers=key), 201)
    assert second["device"]["id"] != first["device"]["id"]
    for wrong in ("", "x" * 300, "\x7f"):
        bad = {"idempotency-key": wrong}
        assert wrong_fields(revealing.post("/devices", body, headers=bad)) == {"Idempotency-Key"}


def test_every_field_of_the_record_comes_back(operator: Client) -> None:
    """A31."""
    numbers = {"serial": "S", "imei": "I", "udid": "U", "sim": "M", "asset_number": "A"}
    record = {
        "name": "box",
        "platform": "ios",
        "ownership": "employee_owned",
        "model": "X1",
        "os_version": "17",
        "identifiers": numbers,
        "external_id": "e-9",
        "tags": ["field", "loan"],
        "custom_attributes": {"cost center": "4711"},
    }
    device = answered(operator.post("/devices", registering(**record)), 201)["device"]
    assert {name: device[name] for name in record} == record
    again = {"tags": ["loan"], "custom_attributes": None, "ownership": "NONE"}
    changed = answered(operator.patch(f"/devices/{device['id']}", again))
    assert (changed["tags"], changed["custom_attributes"], changed["ownership"]) == (
        ["loan"],
        {},
        "none",
    )
    assert wrong_fields(operator.post("/devices", registering(tags=["a,b"]))) == {"tags"}


def test_changing_and_emptying(api: Api, operator: Client) -> None:
    body = registering(identifiers={"serial": "S1", "imei": "I1"}, external_id="e-1")
    path = f"/devices/{answered(operator.post('/devices', body), 201)['device']['id']}"
    seen = operator.get(path)
    assert seen.headers["etag"] == '"1"'
    change = {"name": "new", "identifiers": {"imei": None, "asset_number": "4711"}}
    changed = operator.patch(path, change, headers={"if-match": seen.headers["etag"]})
    device = answered(changed)
    assert (device["name"], device["version"]) == ("new", 2)
    assert device["identifiers"] == {
        "serial": "S1",
        "imei": "",
        "udid": "",
        "sim": "",
        "asset_number": "4711",
    }
    assert (device["external_id"], changed.headers["etag"]) == ("e-1", '"2"')
    assert answered(operator.patch(path, {}))["version"] == 3
    for stale in ('"1"', 'W/"3"', "3", '"abc"', '"999999999999999999999"'):
        answer = operator.patch(path, {"name": "late"}, headers={"if-match": stale})
        assert refused(answer) == (412, "precondition_failed"), stale
    answered(operator.patch(path, {"name": "last"}, headers={"if-match": "*"}))
    assert wrong_fields(operator.patch(path, {"platform": "ios"})) == {"platform"}
    assert wrong_fields(operator.patch(path, {"name": None})) == {"name"}


def test_an_external_id_is_unique_in_its_organization(api: Api, operator: Client) -> None:
    body = registering(external_id="e-1")
    answered(operator.post("/devices", body), 201)
    assert wrong_fields(operator.post("/devices", body)) == {"external_id"}
    found = answered(operator.get("/devices?external_id=e-1"))["items"]
    assert [device["external_id"] for device in found] == ["e-1"]


def test_deleting(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    path = f"/devices/{ticket.device_id}"
    assert operator.delete(path).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = operator.ask(method, path, {} if method == "PATCH" else None)
        assert refused(answer) == (404, "not_found")
    assert answered(operator.get("/devices"))["items"] == []
    redeem = api.stranger.post("/redeem", {"token": ticket.token.reveal(), "csr": csr_text()})
    assert refused(redeem) == (404, "token_invalid")


def test_pages_of_devices(api: Api, operator: Client) -> None:
    for number in range(5):
        api.enlist.register("ada", name=f"laptop {number}")
        api.enlist.clock.advance(seconds=1)
    page = answered(operator.get("/devices?limit=2&sort=name"))
    names = [device["name"] for device in page["items"]]
    while page["next_cursor"]:
        page = answered(operator.get(f"/devices?limit=2&sort=name&cursor={page['next_cursor']}"))
        names += [device["name"] for device in page["items"]]
    assert names == [f"laptop {number}" for number in range(5)]
    assert len(answered(operator.get("/devices?search=APTOP+3"))["items"]) == 1
    assert len(answered(operator.get("/devices?user=ada&state=registered"))["items"]) == 5
    assert answered(operator.get("/devices?state=enrolled"))["items"] == []


def test_queries_that_make_no_sense(operator: Client) -> None:
    for query, field in (
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=two", "limit"),
        ("sort=colour", "sort"),
        ("sort=%2dname%3b", "sort"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%2e%2e", "cursor"),
        ("state=gone", "state"),
        ("colour=blue", "colour"),
        ("search=%00", "search"),
        ("external_id=a%0db", "external_id"),
    ):
        assert wrong_fields(operator.get(f"/devices?{query}")) == {field}, query


def test_a_cursor_of_another_order_does_no_harm(api: Api, operator: Client) -> None:
    for number in range(3):
        api.enlist.register("ada", name=f"laptop {number}")
    for sort, other in (("name", "registered_at"), ("registered_at", "name")):
        cursor = answered(operator.get(f"/devices?limit=1&sort={sort}"))["next_cursor"]
        answer = operator.get(f"/devices?sort={other}&cursor={cursor}")
        assert answer.status_code == 200 or wrong_fields(answer) == {"cursor"}


def test_a_device_gets_a_new_enrollment(api: Api, revealing: Client) -> None:
    made = answered(revealing.post("/devices", registering()), 201)
    path = f"/devices/{made['device']['id']}/enrollments"
    assert refused(revealing.post(path, {})) == (409, "enrollment_exists")
    answered(revealing.post(f"/enrollments/{made['enrollment']['id']}/revoke"))
    key = {"idempotency-key": "issue-1"}
    body = {"message": {"type": "none"}, "expires_at": "2026-03-02T13:00:00Z"}
    issued = answered(revealing.post(path, body, headers=key), 201)
    assert issued["id"] != made["enrollment"]["id"]
    assert issued["expires_at"] == "2026-03-02T13:00:00.000000Z"
    assert answered(revealing.post(path, body, headers=key), 201) == issued
    redeem = {"token": issued["token"], "csr": csr_text()}
    answered(api.stranger.post("/redeem", redeem), 201)
    assert refused(revealing.post(path)) == (409, "device_enrolled")
    assert refused(revealing.post("/devices/nowhere/enrollments")) == (404, "not_found")


def test_a_user_without_an_address(api: Api) -> None:
    api.enlist.user("bob", email="")
    answer = api.key("operator").post("/devices", registering(user="bob"))
    assert refused(answer) == (422, "email_missing")
