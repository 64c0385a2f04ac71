"""What a restore put on hold, in the console: shown as such, and freed on a page of its own."""

from __future__ import annotations

from enlist.store import holds
from tests.installation import Enlist, code
from tests.web.console.conftest import Console


def test_what_is_on_hold_is_freed(console: Console, enlist: Enlist) -> None:
    """Ruling 35: console and API free it, too."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    desk = console.sign_in("helpdesk")
    address = f"/console/main/enrollments/{ticket.enrollment_id}"
    assert "On hold" in desk.open(address).main
    assert desk.open(f"/console/main/devices/{ticket.device_id}").leads_to(f"{address}/reactivate")
    question = desk.open(f"{address}/reactivate")
    assert "cannot know whether it was used" in question.main
    assert code(enlist.check(ticket.token)) == "token_on_hold"
    assert "works again" in desk.follow(desk.send(f"{address}/reactivate")).main
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_reader_is_not_offered_it(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    address = f"/console/main/enrollments/{ticket.enrollment_id}"
    page = console.sign_in("reader").open(address)
    assert not page.leads_to(f"{address}/reactivate")
