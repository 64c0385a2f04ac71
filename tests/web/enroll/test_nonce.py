"""What proves that a POST came from a page of ours in this browser (X03, ruling 23)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from enlist.core.clock import HOUR, SECOND
from enlist.core.secrets import KeyRing, new_key
from enlist.web.services import Services
from enlist.web.visits import Purpose, Visit, begin_visit, fingerprint
from tests.installation import Enlist
from tests.web.enroll.conftest import NewVisitor, Page, Visitor


def expired_form(page: Page) -> bool:
    """Refused as `form_expired`, with a fresh form to go on with."""
    fresh = bool(page.hidden("nonce"))
    return fresh and page.status == 403 and "open for too long" in page.text


def test_post_without_a_visit_is_refused(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    page = visitor.post({"field": ticket.token.reveal(), "step": "check"})
    assert expired_form(page)
    assert visitor.check(ticket.token).status == 200, "the fresh form works"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _nonce: "",
        lambda nonce: nonce[:-1],
        lambda nonce: nonce[:40] + ("A" if nonce[40] != "A" else "B") + nonce[41:],
        lambda nonce: "gAAAAABm" + nonce[8:],
        lambda nonce: nonce.lower(),
        lambda _nonce: "nonce",
        lambda _nonce: "ä",
    ],
)
def test_nonce_that_is_missing_or_tampered_with_is_refused(
    enlist: Enlist, visitor: Visitor, spoil: Callable[[str], str]
) -> None:
    ticket = enlist.register()
    nonce = visitor.open().hidden("nonce")
    fields = {"nonce": spoil(nonce), "field": ticket.token.reveal(), "step": "check"}
    assert expired_form(visitor.post(fields))
    assert not enlist.events("enrollment.checked")


def test_nonce_of_another_browser_is_refused(enlist: Enlist, new_visitor: NewVisitor) -> None:
    ticket = enlist.register()
    mine, other = new_visitor(), new_visitor()
    foreign = other.open().hidden("nonce")
    mine.open()
    assert expired_form(mine.check(ticket.token, nonce=foreign))
    assert mine.check(ticket.token).status == 200


def test_checked_step_of_another_browser_is_refused(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    ticket = enlist.register()
    mine, other = new_visitor(), new_visitor()
    other.open()
    sealed = other.check(ticket.token).hidden("sealed")
    mine.open()
    assert expired_form(mine.post({"sealed": sealed, "step": "begin"}))
    assert not enlist.rows("attempt")


def test_form_lives_for_an_hour(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    enlist.clock.advance(minutes=59, seconds=59)
    checked = visitor.check(ticket.token)
    assert checked.status == 200
    enlist.clock.advance(hours=1, seconds=1)
    assert expired_form(visitor.begin())


def test_one_step_is_never_taken_for_another(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    nonce = visitor.open().hidden("nonce")
    sealed = visitor.check(ticket.token).hidden("sealed")
    assert expired_form(visitor.post({"sealed": nonce, "step": "begin"}))
    assert expired_form(visitor.check(ticket.token, nonce=sealed))
    assert not enlist.rows("attempt")


def test_first_step_cannot_be_left_out(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    nonce = visitor.open().hidden("nonce")
    fields = {"nonce": nonce, "field": ticket.token.reveal(), "step": "begin"}
    assert expired_form(visitor.post(fields))
    assert not enlist.rows("attempt")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_form_of_another_site_is_refused(enlist: Enlist, visitor: Visitor, site: str) -> None:
    """S39: even with everything that a page of ours would send."""
    ticket = enlist.register()
    fields = {"nonce": visitor.open().hidden("nonce"), "field": ticket.token.reveal()}
    page = visitor.post({**fields, "step": "check"}, sec_fetch_site=site)
    assert page.status == 403
    assert not enlist.events("enrollment.checked")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{}", "application/json"),
        (b"--x--", "multipart/form-data; boundary=x"),
        (b"field=%ff", "application/x-www-form-urlencoded"),
        (b"field=\xff", "application/x-www-form-urlencoded"),
        (b"field=a%00b", "application/x-www-form-urlencoded"),
        (b"username=a%0ab", "application/x-www-form-urlencoded"),
        (b"field=a&field=b", "application/x-www-form-urlencoded"),
        (b"field=" + b"a" * 8193, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=" % number for number in range(50)), "application/x-www-form-urlencoded"),
    ],
)
def test_what_no_form_of_ours_sends_is_refused_unread(
    enlist: Enlist, visitor: Visitor, content: bytes, media_type: str
) -> None:
    visitor.open()
    headers = {"content-type": media_type, "sec-fetch-site": "same-origin"}
    answer = visitor.client.post("/enroll", content=content, headers=headers)
    assert answer.status_code == 400
    assert "could not be read" in answer.text
    assert not enlist.events("enrollment.refused")


def test_body_that_is_too_large_is_refused_before_it_is_read(visitor: Visitor) -> None:
    visitor.open()
    assert visitor.post({"field": "a" * 70_000}).status == 413


def with_keys(services: Services, keys: KeyRing, cookie: str) -> Visit:
    tools = replace(services.tools, keys=keys)
    driver = type(services.driver)(services.store, tools, lambda _effects: None)
    return Visit(replace(services, driver=driver), cookie)


def test_what_was_sealed_outlives_a_rotation_and_no_other_key_opens_it(services: Services) -> None:
    before = begin_visit(services)
    sealed = before.seal(Purpose.CHECKED, {"field": "x"})
    ring = services.tools.keys
    fresh = new_key(services.tools.clock())
    rotated = with_keys(services, KeyRing((fresh, *ring.lookup), ring.derive), before.cookie)
    assert rotated.unseal(Purpose.CHECKED, sealed) == {"field": "x"}
    stranger = with_keys(services, KeyRing((fresh,), ring.derive), before.cookie)
    assert stranger.unseal(Purpose.CHECKED, sealed) is None


def test_what_was_presented_before_a_rotation_is_recognised_after_it(services: Services) -> None:
    """Ruling 23: Back and Reload find the attempt that this browser began."""
    ring, values = services.tools.keys, {"field": "R2d2C3po99"}
    fresh = new_key(services.tools.clock())
    rotated = KeyRing((fresh, *ring.lookup), ring.derive)
    assert fingerprint(rotated, values) == fingerprint(ring, values)


def test_what_was_sealed_shows_nothing(services: Services) -> None:
    visit = begin_visit(services)
    values = {"field": "R2d2C3po99", "password": "correct horse"}
    sealed = visit.seal(Purpose.CHECKED, values)
    assert "R2d2" not in sealed
    assert len({visit.seal(Purpose.CHECKED, values) for _ in range(3)}) == 3
    assert len(fingerprint(services.tools.keys, values)) == 64


def test_what_was_sealed_before_our_clock_was_set_back_is_refused(
    enlist: Enlist, services: Services
) -> None:
    visit = begin_visit(services)
    sealed = visit.seal(Purpose.FORM)
    enlist.clock.now -= HOUR
    assert visit.unseal(Purpose.FORM, sealed) is None
    enlist.clock.now += HOUR + SECOND
    assert visit.unseal(Purpose.FORM, sealed) == {}
