"""A device's page: who, what, which state; the actions that fit it; and its whole story."""

from __future__ import annotations

import re

import pytest

from enlist.core.clock import HOUR
from enlist.store import outbox
from enlist.store.tx import Tx
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.reset import Reset
from tests.installation import Enlist, Ticket, done
from tests.web.console.conftest import Console, Desk, Page

ACTIONS = ("resend", "reissue", "revoke")


def device_page(desk: Desk, ticket: Ticket) -> Page:
    return desk.open(f"/console/main/devices/{ticket.device_id}")


def offered(page: Page, ticket: Ticket) -> set[str]:
    """The actions that the page offers for the device and its enrollment."""
    enrollment = f"/console/main/enrollments/{ticket.enrollment_id}"
    found = {name for name in ACTIONS if page.leads_to(f"{enrollment}/{name}")}
    if page.leads_to(f"/console/main/devices/{ticket.device_id}/issue"):
        found.add("issue")
    return found


def test_each_state_offers_its_own_actions(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    waiting = enlist.register("ada", expires_at=enlist.clock.now + 500 * HOUR)
    used, revoked = enlist.register("bob"), enlist.register("cyd")
    expired = enlist.register("dan")
    enlist.redeem(used.token)
    enlist.revoke(revoked.enrollment_id)
    enlist.clock.advance(minutes=1)
    assert offered(device_page(desk, waiting), waiting) == {"resend", "reissue", "revoke"}
    assert offered(device_page(desk, used), used) == set()
    assert offered(device_page(desk, revoked), revoked) == {"issue"}
    enlist.clock.advance(hours=25)
    desk = console.sign_in()
    page = device_page(desk, expired)
    assert offered(page, expired) == {"reissue", "revoke"}
    assert "Its token ran out unused" in page.main


def test_it_tells_the_state_in_one_line(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada", name="Ada's laptop")
    page = device_page(console.sign_in("reader"), ticket)
    for shown in ("Ada's laptop", "Registered", "Linux", "ada", "The device may enroll until"):
        assert shown in page.main
    assert "Tue, Mar 3, 2026, 12:00" in page.main.replace("\u202f", " ")
    assert "UTC" in page.main


def test_an_enrolled_device_shows_its_certificate(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token)
    page = device_page(console.sign_in("reader"), ticket)
    credential = enlist.credentials_of(ticket.device_id)[0]
    assert credential.serial in page.main
    assert credential.fingerprint in page.main
    assert "Valid until" in page.main
    assert "Enrolled" in page.main


def test_a_half_finished_attempt_shows_its_step_and_age(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.clock.advance(minutes=3)
    page = device_page(console.sign_in("reader"), ticket)
    assert "Started, not finished" in page.main
    assert "3 minutes ago" in page.main
    assert "waits for the device's certificate request until" in page.main
    enlist.clock.now = begun.expires_at
    page = device_page(console.sign_in("reader"), ticket)
    assert "Ran out unfinished" in page.main
    assert "Started, not finished" not in page.main


def test_a_failed_message_is_told_with_its_reason(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    issued = enlist.do(Register("", "ada", DeviceDetails("x", "linux"), Delivery("email")))
    message = enlist.rows("message")[0]

    def give_up(tx: Tx) -> None:
        (claimed,) = outbox.claim(tx, [str(message["id"])], enlist.clock.now + HOUR)
        outbox.failed(tx, claimed.id, claimed.tries, "550 no such mailbox")

    enlist.store.write(give_up)
    desk = console.sign_in("reader")
    page = desk.open(f"/console/main/devices/{issued.device_id}")
    assert "The message did not reach ada@example.com: 550 no such mailbox" in page.main
    overview = desk.open("/console/main/")
    assert "Message to ada@example.com failed" in overview.main
    listed = desk.open("/console/main/enrollments?message_state=failed")
    assert "550 no such mailbox" in listed.main


def test_the_timeline_tells_everything_with_its_reason(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.check(ticket.token)
    enlist.revoke(ticket.enrollment_id)
    enlist.redeem(ticket.token)
    desk = console.sign_in("reader")
    page = device_page(desk, ticket)
    story = page.main.partition("Timeline")[2]
    refused = story.index("This token was withdrawn")
    assert refused < story.index("evoked") < story.index("egistered")
    assert "UTC" in story


def test_edit_changes_and_keeps_what_was_typed(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in("operator")
    address = f"/console/main/devices/{ticket.device_id}/edit"
    form = desk.open(address)
    assert form.value("name") == "laptop"
    version = form.value("version")
    wrong = desk.send(address, {"name": "", "model": "X1", "version": version})
    assert wrong.status == 422
    assert 'id="name-error"' in wrong.source
    assert wrong.value("model") == "X1"
    saved = desk.send(address, {"name": "laptop 2", "model": "X1", "version": version})
    assert "Changes saved." in desk.follow(saved).main
    assert (enlist.device(ticket.device_id).name, enlist.device(ticket.device_id).model) == (
        "laptop 2",
        "X1",
    )
    stale = desk.send(address, {"name": "laptop 3", "version": version})
    assert "Somebody changed this in the meantime" in stale.main
    assert stale.value("name") == "laptop 3"
    assert enlist.device(ticket.device_id).name == "laptop 2"


def test_delete_says_what_it_does_and_does_it(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token)
    serial = enlist.credentials_of(ticket.device_id)[0].serial
    desk = console.sign_in("operator")
    address = f"/console/main/devices/{ticket.device_id}/delete"
    question = desk.open(address)
    assert serial in question.main
    assert "It cannot be undone" in question.main
    assert enlist.credentials_of(ticket.device_id)[0].revoked_at is None
    gone = desk.send(address)
    assert gone.location == "/console/main/devices"
    assert "was deleted" in desk.follow(gone).main
    assert enlist.credentials_of(ticket.device_id)[0].revoked_at is not None
    assert device_page(desk, ticket).status == 404


def test_issue_makes_a_new_token_for_a_revoked_one(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in("operator")
    address = f"/console/main/devices/{ticket.device_id}/issue"
    shown = desk.open(address)
    assert "ada@example.com" in shown.main
    sent = {name: shown.value(name) for name in ("grant", "expires_at", "send")}
    refused = desk.send(address, sent)
    assert refused.status == 409
    assert "already has a live enrollment" in refused.main
    enlist.revoke(ticket.enrollment_id)
    page = desk.follow(desk.send(address, sent))
    assert "The new token is on its way to ada@example.com" in page.main
    assert [e.state for e in enlist.enrollments_of(ticket.device_id)] == ["active", "revoked"]
    assert "Earlier enrollments (1)" in page.main


def looks(desk: Desk, address: str) -> str:
    """Where the page that is shown would look for news; "" where it does not."""
    found = re.search(r'hx-get="([^"]*[?]watched=[^"]*)"', desk.open(address).source)
    return found[1] if found else ""


def places(ticket: Ticket) -> list[str]:
    """Both pages that wait for an enrollment."""
    found = (f"devices/{ticket.device_id}", f"enrollments/{ticket.enrollment_id}")
    return [f"/console/main/{each}" for each in found]


@pytest.mark.parametrize("number", [0, 1])
def test_a_page_that_waits_hears_of_every_change(
    console: Console, enlist: Enlist, number: int
) -> None:
    """Nothing new is an empty answer, so that nothing on the page moves."""
    desk, ticket = console.sign_in(), enlist.register("ada")
    address = places(ticket)[number]

    def unchanged() -> bool:
        return desk.open(looking, hx_request="true").status == 204

    looking = looks(desk, address)
    assert unchanged()
    for change in (
        lambda: enlist.begin(ticket.token),
        lambda: enlist.reissue(ticket.enrollment_id),
        lambda: enlist.clock.advance(hours=25),
    ):
        change()
        desk = console.sign_in()
        assert not unchanged()
        looking = looks(desk, address) or looking
    assert looks(desk, address) == "", "it has expired: nothing more will come by itself"


def test_the_page_of_an_enrolled_device_hears_that_somebody_else_reset_it(
    console: Console, enlist: Enlist
) -> None:
    """Else who has it open goes on believing that its certificate counts."""
    desk, ticket = console.sign_in(), enlist.register("ada")
    enlist.redeem(ticket.token)
    looking = looks(desk, places(ticket)[0])
    assert desk.open(looking, hx_request="true").status == 204
    enlist.do(Reset(ticket.device_id))
    assert "registered" in desk.open(looking, hx_request="true").main.lower()


def test_no_page_looks_for_what_is_decided(console: Console, enlist: Enlist) -> None:
    desk, used, revoked = console.sign_in(), enlist.register("ada"), enlist.register("bob")
    enlist.redeem(used.token)
    enlist.revoke(revoked.enrollment_id)
    _, its_enrollment = places(used)
    assert [looks(desk, place) for place in (its_enrollment, *places(revoked))] == [""] * 3


def test_a_page_left_open_does_not_keep_the_sign_in_alive(console: Console, enlist: Enlist) -> None:
    desk, ticket = console.sign_in(), enlist.register("ada")
    looking = looks(desk, places(ticket)[0])
    for _ in range(29):
        enlist.clock.advance(minutes=1)
        assert desk.open(looking, hx_request="true").status == 204
    enlist.clock.advance(minutes=2)
    answer = desk.open(looking, hx_request="true")
    assert answer.source == ""
    assert answer.status == 200, "htmx goes to the sign-in"


def test_an_address_with_a_mark_is_a_page_as_well(console: Console, enlist: Enlist) -> None:
    desk, ticket = console.sign_in(), enlist.register("ada")
    assert desk.open(looks(desk, places(ticket)[0])).status == 200
