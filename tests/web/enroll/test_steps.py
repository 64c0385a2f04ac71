"""From the form to the code: what is shown, what it changes, and that a repeat changes nothing."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from enlist.delivery.channels import MailboxChannel
from enlist.delivery.worker import Worker
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.landing import LookAround, Surroundings
from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.register import Register
from enlist.verbs.users import ChangeUser
from enlist.web.services import Services
from tests.installation import MAILED, PASSWORD, Enlist, code, done
from tests.pictures import qr_text
from tests.web.enroll.conftest import NewVisitor, Visitor
from tests.web.enroll.walking import code_on

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
LOGIN = ("ada", PASSWORD)


def on_phone(new_visitor: NewVisitor) -> Visitor:
    return new_visitor(user_agent=IPHONE, sec_ch_ua_platform="")


def test_first_button_says_what_would_happen_and_changes_nothing(
    enlist: Enlist, visitor: Visitor
) -> None:
    enlist.user("ada")
    enlist.do(ChangeUser("ada", {"first_name": "Ada", "last_name": "Lovelace"}))
    enlist.do(ChangeOrganization(enlist.root.id, "Analytical Engines", "Europe/Berlin"))
    ticket = enlist.register("ada", name="Ada's laptop")
    enlist.clock.advance(hours=19)
    visitor.open(f"/enroll/{ticket.enrollment_id}")
    page = visitor.check(ticket.token)
    assert page.status == 200
    for shown in (
        "Analytical Engines",
        "Ada Lovelace (ada)",
        "Ada's laptop Linux computer",
        "Tue, Mar 3, 2026, 1:00 PM CET (UTC+1) in 5 hours",
    ):
        assert shown in page.text
    assert not enlist.rows("attempt")
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert ticket.token.reveal() not in page.source


def test_second_button_gives_a_code_that_the_agent_can_use(
    enlist: Enlist, visitor: Visitor, services: Services
) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    page = visitor.begin()
    shown = code_on(page)
    server = services.public_url
    assert f"enlist-agent enroll {shown} --server {server} --state enlist-device" in page.text
    assert "The code is valid until 12:10 PM UTC." in page.text
    assert ticket.token.reveal() not in page.source
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert code(enlist.redeem(shown)) == "done"
    assert enlist.enrollment(ticket.enrollment_id).state == "used"


@pytest.mark.parametrize("shape", ["{}", " {} ", "{}\u00a0", "split"])
def test_typed_token_may_hold_spaces_and_hyphens(
    enlist: Enlist, visitor: Visitor, shape: str
) -> None:
    """A24, X04: the result is the link's."""
    token = enlist.register().token.reveal()
    typed = f"{token[:3]} {token[3:6]}-{token[6:]}" if shape == "split" else shape.format(token)
    visitor.open()
    assert visitor.check(typed).status == 200
    assert code(enlist.redeem(code_on(visitor.begin()))) == "done"


def test_code_works_where_a_token_does(enlist: Enlist, new_visitor: NewVisitor) -> None:
    """Going on on another device: the code is typed there, in whatever case."""
    ticket = enlist.register()
    first, second = new_visitor(), new_visitor()
    first.open()
    first.check(ticket.token)
    shown = code_on(first.begin())
    second.open()
    assert second.check(shown.lower().replace("-", " ")).status == 200
    assert code(enlist.redeem(code_on(second.begin()))) == "done"


def test_back_and_reload_show_the_same_attempt(enlist: Enlist, visitor: Visitor) -> None:
    """Ruling 23: repeating the last POST, or going back one step or two."""
    ticket = enlist.register()
    nonce = visitor.open().hidden("nonce")
    sealed = visitor.check(ticket.token).hidden("sealed")
    shown = code_on(visitor.begin())
    enlist.clock.advance(minutes=3)
    again = visitor.post({"sealed": sealed, "step": "begin"})
    assert code_on(again) == shown
    assert "12:10 PM" in again.text
    visitor.check(ticket.token, nonce=nonce)
    assert code_on(visitor.begin()) == shown
    assert len(enlist.rows("attempt")) == 1


