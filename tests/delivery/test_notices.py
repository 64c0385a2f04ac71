"""Notices: a user hears what becomes of his devices, so that he finds out what he did not do.

Fact rows D25 and S57, on both stores.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.delivery.builtin import built_in
from enlist.delivery.channels.mailbox import CapturedMessage
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import Driver
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.notices import PURPOSES
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue
from enlist.verbs.reset import Reset
from enlist.verbs.together import Together
from enlist.verbs.users import ChangeUser, DeleteUser
from tests.delivery.world import Outbox
from tests.installation import PASSWORD, SHOWN, Enlist, code, done
from tests.requests import csr


@pytest.fixture
def telling(outbox: Outbox) -> Enlist:
    """An installation whose organization tells users."""
    outbox.enlist.set(notify_users=True)
    return outbox.enlist


def queued(enlist: Enlist) -> list[tuple[str, str]]:
    """Purpose and address of each message, oldest first."""
    return [(row["purpose"], row["recipient"]) for row in enlist.rows("message")]


def sent(outbox: Outbox) -> CapturedMessage:
    """The one message that is due."""
    assert outbox.deliver() == 1
    return outbox.mailbox.messages()[0]


def test_whoever_a_device_is_enrolled_for_hears_of_it(outbox: Outbox, telling: Enlist) -> None:
    """D25: with time and address; a refusal or a repeat tells nothing."""
    ticket = telling.register("ada", name="work laptop")
    thief: Caller = telling.stranger("198.51.100.7")
    done(telling.redeem(ticket.token, caller=thief))
    assert queued(telling) == [("device_enrolled", "ada@example.com")]
    assert done(telling.redeem(ticket.token)).repeated
    assert code(telling.redeem(ticket.token, key=1)) == "token_used"
    telling.clock.advance(hours=3)
    message = sent(outbox)
    assert message.to == "ada@example.com"
    assert message.subject == "A device was enrolled in your name: work laptop"
    told = message.text.replace("\u202f", " ")
    assert "When: Monday, March 2, 2026, 12:00 PM (UTC)" in told
    assert "From the address: 198.51.100.7" in told
    assert "tell your administrator" in told
    assert ticket.token.reveal() not in message.text + message.html


def test_however_it_was_enrolled(telling: Enlist) -> None:
    """By the code of an attempt, by a sign-in alone, and many at once by the hot lane."""
    done(telling.redeem(done(telling.begin(telling.register("ada").token)).code))
    done(telling.redeem(group_id="main", login=("ada", PASSWORD), key=1))
    tickets = [telling.register(name) for name in ("bob", "grace", "alan")]
    asked = [
        (Redeem(Presented(each.token), DeviceReport(), csr(n + 2)), telling.stranger())
        for n, each in enumerate(tickets)
    ]
    told = Together(telling.driver, telling.store).perform(asked)
    assert [code(each) for each in told] == ["done"] * 3
    names = ["ada", "ada", "alan", "bob", "grace"]
    assert sorted(queued(telling)) == [("device_enrolled", f"{name}@example.com") for name in names]


def test_a_reset_and_a_reissue_are_told_beside_the_token(outbox: Outbox, telling: Enlist) -> None:
    """S57: whether the new token is sent or not; what only makes or repeats one is no news."""
    ticket = telling.register("ada")
    done(telling.resend(ticket.enrollment_id))
    outbox.deliver()
    before = len(queued(telling))
    issued = telling.do(Reset(ticket.device_id, "lost"))
    assert queued(telling)[before:] == [("device_reset", "ada@example.com")]
    message = sent(outbox)
    assert "does not count any more" in message.text
    reissued = telling.do(Reissue(issued.issued.enrollment_id, SHOWN))
    message = sent(outbox)
    assert message.subject.startswith("Something new to enroll your device with")
    assert reissued.token is not None
    assert reissued.token.reveal() not in message.text + message.html
    telling.do(Reissue(issued.issued.enrollment_id, Delivery("email")))
    assert sorted(queued(telling)[before + 2 :]) == [
        ("registration", "ada@example.com"),
        ("token_reissued", "ada@example.com"),
    ]


@pytest.mark.parametrize("new", ["mallory@example.com", ""])
def test_a_change_of_address_is_told_to_the_old_one(
    outbox: Outbox, telling: Enlist, new: str
) -> None:
    """S57: nobody turns somebody's messages away unseen. The new address is not told there."""
    telling.user("ada")
    telling.do(ChangeUser("ada", {"first_name": "Ada", "email": "ada@example.com"}))
    assert queued(telling) == []
    telling.do(ChangeUser("ada", {"email": new}))
    message = sent(outbox)
    assert message.to == "ada@example.com"
    assert "was changed" in message.text
    assert "Hello Ada" in message.text
    assert "mallory" not in message.text + message.html
    telling.user("bob", email="")
    telling.do(ChangeUser("bob", {"email": "bob@example.com"}))
    assert len(queued(telling)) == 1


