"""Who is told what: a holder exactly what is wrong, everybody else one and the same (X13)."""

from __future__ import annotations

import pytest

from enlist.verbs.users import SetUserState
from tests.installation import PASSWORD, Enlist, Ticket, code, done
from tests.web.enroll.conftest import SUPPORT_CODE, NewVisitor, Page, Visitor

WRONG = ("ada", "wrong horse battery")


def told(visitor: Visitor, ticket: Ticket) -> Page:
    visitor.open("/enroll")
    return visitor.check(ticket.token)


def test_expired_token_says_when_in_red_and_in_words(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    enlist.clock.advance(hours=27)
    page = told(visitor, ticket)
    assert page.status == 410
    assert "This token has expired" in page.text
    assert "It expired 3 hours ago, on Tue, Mar 3, 2026, 12:00 PM UTC." in page.text
    assert '<p class="when bad">' in page.source
    assert "Ask your administrator to send you a new one" in page.text


def test_used_token_says_when(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    assert code(enlist.redeem(ticket.token)) == "done"
    enlist.clock.advance(minutes=5)
    page = told(visitor, ticket)
    assert page.status == 410
    assert "It was used 5 minutes ago" in page.text


def test_replaced_token_says_when_the_newer_one_was_sent(enlist: Enlist, visitor: Visitor) -> None:
    """X10."""
    ticket = enlist.register()
    enlist.clock.advance(minutes=30)
    enlist.reissue(ticket.enrollment_id)
    enlist.clock.advance(minutes=2)
    page = told(visitor, ticket)
    assert page.status == 410
    assert "A newer message was sent to you" in page.text
    assert "sent 2 minutes ago, on Mon, Mar 2, 2026, 12:30 PM UTC" in page.text


def test_revoked_token_says_so(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    enlist.revoke(ticket.enrollment_id)
    page = told(visitor, ticket)
    assert page.status == 410
    assert "This token was withdrawn" in page.text


def test_disabled_user_is_told_by_name_of_his_organization(
    enlist: Enlist, visitor: Visitor
) -> None:
    ticket = enlist.register("ada")
    enlist.do(SetUserState("ada", "disabled"))
    page = told(visitor, ticket)
    assert page.status == 403
    assert "Your administrator: My organization." in page.text


def test_code_that_ran_out_says_that_the_token_still_works(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    ticket = enlist.register()
    begun = enlist.begin(ticket.token)
    enlist.clock.advance(minutes=11)
    visitor = new_visitor()
    visitor.open()
    page = visitor.check(done(begun).code)
    assert page.status == 410
    assert "It ran out 1 minute ago" in page.text
    assert "your token still works" in page.text


def test_token_of_somebody_else_is_told_after_the_login(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register("ada")
    enlist.user("bob")
    enlist.set(token_type="two_factor")
    visitor.open()
    page = visitor.check(ticket.token, login=("bob", PASSWORD))
    assert page.status == 403
    assert "This token belongs to somebody else" in page.text


def test_support_code_leads_to_the_exact_reason(enlist: Enlist, visitor: Visitor) -> None:
    """X38, S78."""
    ticket = enlist.register()
    enlist.set(token_type="two_factor")
    visitor.open()
    page = visitor.check(ticket.token)
    assert page.status == 404
    (event,) = enlist.events("enrollment.refused")
    assert event.support_code == page.support_code
    assert event.enrollment_id == ticket.enrollment_id
    assert event.data["reason"] == "login missing"


def uniform(page: Page) -> tuple[object, ...]:
    """Everything that an answer tells, but its support code and the age of the visit."""
    headers = {k: v for k, v in page.headers.items() if k != "date"}
    return page.status, SUPPORT_CODE.sub("CODE", page.source), headers, page.cookies


def presented(enlist: Enlist) -> dict[str, str]:
    """Texts that get nowhere without a login, each for another reason."""
    two_factor, deleted = enlist.register(name="a"), enlist.register("bob", name="b")
    from enlist.verbs.devices import DeleteDevice

    enlist.do(DeleteDevice(deleted.device_id))
    enlist.organization("north")
    enlist.set(token_type="two_factor")
    return {
        "unknown": "ABCDEFGH23",
        "two factors": two_factor.token.reveal(),
        "deleted": deleted.token.reveal(),
        "Group ID": "north",
        "unknown Group ID": "south",
        "mistyped code": "BCDF-GHJK-M",
        "unknown code": "BCDF-GHJK-L",
        "too short": "ABC",
        "too long": "A" * 256,
        "far too long": "A" * 5000,
        "not ASCII": "äöü\u202e漢字😀",
        "markup": "<script>alert(1)</script>",
        "quote": "' OR 1=1 --",
        "empty": "",
        "blank": "   ",
    }


@pytest.mark.parametrize("login", [("", ""), WRONG, ("nobody", "x"), ("ada", ""), ("", "x")])
def test_strangers_get_one_answer(
    enlist: Enlist, new_visitor: NewVisitor, login: tuple[str, str]
) -> None:
    """Ruling 8: with and without a login one answer each, to the byte, header by header."""
    visitor = new_visitor()
    nonce = visitor.open().hidden("nonce")
    cookies = dict(visitor.client.cookies)
    answers = {}
    for name, text in presented(enlist).items():
        # Each from an address of its own, in the same browser: nothing but the text differs.
        other = new_visitor()
        other.client.cookies.update(cookies)
        answers[name] = uniform(other.check(text, login=login, nonce=nonce))
    first = answers["unknown"]
    assert first[0] == (403 if any(login) else 404)
    assert {name for name, answer in answers.items() if answer != first} == set()
    assert "ABCDEFGH23" not in str(first[1])


def test_tenth_wrong_try_is_the_last(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    nonce = visitor.open().hidden("nonce")
    for _ in range(10):
        assert visitor.check("ABCDEFGH23", nonce=nonce).status == 404
    page = visitor.check(ticket.token, nonce=nonce)
    assert page.status == 429
    assert "Too many tries" in page.text
    assert "Try again in 10 minutes." in page.text
    assert page.headers["retry-after"] == "600"


def test_holders_refusals_do_not_count(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    enlist.revoke(ticket.enrollment_id)
    nonce = visitor.open().hidden("nonce")
    assert {visitor.check(ticket.token, nonce=nonce).status for _ in range(12)} == {410}


def test_refusals_speak_german(enlist: Enlist, new_visitor: NewVisitor) -> None:
    ticket = enlist.register()
    enlist.clock.advance(hours=27)
    visitor = new_visitor(accept_language="de")
    page = told(visitor, ticket)
    assert "Dieses Token ist abgelaufen" in page.text
    assert "Es ist vor 3 Stunden abgelaufen" in page.text


def test_begin_refuses_what_changed_since_the_check(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    enlist.revoke(ticket.enrollment_id)
    page = visitor.begin()
    assert page.status == 410
    assert "This token was withdrawn" in page.text
