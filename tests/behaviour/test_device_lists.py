"""Allow and deny lists: a device named by an identifier, before anybody has seen it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.device_lists import DeviceList
from enlist.core.outcomes import Done, Drop
from enlist.core.permissions import Permission, Right
from enlist.store import organizations
from enlist.store.listing import Page
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_lists import (
    Entry,
    Foreseen,
    ForeseePut,
    ListListed,
    PutOnList,
    TakeOffList,
)
from enlist.verbs.reset import Reset
from tests.installation import PASSWORD, Enlist, code, done, refusal

ADA = ("ada", PASSWORD)
ALLOW, DENY = DeviceList.ALLOW, DeviceList.DENY
IMEI = "490154203237518"
STOLEN = DeviceReport(platform="linux", serial="PF-1234")


def deny(serial: str = "PF-1234", organization: str = "main") -> PutOnList:
    return PutOnList(organization, DENY, (Entry("serial", serial),))


def listed(enlist: Enlist, organization: str = "main") -> list[str]:
    page = enlist.driver.view(ListListed(organization), enlist.host)
    assert isinstance(page, Page)
    return [each.id for each in page.items]


def test_a_denied_device_is_unenrolled_at_once_and_comes_back_when_its_entry_is_gone(
    enlist: Enlist,
) -> None:
    """A46, X21."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token, report=STOLEN))
    outcome = enlist.perform(deny("pf-1234 "))
    assert isinstance(outcome, Done)
    assert outcome.effects == (Drop(ticket.device_id),)
    assert (outcome.value.added, outcome.value.unenrolled) == (1, 1)
    assert enlist.device(ticket.device_id).state == "unenrolled"
    assert [each.revocation_reason for each in enlist.credentials_of(ticket.device_id)] == [
        "denied"
    ]
    assert len(enlist.events("device.denied")) == 1
    enlist.do(Reset(ticket.device_id))
    (live,) = [
        each.id for each in enlist.enrollments_of(ticket.device_id) if each.state == "active"
    ]
    token = enlist.reissue(live).token
    assert code(enlist.redeem(token, report=STOLEN, key=1)) == "device_denied"
    assert code(enlist.redeem(token, key=1)) == "device_denied"  # its record has the serial, too
    (entry,) = listed(enlist)
    enlist.do(TakeOffList(entry))
    assert code(enlist.redeem(token, report=STOLEN, key=1)) == "done"
    path = enlist.root.path
    assert enlist.store.read(lambda tx: organizations.policy(tx, path)).restrictions is None


def test_a_deny_list_counts_below_and_nowhere_else(enlist: Enlist) -> None:
    enlist.organization("berlin")
    enlist.organization("munich")
    enlist.organization("mitte", "berlin")
    enlist.do(deny(organization="berlin"))
    told = {}
    for number, place in enumerate(("main", "munich", "berlin", "mitte")):
        ticket = enlist.register(f"user-{place}", organization=place)
        told[place] = code(enlist.redeem(ticket.token, report=STOLEN, key=number))
    assert told == {
        "main": "done",
        "munich": "done",
        "berlin": "device_denied",
        "mitte": "device_denied",
    }


def test_an_allowed_device_counts_as_registered_and_becomes_what_its_entry_says(
    enlist: Enlist,
) -> None:
    """A45: ownership and Group ID; a device of another is refused as before."""
    enlist.set(enrollment_mode="registered_only")
    enlist.organization("berlin")
    enlist.user("ada")
    entry = Entry("imei", "49-015420-323751-8", "corporate_dedicated", "berlin")
    enlist.do(PutOnList("main", ALLOW, (entry,)))
    other = DeviceReport(platform="android", imei="356938035643809")
    assert code(enlist.redeem(login=ADA, group_id="main", report=other)) == "device_not_registered"
    phone = DeviceReport(platform="android", imei=IMEI)
    device = enlist.device(done(enlist.redeem(login=ADA, group_id="main", report=phone)).device_id)
    assert (device.group_id, device.ownership) == ("berlin", "corporate_dedicated")


def test_what_is_wrong_with_a_list_is_said_at_its_place_and_nothing_is_added(
    enlist: Enlist,
) -> None:
    """A44: 30 are taken, 31 are not; an import asks for as many as it likes."""
    many = tuple(Entry("serial", f"SN-{number:04}") for number in range(31))
    assert [
        each.field for each in refusal(enlist.perform(PutOnList("main", DENY, many))).fields
    ] == ["entries"]
    assert done(enlist.perform(PutOnList("main", DENY, many[:30]))).added == 30
    put = done(enlist.perform(PutOnList("main", DENY, many, most=1000)))
    assert (put.added, put.known) == (1, 30)
    wrong = (
        Entry("serial", "SN-9999"),
        Entry("colour", "blue-ish"),
        Entry("imei", "490154203237519"),
        Entry("serial", "0000"),
        Entry("udid", "abcdef", "corporate_shared"),
    )
    told = refusal(enlist.perform(PutOnList("main", DENY, wrong)))
    assert {each.field for each in told.fields} == {
        "entries.1.attribute",
        "entries.2.value",
        "entries.3.value",
        "entries.4.ownership",
    }
    assert len(listed(enlist)) == 31


@pytest.mark.parametrize("role", ["operator", "helpdesk"])
def test_nobody_denies_the_device_of_somebody_above_him(enlist: Enlist, role: str) -> None:
    chief = enlist.staff("administrator", username="chief")
    ticket = enlist.register("chief")
    done(enlist.redeem(ticket.token, report=STOLEN))
    assert code(enlist.perform(deny(), enlist.staff(role))) == "forbidden"
    assert enlist.device(ticket.device_id).state == "enrolled"
    assert code(enlist.perform(deny(), chief)) == "done"


def test_what_denying_would_end_is_foreseen_and_binds(enlist: Enlist) -> None:
    """A46: shown before it is asked; another situation than the one shown is refused."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token, report=STOLEN))
    both = (Entry("serial", "PF-1234"), Entry("serial", "PF-5678"))
    found = enlist.driver.view(ForeseePut(PutOnList("main", DENY, both)), enlist.host)
    assert isinstance(found, Foreseen)
    assert (found.added, found.known, found.unseen) == (2, 0, 0)
    ((device, ends),) = found.ends
    assert (device.id, len(ends.credentials)) == (ticket.device_id, 1)
    assert enlist.device(ticket.device_id).state == "enrolled"
    other = enlist.register("grace")
    report = DeviceReport(platform="linux", serial="PF-5678")
    done(enlist.redeem(other.token, report=report, key=1))
    bound = PutOnList("main", DENY, both, preview=found.preview)
    assert code(enlist.perform(bound)) == "preview_outdated"
    assert listed(enlist) == []
    again = enlist.driver.view(ForeseePut(PutOnList("main", DENY, both)), enlist.host)
    assert isinstance(again, Foreseen)
    assert done(enlist.perform(replace(bound, preview=again.preview))).unenrolled == 2
    after = enlist.driver.view(ForeseePut(PutOnList("main", DENY, both)), enlist.host)
    assert isinstance(after, Foreseen)
    assert (after.added, after.known, after.ends) == (0, 2, ())


def test_devices_that_one_may_not_see_are_counted_and_not_named(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token, report=STOLEN))
    alone = Right(enlist.root.path, frozenset({Permission.DEVICES_RESET}))
    caller = replace(enlist.staff("operator"), rights=(alone,))
    found = enlist.driver.view(ForeseePut(deny()), caller)
    assert isinstance(found, Foreseen)
    assert (found.ends, found.unseen) == ((), 1)
