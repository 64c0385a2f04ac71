"""Identities of OpenZiti's management API: made, found, changed, deleted (D64-D66, ruling 13)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from enlist.core.permissions import Role
from tests.installation import Ticket
from tests.web.protocols.conftest import Ziti, error_of
from tests.web.protocols.managing import Manager, authenticates, enroll, managing

PLAIN: dict[str, Any] = {"name": "laptop", "type": "User", "isAdmin": False}


@pytest.fixture
def manager(ziti: Ziti) -> Manager:
    return managing(ziti)


def names(manager: Manager, **query: Any) -> list[str]:
    return [each["name"] for each in manager.read("/identities", **query)]


def wrong_field(answer: Any) -> tuple[int, str, str]:
    """Status, code, and the field that is the cause."""
    return (*error_of(answer), answer.json()["error"]["cause"]["field"])


# --- making them ------------------------------------------------------------------------------


def test_an_identity_is_made_with_a_jwt_that_enrolls(manager: Manager) -> None:
    """D64: its detail holds the JWT, and what it enrolls is this identity."""
    made = manager.create("laptop")
    shown = manager.read(f"/identities/{made}")
    ott = shown["enrollment"]["ott"]
    claims = json.loads(urlsafe_b64decode(ott["jwt"].split(".")[1] + "=="))
    assert claims["jti"] == ott["token"]
    assert claims["sub"] == made
    assert shown["authenticators"] == {}
    assert not shown["hasApiSession"]
    device = enroll(manager.ziti, ott["token"])
    assert authenticates(device) == (200, "")
    after = manager.read(f"/identities/{made}")
    assert after["enrollment"] == {}
    assert set(after["authenticators"]["cert"]) == {"id", "fingerprint"}
    assert after["hasApiSession"]


def test_an_identity_is_shown_with_all_its_fields(manager: Manager) -> None:
    shown = manager.read(f"/identities/{manager.create('laptop')}")
    assert shown["name"] == "laptop"
    assert shown["typeId"] == shown["type"]["name"] == "Default"
    expected = (
        "id name type typeId isAdmin isDefaultAdmin authenticators enrollment envInfo sdkInfo "
        "roleAttributes hasApiSession hasEdgeRouterConnection edgeRouterConnectionStatus "
        "isMfaEnabled serviceHostingCosts serviceHostingPrecedences defaultHostingCost "
        "authPolicyId authPolicy externalId disabled permissions createdAt updatedAt _links"
    )
    assert set(expected.split()) <= set(shown)


def test_to_be_an_administrator_of_a_network_is_nothing_here(manager: Manager) -> None:
    """Ruling 13."""
    made = manager.create(isAdmin=True)
    assert manager.read(f"/identities/{made}")["isAdmin"] is False
    assert manager.enlist.device(made).user_id is None


def test_an_identity_need_not_enroll_at_once(manager: Manager) -> None:
    made = manager.make("/identities", PLAIN)
    assert manager.read(f"/identities/{made}")["enrollment"] == {}
    assert manager.read(f"/identities/{made}/enrollments") == []
    (event,) = manager.enlist.events("device.registered")
    assert (event.device_id, event.enrollment_id) == (made, None)


def test_an_external_id_that_names_a_user_makes_it_his(manager: Manager) -> None:
    """Ruling 13; any other is kept as it is."""
    ada = manager.enlist.user("ada")
    hers = manager.create("hers", externalId="ada")
    other = manager.create("other", externalId="inventory 7")
    assert manager.enlist.device(hers).user_id == ada.id
    assert manager.enlist.device(other).user_id is None
    assert manager.read(f"/identities/{other}")["externalId"] == "inventory 7"
    found = manager.read("/identities", filter='externalId = "inventory 7"')
    assert [each["id"] for each in found] == [other]
    taken = manager.post("/identities", {**PLAIN, "externalId": "inventory 7"})
    assert wrong_field(taken) == (400, "COULD_NOT_VALIDATE", "externalId")


def test_the_platform_is_a_tag(manager: Manager) -> None:
    windows = manager.create("one", tags={"platform": "windows"})
    assert manager.read(f"/identities/{windows}")["tags"] == {"platform": "windows"}
    assert manager.read(f"/identities/{manager.create('two')}")["tags"] == {"platform": "linux"}


UNFIT: list[tuple[Any, str]] = [
    ({"type": "User", "isAdmin": False}, "name"),
    ({"name": "x", "isAdmin": False}, "type"),
    ({"name": "x", "type": "User"}, "isAdmin"),
    ({**PLAIN, "name": ""}, "name"),
    ({**PLAIN, "name": "a\u202eb"}, "name"),
    ({**PLAIN, "type": "Router"}, "type"),
    ({**PLAIN, "isAdmin": "no"}, "isAdmin"),
    ({**PLAIN, "roleAttributes": ["sales"]}, "roleAttributes"),
    ({**PLAIN, "appData": {"a": 1}}, "appData"),
    ({**PLAIN, "tags": {"color": "red"}}, "tags.color"),
    ({**PLAIN, "tags": {"platform": "amiga"}}, "tags.platform"),
    ({**PLAIN, "enrollment": {"ottca": "x"}}, "enrollment.ottca"),
    ({**PLAIN, "enrollment": {"updb": "ada"}}, "enrollment.updb"),
    ([], "body"),
]


def test_what_cannot_be_kept_is_refused(manager: Manager) -> None:
    """Rather than forgotten, as what was left empty is."""
    empty: dict[str, Any] = {"roleAttributes": [], "appData": {}, "tags": {}, "enrollment": {}}
    assert manager.make("/identities", {**PLAIN, **empty, "authPolicyId": "default"})
    for body, field in UNFIT:
        told = wrong_field(manager.post("/identities", body))
        assert told == (400, "COULD_NOT_VALIDATE", field), body
    assert manager.get("/identities").json()["meta"]["pagination"]["totalCount"] == 1


def test_an_identity_is_renamed_and_deleted(manager: Manager) -> None:
    made, _, device = manager.enrolled("laptop")
    assert manager.patch(f"/identities/{made}", {"name": "desktop"}).json()["data"] == {}
    shown = manager.read(f"/identities/{made}")
    assert (shown["name"], shown["externalId"]) == ("desktop", None)
    for body, field in (({"name": ""}, "name"), ({"tags": {"platform": "ios"}}, "tags")):
        assert wrong_field(manager.patch(f"/identities/{made}", body))[2] == field
    assert manager.delete(f"/identities/{made}").status_code == 200
    for path in ("", "/enrollments", "/authenticators"):
        assert error_of(manager.get(f"/identities/{made}{path}")) == (404, "NOT_FOUND")
    assert error_of(manager.delete(f"/identities/{made}")) == (404, "NOT_FOUND")
    assert authenticates(device) == (401, "INVALID_AUTH")
    assert names(manager) == []


# --- lists ------------------------------------------------------------------------------------


def test_a_list_comes_in_pages(manager: Manager) -> None:
    """D65."""
    for number in range(12):
        manager.create(f"n{number:02}")
    answer = manager.get("/identities")
    assert len(answer.json()["data"]) == 10
    meta = answer.json()["meta"]
    assert meta["pagination"] == {"limit": 10, "offset": 0, "totalCount": 12}
    assert "name" in meta["filterableFields"]
    assert manager.get("/identities", limit=1000).json()["meta"]["pagination"]["limit"] == 500
    assert len(names(manager, limit=1000)) == 12
    assert len(names(manager, limit=0)) == 10
    assert names(manager, offset=10) == ["n10", "n11"]
    assert names(manager, offset=10, limit=1) == ["n10"]
    assert names(manager, offset=100_000) == []
    assert names(manager, filter="sort by name desc skip 1 limit 2") == ["n10", "n09"]
    assert names(manager, filter="true skip 1 limit 2", limit=1, offset=3) == ["n03"]
    assert len(names(manager, filter="true limit none")) == 12


def test_a_page_that_is_no_number_is_refused(manager: Manager) -> None:
    """D65."""
    for name in ("limit", "offset"):
        for value in ("x", "-1", "1.5", "", "٣", "9" * 40):
            told = wrong_field(manager.get("/identities", **{name: value}))
            assert told == (400, "INVALID_PAGINATION", name), value


def test_nobody_goes_further_than_there_is_an_end(manager: Manager) -> None:
    assert wrong_field(manager.get("/identities", offset=100_001))[2] == "offset"
    assert wrong_field(manager.get("/identities", filter="skip 100001"))[2] == "offset"


NAMES = ["ada's", "laptop", "ZETA", "banana", 'q"\\']

FILTERS: list[tuple[str, list[str] | None]] = [
    ('name contains "a" and isAdmin = false sort by name', ["ada's", "banana", "laptop"]),
    ('NAME contains "a"', None),
    ('name contains "A"', ["ZETA"]),
    ('name icontains "A" sort by name desc', ["ZETA", "laptop", "banana", "ada's"]),
    ('name icontains "%"', []),
    ('name contains ""', NAMES),
    ('name = "laptop"', ["laptop"]),
    ('name = "Laptop"', []),
    ('name != "laptop" and name != "banana" sort by name', ["ada's", 'q"\\', "ZETA"]),
    ('name = "q\\"\\\\"', ['q"\\']),
    ('name = "ada\'s"', ["ada's"]),
    ('type = "Default" and isDefaultAdmin = false and name = "banana"', ["banana"]),
    ('type icontains "def" and type contains "D" sort by type, name limit 1', ["ada's"]),
    ("isAdmin = true", []),
    ("isAdmin != true limit 1", ["ada's"]),
    ("externalId = null sort by isAdmin, name limit 1", ["ada's"]),
    ('id = "nothing"', []),
    ('id != "nothing" limit 1', ["ada's"]),
    ("", NAMES),
    ("true", NAMES),
    ("((", None),
    ("name", None),
    ("name = ", None),
    ("name = laptop", None),
    ("name = true", None),
    ('name > "a"', None),
    ('name not contains "a"', None),
    ('name = "a" or name = "b"', None),
    ('(name = "a")', None),
    ('name in ["a"]', None),
    ('anyOf(roleAttributes) = "a"', None),
    ('id contains "0"', None),
    ("id = true", None),
    ('isAdmin contains "x"', None),
    ('isAdmin = "x"', None),
    ("createdAt > datetime(2026-01-01T00:00:00Z)", None),
    ('name = "a\x00"', None),
    ('name = "x" ' + 'and name = "x" ' * 20, None),
    ('name = "' + "x" * 2000 + '"', None),
]
"""A filter, and what it finds of these; None: it is not understood."""


def test_what_a_filter_finds(manager: Manager) -> None:
    """D66; where it is not understood, nothing is shown at all."""
    for name in NAMES:
        manager.make("/identities", {**PLAIN, "name": name})
    for wanted, expected in FILTERS:
        answer = manager.get("/identities", filter=wanted)
        if expected is None:
            assert wrong_field(answer) == (400, "INVALID_FILTER", "filter"), wanted
        else:
            assert [each["name"] for each in answer.json()["data"]] == expected, wanted


def test_an_identity_is_found_by_its_id(manager: Manager) -> None:
    made = manager.create("one")
    manager.create("two")
    assert names(manager, filter=f'id = "{made}"') == ["one"]
    assert names(manager, filter=f'id != "{made}"') == ["two"]


def test_the_order_may_be_asked_for_beside_the_filter(manager: Manager) -> None:
    for name in ("a", "B", "c"):
        manager.make("/identities", {**PLAIN, "name": name})
    assert names(manager, sort="name desc") == ["c", "B", "a"]
    assert names(manager, sort="name desc", filter="true sort by name") == ["c", "B", "a"]
    for wrong in ("roleAttributes", "name; drop table", "name limit 1", "desc"):
        answer = manager.get("/identities", sort=wrong)
        assert wrong_field(answer) == (400, "INVALID_SORT_IDENTIFIER", "sort")
    answer = manager.get("/identities", filter="sort by token")
    assert wrong_field(answer) == (400, "INVALID_SORT_IDENTIFIER", "sort")


# --- who may see them -------------------------------------------------------------------------


def test_whoever_registered_a_device_it_is_an_identity(manager: Manager) -> None:
    """Ruling 13; its registration token is nothing that this API knows."""
    ticket: Ticket = manager.enlist.register("ada", name="by token")
    shown = manager.read(f"/identities/{ticket.device_id}")
    assert (shown["name"], shown["enrollment"]) == ("by token", {})
    assert error_of(manager.get(f"/enrollments/{ticket.enrollment_id}")) == (404, "NOT_FOUND")
    for method, path in (("DELETE", ""), ("POST", "/refresh")):
        body = {"json": {"expiresAt": manager.in_days(1)}} if method == "POST" else {}
        answer = manager.ask(method, f"/enrollments/{ticket.enrollment_id}{path}", **body)
        assert error_of(answer) == (404, "NOT_FOUND")


def test_what_is_elsewhere_does_not_exist(ziti: Ziti) -> None:
    """Organizations apply as everywhere: what is below is seen, what is beside or above is not."""
    for place in ("acme", "beta"):
        ziti.enlist.organization(place)
    above, here, beside = (
        managing(ziti),
        managing(ziti, "operator", "acme"),
        managing(ziti, "operator", "beta"),
    )
    mine, theirs, top = here.create("mine"), beside.create("theirs"), above.create("top")
    assert names(here) == ["mine"]
    assert sorted(names(above)) == ["mine", "theirs", "top"]
    expires = {"expiresAt": here.in_days(1)}
    for other in (theirs, top):
        waiting = above.ott(other)["id"]
        held = {"method": "ott", "identityId": other, **expires}
        for answer in (
            here.get(f"/identities/{other}"),
            here.get(f"/identities/{other}/enrollments"),
            here.patch(f"/identities/{other}", {"name": "x"}),
            here.delete(f"/identities/{other}"),
            here.get(f"/enrollments/{waiting}"),
            here.post(f"/enrollments/{waiting}/refresh", expires),
            here.delete(f"/enrollments/{waiting}"),
            here.post("/enrollments", held),
        ):
            assert error_of(answer) == (404, "NOT_FOUND")
        assert names(here, filter=f'id = "{other}"') == []
        assert here.read("/enrollments", filter=f'identity = "{other}"') == []
    assert here.ott(mine)["jwt"]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_have_the_jwt(ziti: Ziti, role: Role) -> None:
    """D24: administrators and operators; each time it is shown is an event, and lists hold none."""
    made = managing(ziti).create("laptop")
    manager = managing(ziti, role.value)
    may = role in (Role.ADMINISTRATOR, Role.OPERATOR)
    ott = manager.ott(made)
    detail = manager.read(f"/enrollments/{ott['id']}")
    assert bool(ott["jwt"]) is bool(ott["token"]) is bool(detail["jwt"]) is may
    shown = ziti.enlist.events("enrollment.revealed")
    assert len(shown) == (2 if may else 0)
    for path in ("/identities", "/enrollments", f"/identities/{made}/enrollments"):
        (found,) = manager.read(path)
        listed = found.get("enrollment", {}).get("ott", found)
        assert (listed["id"], listed["jwt"], listed["token"]) == (ott["id"], "", "")
    assert ziti.enlist.events("enrollment.revealed") == shown
    assert ziti.enlist.events("request.refused") == []


def test_who_may_do_less_is_told_so(ziti: Ziti) -> None:
    """D24: a reader reads, and changes nothing."""
    made, held, device = managing(ziti).enrolled()
    reader = managing(ziti, "reader")
    expires = {"expiresAt": reader.in_days(1)}
    for answer in (
        reader.post("/identities", PLAIN),
        reader.patch(f"/identities/{made}", {"name": "x"}),
        reader.delete(f"/identities/{made}"),
        reader.post("/enrollments", {"method": "ott", "identityId": made, **expires}),
        reader.post(f"/authenticators/{held}/re-enroll", expires),
        reader.post(f"/authenticators/{held}/request-extend", {"rollKeys": True}),
    ):
        assert error_of(answer) == (401, "UNAUTHORIZED")
    assert authenticates(device) == (200, "")
    assert names(reader) == ["laptop"]


def test_what_is_staffs_is_hidden_from_who_may_not_see_staff(ziti: Ziti) -> None:
    """D24: lists leave it out, and it is not there."""
    boss = ziti.enlist.staff("administrator", username="boss")
    made = managing(ziti).create("of the boss", externalId="boss")
    assert ziti.enlist.device(made).user_id == boss.id
    for role, sees in (("helpdesk", False), ("operator", True)):
        manager = managing(ziti, role)
        assert names(manager) == (["of the boss"] if sees else [])
        assert len(manager.read("/enrollments")) == sees
        assert manager.get(f"/identities/{made}").status_code == (200 if sees else 404)
    operator = managing(ziti, "operator")
    waiting = operator.ott(made)
    assert waiting["jwt"] == ""
    refresh = operator.post(
        f"/enrollments/{waiting['id']}/refresh", {"expiresAt": operator.in_days(1)}
    )
    assert error_of(refresh) == (401, "UNAUTHORIZED")
    assert error_of(operator.delete(f"/enrollments/{waiting['id']}")) == (401, "UNAUTHORIZED")
    again = {"method": "ott", "identityId": made, "expiresAt": operator.in_days(1)}
    assert error_of(operator.post("/enrollments", again)) == (401, "UNAUTHORIZED")
    device = enroll(ziti, managing(ziti).ott(made)["token"])
    (held,) = operator.read(f"/identities/{made}/authenticators")
    reset = operator.post(
        f"/authenticators/{held['id']}/re-enroll", {"expiresAt": again["expiresAt"]}
    )
    assert error_of(reset) == (401, "UNAUTHORIZED")
    assert authenticates(device) == (200, "")
