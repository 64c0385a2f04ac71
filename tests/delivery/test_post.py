"""A process beside the server's sends where much waits: several at once, nothing lost (P20)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from enlist.core.model import MessageState
from enlist.core.secrets import Secret
from enlist.delivery import post_beside
from enlist.delivery.channels import Channel, Outgoing
from enlist.delivery.channels.email import EmailChannel
from enlist.delivery.channels.email import MailServer as Server
from enlist.delivery.channels.sms import SmsChannel
from enlist.delivery.channels.sms_http import HttpGateway
from enlist.delivery.post_beside import FOR_EACH, IDLE, REST, WORTH_HELP, Orders, PostBeside, Way
from enlist.delivery.worker import FAULTS, Worker
from enlist.settings import Settings, Sms
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.users import AddUser
from enlist.verbs.verdicts import Verdict
from tests.delivery.gateways import gateway
from tests.delivery.world import PUBLIC_URL, Outbox, Recorder
from tests.peers.base import DEADLINE, wait_until
from tests.peers.smtp import MailServer

CONNECTIONS = 4
FROM = "Enlist <enlist@example.test>"
Maker = Callable[..., PostBeside]


class Passing:
    """Seconds that pass when the test says so, beside those that do."""

    more = 0.0

    def __call__(self) -> float:
        return self.more + time.monotonic()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With both ways to send set up, so that messages are queued for them."""
    return settings.model_copy(
        update={"sms": Sms(driver="http", url="https://sms.example.com/?{Text}")}
    )


@pytest.fixture
def passing() -> Passing:
    return Passing()


@pytest.fixture
def make_post(tmp_path: Path, passing: Passing) -> Iterator[Maker]:
    """A post that sends by the given ways."""
    made: list[PostBeside] = []

    def make(locales: Path = tmp_path / "none", **ways: Callable[[], Channel]) -> PostBeside:
        counts = {"email": CONNECTIONS, "sms": 1}
        given = {name: Way(way, counts[name]) for name, way in ways.items()}
        post = PostBeside(Orders(given, PUBLIC_URL, locales), passing)
        made.append(post)
        return post

    yield make
    for post in made:
        post.stop(at_once=False)


def mail_to(smtp: MailServer) -> Callable[[], Channel]:
    return partial(EmailChannel, Server("127.0.0.1", smtp.port, "none"), FROM)


def worker_of(outbox: Outbox, post: PostBeside, here: Channel | None = None) -> Worker:
    """One that would send here what the post does not."""
    channels = {"email": here or outbox.mailbox, "sms": Recorder()}
    worker = Worker(outbox.enlist.driver, channels, PUBLIC_URL, beside=post, poll=60)
    outbox.workers.append(worker)
    return worker


def many(outbox: Outbox, count: int = 3 * WORTH_HELP) -> list[Issued]:
    return [outbox.queue(f"user{number}") for number in range(count)]


@contextmanager
def delivering(worker: Worker) -> Iterator[threading.Thread]:
    """The worker at it, in a thread of the test's; it is done at the end."""
    thread = threading.Thread(target=worker.deliver_due)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(DEADLINE)
    assert not thread.is_alive()


def pid_of(post: PostBeside) -> int:
    assert post.pid is not None
    return post.pid


