"""Handing a device on: to another person (reassign), or its place to another device (replace)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace as replace_value
from functools import partial

import pytest

from enlist.core.caller import Caller
from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Drop, Effect, Refusal
from enlist.core.secrets import Secret
from enlist.store import roles
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Driver
from enlist.verbs.issuing import LATER
from enlist.verbs.presenting import Presented
from enlist.verbs.reassign import Reassign
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.replace import Replace
from enlist.verbs.reset import Reset
from enlist.verbs.staff import GrantRole
from enlist.verbs.together import Together
from enlist.verbs.users import DeleteUser
from enlist.verbs.views_details import DeviceDetail, ShowDevice, ShowUser
from tests.installation import MAILED, SHOWN, Enlist, Ticket, code, done, refusal
from tests.requests import csr


def enrolled(enlist: Enlist, user: str = "ada", name: str = "laptop", key: int = 0) -> Ticket:
    ticket = enlist.register(user, name=name)
    done(enlist.redeem(ticket.token, key=key))
    return ticket


def standing(enlist: Enlist, device_id: str) -> list[str]:
    """What each credential of a device is answered when it is shown; newest first."""
    return [
        code(enlist.perform(DeviceStatus(device_id, each.serial), enlist.stranger()))
        for each in enlist.credentials_of(device_id)
    ]


def reassign(enlist: Enlist, device_id: str, user: str) -> Secret:
    token = enlist.do(Reassign(device_id, user, message=SHOWN)).issued.token
    assert token is not None
    return token


def replace(enlist: Enlist, device_id: str, name: str = "") -> Ticket:
    issued = enlist.do(Replace(device_id, name, message=SHOWN)).issued
    assert issued.token is not None
    return Ticket(
        issued.device_id,
        issued.enrollment_id,
        issued.token,
        issued.generation,
        issued.expires_at,
    )


# --- reassign ---------------------------------------------------------------------------------


def test_a_device_that_goes_to_somebody_else_starts_anew(enlist: Enlist) -> None:
    """X33: the owner follows the enrollment; what the one before held on it ends."""
    ticket, grace = enrolled(enlist), enlist.user("grace")
    outcome = enlist.perform(Reassign(ticket.device_id, "grace", message=SHOWN))
    assert isinstance(outcome, Done)
    assert Drop(ticket.device_id) in outcome.effects
    assert standing(enlist, ticket.device_id) == ["credential_revoked"]
    (credential,) = enlist.credentials_of(ticket.device_id)
    assert credential.revocation_reason == "reassigned"
    device = enlist.device(ticket.device_id)
    assert (device.user_id, device.state, device.name) == (grace.id, "registered", "laptop")
    assert enlist.enrollment(outcome.value.issued.enrollment_id).user_id == grace.id
    assert done(enlist.redeem(outcome.value.issued.token, key=1)).device_id == device.id
    assert standing(enlist, device.id) == ["done", "credential_revoked"]


def test_the_token_of_the_one_before_is_withdrawn(enlist: Enlist) -> None:
    """No newer one was sent to him, so he is not told so."""
    ticket, _ = enlist.register("ada"), enlist.user("grace")
    reassign(enlist, ticket.device_id, "grace")
    assert code(enlist.redeem(ticket.token)) == "token_revoked"


def test_the_new_owner_sees_nothing_of_the_one_before(enlist: Enlist) -> None:
    """Issue: history is kept for staff; events of the time before name the one before alone."""
    ticket, grace = enrolled(enlist, "wilhelmina"), enlist.user("grace")
    before = enlist.device(ticket.device_id).user_id
    reassign(enlist, ticket.device_id, "grace")
    ours = enlist.events("", user=grace.id)
    assert {each.kind for each in ours} == {
        "user.created",
        "enrollment.issued",
        "enrollment.revealed",
    }
    assert "wilhelmina" not in repr([(each.entry, each.personal) for each in ours])
    detail = enlist.driver.view(ShowUser("grace"), enlist.caller(grace))
    assert "wilhelmina" not in repr(detail)
    assert ticket.enrollment_id not in repr(detail)
    (event,) = enlist.events("device.reassigned")
    assert (event.user_id, event.personal["user"]) == (before, "wilhelmina")
    every = [each.kind for each in enlist.events("", device=ticket.device_id)]
    assert Counter(every)["enrollment.redeemed"] == 1


def test_the_device_of_somebody_who_is_gone_can_be_given_away(enlist: Enlist) -> None:
    """Ruling 29: a deleted user's device stays, enrolled no more."""
    ticket, _ = enrolled(enlist), enlist.user("grace")
    enlist.do(DeleteUser("ada"))
    assert code(enlist.perform(Reset(ticket.device_id))) == "conflict"
    assert code(enlist.perform(Replace(ticket.device_id))) == "conflict"
    token = reassign(enlist, ticket.device_id, "grace")
    assert code(enlist.redeem(token, key=1)) == "done"


