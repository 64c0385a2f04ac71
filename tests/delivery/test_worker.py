"""The outbox worker: many of them, over real SMTP, through every kind of trouble."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import HOUR
from enlist.core.model import MessageState
from enlist.core.secrets import Secret
from enlist.delivery.channels import Channel, Outgoing
from enlist.delivery.posting import Posted, PostHere
from enlist.delivery.worker import FAULTS, Worker
from enlist.store.tx import StoreUnavailable
from enlist.verbs import caps
from enlist.verbs.deliver import DueMessages, RecordVerdicts
from enlist.verbs.driver import Driver
from enlist.verbs.recovery import Recover
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict
from tests.delivery.world import LINK, PUBLIC_URL, Outbox, Recorder, channel_to
from tests.installation import ADMINISTRATOR, code
from tests.peers.base import DEADLINE
from tests.peers.pki import Pki
from tests.peers.smtp import MailServer

SmtpMaker = Callable[..., MailServer]


def eventually(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait until it holds; the deadline is for a broken build alone."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def faults() -> float:
    return float(FAULTS._value.get())


# --- over SMTP -------------------------------------------------------------------------------


def test_from_the_outbox_to_a_mail_server_and_back(
    outbox: Outbox, make_smtp: SmtpMaker, throwaway_pki: Pki
) -> None:
    server = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    channel = channel_to(
        server,
        security="starttls",
        ca_file=throwaway_pki.authority,
        user="enlist",
        password=Secret("right"),
    )
    issued = [outbox.queue(name) for name in ("ada", "alan", "grace")]
    assert outbox.deliver(channel) == 3
    received = server.wait_for(3)
    assert server.attempts == ["enlist"]
    assert [each.message["Message-ID"] for each in received] == [
        outbox.message(each).message_id for each in issued
    ]
    body = received[0].message.get_body(("plain",))
    assert body is not None
    (token,) = LINK.findall(body.get_content())
    assert code(outbox.enlist.redeem(Secret(token))) == "done"


def test_451_is_tried_again_and_550_is_not(outbox: Outbox, smtp: MailServer) -> None:
    busy, unknown = outbox.queue("ada"), outbox.queue("alan")
    smtp.answer("ada@example.test", "451 4.3.0 Try again later")
    smtp.answer("alan@example.test", "550 5.1.1 No such user")
    channel = channel_to(smtp)
    outbox.deliver(channel)
    assert outbox.message(busy).state is MessageState.QUEUED
    assert "451 4.3.0 Try again later" in outbox.message(busy).reason
    assert outbox.message(unknown).state is MessageState.FAILED
    assert "550 5.1.1 No such user" in outbox.message(unknown).reason
    waits = []
    for _ in range(3):
        waits.append(outbox.message(busy).next_try_at - outbox.clock.now)
        outbox.clock.now = outbox.message(busy).next_try_at
        outbox.deliver(channel)
    assert waits == sorted(set(waits))
    smtp.accept("ada@example.test")
    smtp.accept("alan@example.test")
    outbox.clock.now = outbox.message(busy).next_try_at
    outbox.deliver(channel)
    assert outbox.message(busy).state is MessageState.SENT
    assert [each.recipients for each in smtp.wait_for()] == [("ada@example.test",)]


def test_a_connection_lost_after_data(outbox: Outbox, smtp: MailServer) -> None:
    issued = outbox.queue()
    channel = channel_to(smtp)
    smtp.hang_ups = 1
    outbox.deliver(channel)
    assert outbox.message(issued).state is MessageState.QUEUED
    outbox.clock.advance(seconds=10)
    outbox.deliver(channel)
    assert outbox.message(issued).state is MessageState.SENT
    first, second = smtp.wait_for(2)
    assert first.message["Message-ID"] == second.message["Message-ID"]


@pytest.mark.parametrize("trouble", ["rogue", "wrong", "no STARTTLS"])
def test_no_protection_no_message_and_the_row_says_why(
    outbox: Outbox, make_smtp: SmtpMaker, throwaway_pki: Pki, trouble: str
) -> None:
    """Nothing is given up for it: once the settings are right, the message goes (TP40)."""
    certificate = None if trouble == "no STARTTLS" else getattr(throwaway_pki, trouble)
    server = make_smtp(certificate=certificate, logins={"enlist": "right"})
    settings: dict[str, Any] = {
        "security": "starttls",
        "ca_file": throwaway_pki.authority,
        "user": "enlist",
        "password": Secret("right"),
    }
    issued = outbox.queue()
    outbox.deliver(channel_to(server, **settings))
    assert (server.attempts, server.messages) == ([], [])
    row = outbox.message(issued)
    assert row.state is MessageState.QUEUED
    expected = "STARTTLS" if trouble == "no STARTTLS" else "certificate"
    assert expected in row.reason
    right = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    outbox.clock.advance(seconds=10)
    outbox.deliver(channel_to(right, **settings))
    assert len(right.wait_for()) == 1


def test_nothing_is_lost_while_the_mail_server_is_away_for_an_hour(
    outbox: Outbox, smtp: MailServer
) -> None:
    channel = channel_to(smtp)
    smtp.stop()
    began = outbox.clock.now
    issued = [outbox.queue(f"user{number}") for number in range(5)]
    while outbox.clock.now < began + HOUR:
        outbox.deliver(channel)
        outbox.clock.advance(seconds=30)
    issued.append(outbox.queue("late"))
    smtp.start()
    while any(outbox.message(each).state is not MessageState.SENT for each in issued):
        assert outbox.clock.now < began + 3 * HOUR
        outbox.deliver(channel)
        outbox.clock.advance(seconds=30)
    received = Counter(each.recipients[0] for each in smtp.wait_for(6))
    assert received == Counter(outbox.message(each).recipient for each in issued)


# --- many at once ----------------------------------------------------------------------------


def test_two_workers_never_send_the_same_message(outbox: Outbox) -> None:
    issued = [outbox.queue(f"user{number}") for number in range(12)]
    recorders = [Recorder() for _ in range(4)]
    installations = [outbox.enlist, outbox.enlist.again()] * 2
    workers = [
        outbox.worker(recorder, enlist)
        for recorder, enlist in zip(recorders, installations, strict=True)
    ]
    outbox.enlist.together([worker.deliver_due for worker in workers])
    sent = Counter(each.message_id for recorder in recorders for each in recorder.given)
    assert sent == Counter(outbox.message(each).message_id for each in issued)
    assert {outbox.message(each).state for each in issued} == {MessageState.SENT}


def test_more_than_one_batch(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "AGAIN_AFTER", 0)
    monkeypatch.setattr(caps, "MOST_RESENT", 25)
    for name in ("ada", "alan", "grace", "edith"):
        issued = outbox.queue(name)
        for _ in range(25):
            assert code(outbox.enlist.resend(issued.enrollment_id)) == "done"
    recorder = Recorder()
    assert outbox.deliver(recorder) == 104
    assert recorder.released == 1


class Wide(PostHere):
    """Takes eight letters at once, and says of all what became of them."""

    def most(self, channel: str) -> int:
        return 8

    def answers(self) -> Sequence[Posted]:
        posted: list[Posted] = []
        for _ in tuple(self._letters):
            posted += super().answers()
        return posted

    def ready(self, waiting: Mapping[str, int]) -> bool:
        return True

    def stop(self, *, at_once: bool) -> None:
        """Nothing is left to end."""


def wide(outbox: Outbox, channel: Channel, driver: Driver | None = None) -> Worker:
    """A worker with such a post."""
    post = Wide({"email": channel}, PUBLIC_URL)
    return Worker(driver or outbox.enlist.driver, {}, PUBLIC_URL, beside=post, poll=60)


def test_the_first_letter_finds_out_whether_anybody_is_there(outbox: Outbox) -> None:
    issued = [outbox.queue(f"user{number}") for number in range(12)]
    away = Recorder([Retry("no route", unreachable=True)])
    assert wide(outbox, away).deliver_due() == 1
    assert [outbox.message(each).tries for each in issued] == [1] + 11 * [0]
    assert wide(outbox, Recorder()).deliver_due() == 11


class Babbling(Recorder):
    """Says of one recipient's message what no database can hold."""

    def send(self, message: Outgoing) -> Verdict:
        super().send(message)
        return Rejected("\x00") if message.recipient.startswith("user3@") else Accepted()


