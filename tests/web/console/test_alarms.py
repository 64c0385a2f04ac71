"""The alarms for an intercepted token and for a copied key, as an administrator sees them."""

from __future__ import annotations

from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.reset import Reset
from tests.behaviour.renewing import confirm, renewed
from tests.connections import enrolled
from tests.installation import Enlist
from tests.web.console.conftest import Console

INTERCEPTED = "Possible interception"
ALARM = "Possible copy of this device's key"
LOGGED = "somebody has a copy of its key"


def test_an_intercepted_token_is_told_first_until_the_device_is_reset(
    console: Console, enlist: Enlist
) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token, key=1)
    desk = console.sign_in("reader")
    place = f"/console/main/devices/{ticket.device_id}"
    assert INTERCEPTED not in desk.open(place).main

    enlist.clock.advance(minutes=5)
    enlist.redeem(ticket.token, key=2)
    page = desk.open(place)
    assert INTERCEPTED in page.main
    assert page.main.index(INTERCEPTED) < page.main.index("Credentials")
    assert not page.leads_to(f"{place}/reset")
    told = console.sign_in("operator").open(place)
    assert f"{place}/reset?reason=compromised" in told.links
    assert f"{INTERCEPTED}: laptop" in desk.open("/console/main/").main

    enlist.do(Reset(ticket.device_id))
    assert INTERCEPTED not in desk.open(place).main
    assert f"{INTERCEPTED}: laptop" not in desk.open("/console/main/").main
    assert INTERCEPTED in desk.open(f"/console/main/enrollments/{ticket.enrollment_id}").main


def test_an_interception_of_a_device_without_a_certificate_is_told_until_it_is_reset(
    console: Console, enlist: Enlist
) -> None:
    enlist.set("main", allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token, key=None)
    enlist.redeem(ticket.token, key=2)
    desk = console.sign_in("reader")
    assert f"{INTERCEPTED}: laptop" in desk.open("/console/main/").main
    enlist.do(Reset(ticket.device_id))
    assert f"{INTERCEPTED}: laptop" not in desk.open("/console/main/").main


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