def gone(pid: int) -> bool:
    """Whether there is no such process, or nothing but what is left of one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def states(outbox: Outbox, issued: list[Issued]) -> Counter[MessageState]:
    return Counter(outbox.message(each).state for each in issued)


def received(smtp: MailServer) -> Counter[str]:
    return Counter(str(each.message["Message-ID"]) for each in smtp.messages)


# --- several at once ---------------------------------------------------------------------------


def test_letters_overlap_over_a_few_connections(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    """While the mail server takes its time over one, others are on their way."""
    issued = many(outbox)
    smtp.slow_after = 1
    worker = worker_of(outbox, make_post(email=mail_to(smtp)))
    with delivering(worker):
        wait_until(lambda: smtp.under_way == CONNECTIONS, "letters at the same moment")
        smtp.let_go()
    assert states(outbox, issued) == {MessageState.SENT: len(issued)}
    assert received(smtp) == Counter(outbox.message(each).message_id for each in issued)
    assert smtp.connections == CONNECTIONS
    assert len(outbox.enlist.events("message.sent")) == len(issued)
    assert {outbox.message(each).tries for each in issued} == {1}


def test_few_letters_are_no_other_process(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    post = make_post(email=mail_to(smtp))
    many(outbox, WORTH_HELP - 1)
    assert worker_of(outbox, post).deliver_due() == WORTH_HELP - 1
    assert post.pid is None
    assert len(outbox.mailbox.messages()) == WORTH_HELP - 1


def test_once_it_is_there_it_sends_single_letters_too_until_it_had_nothing_to_do(
    outbox: Outbox, smtp: MailServer, make_post: Maker, passing: Passing
) -> None:
    post = make_post(email=mail_to(smtp))
    worker = worker_of(outbox, post)
    many(outbox)
    worker.deliver_due()
    pid = pid_of(post)
    outbox.queue("late")
    worker.deliver_due()
    assert pid_of(post) == pid
    assert smtp.wait_for(25)[-1].recipients == ("late@example.test",)
    passing.more = IDLE + 1
    worker.deliver_due()
    assert post.pid is None
    assert gone(pid)
    assert outbox.mailbox.messages() == []


def test_a_mail_server_that_takes_fewer_connections_gets_all_by_those(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    """No message is held against it, and the channel is not called unreachable."""
    issued = many(outbox)
    smtp.most_connections = 2
    smtp.slow_after = 1
    with delivering(worker_of(outbox, make_post(email=mail_to(smtp)))):
        wait_until(lambda: smtp.connections >= CONNECTIONS, "connections that are refused")
        smtp.let_go()
    assert states(outbox, issued) == {MessageState.SENT: len(issued)}
    assert set(received(smtp).values()) == {1}
    assert {outbox.message(each).tries for each in issued} == {1}
    assert outbox.enlist.rows("channel_health") == []
    assert smtp.connections == CONNECTIONS, "what was refused once is not tried again and again"


def test_an_operator_s_own_texts_are_in_these_letters_too(
    outbox: Outbox, smtp: MailServer, make_post: Maker, tmp_path: Path
) -> None:
    (tmp_path / "en.po").write_text('msgid "Enroll this device"\nmsgstr "Join us"\n')
    many(outbox)
    worker_of(outbox, make_post(tmp_path, email=mail_to(smtp))).deliver_due()
    html = smtp.messages[-1].message.get_body(("html",))
    assert html is not None
    assert "Join us" in html.get_content()


# --- trouble -----------------------------------------------------------------------------------


def test_a_process_that_is_killed_loses_nothing_and_sends_nothing_twice_unsaid(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    """What was on its way may have arrived: it is sent again later, with the same Message-ID."""
    issued = many(outbox, 40)
    smtp.slow_after = 1
    post = make_post(email=mail_to(smtp))
    worker = worker_of(outbox, post)
    with capture_logs() as logs, delivering(worker):
        wait_until(lambda: smtp.under_way == CONNECTIONS, "letters at the same moment")
        on_its_way = received(smtp)
        os.kill(pid_of(post), signal.SIGKILL)
        smtp.let_go()
    in_hand = [each for each in issued if outbox.message(each).state is MessageState.QUEUED]
    assert CONNECTIONS <= len(in_hand) <= FOR_EACH * CONNECTIONS
    assert {outbox.message(each).reason for each in in_hand} == {
        "the process that sends messages ended; it may have arrived"
    }
    waits = [outbox.message(each).next_try_at for each in in_hand]
    assert len(set(waits)) == len(waits), "one that ends it must not meet the others again"
    assert any("sends messages ended" in each["event"] for each in logs)
    assert states(outbox, issued)[MessageState.SENT] == len(issued) - len(in_hand)
    outbox.clock.now = max(waits)
    worker.deliver_due()
    assert states(outbox, issued) == {MessageState.SENT: len(issued)}
    found = received(smtp)
    assert set(found) == {outbox.message(each).message_id for each in issued}
    assert {each for each, times in found.items() if times > 1} < set(on_its_way)
    assert set(found.values()) == {1, 2}


def test_one_that_was_killed_while_idle_costs_no_letter_a_try(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    post = make_post(email=mail_to(smtp))
    worker = worker_of(outbox, post)
    many(outbox)
    worker.deliver_due()
    pid = pid_of(post)
    os.kill(pid, signal.SIGKILL)
    # Until all of its threads are gone: the first can be a zombie while others still end.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    issued = [outbox.queue(f"later{number}") for number in range(WORTH_HELP)]
    worker.deliver_due()
    assert {outbox.message(each).tries for each in issued} == {1}
    assert states(outbox, issued) == {MessageState.SENT: WORTH_HELP}
    assert pid_of(post) != pid


def test_while_nobody_is_there_the_others_keep_their_tries(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    """Mail is away: one letter is tried, and every SMS leaves."""
    mailed = many(outbox)
    outbox.enlist.do(AddUser(outbox.enlist.root.id, "texted", phone="+4930123456"))
    texted = [
        outbox.enlist.do(
            Register("", "texted", DeviceDetails(f"phone {n}", "linux"), Delivery("sms"))
        )
        for n in range(3)
    ]
    smtp.stop()
    with gateway() as peer:
        way = HttpGateway(peer.url, body="{Text}", user="enlist", password=Secret("right"))
        post = make_post(email=mail_to(smtp), sms=partial(SmsChannel, way))
        assert worker_of(outbox, post).deliver_due() == 1 + len(texted)
        assert len(peer.asked) == len(texted)
    assert states(outbox, texted) == {MessageState.SENT: len(texted)}
    assert sorted(outbox.message(each).tries for each in mailed) == [0] * (len(mailed) - 1) + [1]
    (health,) = outbox.enlist.rows("channel_health")
    assert health["channel"] == "email"
    assert health["failing_since"] is not None


def test_a_mail_server_that_goes_away_in_between_stops_mail(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    issued = many(outbox, 60)
    smtp.slow_after = 1
    with delivering(worker_of(outbox, make_post(email=mail_to(smtp)))):
        wait_until(lambda: smtp.under_way == CONNECTIONS, "letters at the same moment")
        smtp.stop()
        smtp.let_go()
    tried = [each for each in issued if outbox.message(each).tries]
    assert len(tried) <= 1 + 2 * FOR_EACH * CONNECTIONS
    assert MessageState.SENDING not in states(outbox, issued)


class Breaking(Recorder):
    """Has a fault of its own with one recipient."""

    def send(self, message: Outgoing) -> Verdict:
        if message.recipient.startswith("user1@"):
            raise RuntimeError(f"cannot stand {message.text}")
        return super().send(message)


def test_a_fault_with_one_message_is_told_by_this_log_and_without_its_token(
    outbox: Outbox, make_post: Maker
) -> None:
    issued = many(outbox)
    before = float(FAULTS._value.get())
    with capture_logs() as logs:
        worker_of(outbox, make_post(email=Breaking)).deliver_due()
    assert float(FAULTS._value.get()) == before + 1
    assert states(outbox, issued) == {MessageState.SENT: len(issued) - 1, MessageState.QUEUED: 1}
    (fault,) = [each for each in logs if each["event"] == "message_fault"]
    assert outbox.message(issued[1]).reason.endswith(fault["code"])
    assert "cannot stand" in fault["trace"]
    assert outbox.token(issued[1]).reveal() not in str(logs)


def test_where_none_can_be_started_letters_are_sent_here(
    outbox: Outbox, make_post: Maker, passing: Passing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a warning, and another is tried after a rest, not before."""
    with monkeypatch.context() as broken:
        broken.setattr(post_beside, "_HELPER", "enlist.delivery.nothing_like_this")
        post = make_post(email=Recorder)
        worker = worker_of(outbox, post)
        issued = many(outbox)
        with capture_logs() as logs:
            assert worker.deliver_due() == len(issued)
    assert len(outbox.mailbox.messages()) == len(issued)
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == [
        "sending without a helper"
    ]
    many(outbox, 2 * WORTH_HELP)
    worker.deliver_due()
    assert post.pid is None
    passing.more = REST + 1
    many(outbox, 2 * WORTH_HELP)
    worker.deliver_due()
    assert post.pid is not None


