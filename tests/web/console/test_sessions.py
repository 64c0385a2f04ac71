"""Sessions: who is connected, and hanging up."""

from __future__ import annotations

from tests.connections import Process, enrolled
from tests.installation import Enlist
from tests.web.console.conftest import Console

LIST = "/console/main/sessions"


def test_nobody_is_connected(console: Console) -> None:
    assert "No device is connected" in console.sign_in().open(LIST).main


def test_a_session_is_shown_and_ended(console: Console, enlist: Enlist) -> None:
    device, process = enrolled(enlist), Process.of(enlist)
    session_id = process.open(device)
    desk = console.sign_in("operator")
    page = desk.open(LIST)
    assert page.leads_to(f"/console/main/devices/{device.device_id}")
    assert "192.0.2.7" in page.main
    question = desk.open(f"{LIST}/{session_id}/disconnect")
    assert "may connect again" in question.main
    told = desk.follow(desk.send(f"{LIST}/{session_id}/disconnect"))
    assert "laptop-0 was disconnected." in told.text
    assert "No device is connected" in told.main
    assert desk.open(f"{LIST}/{session_id}/disconnect").status == 404


def test_the_list_looks_again_by_itself(console: Console, enlist: Enlist) -> None:
    """And is not sent again where nothing changed."""
    process, device = Process.of(enlist), enrolled(enlist)
    process.open(device)
    desk = console.sign_in("operator")
    mark = desk.open(LIST).source.partition("watched=")[2].partition('"')[0]
    again = f"{LIST}?watched={mark}"
    assert desk.open(again, hx_request="true").status == 204
    process.open(device)
    assert desk.open(again, hx_request="true").status == 200


def test_a_device_page_shows_its_sessions(console: Console, enlist: Enlist) -> None:
    device, process = enrolled(enlist), Process.of(enlist)
    desk = console.sign_in("operator")
    address = f"/console/main/devices/{device.device_id}"
    assert "not connected" in desk.open(address).main
    session_id = process.open(device)
    page = desk.open(address)
    assert page.leads_to(f"{LIST}/{session_id}/disconnect")


def test_whoever_only_looks_is_offered_nothing(console: Console, enlist: Enlist) -> None:
    session_id = Process.of(enlist).open(enrolled(enlist))
    desk = console.sign_in("reader")
    page = desk.open(LIST)
    assert "192.0.2.7" in page.main
    assert not page.leads_to(f"{LIST}/{session_id}/disconnect")
    assert desk.open(f"{LIST}/{session_id}/disconnect").status == 403
