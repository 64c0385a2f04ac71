"""Messages: what became of each, and never what was in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from enlist.core.caller import SYSTEM
from enlist.store import outbox
from enlist.verbs.deliver import Claim, DueMessages
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue
from tests.installation import Enlist
from tests.web.console.conftest import Console

LIST = "/console/main/messages"
REASON = "550 5.1.1 <ada@example.com>: no such mailbox"


def mail(enlist: Enlist, username: str = "ada", organization: str = "main") -> Issued:
    """A message to a new user, waiting in the outbox."""
    enlist.user(username, organization=organization)
    details = DeviceDetails(f"{username}'s laptop", "linux")
    return enlist.do(Register("", username, details, Delivery("email")))


def fail(enlist: Enlist) -> None:
    """Give up what waits in the outbox."""
    for message_id in enlist.see(DueMessages(), SYSTEM):
        enlist.do(Claim((message_id,)), SYSTEM)
        enlist.store.write(partial(outbox.failed, message_id=message_id, tries=1, reason=REASON))


def test_messages_are_listed_with_state_and_reason(console: Console, enlist: Enlist) -> None:
    mail(enlist)
    fail(enlist)
    mail(enlist, "grace")
    desk = console.sign_in()
    page = desk.open(LIST)
    assert "Failed" in page.main
    assert REASON in page.main
    assert "grace@example.com" in page.main
    failed = desk.open(f"{LIST}?state=failed").main
    assert "ada@example.com" in failed
    assert "grace@example.com" not in failed
    assert "ada@example.com" not in desk.open(f"{LIST}?q=grace").main


def test_an_empty_outbox_says_what_fills_it(console: Console) -> None:
    page = console.sign_in().open(LIST)
    assert "Nothing was sent yet" in page.main
    assert page.leads_to("/console/main/devices/new")


def test_a_message_leads_to_its_enrollment_and_user(console: Console, enlist: Enlist) -> None:
    issued = mail(enlist)
    fail(enlist)
    desk = console.sign_in()
    [address] = {link for link in desk.open(LIST).links if link.startswith(f"{LIST}/")}
    page = desk.open(address)
    assert "It was given up" in page.main
    assert REASON in page.main
    assert page.leads_to(f"/console/main/enrollments/{issued.enrollment_id}")
    assert page.leads_to(f"/console/main/enrollments/{issued.enrollment_id}/resend")
    assert any(link.startswith("/console/main/users/") for link in page.links)
    assert "the newest, number 1" in page.main
    enlist.do(Reissue(issued.enrollment_id, Delivery("none")))
    assert "number 1, replaced by number 2" in desk.open(address).main


def test_no_page_about_a_message_holds_its_token(console: Console, enlist: Enlist) -> None:
    issued = mail(enlist)
    token = enlist.reissue(issued.enrollment_id).token.reveal()
    desk = console.sign_in()
    [address] = {link for link in desk.open(LIST).links if link.startswith(f"{LIST}/")}
    for page in (desk.open(LIST), desk.open(address)):
        assert token.lower() not in page.source.lower()


def test_without_a_mail_server_the_page_says_so(console: Console, enlist: Enlist) -> None:
    told = "No mail server is set up"
    assert told not in console.sign_in().open(LIST).main
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset())
    assert told in console.sign_in().open(LIST).main


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_everybody_may_look(console: Console, enlist: Enlist, role: str) -> None:
    issued = mail(enlist)
    desk = console.sign_in(role)
    [address] = {link for link in desk.open(LIST).links if link.startswith(f"{LIST}/")}
    page = desk.open(address)
    resend = f"/console/main/enrollments/{issued.enrollment_id}/resend"
    assert page.leads_to(resend) is (role != "reader")
    assert desk.open(LIST).leads_to("/console/main/templates")


def test_the_help_desk_sees_no_messages_to_staff(console: Console, enlist: Enlist) -> None:
    enlist.staff("operator", "", "olga")
    enlist.do(Register("", "olga", DeviceDetails("laptop", "linux"), Delivery("email")))
    desk = console.sign_in("helpdesk")
    assert "olga" not in desk.open(LIST).main
    [address] = {link for link in console.sign_in().open(LIST).links if link.startswith(f"{LIST}/")}
    assert desk.open(address).status == 404


def test_a_sibling_s_message_does_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    mail(enlist, "beatrice", "beta")
    [address] = {link for link in console.sign_in().open(LIST).links if link.startswith(f"{LIST}/")}
    message_id = address.rpartition("/")[2]
    desk = console.sign_in("administrator", "alpha")
    assert "beatrice@" not in desk.open("/console/alpha/messages").main
    for place in ("alpha", "beta"):
        assert desk.open(f"/console/{place}/messages/{message_id}").status == 404
    root = console.sign_in().open(f"/console/alpha/messages/{message_id}")
    assert root.status == 303, "whoever may see it is shown it where it belongs"
    assert console.sign_in().open("/console/main/messages/nonsense").status == 404
