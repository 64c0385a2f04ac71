"""Delivering: what is sent, what is not sent any more, and what is written down about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.clock import DAY, HOUR, MINUTE, SECOND
from enlist.core.model import MessageState
from enlist.core.secrets import Secret
from enlist.delivery.channels import Outgoing
from enlist.verbs.deliver import MOST_TRIES, Came, Claim, DueMessages, RecordVerdicts, back_off
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import AddOrganization, ChangeOrganization
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue
from enlist.verbs.templates import DeleteTemplate, PutTemplate, Wording
from enlist.verbs.users import AddUser, ChangeUser, SetUserState
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict
from tests.delivery.world import LINK, MAILED, Outbox, Recorder
from tests.installation import code, refusal


def test_the_link_in_the_message_enrolls(outbox: Outbox) -> None:
    issued = outbox.queue()
    assert outbox.deliver() == 1
    (message,) = outbox.mailbox.messages()
    assert message.to == "ada@example.test"
    (token,) = LINK.findall(message.text)
    assert code(outbox.enlist.redeem(Secret(token))) == "done"
    row = outbox.message(issued)
    assert (row.state, row.tries, row.reason) == (MessageState.SENT, 1, "")
    assert row.sent_at == outbox.clock.now
    (event,) = outbox.enlist.events("message.sent")
    assert event.enrollment_id == issued.enrollment_id
    assert event.device_id == issued.device_id
    assert event.personal == {"actor": "enlist", "recipient": "ada@example.test"}
    assert outbox.deliver() == 0


def test_a_resend_carries_the_same_token(outbox: Outbox) -> None:
    issued = outbox.queue()
    outbox.deliver()
    assert code(outbox.enlist.resend(issued.enrollment_id)) == "done"
    outbox.deliver()
    second, first = outbox.mailbox.messages()
    assert LINK.findall(first.text) == LINK.findall(second.text)
    assert dict(first.headers)["Message-ID"] != dict(second.headers)["Message-ID"]


# --- what nobody needs any more --------------------------------------------------------------


def _revoked(outbox: Outbox, enrollment_id: str) -> None:
    assert code(outbox.enlist.revoke(enrollment_id)) == "done"


def _expired(outbox: Outbox, enrollment_id: str) -> None:
    outbox.clock.advance(hours=24)


def _disabled(outbox: Outbox, enrollment_id: str) -> None:
    outbox.enlist.do(SetUserState("ada", "disabled"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_revoked, "the enrollment ended"),
        (_expired, "the enrollment expired before the message could be sent"),
        (_disabled, "the enrollment ended|the user's account is disabled or was deleted"),
    ],
)
def test_a_token_that_is_dead_is_not_sent(outbox: Outbox, change: object, reason: str) -> None:
    issued = outbox.queue()
    assert callable(change)
    change(outbox, issued.enrollment_id)
    outbox.deliver()
    assert outbox.mailbox.messages() == []
    row = outbox.message(issued)
    assert row.state is MessageState.FAILED
    assert row.reason in reason.split("|")
    (event,) = outbox.enlist.events("message.failed")
    assert event.personal["reason"] == row.reason


def test_only_the_newest_token_is_sent(outbox: Outbox) -> None:
    issued = outbox.queue()
    again = outbox.enlist.do(Reissue(issued.enrollment_id, MAILED))
    outbox.deliver()
    old, new = outbox.message(issued), outbox.message(again)
    assert (old.state, old.reason) == (MessageState.FAILED, "a newer message was sent")
    assert new.state is MessageState.SENT
    (message,) = outbox.mailbox.messages()
    assert LINK.findall(message.text) == [outbox.token(again).reveal()]


def test_the_last_trouble_is_not_forgotten(outbox: Outbox) -> None:
    issued = outbox.queue()
    outbox.deliver(Recorder([Retry("451 greylisted")]))
    outbox.clock.advance(hours=24)
    outbox.deliver()
    assert "last try: 451 greylisted" in outbox.message(issued).reason


# --- later, or never (TP41) ------------------------------------------------------------------


def test_waits_grow_to_an_hour_and_end_after_a_day() -> None:
    waits = [back_off(tries) for tries in range(1, MOST_TRIES)]
    assert waits[:4] == [10 * SECOND, 20 * SECOND, 40 * SECOND, 80 * SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == HOUR
    assert 23 * HOUR <= sum(waits) <= 25 * HOUR
    assert back_off(10_000) == HOUR


def test_later_means_after_a_while(outbox: Outbox) -> None:
    issued = outbox.queue()
    outbox.deliver(Recorder([Retry("451 busy")]))
    row = outbox.message(issued)
    assert (row.state, row.reason) == (MessageState.QUEUED, "451 busy")
    assert row.next_try_at == outbox.clock.now + 10 * SECOND
    outbox.clock.advance(seconds=9)
    assert outbox.deliver() == 0
    outbox.clock.advance(seconds=1)
    outbox.deliver(Recorder([Retry("451 busy", after=5 * MINUTE)]))
    assert outbox.message(issued).next_try_at == outbox.clock.now + 5 * MINUTE
    outbox.clock.advance(minutes=5)
    assert outbox.deliver() == 1
    row = outbox.message(issued)
    assert (row.state, row.tries, row.reason) == (MessageState.SENT, 3, "")
    assert outbox.enlist.events("message.failed") == []


def test_never_means_never(outbox: Outbox) -> None:
    issued = outbox.queue()
    recorder = Recorder([Rejected("550 no such user")])
    outbox.deliver(recorder)
    outbox.clock.advance(hours=1)
    assert outbox.deliver(recorder) == 0
    row = outbox.message(issued)
    assert (row.state, row.reason) == (MessageState.FAILED, "550 no such user")
    # The console shows it with the enrollment (A30).
    found = outbox.enlist.enrollment(issued.enrollment_id)
    assert (found.message_state, found.message_reason) == ("failed", "550 no such user")


def test_a_message_is_given_up_after_a_day_of_trying(outbox: Outbox) -> None:
    outbox.enlist.set(token_expiration_hours=72)
    issued = outbox.queue()
    began = outbox.clock.now
    recorder = Recorder([Retry("away")] * 100)
    while outbox.message(issued).state is MessageState.QUEUED:
        outbox.deliver(recorder)
        outbox.clock.now = max(outbox.clock.now, outbox.message(issued).next_try_at)
    assert len(recorder.given) == MOST_TRIES
    assert 23 * HOUR < outbox.clock.now - began < 1 * DAY + 1 * HOUR
    assert outbox.message(issued).reason == f"given up after {MOST_TRIES} tries: away"
    assert len(outbox.enlist.events("message.failed")) == 1
    assert len({each.message_id for each in recorder.given}) == 1


def test_a_message_whose_sending_never_ends_is_given_up_too(outbox: Outbox) -> None:
    outbox.enlist.set(token_expiration_hours=72)
    issued = outbox.queue()
    for _ in range(MOST_TRIES):
        outbox.claim(issued)
        outbox.clock.advance(minutes=5)
    assert outbox.deliver() == 0
    assert outbox.message(issued).state is MessageState.FAILED


# --- claims (X12) ----------------------------------------------------------------------------


class Killed(BaseException):
    """The process dies here."""


class Dying(Recorder):
    """Hands the message over, and takes the process down before anybody hears of it."""

    def send(self, message: Outgoing) -> Verdict:
        super().send(message)
        raise Killed


def test_a_worker_killed_after_sending_sends_again_under_the_same_id(outbox: Outbox) -> None:
    issued = outbox.queue()
    dying = Dying()
    with pytest.raises(Killed):
        outbox.deliver(dying)
    assert outbox.message(issued).state is MessageState.SENDING
    recorder = Recorder()
    outbox.clock.advance(minutes=4, seconds=59)
    assert outbox.deliver(recorder) == 0
    outbox.clock.advance(seconds=1)
    assert outbox.deliver(recorder) == 1
    (first,), (second,) = dying.given, recorder.given
    assert first.message_id == second.message_id
    assert first.text == second.text
    assert outbox.message(issued).state is MessageState.SENT
    assert len(outbox.enlist.events("message.sent")) == 1


@pytest.mark.parametrize("verdict", [Accepted(), Retry("late"), Rejected("late")])
def test_a_worker_that_comes_too_late_changes_nothing(outbox: Outbox, verdict: Verdict) -> None:
    issued = outbox.queue()
    late = RecordVerdicts((Came(outbox.claim(issued), verdict, posted=True),))
    outbox.clock.advance(minutes=5)
    outbox.claim(issued)
    before = outbox.message(issued)
    outbox.enlist.do(late, SYSTEM)
    assert outbox.message(issued) == before
    assert outbox.enlist.events("message.sent") + outbox.enlist.events("message.failed") == []


def test_a_claimed_message_is_not_due(outbox: Outbox) -> None:
    issued = outbox.queue()
    outbox.claim(issued)
    assert outbox.enlist.driver.view(DueMessages(), SYSTEM) == ()
    assert issued.message_id is not None
    assert outbox.enlist.do(Claim((issued.message_id,)), SYSTEM) == ()


# --- who reads it ----------------------------------------------------------------------------


def test_language_and_zone_come_from_the_nearest_that_has_them(outbox: Outbox) -> None:
    enlist = outbox.enlist
    enlist.do(ChangeOrganization(enlist.root.id, time_zone="Europe/Berlin", language="de"))
    enlist.do(AddOrganization("", "child", "Child", time_zone="Pacific/Auckland"))
    for name, zone, language in (
        ("root-user", "", ""),
        ("own-user", "America/Los_Angeles", "en"),
    ):
        enlist.do(
            AddUser(
                enlist.root.id,
                name,
                f"{name}@example.test",
                first_name="Ada",
                time_zone=zone,
                language=language,
            )
        )
    enlist.do(AddUser("child", "child-user", "child-user@example.test", first_name="Ada"))
    texts = {}
    for name in ("root-user", "own-user", "child-user"):
        enlist.do(Register("", name, DeviceDetails("laptop", "linux"), MAILED))
        outbox.deliver()
        texts[name] = outbox.mailbox.messages()[0].text
    assert "Guten Tag Ada" in texts["root-user"]
    assert "13:00 (UTC+01:00, Europe/Berlin)" in texts["root-user"]
    assert "Hello Ada" in texts["own-user"]
    assert "Tuesday, March 3, 2026, 4:00 AM (UTC-08:00, America/Los_Angeles)" in texts["own-user"]
    assert "Guten Tag Ada" in texts["child-user"]
    assert "01:00 (UTC+13:00, Pacific/Auckland)" in texts["child-user"]


def test_the_sender_is_the_person_who_issued_it(outbox: Outbox) -> None:
    staff = outbox.enlist.staff("operator", username="grace")
    outbox.enlist.do(ChangeUser("grace", {"first_name": "Grace", "last_name": "Hopper"}))
    outbox.enlist.user("ada")
    outbox.enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED), staff)
    outbox.queue("alan")
    outbox.deliver()
    texts = {each.to.partition("@")[0]: each.text for each in outbox.mailbox.messages()}
    assert "Ask Grace Hopper." in texts["ada"]
    # The command line is no person: the organization stands in.
    assert f"Ask {outbox.enlist.root.name}." in texts["alan"]


def test_an_organization_s_own_words(outbox: Outbox) -> None:
    enlist = outbox.enlist
    enlist.organization("child")
    for place, language, subject in (
        ("main", "en", "Root"),
        ("child", "de", "Kind"),
    ):
        wording = Wording("default", "registration", "email", language, subject, "{EnrollmentUrl}")
        enlist.do(PutTemplate(place, wording))
    enlist.user("ada", organization="child")
    enlist.do(ChangeUser("ada", {"language": "de"}))
    enlist.user("alan", organization="child")
    for name in ("ada", "alan"):
        enlist.do(Register("", name, DeviceDetails("laptop", "linux"), MAILED))
    outbox.deliver()
    subjects = {each.to.partition("@")[0]: each.subject for each in outbox.mailbox.messages()}
    # A German template nearby does not hide the English one above from an English reader.
    assert subjects == {"ada": "Kind", "alan": "Root"}


def test_a_template_that_was_named(outbox: Outbox) -> None:
    wording = Wording("vendor", "registration", "email", "en", "Vendor", "{EnrollmentUrl}")
    outbox.enlist.do(PutTemplate("", wording))
    outbox.queue(template="vendor")
    soon_gone = outbox.enlist.do(PutTemplate("", replace(wording, name="gone")))
    gone = outbox.queue("alan", template="gone")
    outbox.enlist.do(DeleteTemplate(soon_gone.id))
    outbox.deliver()
    assert [each.subject for each in outbox.mailbox.messages()] == ["Vendor"]
    assert "no such message template" in outbox.message(gone).reason


def test_a_template_that_nobody_wrote_is_refused_before_anything_is_issued(outbox: Outbox) -> None:
    enlist = outbox.enlist
    enlist.user("ada")
    verb = Register("", "ada", DeviceDetails("laptop", "linux"), Delivery("email", "no such"))
    refused = refusal(enlist.perform(verb))
    assert [error.field for error in refused.fields] == ["message.template"]
    assert enlist.devices() == ()


def test_what_is_empty_is_told_and_not_sent(outbox: Outbox) -> None:
    body = "Dear {FirstName}, {EnrollmentUrl}"
    wording = Wording("default", "registration", "email", "en", "Hello", body)
    outbox.enlist.do(PutTemplate("", wording))
    issued = outbox.queue()
    outbox.deliver()
    assert outbox.mailbox.messages() == []
    row = outbox.message(issued)
    assert row.state is MessageState.FAILED
    assert "{FirstName}" in row.reason


# --- the token is in the message and nowhere else (X36) --------------------------------------


def test_the_token_leaves_no_trace(outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where a mail server quotes what it refuses."""
    sent, quoted = outbox.queue(), outbox.queue("alan")
    tokens = [outbox.token(sent).reveal(), outbox.token(quoted).reveal()]

    class Quoting(Recorder):
        def send(self, message: Outgoing) -> Verdict:
            super().send(message)
            if message.recipient.startswith("alan"):
                link = LINK.search(message.text)
                return Rejected(f"554 blocked: {link[0] if link else ''}")
            return Accepted()

    channel = Quoting()
    outbox.deliver(channel)
    assert [any(token in each.text for each in channel.given) for token in tokens] == [True] * 2
    assert "•••" in outbox.message(quoted).reason
    tables = ("message", "event", "enrollment", "enrollment_secret", "device", "app_user")
    dump = "".join(str(outbox.enlist.rows(table)) for table in tables)
    shown = capsys.readouterr()
    for token in tokens:
        assert token not in dump
        assert token not in shown.out + shown.err
        assert token not in repr(channel.given)
