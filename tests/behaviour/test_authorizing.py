"""Where people may enroll: at the organizations that they are authorized for (A49)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from enlist.core.ids import new_id
from enlist.core.model import Device
from enlist.store import devices, users
from enlist.verbs.authorizing import Authorize
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.imports import StartImport
from enlist.verbs.mine import AddMine
from enlist.verbs.move import MoveDevice
from enlist.verbs.move_people import MoveUser
from enlist.verbs.organizations import DeleteOrganization
from enlist.verbs.reassign import Reassign
from enlist.verbs.register import Register
from enlist.verbs.register_many import Ids, RegisterInBulk
from tests.behaviour.importing import imported, worked, wrong
from tests.behaviour.interrupting import interrupted
from tests.installation import PASSWORD, SHOWN, Enlist, code, done, refusal

LINUX = DeviceDetails("laptop", "linux")


@pytest.fixture(autouse=True)
def _places(enlist: Enlist) -> None:
    """A, B and C below `main`, D below A; `elsewhere` is nobody's."""
    for name in ("a", "b", "c", "elsewhere"):
        enlist.organization(name)
    enlist.organization("d", parent="a")


def authorized(enlist: Enlist, name: str = "ada") -> list[str]:
    """The Group IDs of where somebody may enroll, the default first."""
    user = enlist.store.read(lambda tx: users.by_username(tx, name))
    assert user is not None
    found = {row["id"]: row["group_id"] for row in enlist.rows("organization")}
    return [found[each] for each in user.authorized]


def of(enlist: Enlist, name: str) -> list[Device]:
    user = enlist.store.read(lambda tx: users.by_username(tx, name))
    assert user is not None
    return enlist.store.read(lambda tx: devices.of_user(tx, user.id))


def test_a_file_says_where_people_may_enroll(enlist: Enlist) -> None:
    """`a&b&c`: three organizations, the default is a; an unknown one is an error of its row."""
    enlist.user("old")
    text = "username,authorized_group_ids,friendly_name,platform\n"
    text += "ada,a&b & C,laptop,linux\nold,b,,\n"
    text += "bob,a&nowhere,,\neve,a&&b,,\nkim,,box,linux\n"
    job = imported(enlist, text, preview=True)
    assert (job.made, job.changed, job.refused, authorized(enlist, "old")) == (2, 1, 2, [])
    enlist.do(StartImport(job.id))
    job = worked(enlist, job)
    assert (job.made, job.changed, job.refused) == (2, 1, 2)
    assert authorized(enlist) == ["a", "b", "c"]
    assert [each.group_id for each in of(enlist, "ada")] == ["a"]
    assert (authorized(enlist, "old"), authorized(enlist, "kim")) == (["b"], [])
    assert [each.group_id for each in of(enlist, "kim")] == ["main"]
    assert enlist.rows("app_user", username="bob") == []
    told = wrong(enlist, job)
    assert [(each.line, each.column) for each in told] == [
        (4, "authorized_group_ids"),
        (5, "authorized_group_ids"),
    ]
    assert "nowhere" in told[0].message
    again = imported(enlist, text)
    assert (again.made, again.changed, again.unchanged, again.refused) == (0, 0, 3, 2)
    other = imported(enlist, text.replace("a&b & C", "b&a"))
    assert (other.changed, authorized(enlist)) == (1, ["b", "a"])


def test_devices_stand_where_he_may_enroll(enlist: Enlist) -> None:
    """At one of them or below, however they come there; the first one is where they go."""
    enlist.user("ada"), enlist.user("bob")
    enlist.do(Authorize("ada", ("a", "b")))
    first = enlist.register("ada")
    assert enlist.device(first.device_id).group_id == "a"
    for place, allowed in (("d", True), ("b", True), ("main", False), ("c", False)):
        outcome = enlist.perform(Register(place, "ada", LINUX, SHOWN))
        assert code(outcome) == ("done" if allowed else "validation_failed"), place
        if not allowed:
            assert [each.field for each in refusal(outcome).fields] == ["organization"]
    assert code(enlist.perform(MoveDevice(first.device_id, "c"))) == "validation_failed"
    assert enlist.do(MoveDevice(first.device_id, "d")).group_id == "d"
    his = enlist.register("bob", organization="c")
    assert code(enlist.perform(Reassign(his.device_id, "ada", "c"))) == "validation_failed"
    enlist.do(Reassign(his.device_id, "ada"))
    assert enlist.device(his.device_id).group_id == "a"
    ada = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert ada is not None
    mine = enlist.do(AddMine(LINUX), enlist.caller(ada))
    assert enlist.device(mine.device_id).group_id == "a"