def test_checked_step_is_shown_again_without_asking_anybody(
    enlist: Enlist, visitor: Visitor
) -> None:
    ticket = enlist.register()
    visitor.open()
    first = visitor.check(ticket.token)
    events = len(enlist.events())
    enlist.clock.advance(minutes=1)
    assert visitor.open("/enroll/check").text == first.text
    assert len(enlist.events()) == events
    assert {c.partition("=")[0] for c in visitor.shown.cookies} == set()


def test_two_windows_do_not_mix(enlist: Enlist, visitor: Visitor) -> None:
    """The second check in a browser does not change what the first window's button starts."""
    first, second = enlist.register(name="one"), enlist.register(name="two")
    visitor.open()
    sealed = visitor.check(first.token).hidden("sealed")
    visitor.open()
    visitor.check(second.token)
    shown = code_on(visitor.post({"sealed": sealed, "step": "begin"}))
    assert done(enlist.check(shown)).device_name == "one"


@pytest.mark.parametrize("lost", ["enlist-checked", "enlist-visit"])
def test_checked_step_without_its_cookie_starts_over(
    enlist: Enlist, visitor: Visitor, lost: str
) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    visitor.client.cookies.delete(lost)
    page = visitor.open("/enroll/check")
    assert (page.status, page.location) == (303, "/enroll")


def test_names_too_long_for_a_cookie_still_show(enlist: Enlist, visitor: Visitor) -> None:
    name, password = "ä" * 100, "🐢" * 250
    enlist.user(name, password=password, email="long@example.com")
    ticket = enlist.register(name, name="ü" * 200)
    enlist.do(ChangeUser(name, {"first_name": "ö" * 200, "last_name": "ß" * 200}))
    enlist.set(token_type="two_factor")
    visitor.open()
    page = visitor.check(ticket.token, login=(name, password))
    assert page.status == 200
    assert "enlist-checked" not in "".join(page.cookies)
    assert code(enlist.redeem(code_on(visitor.begin()))) == "done"