def test_one_that_cannot_be_written_down_keeps_no_other_from_it(outbox: Outbox) -> None:
    issued = [outbox.queue(f"user{number}") for number in range(8)]
    assert wide(outbox, Babbling()).deliver_due() == 7
    states = [outbox.message(each).state for each in issued]
    assert states.count(MessageState.SENT) == 7
    assert states[3] is MessageState.SENDING


class Forgetful(Driver):
    """A driver whose store is away when something is to be recorded for the first time."""

    def __init__(self, driver: Driver) -> None:
        self.__dict__.update(driver.__dict__)
        self.away = True

    def perform(self, verb: Any, caller: Caller) -> Any:
        if self.away and isinstance(verb, RecordVerdicts) and len(verb.came) > 1:
            self.away = False
            raise StoreUnavailable("gone")
        return super().perform(verb, caller)


def test_what_became_of_letters_is_kept_until_the_store_is_back(outbox: Outbox) -> None:
    """So nothing is sent twice for it."""
    issued = [outbox.queue(f"user{number}") for number in range(12)]
    recorder = Recorder()
    worker = wide(outbox, recorder, Forgetful(outbox.enlist.driver))
    with pytest.raises(StoreUnavailable):
        worker.deliver_due()
    assert worker.deliver_due() == 11
    assert {outbox.message(each).state for each in issued} == {MessageState.SENT}
    assert len(recorder.given) == len({each.message_id for each in recorder.given}) == 12


# --- trouble ---------------------------------------------------------------------------------


def test_while_nobody_is_there_the_others_keep_their_tries(outbox: Outbox) -> None:
    issued = [outbox.queue(name) for name in ("ada", "alan", "grace")]
    away = Recorder([Retry("no route", unreachable=True)])
    assert outbox.deliver(away) == 1
    assert [outbox.message(each).tries for each in issued] == [1, 0, 0]
    assert away.released == 1
    assert outbox.deliver() == 2


