"""The outbox worker: a thread that sends what is due, and goes on whatever happens.

It wakes when something was queued, or by itself every two seconds, for messages whose wait is
over or that another process queued. The channels take turns, and one that cannot be reached holds
up no other. Any number of workers, in any number of processes, share one
outbox: a claim keeps two from sending the same message.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from prometheus_client import Counter

from enlist.core.caller import SYSTEM
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import support_code
from enlist.delivery.channels import Attachment, Channel, Outgoing
from enlist.delivery.lookups import ascii_url, report_url
from enlist.delivery.rendering import render
from enlist.store.tx import StoreUnavailable
from enlist.verbs.channels import CHANNELS
from enlist.verbs.deliver import Claim, Deliver, DueMessages
from enlist.verbs.driver import Driver
from enlist.verbs.letters import Letter
from enlist.verbs.one_time_jwt import jwt_file_name
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict

POLL: Final = 2.0
"""Seconds between two looks into the outbox when nobody wakes the worker."""

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


class Worker:
    """Sends messages until it is stopped.

    Args:
        channels: the ways to send, by the name that message rows carry (`email`, `sms`).
        public_url: the address that links begin with.
    """

    def __init__(
        self,
        driver: Driver,
        channels: Mapping[str, Channel],
        public_url: str,
        *,
        poll: float = POLL,
    ) -> None:
        self._driver = driver
        self._channels = dict(channels)
        self._public_url = public_url
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
        """Finish the message in hand and end; a stuck mail server is not waited for any longer."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

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
                _fault("outbox_worker_fault")
            self._woken.wait(self._poll)

    def deliver_due(self) -> int:
        """Send all that is due, or as much as can be sent now; answers how many were tried.

        Raises:
            StoreUnavailable: the outbox cannot be reached.
        """
        tried = 0
        waiting = list(CHANNELS)
        try:
            while waiting and not self._stopping.is_set():
                for channel in tuple(waiting):
                    sent, more = self._deliver_some(channel)
                    tried += sent
                    if not more:
                        waiting.remove(channel)
        finally:
            for each in self._channels.values():
                each.release()
        return tried

    def _deliver_some(self, channel: str) -> tuple[int, bool]:
        """Send some of what is due by one channel; how many were tried, and whether to go on."""
        tried = 0
        for message_id in self._due(channel):
            if self._stopping.is_set():
                break
            verdict = self._deliver(message_id)
            tried += verdict is not None
            if isinstance(verdict, Retry) and verdict.unreachable:
                # Nobody is there: the others keep their tries for later.
                return tried, False
        return tried, tried > 0

    def _due(self, channel: str) -> tuple[Id, ...]:
        due = self._driver.view(DueMessages(channel), SYSTEM)
        return () if isinstance(due, Refusal) else due

    def _deliver(self, message_id: Id) -> Verdict | None:
        """One message; None when another worker has it."""
        claimed = self._driver.perform(Claim(message_id), SYSTEM)
        if not isinstance(claimed, Done) or claimed.value is None:
            return None
        message = claimed.value
        outcome = self._driver.perform(Deliver(message, self._post), SYSTEM)
        if not isinstance(outcome, Done):
            return None
        verdict = outcome.value
        MESSAGES.labels(message.channel, _OUTCOMES[type(verdict)]).inc()
        reason = "" if isinstance(verdict, Accepted) else verdict.reason
        _log.info("message", message=message.id, outcome=_OUTCOMES[type(verdict)], reason=reason)
        return verdict

    def _post(self, letter: Letter) -> Verdict:
        """Write a letter and hand it over."""
        channel = self._channels.get(letter.channel)
        if channel is None:
            return Retry(f"no way to send by {letter.channel} is set up", unreachable=True)
        try:
            rendered = render(letter, self._public_url)
            if isinstance(rendered, Rejected):
                return rendered
            return channel.send(
                Outgoing(
                    message_id=letter.message_id,
                    at=letter.at,
                    recipient=letter.recipient,
                    recipient_name=letter.recipient_name,
                    subject=rendered.subject,
                    text=rendered.text,
                    html=rendered.html,
                    language=rendered.language,
                    attachment=_attachment(letter),
                    report_url=self._report_url(letter),
                    pictures=rendered.pictures,
                )
            )
        except Exception:  # noqa: BLE001 - one message that breaks must not hold up the others
            code = _fault("message_fault", hidden=letter.secrets)
            return Retry(f"an error nobody expected; the log has it under {code}")

    def _report_url(self, letter: Letter) -> str:
        return report_url(ascii_url(self._public_url), letter.report) if letter.report else ""


def _attachment(letter: Letter) -> Attachment | None:
    """The JWT, as the file that a client reads; the name holds nothing that is not a name's."""
    if letter.jwt is None or letter.device is None:
        return None
    name = jwt_file_name(letter.device.name)
    return Attachment(name, "application/jwt", letter.jwt.reveal().encode())


def _fault(event: str, hidden: Iterable[str] = ()) -> str:
    """Log and count what nobody expected, without the secrets that were at hand; answers its code.

    The traceback goes as text: a renderer that shows local variables would show the token.
    """
    code = support_code()
    trace = traceback.format_exc()
    FAULTS.inc()
    for secret in filter(None, hidden):
        trace = trace.replace(secret, "•••")
    _log.error(event, code=code, trace=trace)
    return code
