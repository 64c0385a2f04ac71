"""The overview: numbers that lead on, what needs attention, and what to do first."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from enlist.core.clock import HOUR, MINUTE, from_datetime
from enlist.store.tx import Query
from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.reset import Reset
from tests.behaviour.renewing import confirm, renewed, stands
from tests.connections import enrolled
from tests.installation import Enlist
from tests.web.console.conftest import Console

OVERVIEW = "/console/main/"
SET_ISSUED = Query("test.set_issued", "UPDATE enrollment SET issued_at = :at WHERE id = :id")


def at(*parts: int) -> int:
    """A moment in UTC."""
    return from_datetime(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]


def test_an_empty_installation_says_what_to_do_first(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    page = desk.open(OVERVIEW)
    assert "Three steps to the first enrolled device" in page.main
    assert page.leads_to("/console/main/users/new")
    assert page.leads_to("/console/main/devices/new")
    assert 'class="done"' not in page.source
    enlist.user("ada")
    assert 'class="done"' in desk.open(OVERVIEW).source
    enlist.register("ada")
    assert "Three steps" not in desk.open(OVERVIEW).main


def test_a_reader_is_told_the_steps_without_buttons(console: Console) -> None:
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Three steps" in page.main
    assert not page.leads_to("/console/main/users/new")
    assert not page.leads_to("/console/main/devices/new")


def test_numbers_lead_to_what_they_count(console: Console, enlist: Enlist) -> None:
    for number in range(3):
        enlist.register(f"waiting{number}", expires_at=enlist.clock.now + 99 * HOUR)
    enlist.redeem(enlist.register("used").token)
    enlist.register("late", name="late laptop")
    enlist.clock.advance(hours=25)
    page = console.sign_in("reader").open(OVERVIEW)
    assert "3 waiting" in page.main
    assert "1 used" in page.main
    assert "1 expired" in page.main
    assert "0 failed" in page.main
    assert "late laptop never enrolled" in page.main
    assert "/console/main/enrollments?state=expired" in page.links
    assert "/console/main/devices?state=enrolled" in page.links


def test_an_organization_counts_only_itself_and_below(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.register("ada", organization="alpha")
    enlist.register("bob", organization="beta")
    assert "1 waiting" in console.sign_in("reader", "alpha").open("/console/alpha/").main
    assert "2 waiting" in console.sign_in("reader").open(OVERVIEW).main


def test_nothing_to_attend_to_is_said_too(console: Console, enlist: Enlist) -> None:
    enlist.register("ada")
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Every message arrived, and no token ran out unused" in page.main


def test_a_copied_key_comes_first_until_the_device_is_reset(
    console: Console, enlist: Enlist
) -> None:
    """X50: what happened, in plain words, and what to do."""
    device = enrolled(enlist)
    assert confirm(enlist, device, renewed(enlist, device)) == "done"
    page = console.sign_in("operator").open(OVERVIEW)
    assert "Every message arrived, and no token ran out unused" in page.main
    assert stands(enlist, device, device.serial) == "credential_revoked"
    place = f"/console/main/devices/{device.device_id}"
    page = console.sign_in("operator").open(OVERVIEW)
    assert "Two machines hold the key of laptop-0" in page.main
    assert "its old certificate was shown, from 192.0.2.7" in page.main
    assert f"{place}/reset?reason=compromised" in page.links
    reader = console.sign_in("reader").open(OVERVIEW)
    assert place in reader.links
    assert not reader.leads_to(f"{place}/reset")
    enlist.do(Reset(device.device_id))
    assert "Two machines" not in console.sign_in("reader").open(OVERVIEW).main


def test_the_chart_counts_by_days_of_whoever_looks(console: Console, enlist: Enlist) -> None:
    """X07: just before midnight in UTC it is the next day in Berlin."""
    enlist.clock.now = at(2026, 3, 10, 23, 30)
    enlist.redeem(enlist.register("ada").token)
    enlist.register("bob")
    enlist.clock.now = at(2026, 3, 12, 12, 0)
    enlist.redeem(enlist.register("eve").token)
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Mar 10 2 1" in page.main
    assert "Mar 12 1 1" in page.main
    assert "<title>Mar 11: 0 issued, 0 enrolled</title>" in page.source
    enlist.do(ChangeOrganization("main", time_zone="Europe/Berlin"))
    page = console.sign_in("reader").open(OVERVIEW)
    assert "Mar 11 2 1" in page.main


def test_the_funnel_tells_how_far_enrollments_came(console: Console, enlist: Enlist) -> None:
    for number in range(4):
        enlist.register("ada", name=f"laptop {number}")
    enlist.redeem(enlist.register("ada", name="used").token)
    old = enlist.register("ada", name="old")
    enlist.store.write(lambda tx: tx.run(SET_ISSUED, id=old.enrollment_id, at=1))
    main = console.sign_in("reader").open(OVERVIEW).main
    assert "Issued 5" in main
    assert "Message sent 0 0 %" in main
    assert "Device enrolled 1 20 %" in main


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia"])
def test_chart_and_funnel_count_the_same_days(console: Console, enlist: Enlist, zone: str) -> None:
    """Else one page says of the same thirty days that more were issued than were issued."""
    enlist.do(ChangeOrganization("main", time_zone=zone))
    for hours in range(29 * 24 - 2, 31 * 24 + 2, 3):
        old = enlist.register("ada", name=f"laptop {hours}")
        at_that_time = enlist.clock() - hours * HOUR - 20 * MINUTE
        enlist.store.write(
            lambda tx, one=old, then=at_that_time: tx.run(  # type: ignore[misc]
                SET_ISSUED, id=one.enrollment_id, at=then
            )
        )
    main = console.sign_in("reader").open(OVERVIEW).main
    chart, funnel = re.findall(r"\bIssued (\d+)\b", main)
    assert chart == funnel
    assert 0 < int(chart) < 18


def test_a_sibling_s_enrollments_are_in_no_chart(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.register("ada", organization="alpha")
    enlist.register("bob", organization="beta")
    enlist.register("eve", organization="beta")
    assert "Issued 1 " in console.sign_in("reader", "alpha").open("/console/alpha/").main
