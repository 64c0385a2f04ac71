"""Enrollments of OpenZiti's management API: made, refreshed, deleted (D14, D67-D69)."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.verbs.reissue import Revoke
from tests.web.protocols.conftest import Ziti, error_of
from tests.web.protocols.managing import Manager, authenticates, enroll, managing


@pytest.fixture
def manager(ziti: Ziti) -> Manager:
    return managing(ziti)


def asked(manager: Manager, identity: str, **more: Any) -> dict[str, Any]:
    """A new enrollment, as it is asked for."""
    return {"method": "ott", "identityId": identity, "expiresAt": manager.in_days(2), **more}


def test_an_enrollment_is_made_once(manager: Manager) -> None:
    """D67: while it is out, another is refused, by whichever way the first was made."""
    identity = manager.create()
    again = manager.post("/enrollments", asked(manager, identity))
    assert error_of(again) == (409, "ENROLLMENT_EXISTS")
    assert again.json()["error"]["cause"]["field"] == "method"
    manager.delete(f"/enrollments/{manager.ott(identity)['id']}")
    made = manager.make("/enrollments", asked(manager, identity))
    assert error_of(manager.post("/enrollments", asked(manager, identity))) == (
        409,
        "ENROLLMENT_EXISTS",
    )
    assert manager.read(f"/enrollments/{made}")["expiresAt"] == manager.in_days(2)
    manager.enlist.clock.advance(hours=49)  # what has expired gives way
    made = manager.make("/enrollments", asked(manager, identity))
    shown = manager.read(f"/enrollments/{made}")
    assert manager.read("/enrollments") == [{**shown, "jwt": "", "token": ""}]
    assert authenticates(enroll(manager.ziti, shown["token"])) == (200, "")


def test_an_enrollment_is_shown_with_all_its_fields(manager: Manager) -> None:
    identity = manager.create("laptop")
    shown = manager.read(f"/enrollments/{manager.ott(identity)['id']}")
    assert shown["jwt"].count(".") == 2
    assert {name: shown[name] for name in ("method", "caId", "username")} == {
        "method": "ott",
        "caId": None,
        "username": "",
    }
    assert shown["identity"] == {
        "id": identity,
        "entity": "identities",
        "name": "laptop",
        "_links": {"self": {"href": f"./identities/{identity}"}},
    }
    assert shown["identityId"] == identity
    expected = "id token expiresAt edgeRouterId transitRouterId createdAt updatedAt tags _links"
    assert set(expected.split()) <= set(shown)


def test_enrollments_are_listed_by_identity(manager: Manager) -> None:
    one, two = manager.create("one"), manager.create("two")
    waiting = {each: manager.ott(each)["id"] for each in (one, two)}
    assert [each["id"] for each in manager.read("/enrollments")] == [*waiting.values()]
    by_filter = manager.read("/enrollments", filter=f'identity = "{two}"')
    assert [each["id"] for each in by_filter] == [waiting[two]]
    of_one = manager.get(f"/identities/{one}/enrollments")
    assert [each["id"] for each in of_one.json()["data"]] == [waiting[one]]
    assert of_one.json()["meta"]["pagination"]["totalCount"] == 1
    neither = manager.read(f"/identities/{one}/enrollments", filter=f'identity = "{two}"')
    assert neither == []
    for unknown in ("method", "expiresAt", "token"):
        answer = manager.get("/enrollments", filter=f'{unknown} = "x"')
        assert error_of(answer) == (400, "INVALID_FILTER")


def test_a_refresh_keeps_the_enrollment_and_makes_a_new_jwt(manager: Manager) -> None:
    """D68, D14: the token before is dead; an expired one is refreshed as well."""
    identity = manager.create()
    before = manager.ott(identity)
    for days in (3, 5):
        refreshed = manager.post(
            f"/enrollments/{before['id']}/refresh", {"expiresAt": manager.in_days(days)}
        )
        assert (refreshed.status_code, refreshed.json()) == (200, {"data": {}, "meta": {}})
        after = manager.ott(identity)
        assert after["id"] == before["id"]
        for name in ("token", "jwt", "expiresAt"):
            assert after[name] != before[name]
        dead = manager.ziti.enroll(before["token"])
        assert error_of(dead) == (400, "INVALID_ENROLLMENT_TOKEN")
        before = after
        if days == 3:
            manager.enlist.clock.advance(hours=73)
            expired = manager.ott(identity)
            assert (expired["id"], expired["token"], expired["jwt"]) == (after["id"], "", "")
            assert manager.enlist.events("request.refused") == []
    assert authenticates(enroll(manager.ziti, before["token"])) == (200, "")


def test_what_cannot_be_refreshed_stays_as_it_is(manager: Manager) -> None:
    """D68: past, missing or impossible dates; and what there is not."""
    identity = manager.create()
    before = manager.ott(identity)
    bodies: list[Any] = [{"expiresAt": manager.in_days(-1)}, {}, {"expiresAt": None}]
    bodies += [{"expiresAt": "tomorrow"}, {"expiresAt": 7}, {"expiresAt": "2027-01-01T00:00:00"}]
    bodies += [{"expiresAt": manager.in_days(5000)}, [], None]
    for body in bodies:
        answer = manager.post(f"/enrollments/{before['id']}/refresh", body)
        assert error_of(answer) == (400, "COULD_NOT_VALIDATE"), body
        field = answer.json()["error"]["cause"]["field"]
        assert field == ("body" if body == [] else "expiresAt")
    assert manager.ott(identity) == before
    known = {"expiresAt": manager.in_days(1)}
    for unknown in (identity, "nothing", "%00"):
        answer = manager.post(f"/enrollments/{unknown}/refresh", known)
        assert error_of(answer) == (404, "NOT_FOUND")


def test_the_same_dates_are_refused_where_an_enrollment_is_made(manager: Manager) -> None:
    identity = manager.make("/identities", {"name": "x", "type": "User", "isAdmin": False})
    for more, field in (
        ({"expiresAt": manager.in_days(-1)}, "expiresAt"),
        ({"expiresAt": None}, "expiresAt"),
        ({"method": "updb"}, "method"),
        ({"identityId": ""}, "identityId"),
    ):
        answer = manager.post("/enrollments", asked(manager, identity, **more))
        assert error_of(answer) == (400, "COULD_NOT_VALIDATE")
        assert answer.json()["error"]["cause"]["field"] == field
    assert manager.read("/enrollments") == []
    nobodys = manager.post("/enrollments", asked(manager, "nobody"))
    assert error_of(nobodys) == (404, "NOT_FOUND")


def test_a_deleted_enrollment_is_gone(manager: Manager) -> None:
    """D69, D17, D18."""
    identity = manager.create()
    waiting = manager.ott(identity)
    deleted = manager.delete(f"/enrollments/{waiting['id']}")
    assert (deleted.status_code, deleted.json()) == (200, {"data": {}, "meta": {}})
    assert error_of(manager.delete(f"/enrollments/{waiting['id']}")) == (404, "NOT_FOUND")
    assert error_of(manager.get(f"/enrollments/{waiting['id']}")) == (404, "NOT_FOUND")
    assert manager.read(f"/identities/{identity}")["enrollment"] == {}
    answer = manager.ziti.enroll(waiting["token"])
    assert error_of(answer) == (400, "INVALID_ENROLLMENT_TOKEN")


def test_what_was_used_or_revoked_is_no_enrollment_any_more(manager: Manager) -> None:
    used = manager.create("used")
    spent = manager.ott(used)
    enroll(manager.ziti, spent["token"])
    revoked = manager.ott(manager.create("revoked"))
    manager.enlist.do(Revoke(revoked["id"]))
    for each in (spent, revoked):
        for answer in (
            manager.get(f"/enrollments/{each['id']}"),
            manager.delete(f"/enrollments/{each['id']}"),
            manager.post(f"/enrollments/{each['id']}/refresh", {"expiresAt": manager.in_days(1)}),
        ):
            assert error_of(answer) == (404, "NOT_FOUND")
    assert manager.read("/enrollments") == []
    again = manager.post("/enrollments", asked(manager, used))
    assert error_of(again) == (409, "ENROLLMENT_IDENTITY_ALREADY_ENROLLED")


def test_a_device_that_was_registered_with_a_token_has_no_room_for_a_jwt(manager: Manager) -> None:
    ticket = manager.enlist.register("ada")
    answer = manager.post("/enrollments", asked(manager, ticket.device_id))
    assert error_of(answer) == (409, "ENROLLMENT_EXISTS")


def test_nothing_is_sent_by_itself(manager: Manager) -> None:
    """Whoever manages identities hands the JWT over himself."""
    manager.enlist.user("ada")
    identity = manager.create("hers", externalId="ada")
    waiting = manager.ott(identity)
    manager.post(f"/enrollments/{waiting['id']}/refresh", {"expiresAt": manager.in_days(1)})
    assert manager.enlist.rows("message") == []
