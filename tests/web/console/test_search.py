"""Search finds things, and pages of the console, also by the words of other products."""

from __future__ import annotations

import pytest

from tests.installation import Enlist, refusal
from tests.web.console.conftest import Console

SEARCH = "/console/main/search"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Devices > Device Settings > Devices & Users > General > Enrollment > Authentication",
            "/console/main/settings",
        ),
        ("device settings enrollment auth", "/console/main/settings"),
        ("Require Registration Token", "/console/main/settings"),
        ("token expiration", "/console/main/settings"),
        ("notices", "/console/main/settings"),
        ("Accounts > Users > List View", "/console/main/users"),
        ("Add Device", "/console/main/devices/new"),
        ("reset token", "/console/main/enrollments"),
        ("audit log", "/console/main/events"),
        ("User Groups", "/console/main/groups"),
        ("Enrollment > Restrictions", "/console/main/settings/restrictions"),
        ("restrict enrollment known users", "/console/main/settings/restrictions"),
        ("Enrollment Status > Add > Blacklisted Devices", "/console/main/device-lists/deny"),
        ("allow deny", "/console/main/device-lists"),
        ("message template", "/console/main/templates"),
        ("dashboard", "/console/main/"),
    ],
)
def test_pages_are_found_by_the_words_of_others(console: Console, text: str, address: str) -> None:
    page = console.sign_in().open(f"{SEARCH}?q={text.replace('&', '%26')}")
    found = page.source.partition('class="found"')[2].partition("</main>")[0]
    assert f'href="{address}"' in found


def test_pages_that_one_may_not_use_are_not_found(console: Console) -> None:
    page = console.sign_in("reader").open(f"{SEARCH}?q=Add+Device")
    assert "Nothing is called" in page.main


def test_devices_and_people_are_found_in_their_own_organization(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha")
    ticket = enlist.register("ada", organization="alpha", name="Turing machine")
    desk = console.sign_in("reader")
    address = f"/console/alpha/devices/{ticket.device_id}"
    assert address in desk.open(f"{SEARCH}?q=turing").links
    assert address in desk.open(f"{SEARCH}?q={ticket.device_id}").links
    enrollment = f"/console/alpha/enrollments/{ticket.enrollment_id}"
    assert enrollment in desk.open(f"{SEARCH}?q={ticket.enrollment_id}").links
    assert "ada@example.com" in desk.open(f"{SEARCH}?q=ada@exam").main
    assert "/console/alpha/" in desk.open(f"{SEARCH}?q=alph").links


def test_a_support_code_leads_to_the_exact_reason(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    told = refusal(enlist.redeem(ticket.token))
    page = console.sign_in("helpdesk").open(f"{SEARCH}?q={told.support_code.lower()}")
    assert "This token was withdrawn" in page.main
    assert any(link.startswith("/console/main/events/") for link in page.links)


def test_a_code_that_no_event_has_is_explained(console: Console) -> None:
    from enlist.core.secrets import support_code

    page = console.sign_in("helpdesk").open(f"{SEARCH}?q={support_code()}")
    assert "Refused unread: mistyped, malformed, too large or throttled" in page.main


@pytest.mark.parametrize("text", ["", "zzzz", "<b>", "%", "a" * 900, "🙂"])
def test_whatever_is_typed_gets_an_answer(console: Console, text: str) -> None:
    from urllib.parse import quote

    page = console.sign_in("reader").open(f"{SEARCH}?q={quote(text)}")
    assert page.status == 200
    assert "<b>" not in page.source.partition('class="found"')[2]
