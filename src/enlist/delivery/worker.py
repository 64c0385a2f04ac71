"""The outbox worker: a thread that sends what is due, and goes on whatever happens.

It wakes when something was queued, or by itself every two seconds, for messages whose wait is
over or that another process queued. Any number of workers, in any number of processes, share one
outbox: a claim keeps two from sending the same message.

The thread claims messages, puts their letters together and records what became of them, some at a
time. Handing them over is the post's (`posting`): here, in this very thread, for a few; beside, in
a process of its own, where there are many. Several are under way there at once, as far as a channel
is known to take any: the first goes alone, so that while nobody is there the others keep their
tries. The channels take turns, and one that cannot be reached holds up no other.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from enlist.core.caller import SYSTEM
from enlist.core.ids import Id
from enlist.core.model import Message
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import support_code
from enlist.delivery.channels import Channel
from enlist.delivery.posting import Fault, Post, PostHere
from enlist.store.tx import StoreUnavailable
from enlist.verbs.channels import CHANNELS
from enlist.verbs.deliver import Came, Claim, Compose, DueMessages, RecordVerdicts
from enlist.verbs.driver import AnyVerb, Driver
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

T = TypeVar("T")
V = TypeVar("V")

POLL: Final = 2.0
"""Seconds between two looks into the outbox when nobody wakes the worker."""
_ROUND: Final = 500
"""Messages of a channel that are looked up at once."""

MESSAGES: Final = Counter(
    "enlist_messages", "Tries to send a message, by channel and outcome.", ["channel", "outcome"]
)
FAULTS: Final = Counter(
    "enlist_delivery_faults", "Errors in delivery that nobody expected; should stay zero."
)

_OUTCOMES: Final[Mapping[type, str]] = {Accepted: "sent", Retry: "later", Rejected: "failed"}
# From the first failure on: what appears at one has never risen, and no alert would see it.
for _channel in CHANNELS:
    for _outcome in _OUTCOMES.values():
        MESSAGES.labels(_channel, _outcome)

_log = structlog.get_logger("enlist.delivery")


class Helped(Post, Protocol):
    """A post in a process of its own, which need not be there."""

    def ready(self, waiting: Mapping[str, int]) -> bool:
        """Whether it takes letters now, where so many wait by channel."""
        ...

    def stop(self, *, at_once: bool) -> None:
        """End it for good; `at_once` with whatever it has in hand, while somebody waits for it."""
        ...


@dataclass(slots=True)
class _Turn:
    """A channel's share of a round.

    Attributes:
        taken: messages that were claimed.
        hand: letters that the post has.
        reached: somebody is there, so that several may be under way.
        over: nobody is there, so that the others wait.
    """

    channel: str
    due: deque[Id]
    taken: int = 0
    hand: int = 0
    reached: bool = False
    over: bool = False


class Worker:
    """Sends messages until it is stopped.

    Args:
        channels: the ways to send, by the name that message rows carry (`email`, `sms`).
        public_url: the address that links begin with.
        beside: hands letters over where there are many.
    """

    def __init__(
        self,
        driver: Driver,
        channels: Mapping[str, Channel],
        public_url: str,
        *,
        beside: Helped | None = None,
        poll: float = POLL,
    ) -> None:
        self._driver = driver
        self._channels = dict(channels)
        self._here = PostHere(self._channels, public_url)
        self._beside = beside
        self._post: Post = self._here
        self._hand: dict[Id, tuple[Message, _Turn]] = {}
        self._came: list[Came] = []
        self._poll = poll
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin; once in a worker's life."""
        self._thread.start()

    def wake(self) -> None:
        """Something was queued (effect `Send`)."""
        self._woken.set()

    def stop(self, seconds: float = 10) -> None:
        """Finish what is in hand and end; a stuck mail server is not waited for any longer."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        if self._beside is not None:
            self._beside.stop(at_once=self._thread.is_alive())

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Before the look, so that what is queued during it leads to another one.
            self._woken.clear()
            try:
                self.deliver_due()
            except StoreUnavailable as error:
                _log.warning("outbox_unavailable", reason=str(error))
            except Exception:  # noqa: BLE001 - the thread must go on
                _fault("outbox_worker_fault", traceback.format_exc())
            self._woken.wait(self._poll)

    def deliver_due(self) -> int:
        """Send all that is due, or as much as can be sent now; answers how many were tried.

        Raises:
            StoreUnavailable: the outbox cannot be reached. What became of letters meanwhile is kept
                until it can.
        """
        tried = 0
        waiting = list(CHANNELS)
        try:
            tried += self._finish()
            while waiting and not self._stopping.is_set():
                turns = [_Turn(channel, deque(self._due(channel))) for channel in waiting]
                self._choose({turn.channel: len(turn.due) for turn in turns})
                tried += self._round(turns)
                waiting = [turn.channel for turn in turns if turn.taken and not turn.over]
        finally:
            self._here.release()
            if self._beside is not None:
                self._beside.release()
        return tried

    def _choose(self, waiting: Mapping[str, int]) -> None:
        """Who hands them over; nothing is in hand."""
        beside = self._beside
        self._post = beside if beside is not None and beside.ready(waiting) else self._here

    def _finish(self) -> int:
        """What was in hand when the outbox could not be reached any more."""
        tried = self._record()
        while self._hand:
            self._take_answers()
            tried += self._record()
        return tried

    def _round(self, turns: Sequence[_Turn]) -> int:
        """Send what is due; how many were tried."""
        tried = 0
        order = deque(turns)
        while True:
            filled = [self._fill(turn) for turn in order]
            order.rotate()
            if self._hand:
                self._take_answers()
            elif not any(filled):
                return tried
            tried += self._record()

    def _fill(self, turn: _Turn) -> bool:
        """Give the post more of a channel's letters, once it has done half of the last ones.

        Answers whether there was something left to do.
        """
        most = self._post.most(turn.channel)
        room = most if turn.reached else min(most, 1)
        if turn.hand > room // 2 or self._stopping.is_set():
            return False
        ids = [turn.due.popleft() for _ in range(min(room - turn.hand, len(turn.due)))]
        if not ids:
            return False
        outcome = self._driver.perform(Claim(tuple(ids)), SYSTEM)
        claimed = outcome.value if isinstance(outcome, Done) else ()
        turn.taken += len(claimed)
        letters: list[tuple[Id, Letter]] = []
        for message, written in self._each(Compose, claimed):
            if isinstance(written, Letter):
                self._hand[message.id] = message, turn
                turn.hand += 1
                letters.append((message.id, written))
            else:
                self._came.append(Came(message, written, posted=False))
        if letters:
            self._post.send(letters)
        return True

    def _take_answers(self) -> None:
        """Wait until the post knows of some, and hear of all that it knows of."""
        for message_id, answer in self._post.answers():
            message, turn = self._hand.pop(message_id)
            turn.hand -= 1
            verdict = _as_verdict(answer)
            if isinstance(verdict, Retry) and verdict.unreachable:
                # Nobody is there: the others keep their tries for later.
                turn.over = True
                turn.due.clear()
            else:
                turn.reached = True
            self._came.append(Came(message, verdict, posted=True))

    def _record(self) -> int:
        """Write down what came of messages; of how many."""
        recorded = self._each(RecordVerdicts, self._came)
        self._came.clear()
        for came, _ in recorded:
            outcome = _OUTCOMES[type(came.verdict)]
            MESSAGES.labels(came.message.channel, outcome).inc()
            reason = "" if isinstance(came.verdict, Accepted) else came.verdict.reason
            _log.info("message", message=came.message.id, outcome=outcome, reason=reason)
        return len(recorded)

    def _due(self, channel: str) -> tuple[Id, ...]:
        due = self._driver.view(DueMessages(channel, _ROUND), SYSTEM)
        return () if isinstance(due, Refusal) else due

    def _each(
        self, verb: Callable[[tuple[T, ...]], AnyVerb[Any, Any, tuple[V, ...]]], many: Sequence[T]
    ) -> list[tuple[T, V]]:
        """Each with what a verb made of it.

        What cannot be done for all is done for one after the other, so that a message with which
        something is wrong harms no other; it is left out, and comes again when its claim runs out.
        """
        if not many:
            return []
        try:
            outcome = self._driver.perform(verb(tuple(many)), SYSTEM)
            if isinstance(outcome, Done):
                return list(zip(many, outcome.value, strict=True))
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - told of the one with which it is
            if len(many) == 1:
                _fault("outbox_worker_fault", traceback.format_exc())
        if len(many) == 1:
            return []
        return [found for one in many for found in self._each(verb, [one])]


def _as_verdict(answer: Verdict | Fault) -> Verdict:
    if not isinstance(answer, Fault):
        return answer
    code = _fault("message_fault", answer.trace)
    return Retry(f"an error nobody expected; the log has it under {code}")


def _fault(event: str, trace: str) -> str:
    """Log and count what nobody expected; answers the code that it has in the log.

    The traceback goes as text: a renderer that shows local variables would show the token.
    """
    code = support_code()
    FAULTS.inc()
    _log.error(event, code=code, trace=trace)
    return code