def test_no_channel_is_set_up(outbox: Outbox) -> None:
    issued = outbox.queue()
    Worker(outbox.enlist.driver, {}, PUBLIC_URL).deliver_due()
    assert outbox.message(issued).reason == "no way to send by email is set up"
    outbox.clock.advance(seconds=10)
    assert outbox.deliver() == 1


class Breaking(Recorder):
    """Has a fault of its own with one recipient."""

    def send(self, message: Outgoing) -> Verdict:
        if message.recipient.startswith("ada"):
            raise RuntimeError(f"cannot stand {message.text}")
        return super().send(message)


def test_a_fault_with_one_message_holds_up_no_other(
    outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    poison, other = outbox.queue("ada"), outbox.queue("alan")
    before = faults()
    assert outbox.deliver(Breaking()) == 2
    assert outbox.message(other).state is MessageState.SENT
    row = outbox.message(poison)
    assert row.state is MessageState.QUEUED
    assert "an error nobody expected" in row.reason
    assert faults() == before + 1
    # The log has the code that the row shows, and not the token that the error quoted.
    shown = capsys.readouterr()
    log = shown.out + shown.err
    assert row.reason.rpartition(" ")[2] in log
    assert outbox.token(poison).reveal() not in log


class Flaky(Driver):
    """A driver whose store is away for the first looks, and which then breaks once."""

    def __init__(self, driver: Driver, troubles: list[Exception]) -> None:
        self.__dict__.update(driver.__dict__)
        self.troubles = troubles
        self.looked = 0

    def view(self, view: Any, caller: Caller) -> Any:
        self.looked += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return super().view(view, caller)


def test_the_thread_outlives_every_trouble(outbox: Outbox) -> None:
    outbox.queue()
    troubles: list[Exception] = [StoreUnavailable("gone"), RuntimeError("bug"), OSError("disk")]
    driver = Flaky(outbox.enlist.driver, list(troubles))
    before = faults()
    worker = Worker(driver, {"email": outbox.mailbox}, PUBLIC_URL, poll=0.01)
    outbox.workers.append(worker)
    worker.start()
    eventually(lambda: len(outbox.mailbox.messages()) == 1)
    assert driver.looked > len(troubles)
    assert faults() == before + 2
    worker.stop()
    assert not worker.running


def test_it_wakes_when_told(outbox: Outbox) -> None:
    worker = outbox.worker()
    worker.start()
    # Its first look found nothing, and the next is a minute away.
    eventually(lambda: worker._thread.is_alive() and not worker._woken.is_set())
    outbox.queue()
    worker.wake()
    eventually(lambda: len(outbox.mailbox.messages()) == 1)
    worker.stop()
    assert not worker.running


def test_it_finds_what_another_process_queued(outbox: Outbox) -> None:
    worker = Worker(outbox.enlist.driver, {"email": outbox.mailbox}, PUBLIC_URL, poll=0.01)
    outbox.workers.append(worker)
    worker.start()
    other = Outbox(outbox.enlist.again())
    other.queue()
    eventually(lambda: len(outbox.mailbox.messages()) == 1)


class Slow(Recorder):
    """Takes its time, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.leave = threading.Event(), threading.Event()

    def send(self, message: Outgoing) -> Verdict:
        self.entered.set()
        assert self.leave.wait(DEADLINE)
        return super().send(message)


def test_stopping_finishes_the_message_in_hand_and_begins_no_other(outbox: Outbox) -> None:
    first, second = outbox.queue("ada"), outbox.queue("alan")
    slow = Slow()
    worker = outbox.worker(slow)
    worker.start()
    assert slow.entered.wait(DEADLINE)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    eventually(worker._stopping.is_set)
    slow.leave.set()
    stopping.join(DEADLINE)
    assert not worker.running
    assert outbox.message(first).state is MessageState.SENT
    assert outbox.message(second).state is MessageState.QUEUED
    assert outbox.message(second).tries == 0
    assert slow.released == 1
    assert outbox.enlist.driver.view(DueMessages(), SYSTEM) == (second.message_id,)


def test_a_verdict_is_what_the_channel_said(outbox: Outbox) -> None:
    issued = outbox.queue()
    recorder = Recorder([Accepted()])
    outbox.deliver(recorder)
    (given,) = recorder.given
    assert given.message_id == outbox.message(issued).message_id
    assert given.recipient_name == "ada"
    assert given.language == "en"


def test_each_administrator_is_called_by_his_own_name(outbox: Outbox) -> None:
    """The message is about the one whose link was made, not to him."""
    outbox.enlist.staff("administrator", username="ben")
    outbox.enlist.do(Recover("ben"))
    recorder = Recorder([Accepted()] * 2)
    outbox.deliver(recorder)
    named = {given.recipient: given.recipient_name for given in recorder.given}
    assert named == {ADMINISTRATOR: ADMINISTRATOR, "ben@example.com": "ben"}
