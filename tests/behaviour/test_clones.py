"""A key that comes back after a renewal raises an alarm, and nothing else does (X50)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.clock import rfc3339
from enlist.core.lifecycle import DeviceState
from enlist.pki.chain import DeviceCertificate
from enlist.verbs.api_sessions import Authenticate, UseApiSession
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.renewal import RenewCertificate
from enlist.verbs.reset import Reset
from enlist.verbs.views_overview import Overview, OverviewDetail
from tests.behaviour.renewing import confirm, renewed, stands
from tests.connections import Enrolled, Process, enrolled
from tests.installation import Enlist, code
from tests.requests import csr

Showing = Callable[[Enlist, Enrolled], Any]


def as_openziti(enlist: Enlist, device: Enrolled) -> Any:
    (held, *_) = [each for each in enlist.credentials_of(device.device_id) if each.revoked_at]
    shown = DeviceCertificate(device.device_id, device.serial, held.fingerprint, held.not_after)
    return enlist.perform(Authenticate(shown), device.caller)


WAYS: dict[str, Showing] = {
    "status": lambda enlist, device: enlist.perform(
        DeviceStatus(device.device_id, device.serial), device.caller
    ),
    "session": lambda enlist, device: Process.of(enlist).tries(device),
    "openziti": as_openziti,
    "renewal": lambda enlist, device: enlist.perform(
        RenewCertificate(device.device_id, device.serial, csr(3)), device.caller
    ),
}


def alarms(enlist: Enlist) -> list[Any]:
    return enlist.events("credential.refused", flag="possible_clone")


@pytest.mark.parametrize("way", WAYS)
def test_an_old_key_raises_an_alarm_wherever_it_is_shown(enlist: Enlist, way: str) -> None:
    device = enrolled(enlist)
    fresh = renewed(enlist, device)
    assert confirm(enlist, device, fresh) == "done"
    assert code(WAYS[way](enlist, device)) == "credential_revoked"
    (event,) = alarms(enlist)
    assert (event.device_id, event.data["serial"]) == (device.device_id, device.serial)
    assert (event.personal["address"], event.support_code != "") == ("192.0.2.7", True)
    assert stands(enlist, device, fresh) == "done", "which of the two it is, nobody knows here"


def test_renewals_that_nobody_confirms_do_not_hide_a_copy(enlist: Enlist) -> None:
    """A thief renews what he renewed, and never says that it came: the owner's is found out."""
    device = enrolled(enlist)
    thief = replace(device, serial=renewed(enlist, device))
    assert stands(enlist, device, device.serial) == "done"
    renewed(enlist, thief, key=2)
    assert stands(enlist, device, device.serial) == "credential_revoked"
    assert len(alarms(enlist)) == 1


def test_a_copied_key_keeps_no_session_that_would_hide_it(enlist: Enlist) -> None:
    """An agent that renews confirms without any session: whichever there is may be the thief's."""
    device = enrolled(enlist)
    (held,) = enlist.credentials_of(device.device_id)
    shown = DeviceCertificate(device.device_id, device.serial, held.fingerprint, held.not_after)
    token = enlist.do(Authenticate(shown), device.caller).token
    assert token is not None
    assert confirm(enlist, device, renewed(enlist, device)) == "done"
    outcome = enlist.perform(UseApiSession(token, shown), device.caller)
    assert code(outcome) == "unauthenticated"


def test_nothing_else_raises_one(enlist: Enlist) -> None:
    """Not while both count, not a renewal that never came, and not whoever was reset."""
    device = enrolled(enlist)
    lost = renewed(enlist, device)
    fresh = renewed(enlist, device)
    assert stands(enlist, device, device.serial) == "done"
    assert stands(enlist, device, lost) == "credential_revoked"
    enlist.do(Reset(device.device_id))
    for serial in (device.serial, fresh):
        assert stands(enlist, device, serial) == "credential_revoked"
        assert confirm(enlist, device, serial) == "credential_revoked"
    assert alarms(enlist) == []


def alarmed(enlist: Enlist, user: str = "ada", key: int = 0) -> Enrolled:
    """A device whose old certificate was shown after it had renewed."""
    device = enrolled(enlist, user, key)
    assert confirm(enlist, device, renewed(enlist, device, key=key + 50)) == "done"
    assert stands(enlist, device, device.serial) == "credential_revoked"
    return device


def open_alarms(enlist: Enlist, caller: Caller | None = None) -> list[tuple[str, str]]:
    """What the overview tells of: the devices, each with the moment of its newest alarm."""
    found = enlist.driver.view(Overview(), caller or enlist.host)
    assert isinstance(found, OverviewDetail)
    return [(alarm.device.name, rfc3339(alarm.event.at)[11:16]) for alarm in found.clones]


def test_the_overview_tells_of_each_device_once(enlist: Enlist) -> None:
    """A copy that knocks every minute hides no other one."""
    first = alarmed(enlist)
    alarmed(enlist, "bob", key=1)
    for _ in range(8):
        enlist.clock.advance(minutes=2)
        stands(enlist, first, first.serial)
    assert open_alarms(enlist) == [("laptop-0", "12:16"), ("laptop-1", "12:00")]
    enlist.organization("next")
    assert open_alarms(enlist, enlist.staff("administrator", "next")) == []


ANSWERS: dict[str, Callable[[Enlist, Enrolled], object]] = {
    "reset": lambda enlist, device: enlist.do(Reset(device.device_id)),
    "deleted": lambda enlist, device: enlist.do(DeleteDevice(device.device_id)),
    "blocked": lambda enlist, device: enlist.put_device(device.device_id, DeviceState.BLOCKED),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_alarm_is_over_once_somebody_has_acted(enlist: Enlist, answer: str) -> None:
    device = alarmed(enlist)
    alarmed(enlist, "bob", key=1)
    assert len(open_alarms(enlist)) == 2
    ANSWERS[answer](enlist, device)
    assert [name for name, _ in open_alarms(enlist)] == ["laptop-1"]


def test_a_device_that_was_enrolled_again_starts_without_alarm(enlist: Enlist) -> None:
    device = alarmed(enlist)
    enlist.do(Reset(device.device_id))
    enlist.clock.advance(minutes=1)
    (enrollment, *_) = enlist.enrollments_of(device.device_id)
    ticket = enlist.reissue(enrollment.id)
    assert code(enlist.redeem(ticket.token, key=9)) == "done"
    assert open_alarms(enlist) == []
