"""Clients that write down what they were answered, and the check that all of it is true.

Devices redeem tokens, two for each token, and a program registers devices whose tokens are
mailed. Whoever gets no answer asks again, as a well-made client does, with the same key or the
same Idempotency-Key. Meanwhile the server is killed. Afterwards the ledger of answers, the
database and the mailbox must agree: no token used twice, no answered enrollment missing, no
message lost.
"""

from __future__ import annotations

import random  # noqa: TID251 - a seed must lead to the same moments again
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import httpx2
from cryptography import x509

from tests.installation import Enlist
from tests.peers.base import DEADLINE
from tests.requests import request_pem
from tests.serving import NOBODY, Server

CLIENTS: Final = 8
PATIENCE: Final = 2 * DEADLINE
"""Seconds after which a client says that it never got an answer; a restart is among them."""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A client was told that its device is enrolled."""

    token: str
    client: int
    device_id: str
    serial: int


@dataclass
class Ledger:
    """What clients were answered; each writes down what it gets before it goes on."""

    redeemed: list[Redeemed] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    unanswered: int = 0


class Campaign:
    """Clients against a server that may be gone at any moment.

    Args:
        tokens: what there is to redeem; each is tried by two clients.
        key: an API key that may register devices.
    """

    def __init__(self, tokens: list[str], key: str) -> None:
        self.ledger = Ledger()
        self.where: Callable[[], str] = lambda: ""
        self._tokens = tokens
        self._key = key
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._faults: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """The clients at work; at the end all have every answer that they asked for."""
        shares = [
            [
                token
                for n, token in enumerate(self._tokens)
                if client in (n % CLIENTS, (n + 1) % CLIENTS)
            ]
            for client in range(CLIENTS)
        ]
        threads = [
            threading.Thread(target=self._guarded, args=(self._redeem_all, client, share))
            for client, share in enumerate(shares)
        ]
        threads.append(threading.Thread(target=self._guarded, args=(self._register_on,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(PATIENCE)
        assert not self._faults, self._faults
        assert not any(thread.is_alive() for thread in threads)

    @property
    def left(self) -> int:
        """How many tokens nobody was told about yet."""
        with self._lock:
            told = {each.token for each in self.ledger.redeemed}
        return len(self._tokens) - len(told)

    def _guarded(self, work: Callable[..., None], *given: object) -> None:
        try:
            work(*given)
        except BaseException as fault:  # noqa: BLE001 - shown by the test's own thread
            self._faults.append(fault)

    def wait_for(self, share: float) -> None:
        """Wait until somebody was told about this share of the tokens."""
        goal, ends = len(self._tokens) * (1 - share), time.monotonic() + DEADLINE
        while self.left > goal:
            if time.monotonic() > ends:
                raise TimeoutError(f"{self.left} tokens are left, and nobody redeems them")
            time.sleep(0.001)

    def _redeem_all(self, client: int, tokens: list[str]) -> None:
        csr = request_pem(client).decode()
        for token in tokens:
            body = {"token": token, "device": {"platform": "linux"}, "csr": csr}
            answer = self._ask("/api/v1/redeem", body, {}).json()
            with self._lock:
                if "certificate" in answer:
                    pem = answer["certificate"].encode()
                    serial = x509.load_pem_x509_certificate(pem).serial_number
                    self.ledger.redeemed.append(
                        Redeemed(token, client, answer["device"]["id"], serial)
                    )
                else:
                    self.ledger.refused.append((token, answer["code"]))

    def _register_on(self) -> None:
        for number in count():
            if self._over.is_set():
                return
            headers = {"authorization": f"Bearer {self._key}", "idempotency-key": f"mail-{number}"}
            user = self._somebody(number // 25, headers["authorization"])
            body = {
                "user": user,
                "name": f"mailed {number}",
                "platform": "linux",
                "message": {"type": "email"},
            }
            answer = self._ask("/api/v1/devices", body, headers)
            assert answer.status_code == 201, answer.text
            with self._lock:
                self.ledger.registered.append(answer.json()["device"]["id"])

    def _somebody(self, number: int, authorization: str) -> str:
        """Whom to register for: an address is sent no more than so much within an hour."""
        name = f"user-{number}"
        body = {"username": name, "email": f"{name}@example.com"}
        headers = {"authorization": authorization, "idempotency-key": name}
        answer = self._ask("/api/v1/users", body, headers)
        assert answer.status_code == 201, answer.text
        return name

    def _ask(self, path: str, body: object, headers: dict[str, str]) -> httpx2.Response:
        """Ask until there is an answer: no connection and 503 are none."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                with httpx2.Client(
                    base_url=self.where(), timeout=DEADLINE, trust_env=False, verify=NOBODY
                ) as client:
                    answer = client.post(path, json=body, headers=headers)
            except (httpx2.TransportError, httpx2.UnsupportedProtocol):
                answer = None
            if answer is not None and answer.status_code != 503:
                return answer
            with self._lock:
                self.ledger.unanswered += 1
            self._pause()
        raise TimeoutError(f"no answer from {path}")

    def _pause(self) -> None:
        time.sleep(0.02)  # a client that waits before it asks again