def test_signing_in_leads_where_he_may_enroll(enlist: Enlist) -> None:
    """His own Group ID leads to the default one; another one's is refused after the login alone."""
    enlist.user("ada")
    enlist.do(Authorize("ada", ("b", "a")))
    login = ("ada", PASSWORD)
    at_home = done(enlist.redeem(group_id="main", login=login, key=1))
    assert enlist.device(at_home.device_id).group_id == "b"
    below = done(enlist.redeem(group_id="d", login=login, key=2))
    assert enlist.device(below.device_id).group_id == "d"
    assert code(enlist.redeem(group_id="c", login=login, key=3)) == "user_not_allowed"
    assert code(enlist.check(group_id="c", login=login)) == "user_not_allowed"
    assert (
        code(enlist.redeem(group_id="c", login=("ada", "wrong password"))) == "credentials_invalid"
    )
    assert len(of(enlist, "ada")) == 2


def test_what_stands_elsewhere_stays(enlist: Enlist) -> None:
    """Its token works; none is registered there any more, and `()` gives all of it back."""
    ticket = enlist.register("ada")
    enlist.do(Authorize("ada", ("a",)))
    assert code(enlist.redeem(ticket.token)) == "done"
    assert enlist.device(ticket.device_id).group_id == "main"
    (event,) = enlist.events("user.authorized")
    assert (event.data["before.authorized"], event.data["after.authorized"]) == ("", "a")
    enlist.do(Authorize("ada", ("a",)))
    assert len(enlist.events("user.authorized")) == 1, "nothing changed"
    enlist.do(Authorize("ada", ()))
    assert code(enlist.perform(Register("main", "ada", LINUX, SHOWN))) == "done"


def test_only_what_is_his_or_below_can_be_among_them(enlist: Enlist) -> None:
    """And what the caller may see: others are as if they were not there."""
    enlist.user("ada", organization="a")
    outside = refusal(enlist.perform(Authorize("ada", ("d", "b"))))
    assert [each.field for each in outside.fields] == ["organizations"]
    operator = enlist.staff("operator", "a")
    unseen = refusal(enlist.perform(Authorize("ada", ("b",)), operator))
    missing = refusal(enlist.perform(Authorize("ada", ("x",)), operator))
    assert unseen.fields[0].message.replace("ID b", "ID x") == missing.fields[0].message
    assert code(enlist.perform(Authorize("ada", ("d",) * 51), operator)) == "validation_failed"
    enlist.do(Authorize("ada", ("d", "D")), operator)
    assert authorized(enlist) == ["d"]


def test_who_moves_may_enroll_in_all_of_his_new_organization(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(Authorize("ada", ("b", "d")))
    waits = enlist.register("ada")
    enlist.do(MoveUser("ada", "a"))
    assert (authorized(enlist), enlist.device(waits.device_id).group_id) == ([], "a")


def test_an_organization_that_somebody_is_authorized_for_is_not_deleted(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(Authorize("ada", ("a", "c")))
    assert code(enlist.perform(DeleteOrganization("c"))) == "organization_not_empty"
    enlist.do(Authorize("ada", ("a",)))
    assert code(enlist.perform(DeleteOrganization("c"))) == "done"
    for number in range(6):
        enlist.organization(f"e{number}")
        acts: list[Callable[[], object]] = [
            partial(enlist.perform, DeleteOrganization(f"e{number}")),
            partial(enlist.perform, Authorize("ada", (f"e{number}",))),
        ]
        deleted, allowed = (code(each) for each in enlist.together(acts))
        assert (deleted, allowed) in (
            ("done", "validation_failed"),
            ("organization_not_empty", "done"),
        )
        enlist.do(Authorize("ada", ()))


@pytest.mark.parametrize("way", ["alone", "in bulk"])
@pytest.mark.parametrize("place", ["c", ""])
def test_what_is_registered_at_the_same_moment_stands_where_he_may(
    enlist: Enlist, way: str, place: str
) -> None:
    """It was decided by where he might enroll before; so it is looked at again."""
    enlist.user("ada")
    row, now = Register(place, "ada", LINUX), enlist.clock()
    bulk = RegisterInBulk(row, Ids(new_id(now), new_id(now)))
    driver = interrupted(enlist, lambda: enlist.do(Authorize("ada", ("a",))))
    outcome = driver.perform(row if way == "alone" else bulk, enlist.host)
    assert code(outcome) == ("validation_failed" if place else "done")
    assert [each.group_id for each in of(enlist, "ada")] == ([] if place else ["a"])