def test_one_of_another_version_is_not_used(
    outbox: Outbox, make_post: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update replaces the files while a server runs that was started from the last ones."""
    monkeypatch.setattr(post_beside, "__version__", "0.0.1")
    post = make_post(email=Recorder)
    issued = many(outbox)
    assert worker_of(outbox, post).deliver_due() == len(issued)
    assert len(outbox.mailbox.messages()) == len(issued)
    assert post.pid is None


# --- its end -----------------------------------------------------------------------------------


def test_stopping_finishes_what_is_in_hand(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    issued = many(outbox, 40)
    smtp.slow_after = 1
    post = make_post(email=mail_to(smtp))
    worker = worker_of(outbox, post)
    worker.start()
    wait_until(lambda: smtp.under_way == CONNECTIONS, "letters at the same moment")
    pid = pid_of(post)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)  # as systemd, or a terminal, does to all of a server's processes
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    wait_until(worker._stopping.is_set, "the order to stop")
    smtp.let_go()
    stopping.join(DEADLINE)
    assert not worker.running
    assert gone(pid)
    found = states(outbox, issued)
    assert set(found) == {MessageState.SENT, MessageState.QUEUED}
    assert found[MessageState.SENT] == len(smtp.messages)
    waiting = [each for each in issued if outbox.message(each).state is MessageState.QUEUED]
    assert {outbox.message(each).tries for each in waiting} == {0}


def test_stopping_does_not_wait_for_a_stuck_mail_server(
    outbox: Outbox, smtp: MailServer, make_post: Maker
) -> None:
    issued = many(outbox)
    smtp.slow_after = 1
    post = make_post(email=mail_to(smtp))
    worker = worker_of(outbox, post)
    worker.start()
    wait_until(lambda: smtp.under_way == CONNECTIONS, "letters at the same moment")
    pid = pid_of(post)
    worker.stop(0.1)
    wait_until(lambda: gone(pid), "the end of the process")
    wait_until(lambda: not worker.running, "the end of the worker")
    assert MessageState.SENDING not in states(outbox, issued)
    smtp.let_go()


PARENT = """
import sys, time
from functools import partial
from pathlib import Path
from enlist.core.secrets import Secret
from enlist.delivery.channels.email import EmailChannel, MailServer
from enlist.delivery.post_beside import Orders, PostBeside, Way

server = MailServer("127.0.0.1", 9, "none", "enlist", Secret("a-password"))
way = Way(partial(EmailChannel, server, "enlist@example.test"), 1)
post = PostBeside(Orders({"email": way}, "http://localhost", Path("none")))
assert post.ready({"email": 100})
print(post.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_with_a_server_that_is_killed_and_no_secret_is_in_its_environment() -> None:
    secret: dict[str, Any] = {
        "ENLIST_SMTP_PASSWORD": "a-password",
        "ENLIST_DATABASE": "postgresql://enlist:a-password@localhost/enlist",
        "PGPASSWORD": "a-password",
    }
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, **secret, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        for name, expected in (("environ", b"PYTHONPATH"), ("cmdline", b"post_helper")):
            shown = Path(f"/proc/{pid}/{name}").read_bytes()
            assert expected in shown
            assert b"a-password" not in shown
        ours = os.getpriority(os.PRIO_PROCESS, parent.pid)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, ours + 10)
    finally:
        parent.kill()
        parent.communicate()
    wait_until(lambda: gone(pid), "the end of the process")
