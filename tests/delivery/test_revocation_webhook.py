"""The webhook tells its receiver of every revocation, in order and signed (S63), on each store.

The receiver is a real HTTP server, which checks signatures as its own program would: by hand.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from enlist.core.clock import SECOND, rfc3339
from enlist.delivery.webhook import Webhook, signature
from enlist.store import credentials
from enlist.store.tx import Query
from enlist.verbs.reset import Reset
from enlist.verbs.revocation_webhook import CLAIMED, ClaimWebhook, Due
from enlist.verbs.revocations import TakeUpRevocations
from enlist.wiring.revocation_webhook import RevocationWebhookThread
from tests.connections import enrolled
from tests.devices import enroll
from tests.installation import SHOWN, Enlist, done
from tests.peers.base import DEADLINE, free_port, wait_until
from tests.serving import StartServer

KEY = b"0123456789abcdefghijklmnopqrstuv"
FORGOTTEN = Query(
    "test.forget_told", "UPDATE revocation_webhook SET cursor = :cursor WHERE id = :id"
)


@dataclass(frozen=True)
class Message:
    """A message whose signature is right."""

    id: str
    seconds: int
    body: dict[str, Any]

    @property
    def serial(self) -> str:
        return str(self.body["data"]["serial"])


@dataclass
class Receiver:
    """Takes messages, or answers what it is told to."""

    answers: list[int] = field(default_factory=list)
    tried: list[Message] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)
    on_post: Callable[[], None] = lambda: None
    drips: int = 0
    port: int = field(default_factory=free_port)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/revoked"

    def come(self) -> None:
        """Listen, always at the same address."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), partial(_Handler, self))
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    def go(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def post(self, headers: Any, body: bytes) -> int:
        seconds = int(headers["webhook-timestamp"])
        signed = headers["webhook-id"].encode() + b"." + str(seconds).encode() + b"." + body
        proof = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{proof}"
        assert headers["content-type"] == "application/json"
        message = Message(headers["webhook-id"], seconds, json.loads(body))
        self.tried.append(message)
        self.on_post()
        answer = self.answers.pop(0) if self.answers else 204
        if 200 <= answer < 300:
            self.taken.append(message)
        return answer

    @property
    def serials(self) -> list[str]:
        return [each.serial for each in self.taken]

    @property
    def devices(self) -> set[str]:
        return {each.body["data"]["device_id"] for each in self.taken}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, receiver: Receiver, *connection: Any) -> None:
        self.receiver = receiver
        super().__init__(*connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            status = self.receiver.post(self.headers, body)
        except (AssertionError, KeyError, ValueError):
            status = 401
        self.send_response(status)
        with suppress(OSError):  # whoever sent it has gone
            for _ in range(self.receiver.drips):
                self.send_header("x-more", "is coming")
                self.flush_headers()
                time.sleep(0.02)
            self.send_header("location", self.receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    found.come()
    yield found
    found.go()


@dataclass
class Teller:
    """The thread of a process, whose rounds a test makes itself."""

    thread: RevocationWebhookThread

    def round(self) -> float:
        """How long it would rest after this round."""
        return self.thread._again()

    def tell(self) -> None:
        """Until it would rest."""
        while not self.round():
            pass


def teller(enlist: Enlist, receiver: Receiver) -> Teller:
    return Teller(
        RevocationWebhookThread(enlist.driver, Webhook(receiver.url, KEY, patience=DEADLINE))
    )


def reset(enlist: Enlist, *keys: int) -> list[str]:
    """The serials of certificates that were revoked one after the other."""
    serials = []
    for key in keys:
        device = enrolled(enlist, key=key)
        enlist.do(Reset(device.device_id, "lost", SHOWN))
        enlist.clock.advance(seconds=1)
        serials.append(device.serial)
    return serials


def test_the_signature_is_that_of_the_specification() -> None:
    """Its own example."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_revocation_is_told_once_with_all_that_names_it(
    enlist: Enlist, receiver: Receiver
) -> None:
    telling = teller(enlist, receiver)
    telling.tell()
    (serial,) = reset(enlist, 0)
    for _ in range(3):
        telling.tell()
    (message,) = receiver.taken
    assert message.seconds == enlist.clock.now // SECOND
    data = message.body["data"]
    assert message.id == f"rev_{data['cursor']}"
    assert message.body["type"] == "credential.revoked"
    assert message.body["timestamp"] == data["revoked_at"] == rfc3339(enlist.clock.now - SECOND)
    named = {name: data[name] for name in ("serial", "reason", "crl_reason", "organization")}
    assert named == {
        "serial": serial,
        "reason": "lost",
        "crl_reason": "keyCompromise",
        "organization": "main",
    }


def test_it_goes_on_where_it_was_after_a_restart(enlist: Enlist, receiver: Receiver) -> None:
    first = reset(enlist, 0, 1)
    teller(enlist, receiver).tell()
    again = enlist.again()
    try:
        later = reset(again, 2, 3)
        teller(again, receiver).tell()
    finally:
        again.close()
    assert receiver.serials == first + later


@pytest.mark.parametrize("answer", [302, 400, 410, 500])
def test_what_is_not_taken_is_told_again_later_and_the_rest_behind_it(
    enlist: Enlist, receiver: Receiver, answer: int
) -> None:
    """Later and later; under the same id, with the time of the try; no redirect is followed."""
    telling, serials = teller(enlist, receiver), reset(enlist, 0, 1)
    receiver.answers = [answer] * 3
    for wait in (10, 20, 40):
        telling.tell()
        telling.tell()
        enlist.clock.advance(seconds=wait - 1)
        telling.tell()
        enlist.clock.advance(seconds=1)
    assert len(receiver.tried) == 3
    assert {(each.id, each.serial) for each in receiver.tried} == {
        (receiver.tried[0].id, serials[0])
    }
    assert len({each.seconds for each in receiver.tried}) == 3
    telling.tell()
    assert receiver.serials == serials
    reset(enlist, 2)
    receiver.answers = [500]
    telling.tell()
    enlist.clock.advance(seconds=10)
    telling.tell()
    assert len(receiver.serials) == 3, "a try that succeeded makes the next wait short again"


def test_a_receiver_that_is_away_is_told_when_he_is_back(
    enlist: Enlist, receiver: Receiver
) -> None:
    """He goes after he took one, and has missed what was revoked meanwhile."""
    telling, first = teller(enlist, receiver), reset(enlist, 0)
    telling.tell()
    receiver.go()
    later = reset(enlist, 1, 2)
    for wait in (10, 20):
        assert telling.round() > 0
        receiver.come()
        enlist.clock.advance(seconds=wait - 1)
        assert telling.round() > 0
        assert receiver.serials == first, "it is not time yet"
        receiver.go()
        enlist.clock.advance(seconds=1)
    receiver.come()
    telling.tell()
    assert receiver.serials == first + later


def test_a_receiver_who_takes_too_long_in_all_has_not_taken_it(
    enlist: Enlist, receiver: Receiver
) -> None:
    """Though he never lets anybody wait for long; else he would hold up what comes behind it."""
    webhook = Webhook(receiver.url, KEY, patience=0.2)
    telling, serials = Teller(RevocationWebhookThread(enlist.driver, webhook)), reset(enlist, 0)
    receiver.drips = 500
    assert telling.round() > 0
    receiver.drips = 0
    enlist.clock.advance(seconds=10)
    teller(enlist, receiver).tell()
    assert receiver.tried[-1].serial == serials[0]
    assert len({each.id for each in receiver.tried}) == 1


def test_one_process_tells_at_a_time(enlist: Enlist, receiver: Receiver) -> None:
    """Another one that looks meanwhile, at every message, finds nothing to do."""
    one, other = teller(enlist, receiver), teller(enlist, receiver)
    serials = reset(enlist, 0, 1, 2)
    receiver.on_post = lambda: rests.append(other.round())
    rests: list[float] = []
    one.tell()
    assert receiver.serials == serials
    assert len(rests) == 3
    assert all(rests)


def test_of_two_who_look_at_once_one_tells(enlist: Enlist) -> None:
    """Both saw that nobody does; the claim itself says who came first."""
    reset(enlist, 0)
    enlist.do(TakeUpRevocations())
    verb, tools, caller = ClaimWebhook("receiver"), enlist.installation.tools, enlist.host
    seen = enlist.store.read(lambda tx: verb.look(tools, tx, caller))
    assert isinstance(seen, Due)
    won = [done(enlist.store.write(lambda tx: verb.apply(tx, caller, seen))) for _ in range(2)]
    assert won[0] is not None
    assert won[0].held == enlist.clock.now + CLAIMED
    assert won[1] is None


def test_a_process_that_died_while_telling_holds_nobody_up_for_long(
    enlist: Enlist, receiver: Receiver
) -> None:
    """It may have told the last one; that is told again, under the same id."""
    telling, serials = teller(enlist, receiver), reset(enlist, 0, 1)
    enlist.do(TakeUpRevocations())
    assert enlist.do(ClaimWebhook(telling.thread._webhook.id)) is not None
    telling.tell()
    assert receiver.taken == []
    enlist.clock.advance(microseconds=CLAIMED)
    telling.tell()
    assert receiver.serials == serials


def test_who_was_held_up_past_his_claim_tells_no_further(
    enlist: Enlist, receiver: Receiver
) -> None:
    one, other = teller(enlist, receiver), teller(enlist, receiver)
    serials = reset(enlist, 0, 1, 2)

    def held_up() -> None:
        receiver.on_post = lambda: None
        enlist.clock.advance(microseconds=CLAIMED)
        other.tell()

    receiver.on_post = held_up
    one.tell()
    assert sorted(receiver.serials) == sorted([serials[0], *serials])
    assert len({each.id for each in receiver.taken}) == 3


def test_nothing_is_left_out_where_the_database_forgot_something(
    enlist: Enlist, receiver: Receiver
) -> None:
    """A restore: the number that he was told last is another revocation's."""
    telling, serials = teller(enlist, receiver), reset(enlist, 0)
    telling.tell()
    device = enrolled(enlist, key=1)
    enlist.store.write(lambda tx: credentials.revoke_of_device(tx, device.device_id, "lost"))
    with_other = {"id": telling.thread._webhook.id, "cursor": f"1-{'0' * 16}"}
    enlist.store.write(lambda tx: tx.run(FORGOTTEN, **with_other))
    telling.tell()
    assert receiver.serials == [serials[0], serials[0], device.serial]


def test_a_server_tells_what_is_revoked_and_what_was_while_it_was_killed(
    start_server: StartServer, receiver: Receiver, tmp_path: Path
) -> None:
    """Set by the environment; the key from a file."""
    secret = tmp_path / "webhook.secret"
    secret.write_text(f"whsec_{base64.b64encode(KEY).decode()}\n")
    environment = {
        "ENLIST_REVOCATION_WEBHOOK": receiver.url,
        "ENLIST_REVOCATION_WEBHOOK_SECRET_FILE": str(secret),
    }
    server = start_server(data=tmp_path / "data", environment=environment)
    key = server.api_key("administrator", "enrollments:reveal")
    boxes = [enroll(server, key, tmp_path, number) for number in (1, 2)]
    with server.client(headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.delete(f"/api/v1/devices/{boxes[0].device_id}").is_success
    wait_until(lambda: receiver.devices == {boxes[0].device_id}, "the first", log=server.log)
    server.stop(signal.SIGKILL)
    server.cli("device", "reset", boxes[1].device_id, "--message", "none")
    again = start_server(data=tmp_path / "data", environment=environment)
    told = {box.device_id for box in boxes}
    wait_until(lambda: receiver.devices == told, "the second", log=again.log)
