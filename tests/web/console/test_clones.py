"""The alarm that two machines hold a device's key, as an administrator sees it."""

from __future__ import annotations

from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.reset import Reset
from tests.behaviour.test_renewal import confirm, renewed
from tests.connections import enrolled
from tests.installation import Enlist
from tests.web.console.conftest import Console

ALARM = "Possible copy of this device's key"
LOGGED = "somebody has a copy of its key"


def test_a_copied_key_is_told_first_until_the_device_is_reset(
    console: Console, enlist: Enlist
) -> None:
    device = enrolled(enlist)
    fresh = renewed(enlist, device)
    assert confirm(enlist, device, fresh) == "done"
    desk = console.sign_in("reader")
    place = f"/console/main/devices/{device.device_id}"
    assert ALARM not in desk.open(place).main

    enlist.perform(DeviceStatus(device.device_id, device.serial), device.caller)
    page = desk.open(place)
    assert ALARM in page.main
    assert page.main.index(ALARM) < page.main.index("Credentials")
    assert "from 192.0.2.7 (agent)" in " ".join(page.main.split())
    assert LOGGED in page.main
    assert not page.leads_to(f"{place}/reset")
    told = console.sign_in("operator").open(place)
    assert f"{place}/reset?reason=compromised" in told.links
    found = desk.open("/console/main/events?kind=possible_clone")
    assert found.main.count(LOGGED) == 1

    enlist.do(Reset(device.device_id))
    page = desk.open(place)
    assert ALARM not in page.main
    assert LOGGED in page.main
