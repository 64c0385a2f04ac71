"""Opening the enrollment page: inert, alike for every handle, and told apart from scanners."""

from __future__ import annotations

import re

import pytest

from tests.installation import Enlist, Ticket, code
from tests.web.enroll.conftest import NewVisitor, Page, Visitor

UNKNOWN = "01900000-0000-7000-8000-000000000000"
TABLES = (
    *("organization", "organization_setting", "app_user", "device", "enrollment", "attempt"),
    *("enrollment_secret", "credential", "sign_in", "throttle", "message", "idempotency"),
)


def database(enlist: Enlist) -> dict[str, list[str]]:
    """Everything stored but events and what only notes that a link was opened."""
    return {
        table: sorted(
            str({k: v for k, v in row.items() if k not in ("opened_at", "opened_count")})
            for row in enlist.rows(table)
        )
        for table in TABLES
    }


def alike(page: Page, handle: str = "") -> tuple[int, str]:
    """A page without what is new each time: its nonce, and the handle in its own address."""
    source = re.sub(r'name="nonce" value="[^"]*"', "", page.source)
    return page.status, source.replace(handle, "HANDLE") if handle else source


@pytest.mark.parametrize("path", ["/enroll", "/enroll/welcome", f"/enroll/{UNKNOWN}", "/enroll/x"])
def test_every_address_shows_the_form(visitor: Visitor, path: str) -> None:
    page = visitor.open(path)
    assert page.status == 200
    assert "Token, code or Group ID" in page.text
    assert f'action="{path}"' in page.source


def test_looks_of_a_handle_tell_nothing(
    enlist: Enlist, new_visitor: NewVisitor, request: pytest.FixtureRequest
) -> None:
    fresh, used, revoked, expired = (enlist.register(name=name) for name in "abcd")
    assert code(enlist.redeem(used.token)) == "done"
    enlist.revoke(revoked.enrollment_id)
    looks = {
        alike(new_visitor().open(f"/enroll/{handle}"), handle)
        for handle in (UNKNOWN, *(t.enrollment_id for t in (fresh, used, revoked, expired)))
    }
    enlist.clock.advance(hours=25)
    looks.add(alike(new_visitor().open(f"/enroll/{expired.enrollment_id}"), expired.enrollment_id))
    assert len(looks) == 1


def test_fields_for_signing_in_unfold_where_two_factors_are_asked(
    enlist: Enlist, visitor: Visitor
) -> None:
    ticket = enlist.register()
    folded = '<details class="fold">'
    assert folded in visitor.open(f"/enroll/{ticket.enrollment_id}").source
    enlist.set(token_type="two_factor")
    assert folded not in visitor.open(f"/enroll/{ticket.enrollment_id}").source
    assert folded in visitor.open(f"/enroll/{UNKNOWN}").source
    assert folded in visitor.open("/enroll").source


def test_get_and_head_consume_nothing(enlist: Enlist, new_visitor: NewVisitor) -> None:
    """X01, X02, S30: ten of each, then the token still works."""
    ticket = enlist.register()
    before = database(enlist)
    for number in range(10):
        visitor = new_visitor(user_agent=f"Agent/{number}")
        path = f"/enroll/{ticket.enrollment_id}?t={ticket.token.reveal()}"
        page = visitor.open(path)
        head = visitor.client.head(path)
        assert (page.status, head.status_code) == (200, 200)
        assert ticket.token.reveal() not in page.source
        assert {cookie.partition("=")[0] for cookie in page.cookies} == {"enlist-visit"}
    assert database(enlist) == before
    visitor = new_visitor()
    visitor.open(f"/enroll/{ticket.enrollment_id}")
    assert visitor.check(ticket.token).status == 200
    assert visitor.begin().status == 200


def test_visit_cookie_is_short_lived_and_out_of_reach(visitor: Visitor) -> None:
    (cookie,) = visitor.open().cookies
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age=3600", "path=/", "samesite=lax"}


def test_trackers_in_the_query_do_not_matter(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    page = visitor.open(f"/enroll/{ticket.enrollment_id}?utm_source=mail&utm_medium=x")
    assert page.status == 200
    assert "utm_source" not in page.source
    assert visitor.check(ticket.token).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_offered(visitor: Visitor, method: str) -> None:
    answer = visitor.client.request(method, "/enroll", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 405


def opened(enlist: Enlist, ticket: Ticket) -> list[tuple[object, str]]:
    return [
        (event.data["scanner"], event.personal["user_agent"])
        for event in enlist.events("enrollment.opened")
        if event.enrollment_id == ticket.enrollment_id
    ]


def test_person_who_opens_a_link_is_noted(enlist: Enlist, visitor: Visitor) -> None:
    """X06: address and user agent are in the timeline, apart from who redeems it."""
    ticket = enlist.register()
    visitor.open(f"/enroll/{ticket.enrollment_id}")
    ((scanner, agent),) = opened(enlist, ticket)
    assert (scanner, "Chrome" in agent) == (False, True)
    laptop = enlist.stranger()
    assert code(enlist.redeem(ticket.token, caller=laptop)) == "done"
    story = [
        (event.kind, event.personal["address"])
        for event in enlist.events(enrollment=ticket.enrollment_id)
        if event.kind in ("enrollment.opened", "enrollment.redeemed")
    ]
    assert story == [
        ("enrollment.opened", "127.9.0.1"),
        ("enrollment.redeemed", laptop.address),
    ]
    assert enlist.enrollment(ticket.enrollment_id).opened_at == enlist.clock.now


@pytest.mark.parametrize(
    "headers",
    [
        {"purpose": "prefetch"},
        {"sec_purpose": "prefetch;prerender"},
        {"x_moz": "prefetch"},
        {"sec_fetch_mode": "no-cors"},
        {"sec_fetch_mode": ""},
        {"sec_fetch_dest": "empty"},
        {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"user_agent": "Mozilla/5.0 (Windows NT 10.0) Microsoft Office/16.0"},
        {"user_agent": "Mozilla/5.0 HeadlessChrome/140.0.0.0 Safari/537.36"},
        {"user_agent": "Slackbot-LinkExpanding 1.0"},
        {"user_agent": "python-requests/2.32"},
    ],
)
def test_scanner_is_labelled_and_changes_nothing(
    enlist: Enlist, visitor: Visitor, headers: dict[str, str]
) -> None:
    """S33, S34."""
    ticket = enlist.register()
    before = database(enlist)
    assert visitor.open(f"/enroll/{ticket.enrollment_id}", **headers).status == 200
    assert [scanner for scanner, _ in opened(enlist, ticket)] == [True]
    assert enlist.enrollment(ticket.enrollment_id).opened_at is None
    assert database(enlist) == before


def test_head_is_a_scanner(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    assert visitor.client.head(f"/enroll/{ticket.enrollment_id}").status_code == 200
    assert [scanner for scanner, _ in opened(enlist, ticket)] == [True]


def test_form_alone_is_no_opened_link(enlist: Enlist, visitor: Visitor) -> None:
    enlist.register()
    visitor.open("/enroll")
    visitor.open("/enroll/welcome")
    visitor.open(f"/enroll/{UNKNOWN}")
    assert not enlist.events("enrollment.opened")