def test_a_device_goes_with_its_user_into_his_organization(enlist: Enlist) -> None:
    """Ruling 31: a device is in its user's organization or below it."""
    enlist.organization("acme")
    enlist.organization("labs", "acme")
    enlist.user("ada", organization="acme")
    enlist.user("grace", organization="acme")
    enlist.user("bob", organization="labs")
    laptop = enlist.register("ada", organization="labs")
    reassign(enlist, laptop.device_id, "grace")
    assert enlist.device(laptop.device_id).group_id == "labs", "it fits, so it stays"
    wrong = refusal(enlist.perform(Reassign(laptop.device_id, "bob", "acme")))
    assert wrong.fields[0].field == "organization"
    phone = enlist.register("ada", organization="acme")
    reassign(enlist, phone.device_id, "bob")
    found = enlist.device(phone.device_id)
    assert found.group_id == "labs"
    live = [each for each in enlist.enrollments_of(found.id) if each.state == "active"]
    assert [each.group_id for each in live] == ["labs"]


def test_an_external_id_that_is_taken_there_keeps_it_here(enlist: Enlist) -> None:
    """Ruling 31: unique within an organization."""
    enlist.organization("acme")
    enlist.user("ada")
    enlist.user("bob", organization="acme")
    details = DeviceDetails("laptop", "linux", external_id="4711")
    here, _there = (enlist.do(Register("", who, details, LATER)) for who in ("ada", "bob"))
    before = enlist.rows("device", id=here.device_id)
    told = refusal(enlist.perform(Reassign(here.device_id, "bob")))
    assert told.fields[0].field == "organization"
    assert enlist.rows("device", id=here.device_id) == before


def test_a_device_is_not_given_to_whoever_has_it(enlist: Enlist) -> None:
    ticket = enrolled(enlist)
    assert code(enlist.perform(Reassign(ticket.device_id, "ada"))) == "conflict"
    assert standing(enlist, ticket.device_id) == ["done"]


@pytest.mark.parametrize("role", ["helpdesk", "reader"])
def test_only_those_who_may_reassign_or_replace(enlist: Enlist, role: str) -> None:
    """D24."""
    ticket, _ = enrolled(enlist), enlist.user("grace")
    staff = enlist.staff(role)
    assert code(enlist.perform(Reassign(ticket.device_id, "grace"), staff)) == "forbidden"
    assert code(enlist.perform(Replace(ticket.device_id), staff)) == "forbidden"


def test_nothing_is_given_to_or_taken_from_somebody_with_more_rights(enlist: Enlist) -> None:
    """D24, S51: in both directions."""
    boss, operator = enlist.staff("administrator", username="boss"), enlist.staff("operator")
    ada, his = enrolled(enlist), enrolled(enlist, boss.name, key=1)
    assert code(enlist.perform(Reassign(ada.device_id, "boss"), operator)) == "forbidden"
    assert code(enlist.perform(Reassign(his.device_id, "ada"), operator)) == "forbidden"
    assert code(enlist.perform(Replace(his.device_id), operator)) == "forbidden"
    assert standing(enlist, ada.device_id) == standing(enlist, his.device_id) == ["done"]


def test_a_preview_of_a_reassignment_is_for_one_person(enlist: Enlist) -> None:
    """X45: confirmed for somebody else, it binds nothing."""
    ticket = enrolled(enlist)
    enlist.user("grace")
    enlist.user("bob")
    foreseen = enlist.do(DryRun(Reassign(ticket.device_id, "grace")))
    assert len(foreseen.consequences.credentials) == 1
    verbs = (
        Reassign(ticket.device_id, "bob", preview=foreseen.preview),
        Reset(ticket.device_id, preview=foreseen.preview),
        Reassign(ticket.device_id, "grace", preview=foreseen.preview),
    )
    told = [code(enlist.perform(verbs[0])), code(enlist.perform(verbs[1]))]
    assert told == ["preview_outdated"] * 2
    assert code(enlist.perform(verbs[2])) == "done"