def test_attempt_that_is_over_gives_way_to_a_new_one(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    sealed = visitor.check(ticket.token).hidden("sealed")
    shown = code_on(visitor.begin())
    enlist.clock.advance(minutes=10, seconds=1)
    assert code_on(visitor.post({"sealed": sealed, "step": "begin"})) != shown


def test_reload_after_the_device_enrolled_says_used(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    sealed = visitor.check(ticket.token).hidden("sealed")
    assert code(enlist.redeem(code_on(visitor.begin()))) == "done"
    page = visitor.post({"sealed": sealed, "step": "begin"})
    assert page.status == 410
    assert "already been used" in page.text


def test_another_token_in_the_same_browser_gets_its_own_attempt(
    enlist: Enlist, visitor: Visitor
) -> None:
    first, second = enlist.register(name="one"), enlist.register(name="two")
    codes = []
    for ticket in (first, second, first):
        visitor.open()
        visitor.check(ticket.token)
        codes.append(code_on(visitor.begin()))
    assert len(set(codes)) == 3
    assert code(enlist.check(codes[1])) == "done"


def test_code_is_never_readable_in_a_cookie(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    page = visitor.begin()
    shown = code_on(page)
    jar = "".join(page.cookies)
    assert "enlist-attempt" in jar
    decoded = b"".join(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        for part in re.findall(r"=([A-Za-z0-9_-]{60,})=*;", jar)
    )
    for secret in (shown, shown.replace("-", ""), ticket.token.reveal()):
        assert secret not in jar
        assert secret.encode() not in decoded


def test_other_platform_is_sent_on_and_nothing_is_consumed(
    enlist: Enlist, new_visitor: NewVisitor, services: Services
) -> None:
    """A23: a link opened on a phone, for a laptop."""
    ticket = enlist.register(name="Ada's laptop")
    phone = on_phone(new_visitor)
    phone.open(f"/enroll/{ticket.enrollment_id}")
    assert "another kind of device" in phone.check(ticket.token).text
    page = phone.begin()
    assert "Continue on your Linux computer" in page.text
    assert f"On that device, open {services.public_url}/enroll" in page.text
    assert "enlist-agent" not in page.text
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert code(enlist.redeem(code_on(page))) == "done"


def test_link_in_the_mail_leads_a_phone_to_the_confirmation(
    enlist: Enlist, new_visitor: NewVisitor, services: Services
) -> None:
    """A23: the mail's own link; opening it consumes nothing, and its token needs no typing."""
    enlist.user("ada")
    issued = enlist.do(Register("", "ada", DeviceDetails("Ada's iPhone", "ios"), MAILED))
    mailbox = MailboxChannel()
    worker = Worker(enlist.driver, {"email": mailbox}, services.public_url, poll=60)
    assert worker.deliver_due() == 1
    worker.stop()
    (mail,) = mailbox.messages()
    link = urlsplit(re.findall(r"https?://\S+/enroll/\S+", mail.text)[0])
    ((name, token),) = parse_qsl(link.fragment)
    phone = on_phone(new_visitor)
    pages = [phone.open(link.path) for _ in range(3)]
    assert {page.status for page in pages} == {200}
    assert f'data-fragment="{name}"' in phone.shown.source, (
        "the page fills in what the link carries"
    )
    assert enlist.enrollment(issued.enrollment_id).state == "active"
    assert enlist.rows("attempt") == []
    confirm = phone.check(token)
    assert "Is this right?" in confirm.text
    assert "Ada's iPhone" in confirm.text
    assert enlist.enrollment(issued.enrollment_id).state == "active"


def test_single_factor_is_never_asked_who_it_is(enlist: Enlist, visitor: Visitor) -> None:
    """A03: the fields for signing in stay folded, and no later page has any."""
    ticket = enlist.register()
    form = visitor.open(f"/enroll/{ticket.enrollment_id}").source
    folded = form.partition('<details class="fold">')[2].partition("</details>")[0]
    for name in ('name="username"', 'name="password"'):
        assert form.count(name) == folded.count(name) == 1
    assert " required" not in folded
    for page in (visitor.check(ticket.token), visitor.begin()):
        assert page.status == 200
        assert 'name="username"' not in page.source
        assert 'type="password"' not in page.source
    assert code(enlist.redeem(code_on(visitor.shown))) == "done"


def test_person_may_choose_another_platform(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register(platform="macos")
    visitor.open()
    assert "another kind of device" in visitor.check(ticket.token).text
    assert "open Terminal" in visitor.begin(platform="macos").text


@pytest.mark.parametrize("here", [True, False])
def test_phone_hears_what_is_not_possible_yet(
    enlist: Enlist, new_visitor: NewVisitor, here: bool
) -> None:
    ticket = enlist.register(platform="ios")
    visitor = on_phone(new_visitor) if here else new_visitor()
    visitor.open()
    assert "cannot finish on phones" in visitor.check(ticket.token).text
    page = visitor.begin()
    assert "Phones and tablets cannot finish here yet" in page.text
    assert "your token works as before" in page.text
    assert code_on(page)


def test_qr_code_leads_to_the_page_with_the_code(
    enlist: Enlist, visitor: Visitor, services: Services
) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    page = visitor.begin()
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page.source)
    assert found is not None
    link = f"{services.public_url}/enroll#t={code_on(page)}"
    assert qr_text(base64.b64decode(found[1])) == link
    assert len(link) <= 200


def test_group_id_and_login_take_the_place_of_a_token(enlist: Enlist, visitor: Visitor) -> None:
    """Ruling 21; A65: the Group ID leads to its organization."""
    enlist.organization("north")
    enlist.user("ada", organization="north")
    visitor.open()
    page = visitor.check("NORTH", login=LOGIN)
    assert page.status == 200
    assert "North" in page.text
    assert "The one that you enroll" in page.text
    assert "Valid until" not in page.text
    shown = code_on(visitor.begin())
    assert code(enlist.redeem(shown)) == "done"


@pytest.mark.parametrize("path", ["/enroll", "/enroll/welcome"])
def test_an_e_mail_address_leads_to_ones_own_organization(
    enlist: Enlist, visitor: Visitor, path: str
) -> None:
    """A65; somebody else's address, and a wrong password, get the answer of every wrong login."""
    enlist.organization("north")
    enlist.user("ada", organization="north")
    enlist.user("bob")
    visitor.open(path)
    for field, login in (("bob@example.com", LOGIN), ("ada@example.com", ("ada", "wrong"))):
        page = visitor.check(field, login=login)
        assert (page.status, "That did not work" in page.text) == (403, True)
        enlist.clock.advance(minutes=10)
        visitor.open(path)
    page = visitor.check("Ada@Example.com", login=LOGIN)
    assert page.status == 200
    assert "North" in page.text
    assert code(enlist.redeem(code_on(visitor.begin()))) == "done"


def test_two_factor_token_needs_the_login_of_its_user(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    enlist.set(token_type="two_factor")
    visitor.open()
    assert visitor.check(ticket.token).status == 404
    assert visitor.check(ticket.token, login=LOGIN).status == 200
    page = visitor.begin()
    assert PASSWORD not in page.source
    assert code(enlist.redeem(code_on(page))) == "done", "the code stands for the login as well"


def test_somebody_else_signed_in_here_changes_nothing(enlist: Enlist, visitor: Visitor) -> None:
    """A25: the device belongs to the token's user."""
    ticket = enlist.register("ada")
    enlist.user("bob")
    visitor.post({"username": "bob", "password": PASSWORD}, path="/sign-in")
    visitor.open()
    assert "ada" in visitor.check(ticket.token).text
    assert code(enlist.redeem(code_on(visitor.begin()))) == "done"
    assert enlist.device(ticket.device_id).username == "ada"


def test_pages_speak_german(enlist: Enlist, new_visitor: NewVisitor) -> None:
    ticket = enlist.register()
    visitor = new_visitor(accept_language="de-AT,de;q=0.9,en;q=0.5")
    page = visitor.open()
    assert '<html lang="de">' in page.source
    assert "Gerät registrieren" in page.text
    assert "Stimmt das?" in visitor.check(ticket.token).text
    assert "Der Code gilt bis 12:10 UTC." in visitor.begin().text
    visitor.open()
    assert "Dieses Token ist hier nicht gültig" in visitor.check("ABCDEFGH23").text


@pytest.mark.parametrize(
    ("user_zone", "organization_zone", "shown"),
    [
        ("Pacific/Auckland", "Europe/Berlin", "Wed, Mar 4, 2026, 1:00 AM NZDT (UTC+13)"),
        ("America/Los_Angeles", "", "Tue, Mar 3, 2026, 4:00 AM PST (UTC-8)"),
        ("", "Asia/Kolkata", "Tue, Mar 3, 2026, 5:30 PM IST (UTC+5:30)"),
        ("", "", "Tue, Mar 3, 2026, 12:00 PM UTC in"),
    ],
)
def test_expiry_is_shown_in_the_persons_zone(
    enlist: Enlist, visitor: Visitor, user_zone: str, organization_zone: str, shown: str
) -> None:
    """X07: the user's zone, else the nearest organization's, else UTC; never without its name."""
    enlist.do(ChangeOrganization(enlist.root.id, time_zone=organization_zone))
    enlist.organization("below")
    enlist.user("ada", organization="below")
    enlist.do(ChangeUser("ada", {"time_zone": user_zone}))
    ticket = enlist.register("ada", organization="below")
    visitor.open()
    assert shown in visitor.check(ticket.token).text


def test_https_cookies_are_tied_to_the_host(enlist: Enlist, services: Services) -> None:
    from starlette.testclient import TestClient

    from enlist.web.app import web_application

    addresses = replace(services.tools.addresses, public_url="https://enroll.example.com")
    tools = replace(services.tools, addresses=addresses)
    driver = type(services.driver)(services.store, tools, lambda _effects: None)
    app = web_application(replace(services, driver=driver))
    with TestClient(app, base_url="https://enroll.example.com") as client:
        answer = client.get("/enroll", headers={"accept": "text/html"})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-enlist-visit=")
    assert "; Secure" in cookie
    assert "includeSubDomains" in answer.headers["strict-transport-security"]


def test_surroundings_of_nothing_are_empty(enlist: Enlist) -> None:
    found = enlist.driver.view(LookAround(None), enlist.stranger())
    assert found == Surroundings()