@dataclass(frozen=True, slots=True)
class Kill:
    """One end of the server, and how it came back.

    `left` is how many tokens nobody had been told about; `seconds` pass from the signal until the
    next server says that it is ready (P22).
    """

    left: int
    seconds: float


def kill_again_and_again(
    campaign: Campaign,
    restart: Callable[[], Server],
    kill: Callable[[Server], None],
    seed: int,
    kills: int,
    tell: Callable[[str], None],
) -> tuple[Server, list[Kill]]:
    """Kill the server at random moments, start it again each time; the last one stays."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    tell(f"seed {seed}")
    told: list[Kill] = []
    server = restart()
    for number in range(kills):
        campaign.where = lambda url=server.url: url  # type: ignore[misc]
        # The moment is what the campaign is about; by the clock, a quick machine would be done.
        campaign.wait_for((number + chance.uniform(0.1, 1.0)) / (kills + 1))
        left, before = campaign.left, time.monotonic()
        kill(server)
        server = restart()
        told.append(Kill(left, time.monotonic() - before))
    campaign.where = lambda: server.url
    seconds = [each.seconds for each in told]
    tell(
        f"{kills} kills; from SIGKILL to ready: median {statistics.median(seconds):.1f} s, "
        f"worst {max(seconds):.1f} s; tokens left at the last kill: {told[-1].left}"
    )
    return server, told


def check(ledger: Ledger, enlist: Enlist, received: set[str], tokens: dict[str, str]) -> None:
    """What clients were told, what the database says and what was mailed agree.

    Args:
        received: the Message-ID of every mail that arrived.
        tokens: the enrollment of each token.
    """
    check_redemptions(ledger, enlist, tokens)
    check_messages(ledger, enlist, received)


def check_redemptions(ledger: Ledger, enlist: Enlist, tokens: dict[str, str]) -> None:
    """Each token was used once, by whoever was told so: uses = credentials = events (S15, S16)."""
    winners: dict[str, set[tuple[int, str, int]]] = {}
    for each in ledger.redeemed:
        winners.setdefault(each.token, set()).add((each.client, each.device_id, each.serial))
    assert set(winners) == set(tokens), "a token that nobody could use"
    twice = {token: told for token, told in winners.items() if len(told) != 1}
    assert not twice, "two clients were told that they won, or one was given two certificates"
    codes = {code for _, code in ledger.refused}
    assert codes <= {"token_used"}, f"refused for another reason: {codes}"

    redeemed = Counter(event.enrollment_id for event in enlist.events("enrollment.redeemed"))
    for token, enrollment_id in tokens.items():
        ((_, device_id, serial),) = winners[token]
        found = enlist.enrollment(enrollment_id)
        state = (found.state, found.uses, found.device_id)
        assert state == ("used", 1, device_id), "an answered enrollment is missing"
        assert enlist.device(device_id).state == "enrolled", "an answered enrollment is missing"
        serials = [int(each.serial, 16) for each in enlist.credentials_of(device_id)]
        assert serials == [serial], "not the one certificate that was given out"
        assert redeemed[enrollment_id] == 1, "not one event for one use"
    uses = sum(row["uses"] for row in enlist.rows("enrollment"))
    counts = (uses, len(enlist.rows("credential")), sum(redeemed.values()))
    assert counts == (len(tokens),) * 3, "uses, credentials and events differ"


def check_messages(ledger: Ledger, enlist: Enlist, received: set[str]) -> None:
    """Each registration that was answered has its enrollment, its event and its mail."""
    assert len(ledger.registered) == len(set(ledger.registered)), "one device, answered twice"
    known = {str(row["id"]) for row in enlist.rows("device")}
    assert set(ledger.registered) <= known, "an answered registration is missing"
    events = Counter(event.device_id for event in enlist.events("device.registered"))
    # Besides, staff is written to: who contends for a token looks like one who intercepted it.
    bringing = [row for row in enlist.rows("message") if row["purpose"] != "alert"]
    rows = {str(row["enrollment_id"]): row for row in bringing}
    assert len(rows) == len(bringing), "two messages of one enrollment"
    for device_id in ledger.registered:
        (enrollment,) = enlist.enrollments_of(device_id)
        assert events[device_id] == 1, "not one event for one registration"
        row = rows.pop(enrollment.id, None)
        assert row is not None, "a message was lost"
        assert row["state"] == "sent", "a message was never sent"
        assert str(row["message_id"]).strip("<>") in received, "a message was lost on its way"
    assert not rows, "a message of a registration that nobody was told of"