def test_a_reassignment_and_a_redemption_at_once(enlist: Enlist) -> None:
    """D21: nothing that the one before got still counts, whoever was first."""
    enlist.user("grace")
    for number in range(20):
        ticket = enlist.register("ada", name=f"laptop {number}")
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token),
            partial(enlist.perform, Reassign(ticket.device_id, "grace")),
        ]
        redeemed, moved = enlist.together(moves)
        assert code(moved) == "done"
        assert code(redeemed) in {"done", "token_revoked"}
        assert set(standing(enlist, ticket.device_id)) <= {"credential_revoked"}
        assert enlist.device(ticket.device_id).username == "grace"


# --- replace ----------------------------------------------------------------------------------


def test_the_old_device_ends_when_the_new_one_is_enrolled(enlist: Enlist) -> None:
    """Issue: and not a moment before."""
    old = enrolled(enlist)
    new = replace(enlist, old.device_id, "new laptop")
    assert new.device_id != old.device_id
    assert standing(enlist, old.device_id) == ["done"]
    device = enlist.device(new.device_id)
    assert (device.name, device.username, device.platform) == ("new laptop", "ada", "linux")
    outcome = enlist.redeem(new.token, key=1)
    assert isinstance(outcome, Done)
    assert outcome.effects == (Drop(old.device_id),)
    assert standing(enlist, old.device_id) == ["credential_revoked"]
    assert standing(enlist, new.device_id) == ["done"]
    (credential,) = enlist.credentials_of(old.device_id)
    assert credential.revocation_reason == "replaced"
    assert enlist.device(old.device_id).state == "unenrolled"
    (event,) = enlist.events("device.replaced")
    assert (event.device_id, event.data["by"]) == (old.device_id, new.device_id)


def test_a_replacement_that_is_refused_ends_nothing(enlist: Enlist) -> None:
    """S17: a bad request, or a token that is over."""
    old = enrolled(enlist)
    new = replace(enlist, old.device_id)
    assert code(enlist.redeem(new.token, key=None)) == "completion_required"
    enlist.clock.now = new.expires_at
    assert code(enlist.redeem(new.token, key=1)) == "token_expired"
    assert standing(enlist, old.device_id) == ["done"]
    newer = enlist.reissue(new.enrollment_id)
    done(enlist.redeem(newer.token, key=1))
    assert standing(enlist, old.device_id) == ["credential_revoked"], "a reissue replaces still"


def test_a_batch_of_redemptions_ends_what_it_replaces(enlist: Enlist) -> None:
    """The hot lane does the same for many at once, and has their sessions dropped."""
    old = [enrolled(enlist, name=f"old {n}", key=n) for n in range(3)]
    new = [replace(enlist, each.device_id) for each in old[:2]]
    dropped: list[Effect] = []
    driver = Driver(enlist.store, enlist.driver.tools, dropped.extend)
    linux = DeviceReport(platform="linux")
    asked = [
        (Redeem(Presented(token=each.token), linux, csr(n + 3)), enlist.stranger())
        for n, each in enumerate(new)
    ]
    outcomes = Together(driver, enlist.store).perform(asked)
    assert [code(each) for each in outcomes] == ["done", "done"]
    ends = [standing(enlist, each.device_id) for each in old]
    assert ends == [["credential_revoked"], ["credential_revoked"], ["done"]]
    assert dropped == [Drop(each.device_id) for each in old[:2]]


def test_what_ended_anyway_is_no_matter(enlist: Enlist) -> None:
    """The new device enrolls whether the old one was reset or deleted meanwhile."""
    reset_since, deleted_since = enrolled(enlist), enrolled(enlist, name="phone", key=1)
    first, second = (replace(enlist, each.device_id) for each in (reset_since, deleted_since))
    again = enlist.do(Reset(reset_since.device_id, message=SHOWN)).issued.token
    enlist.do(DeleteDevice(deleted_since.device_id))
    assert code(enlist.redeem(first.token, key=2)) == "done"
    assert code(enlist.redeem(second.token, key=3)) == "done"
    assert code(enlist.redeem(again, key=4)) == "token_revoked"


