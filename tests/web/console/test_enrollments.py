"""Enrollments: one list of all, its filters in the address, one at a time and many at once."""

from __future__ import annotations

import re

import pytest

from enlist.core.clock import HOUR
from enlist.core.ids import new_id
from enlist.web.console.bulk import MOST_AT_ONCE
from tests.installation import Enlist, Ticket
from tests.web.console.conftest import Console, Page

LIST = "/console/main/enrollments"


def rows(page: Page) -> list[str]:
    """The devices that a list shows, in its order."""
    return re.findall(r'<a href="/console/[^/]+/enrollments/[^"/?]+">([^<]+)</a>', page.source)


@pytest.fixture
def tickets(enlist: Enlist) -> dict[str, Ticket]:
    """One enrollment in each state."""
    found = {}
    for name in ("expired", "used", "revoked", "waiting"):
        until = enlist.clock.now + (HOUR if name == "expired" else 90 * HOUR)
        platform = "macos" if name == "used" else "linux"
        found[name] = enlist.register(
            f"user-{name}", name=f"{name} one", platform=platform, expires_at=until
        )
        enlist.clock.advance(minutes=1)
    enlist.redeem(found["used"].token, platform="macos")
    enlist.revoke(found["revoked"].enrollment_id)
    enlist.clock.advance(hours=2)
    return found


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", ["waiting one", "revoked one", "used one", "expired one"]),
        ("state=active", ["waiting one"]),
        ("state=expired", ["expired one"]),
        ("state=used", ["used one"]),
        ("state=revoked", ["revoked one"]),
        ("platform=macos", ["used one"]),
        ("grant=sign_in", []),
        ("q=user-rev", ["revoked one"]),
        ("q=ONE&state=used", ["used one"]),
        ("sort=device", ["expired one", "revoked one", "used one", "waiting one"]),
        ("sort=-device", ["waiting one", "used one", "revoked one", "expired one"]),
        ("q=%25", []),
        ("state=nonsense", []),
        ("q=&state=", ["waiting one", "revoked one", "used one", "expired one"]),
    ],
)
@pytest.mark.usefixtures("tickets")
def test_search_filters_and_sorts(console: Console, asked: str, shown: list[str]) -> None:
    """X29: one list of all that is outstanding."""
    page = console.sign_in("reader").open(f"{LIST}?{asked}")
    assert page.status == 200
    assert rows(page) == shown
    if not shown:
        assert "Nothing fits" in page.main
        assert LIST in page.links


@pytest.mark.usefixtures("tickets")
def test_the_address_holds_what_the_form_shows(console: Console) -> None:
    page = console.sign_in("reader").open(f"{LIST}?q=one&state=expired&sort=-device")
    assert "one" in page.fields["q"]
    assert page.value("state") == "expired"
    assert page.value("sort") == "-device"
    assert any("sort=device" in link and "state=expired" in link for link in page.links)
    partial = console.sign_in("reader").open(f"{LIST}?q=one&state=&platform=", hx_request="true")
    assert partial.headers["hx-push-url"] == f"{LIST}?q=one"


@pytest.mark.usefixtures("tickets")
def test_a_link_can_narrow_a_list_to_one_user(console: Console) -> None:
    desk = console.sign_in("reader")
    page = desk.open(f"{LIST}?user=user-used&sort=device&size=50")
    assert rows(page) == ["used one"]
    assert "Only enrollments of user-used" in page.main
    assert [page.value(name) for name in ("user", "sort", "size")] == ["user-used", "device", "50"]
    assert f"{LIST}?sort=device&size=50" in page.links, "and back to all of them"
    assert "Only devices of user-used" in desk.open("/console/main/devices?user=user-used").main
    assert desk.open(f"{LIST}?user=nobody").status == 404


def test_an_impossible_sort_is_told(console: Console) -> None:
    page = console.sign_in("reader").open(f"{LIST}?sort=password")
    assert page.status == 422
    assert page.leads_to("/console/main/")