def test_nobody_is_told_who_was_not_to_be(outbox: Outbox) -> None:
    """The setting of the nearest organization counts; without an address there is no message.

    Only whoever enrolled with a token hears at the old address that it was changed, always.
    """
    enlist = outbox.enlist
    enlist.organization("acme", notify_users=True)
    quiet, told = enlist.user("ada"), enlist.user("grace", organization="acme")
    enlist.user("bob", organization="acme", email="")
    for number, (name, place) in enumerate((("ada", ""), ("grace", "acme"), ("bob", "acme"))):
        ticket = enlist.register(name, organization=place)
        done(enlist.redeem(ticket.token, key=number))
        enlist.do(Reset(ticket.device_id))
    sent = {(row["user_id"], row["purpose"]) for row in enlist.rows("message")}
    assert sent == {(told.id, "device_enrolled"), (told.id, "device_reset")}
    enlist.user("carl")
    for name in ("carl", "ada"):
        enlist.do(ChangeUser(name, {"email": f"{name}@example.org"}))
    now = {(row["user_id"], row["purpose"]) for row in enlist.rows("message")}
    assert now - sent == {(quiet.id, "address_changed")}
    verb = Register("", "ada", DeviceDetails("box", "linux"), LATER)
    assert code(enlist.perform(verb)) == "done"


def test_without_a_mail_server_nothing_waits_for_one(telling: Enlist) -> None:
    """Nor is anything refused: a theft cannot wait for a mail server."""
    ticket = telling.register("ada")
    tools = replace(telling.driver.tools, channels=frozenset())
    driver = Driver(telling.store, tools, lambda _effects: None)
    redeem = Redeem(Presented(ticket.token), DeviceReport(), csr(0))
    assert code(driver.perform(redeem, telling.stranger())) == "done"
    assert code(driver.perform(Reset(ticket.device_id), telling.host)) == "done"
    change = ChangeUser("ada", {"email": "other@example.com"})
    assert code(driver.perform(change, telling.host)) == "done"
    assert queued(telling) == []


def test_what_is_gone_since_is_told_all_the_same(outbox: Outbox, telling: Enlist) -> None:
    """Who enrolls and deletes is told of; to whoever is deleted himself nothing goes out."""
    ticket, other = telling.register("ada"), telling.register("bob")
    for number, each in enumerate((ticket, other)):
        done(telling.redeem(each.token, key=number))
    telling.do(DeleteDevice(ticket.device_id))
    telling.do(DeleteUser("bob"))
    assert outbox.deliver() == 2
    (message,) = outbox.mailbox.messages()
    assert message.to == "ada@example.com"
    assert [row["state"] for row in telling.rows("message", recipient="ada@example.com")] == [
        "sent"
    ]


def test_a_notice_that_fails_is_tried_again_like_any_message(
    outbox: Outbox, telling: Enlist
) -> None:
    """It does not end with the token, which is used by then; and the log says what became of it."""
    ticket = telling.register("ada")
    done(telling.redeem(ticket.token))
    telling.clock.advance(hours=48)
    sent(outbox)
    (event,) = telling.events("message.sent")
    assert event.data["purpose"] == "device_enrolled"
    assert event.device_id == ticket.device_id
    assert telling.clock.now - telling.rows("message")[0]["queued_at"] == 48 * HOUR


def test_a_user_reads_it_in_his_language(outbox: Outbox, telling: Enlist) -> None:
    telling.user("ada")
    telling.do(ChangeUser("ada", {"language": "de", "time_zone": "Europe/Berlin"}))
    done(telling.redeem(telling.register("ada").token))
    message = sent(outbox)
    assert "auf Ihren Namen registriert" in message.subject
    assert "13:00 (UTC+01:00, Europe/Berlin)" in message.text


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_every_notice_is_written_in_each_language(purpose: str) -> None:
    for language in ("en", "de"):
        template = built_in(purpose, language)
        assert template is not None
        assert "{Enrollment" not in template.body.replace("{EnrollmentUser}", "")
