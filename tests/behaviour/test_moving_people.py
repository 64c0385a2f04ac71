"""People go to another organization, alone or by a file, with what waits for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from enlist.core.ids import new_id
from enlist.core.outcomes import Refusal
from enlist.store import devices, groups, users
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import AnyVerb
from enlist.verbs.groups import AddGroup, AddMember
from enlist.verbs.imports import StartImport
from enlist.verbs.move_people import MoveUser
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.register import Register
from enlist.verbs.register_identity import RegisterAlone, RegisterIdentity
from enlist.verbs.register_many import Ids, RegisterInBulk
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser
from tests.behaviour.importing import imported, worked, wrong
from tests.behaviour.interrupting import interrupted
from tests.installation import Enlist, Ticket, code, done, refusal


@pytest.fixture(autouse=True)
def _places(enlist: Enlist) -> None:
    enlist.organization("north")
    enlist.organization("south")
    enlist.organization("harbour", parent="south")


def place(enlist: Enlist, name: str) -> str:
    found = enlist.store.read(lambda tx: users.by_username(tx, name))
    assert found is not None
    row = next(each for each in enlist.rows("organization") if each["id"] == found.organization_id)
    return str(row["group_id"])


def registered(enlist: Enlist, user: str, name: str) -> Ticket:
    return enlist.register(user, name=name)


def test_what_waits_for_him_goes_along(enlist: Enlist) -> None:
    """His token stays what it was; groups that can have him no longer let him go."""
    ada = enlist.user("ada", organization="north")
    ticket = registered(enlist, "ada", "laptop")
    ours, theirs = enlist.do(AddGroup("", "everybody")), enlist.do(AddGroup("north", "north"))
    for group in (ours, theirs):
        enlist.do(AddMember(group.id, "ada"))
    enlist.do(MoveUser("ada", "harbour"))
    assert (place(enlist, "ada"), enlist.device(ticket.device_id).group_id) == ("harbour",) * 2
    assert enlist.enrollment(ticket.enrollment_id).group_id == "harbour"
    assert enlist.store.read(lambda tx: groups.of_user(tx, ada.id)) == {ours.id}
    assert code(enlist.redeem(ticket.token)) == "done"
    here, there = enlist.events("user.moved")
    assert (here.data["devices"], here.data["groups"], here.data["to"]) == (1, 1, there.data["to"])
    assert len(enlist.events("device.moved")) == 2
    assert code(enlist.perform(MoveUser("ada", "harbour"))) == "conflict"


def test_what_is_enrolled_elsewhere_holds_him_back(enlist: Enlist) -> None:
    """To an organization above he may go: his devices are below it."""
    enlist.user("ada", organization="harbour")
    ticket = registered(enlist, "ada", "laptop")
    done(enlist.redeem(ticket.token))
    refusal = enlist.perform(MoveUser("ada", "north"))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, "laptop is enrolled" in refusal.detail) == ("device_enrolled", True)
    assert place(enlist, "ada") == "harbour"
    enlist.do(MoveUser("ada", "south"))
    assert (place(enlist, "ada"), enlist.device(ticket.device_id).group_id) == ("south", "harbour")


def test_who_sees_no_devices_is_not_told_which_one_holds_somebody_back(enlist: Enlist) -> None:
    enlist.do(AddOwnRole("main", "people", ("organizations:read", "users:read", "users:edit")))
    clerk = enlist.user("clerk")
    enlist.do(GrantRole("clerk", "main", "people"))
    enlist.user("ada", organization="north")
    done(enlist.redeem(registered(enlist, "ada", "laptop").token))
    told = refusal(enlist.perform(MoveUser("ada", "south"), enlist.caller(clerk)))
    assert (told.code, "laptop" in told.detail) == ("forbidden", False)


@pytest.mark.parametrize("way", ["alone", "in bulk", "without an enrollment"])
@pytest.mark.parametrize("first", ["move", "register"])
def test_a_device_registered_meanwhile_goes_along(enlist: Enlist, way: str, first: str) -> None:
    """One of the two was decided by where he was; whichever is second looks again."""
    ada = enlist.user("ada", organization="north")
    details, now = DeviceDetails("phone", "ios"), enlist.clock()
    named, ids = replace(details, external_id="ada"), Ids(new_id(now), new_id(now))
    verbs: dict[str, AnyVerb[Any, Any, Any]] = {
        "move": MoveUser("ada", "south"),
        "alone": Register("", "ada", details),
        "in bulk": RegisterInBulk(Register("", "ada", details), ids),
        "without an enrollment": RegisterAlone(RegisterIdentity("", "", named)),
    }
    early, late = verbs[way], verbs["move"]
    if first == "move":
        early, late = late, early
    outcome = interrupted(enlist, lambda: enlist.do(early)).perform(late, enlist.host)
    assert code(outcome) == "done"
    (device,) = enlist.store.read(lambda tx: devices.of_user(tx, ada.id))
    assert (device.group_id, place(enlist, "ada")) == ("south", "south")


def test_both_organizations_must_be_the_callers(enlist: Enlist) -> None:
    enlist.user("ada", organization="north")
    north = enlist.staff("operator", "north", "nora")
    assert isinstance(enlist.perform(MoveUser("ada", "south"), north), Refusal)
    south = enlist.staff("operator", "south", "sue")
    assert isinstance(enlist.perform(MoveUser("ada", "harbour"), south), Refusal)
    assert place(enlist, "ada") == "north"


def test_people_are_moved_by_a_file(enlist: Enlist) -> None:
    """Previewed, each wrong row told at its column, and nothing new the second time."""
    for name in ("ada", "bob", "eve"):
        enlist.user(name, organization="north")
    waits, enrolled = registered(enlist, "ada", "phone"), registered(enlist, "eve", "desk")
    done(enlist.redeem(enrolled.token))
    enlist.do(AddUser("south", "bobby", "BOB@example.com"))
    text = "username,new_group_id\nada,south\nADA,harbour\nbob,south\neve,south\n"
    text += "nobody,south\nada2,nowhere\n=cmd(),south\n"
    job = imported(enlist, text, kind="transfer", preview=True)
    assert (job.changed, job.refused, place(enlist, "ada")) == (1, 6, "north")
    enlist.do(StartImport(job.id))
    job = worked(enlist, job)
    assert (job.changed, job.refused, place(enlist, "ada")) == (1, 6, "south")
    assert enlist.device(waits.device_id).group_id == "south"
    told = wrong(enlist, job)
    assert [(each.line, each.column) for each in told] == [
        (3, ""), (4, "username"), (5, ""), (6, "username"), (7, "new_group_id"), (8, "username"),
    ]  # fmt: skip
    for message, words in zip(
        [each.message for each in told],
        ("line 2", "same e-mail", "desk is enrolled", "no user", "nowhere", "formula"),
        strict=True,
    ):
        assert words in message
    again = imported(enlist, text, kind="transfer")
    assert (again.changed, again.unchanged, again.refused) == (0, 1, 6)