def test_pages_follow_each_other_and_lead_back(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    for number in range(60):
        enlist.register("ada", name=f"device {number:02}")
        enlist.clock.advance(seconds=1)
    desk = console.sign_in("reader")
    seen: list[list[str]] = []
    page = desk.open(LIST)
    for number in (1, 2, 3):
        seen.append(rows(page))
        if number > 1:
            assert f"Page {number}" in page.main
        following = _relation(page, "next")
        assert (following is None) is (number == 3)
        if following is not None:
            page = desk.open(following)
    assert [len(shown) for shown in seen] == [25, 25, 10]
    assert len({name for shown in seen for name in shown}) == 60
    for number in (2, 1):
        before = _relation(page, "prev")
        assert before is not None
        page = desk.open(before)
        assert rows(page) == seen[number - 1]
    assert _relation(page, "prev") is None


def _relation(page: Page, name: str) -> str | None:
    found = re.search(rf'rel="{name}" href="([^"]*)"', page.source)
    return found[1].replace("&amp;", "&") if found else None


def test_resend_sends_the_same_token_again(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    before = enlist.enrollment(ticket.enrollment_id)
    desk = console.sign_in("helpdesk")
    address = f"{LIST}/{ticket.enrollment_id}/resend"
    question = desk.open(address)
    assert "The token is sent to ada@example.com" in question.main
    assert not enlist.rows("message")
    page = desk.follow(desk.send(address))
    assert "The message is on its way to ada@example.com." in page.main
    after = enlist.enrollment(ticket.enrollment_id)
    assert (after.generation, after.expires_at) == (before.generation, before.expires_at)
    assert len(enlist.rows("message")) == 1
    assert "The same token is sent once more to ada@example.com" in desk.open(address).main


def test_reissue_makes_the_next_token(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in("helpdesk")
    address = f"{LIST}/{ticket.enrollment_id}/reissue"
    question = desk.open(address)
    assert "stops working at once" in question.main
    assert enlist.enrollment(ticket.enrollment_id).generation == 1
    sent = {"expires_at": "2026-03-05T08:00", "send": question.value("send")}
    page = desk.follow(desk.send(address, sent))
    assert "The token before it is dead. The new token is on its way to ada@exam" in page.main
    assert len(enlist.rows("message")) == 1
    after = enlist.enrollment(ticket.enrollment_id)
    assert after.generation == 2
    assert "Mar 5, 2026" in page.main


def test_revoke_ends_it_with_a_reason(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in("operator")
    address = f"{LIST}/{ticket.enrollment_id}/revoke"
    assert "It cannot be undone" in desk.open(address).main
    page = desk.follow(desk.send(address, {"reason": "lost on the train"}))
    assert "lost on the train" in page.main
    assert enlist.enrollment(ticket.enrollment_id).state == "revoked"
    again = desk.send(address)
    assert again.status == 409
    assert "This token was withdrawn" in again.main


def test_many_are_resent_with_a_line_for_each(
    console: Console, enlist: Enlist, tickets: dict[str, Ticket]
) -> None:
    """X29: resend in bulk."""
    desk = console.sign_in("helpdesk")
    ids = [ticket.enrollment_id for ticket in tickets.values()]
    question = desk.send(f"{LIST}/bulk", {"action": "resend", "id": ids})
    assert "Send 1 message?" in question.main
    assert "3 of those ticked are left as they are" in question.main
    assert not enlist.rows("message")
    result = desk.send(f"{LIST}/bulk", {"action": "resend", "id": ids, "confirmed": "yes"})
    assert "Queued 1 of 4 messages" in result.main
    for state in ("Expired", "Used", "Revoked"):
        assert f"Left as it is {state}" in result.main
    assert [row["recipient"] for row in enlist.rows("message")] == ["user-waiting@example.com"]


def test_each_of_many_gets_one_message_and_keeps_its_token(
    console: Console, enlist: Enlist
) -> None:
    """A40: as many messages as were ticked; value and expiry stay."""
    chosen = [enlist.register(f"user-{number}") for number in range(3)]
    enlist.register("not-ticked")
    kept = enlist.rows("enrollment_secret")
    enlist.clock.advance(minutes=5)
    desk = console.sign_in("helpdesk")
    ids = [ticket.enrollment_id for ticket in chosen]
    question = desk.send(f"{LIST}/bulk", {"action": "resend", "id": ids})
    assert "Send 3 messages?" in question.main
    result = desk.send(f"{LIST}/bulk", {"action": "resend", "id": ids, "confirmed": "yes"})
    assert "Queued 3 of 3 messages" in result.main
    assert sorted(row["enrollment_id"] for row in enlist.rows("message")) == sorted(ids)
    assert enlist.rows("enrollment_secret") == kept
    for ticket in chosen:
        found = enlist.enrollment(ticket.enrollment_id)
        assert (found.generation, found.expires_at) == (1, ticket.expires_at)


def test_many_are_revoked_with_a_line_for_each(
    console: Console, enlist: Enlist, tickets: dict[str, Ticket]
) -> None:
    """X29: revoke in bulk."""
    desk = console.sign_in("operator")
    ids = [ticket.enrollment_id for ticket in tickets.values()]
    question = desk.send(f"{LIST}/bulk", {"action": "revoke", "id": ids})
    assert "Revoke 2 enrollments?" in question.main
    sent = {"action": "revoke", "id": ids, "confirmed": "yes", "reason": "tidying"}
    result = desk.send(f"{LIST}/bulk", sent)
    assert "Revoked 2 of 4" in result.main
    states = {name: enlist.enrollment(t.enrollment_id).state for name, t in tickets.items()}
    assert states == {
        "expired": "revoked",
        "used": "used",
        "revoked": "revoked",
        "waiting": "revoked",
    }
    assert enlist.enrollment(tickets["waiting"].enrollment_id).end_reason == "tidying"


def test_nothing_ticked_or_asked_changes_nothing(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in("operator")
    for sent in (
        {"action": "revoke", "confirmed": "yes"},
        {"id": ticket.enrollment_id, "confirmed": "yes"},
        {"action": "explode", "id": ticket.enrollment_id, "confirmed": "yes"},
    ):
        page = desk.follow(desk.send(f"{LIST}/bulk", sent))
        assert "Tick some first" in page.main
    assert enlist.enrollment(ticket.enrollment_id).state == "active"


def test_what_a_sibling_has_cannot_be_ticked(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    hidden = enlist.register("bob", organization="beta")
    desk = console.sign_in("operator", "alpha")
    sent = {"action": "revoke", "id": hidden.enrollment_id, "confirmed": "yes"}
    page = desk.send("/console/alpha/enrollments/bulk", sent)
    assert "Revoked 0 of 1" in page.main
    assert "1 of those ticked is gone" in page.main
    assert enlist.enrollment(hidden.enrollment_id).state == "active"


@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_more_than_can_be_done_at_once_is_said_before_anything_is_done(
    console: Console, enlist: Enlist, confirmed: str
) -> None:
    """A40: nothing that was ticked is dropped silently."""
    ticket = enlist.register("ada")
    ids = [ticket.enrollment_id, *(new_id(enlist.clock()) for _ in range(MOST_AT_ONCE))]
    desk = console.sign_in("operator")
    sent = {"action": "revoke", "id": ids, "confirmed": confirmed}
    page = desk.follow(desk.send(f"{LIST}/bulk", sent))
    assert "You ticked 101; 100 at once is the most. Nothing was done" in page.main
    assert "alert-warning" in page.source
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    sent["id"] = ids[:MOST_AT_ONCE]
    page = desk.send(f"{LIST}/bulk", sent)
    if not confirmed:
        assert "99 of those ticked are gone" in page.main
        return
    told = []
    while "Leave this page open" in page.main:
        told.append(re.findall(r"\d+ of 100", page.main))
        again = {name: values[-1] for name, values in page.fields.items()}
        page = desk.send(f"{LIST}/bulk", again | {"id": page.fields["id"]})
    assert told == [[f"{done} of 100"] for done in range(10, 100, 10)]
    assert "Revoked 1 of 100 99 of those ticked are gone" in page.main
    assert enlist.enrollment(ticket.enrollment_id).state == "revoked"


def test_the_export_has_the_filters_of_the_list_and_is_not_for_everybody(
    console: Console, enlist: Enlist
) -> None:
    enlist.register("ada", name="box", platform="ios")
    page = console.sign_in("reader").open("/console/main/enrollments?platform=ios&q=box")
    (export,) = (link for link in page.links if "export" in link)
    assert export == "/api/v1/enrollments/export?organization=main&search=box&platform=ios"
    without = console.sign_in("helpdesk").open("/console/main/enrollments")
    assert not [link for link in without.links if "export" in link]