def test_a_device_that_went_to_somebody_else_is_not_replaced(enlist: Enlist) -> None:
    """It is not his old device any more: the new owner keeps it."""
    old, _ = enrolled(enlist), enlist.user("grace")
    new = replace(enlist, old.device_id)
    done(enlist.redeem(reassign(enlist, old.device_id, "grace"), key=1))
    done(enlist.redeem(new.token, key=2))
    assert standing(enlist, old.device_id) == ["done", "credential_revoked"]
    assert enlist.events("device.replaced") == []


def test_a_replacement_enrolls_by_the_same_grant(enlist: Enlist) -> None:
    ticket = enrolled(enlist)
    enlist.do(Reset(ticket.device_id, grant=GrantKind.ONE_TIME_JWT))
    issued = enlist.do(Replace(ticket.device_id)).issued
    found = enlist.enrollment(issued.enrollment_id)
    assert (found.grant, found.replaces_device_id) == ("one_time_jwt", ticket.device_id)


def test_a_replacement_and_a_reset_at_once(enlist: Enlist) -> None:
    """D21: the old device keeps nothing that works from before."""
    for number in range(12):
        old = enrolled(enlist, name=f"laptop {number}")
        new = replace(enlist, old.device_id)
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, new.token, key=1),
            partial(enlist.perform, Reset(old.device_id)),
        ]
        redeemed, reset = enlist.together(moves)
        assert (code(redeemed), code(reset)) == ("done", "done")
        assert standing(enlist, old.device_id) == ["credential_revoked"]
        assert standing(enlist, new.device_id) == ["done"]


def told(enlist: Enlist, caller: Caller, device_id: str) -> tuple[DeviceDetail, list[str]]:
    """What somebody is shown of a device, and the kinds of its events, newest first."""
    detail = enlist.driver.view(ShowDevice(device_id), caller)
    assert isinstance(detail, DeviceDetail)
    return detail, [event.kind for event in detail.timeline.items]


def test_what_was_in_another_organization_is_told_to_staff_of_both(enlist: Enlist) -> None:
    """Siblings never see each other; that something is left out is said."""
    enlist.organization("east"), enlist.organization("west")
    enlist.user("ada", organization="east"), enlist.user("bob", organization="west")
    device = enrolled(enlist, "ada")
    enlist.do(Reassign(device.device_id, "bob", message=MAILED))
    west, east = enlist.staff("operator", "west"), enlist.staff("operator", "east")
    before, after = ["enrollment.redeemed", "device.registered"], ["enrollment.issued"]
    for caller, withheld in ((enlist.staff("operator"), False), (west, True)):
        detail, kinds = told(enlist, caller, device.device_id)
        assert detail.withheld is withheld
        assert kinds[: len(after)] == after
        assert set(before) <= set(kinds) if not withheld else kinds == after
        assert len(detail.enrollments) == (1 if withheld else 2)
        assert len(detail.messages) == 1
    gone = enlist.driver.view(ShowDevice(device.device_id), east)
    assert isinstance(gone, Refusal)
    assert gone.code == "not_found"


def test_staff_of_two_siblings_are_told_both_in_order(enlist: Enlist) -> None:
    """A role on each is as good as one on what is above them."""
    enlist.organization("east"), enlist.organization("west")
    enlist.user("ada", organization="east"), enlist.user("bob", organization="west")
    device = enrolled(enlist, "ada")
    enlist.do(Reassign(device.device_id, "bob"))
    west = enlist.staff("operator", "west")
    assert west.id is not None
    enlist.do(GrantRole(west.id, "east", "operator"))
    both = replace_value(west, rights=enlist.store.read(lambda tx: roles.rights(tx, west.id or "")))
    detail, kinds = told(enlist, both, device.device_id)
    assert not detail.withheld
    ids = [event.id for event in detail.timeline.items]
    assert ids == sorted(ids, reverse=True)
    assert {"device.registered", "device.reassigned", "enrollment.issued"} <= set(kinds)
