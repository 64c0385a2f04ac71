"""API keys by API: made once, shown once, revoked for good."""

from __future__ import annotations

import pytest

from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


def test_a_key_is_shown_once(api: Api, administrator: Client) -> None:
    body = {
        "name": "Inventory",
        "role": "operator",
        "permissions": ["enrollments:reveal"],
        "expires_at": "2026-03-02T13:00:00Z",
    }
    key = {"idempotency-key": "make"}
    made = answered(administrator.post("/api-keys", body, headers=key), 201)
    assert made["key"].startswith(f"enk_{made['public_id']}_")
    assert made["permissions"] == ["enrollments:reveal"]
    again = administrator.post("/api-keys", body, headers=key)
    assert refused(again) == (409, "already_shown")
    assert again.json()["id"] == made["id"]
    listed = administrator.get("/api-keys?search=inventory")
    assert answered(listed)["items"][0]["state"] == "active"
    assert made["key"] not in listed.text
    client = api.with_key(made["key"])
    assert answered(client.get("/me"))["name"] == "Inventory"
    api.enlist.clock.advance(hours=1)
    assert refused(client.get("/me")) == (401, "unauthenticated")
    assert answered(administrator.get("/api-keys?state=expired"))["items"][0]["id"] == made["id"]


@pytest.mark.parametrize(("method", "action"), [("DELETE", ""), ("POST", "/revoke")])
def test_revoking(api: Api, administrator: Client, method: str, action: str) -> None:
    body = {"name": "Inventory", "role": "reader"}
    made = answered(administrator.post("/api-keys", body), 201)
    client = api.with_key(made["key"])
    assert answered(client.get("/devices"))
    path = f"/api-keys/{made['id']}{action}"
    assert administrator.ask(method, path).status_code == 204
    answer = client.get("/devices")
    assert refused(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="enlist"'
    assert administrator.ask(method, path).status_code == 204
    assert refused(administrator.ask(method, f"/api-keys/nothing{action}")) == (404, "not_found")


def test_a_key_works_only_from_its_addresses(api: Api, administrator: Client) -> None:
    body = {"name": "x", "role": "reader", "addresses": ["198.51.100.7", "2001:db8::/32"]}
    made = answered(administrator.post("/api-keys", body), 201)
    assert made["addresses"] == ["198.51.100.7/32", "2001:db8::/32"]
    key = {"authorization": f"Bearer {made['key']}"}
    for address, status in (("198.51.100.7", 200), ("2001:db8::1", 200), ("198.51.100.8", 401)):
        answer = api.stranger.get("/me", headers={**key, "x-forwarded-for": address})
        assert answer.status_code == status


def test_a_key_never_exceeds_its_maker(api: Api) -> None:
    api.enlist.organization("berlin")
    below = api.key("administrator", organization="berlin")
    body = {"name": "x", "role": "administrator", "organization": "main"}
    assert refused(below.post("/api-keys", body)) == (404, "not_found")
    operator = api.key("operator")
    assert refused(operator.post("/api-keys", {"name": "x", "role": "reader"})) == (
        403,
        "forbidden",
    )


def test_what_is_wrong_with_a_key(administrator: Client) -> None:
    body = {
        "name": "",
        "role": "king",
        "permissions": ["everything"],
        "addresses": "192.0.2.1",
        "expires_at": 5,
    }
    assert wrong_fields(administrator.post("/api-keys", body)) == {
        "name",
        "role",
        "permissions.0",
        "addresses",
        "expires_at",
    }
    body = {"name": "x", "role": "reader", "addresses": ["nowhere"]}
    assert wrong_fields(administrator.post("/api-keys", body)) == {"addresses"}
    body = {"name": "x", "role": "reader", "expires_at": "2020-01-01T00:00:00Z"}
    assert wrong_fields(administrator.post("/api-keys", body)) == {"expires_at"}


def test_keys_that_are_none(api: Api) -> None:
    for authorization in (
        "Bearer",
        "Bearer ",
        "Bearer enk_x",
        "Bearer " + "x" * 5000,
        "Bearer enk_7Qd2mWx9RbLk_00000000000000000000000000000000_000000",
    ):
        answer = api.stranger.get("/devices", headers={"authorization": authorization})
        assert refused(answer) == (401, "unauthenticated"), authorization


def test_no_key_at_all(api: Api) -> None:
    for authorization in ({}, {"authorization": "Basic YTpi"}, {"cookie": "enlist=nonsense"}):
        answer = api.stranger.get("/devices", headers=authorization)
        assert refused(answer) == (401, "unauthenticated")
