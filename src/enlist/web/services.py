"""What every adapter is given, and how it gets a verb done.

Verbs are synchronous and may wait for a disk, so they run in threads. Those that compute a
password hash have threads of their own: a flood of sign-ins never holds up a redemption (S45).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread
from prometheus_client import Counter

from enlist.core.caller import Caller
from enlist.core.infrastructure import Surroundings
from enlist.core.outcomes import Done, Refusal
from enlist.core.refusals import UNRECORDED
from enlist.delivery.channels import CapturedMessage
from enlist.delivery.channels.sms import Gateway
from enlist.sessions.keeper import Keeper
from enlist.store.lanes import Store
from enlist.verbs.driver import AnyVerb, Driver, HotVerb, Tools, View
from enlist.verbs.in_bulk import InBulk
from enlist.verbs.revocation_answers import RevocationAnswers
from enlist.verbs.revocation_list import RevocationList
from enlist.verbs.together import Outcome, Together
from enlist.web.bell import Bell
from enlist.web.gathering import Gathering, Then
from enlist.web.metrics import OUTCOMES
from enlist.web.peers import X_FORWARDED_FOR
from enlist.web.places import Places

Value = TypeVar("Value")

UNRECORDED_REFUSALS: Final = Counter(
    "enlist_refused_unrecorded",
    "Refusals that are no event, by code: mistyped, out of date, throttled, or told often before.",
    ["code"],
)
# From zero on: what appears at one has never risen.
for _code in ("token_invalid", *sorted(UNRECORDED)):
    UNRECORDED_REFUSALS.labels(_code)

STREAMED: Final = Counter(
    "enlist_revocations_streamed_total", "Revocations that were sent on streams of the feed."
)


def _count_outcome(verb: AnyVerb[Any, Any, Any], outcome: Done[Any] | Refusal) -> None:
    OUTCOMES.labels(verb.name, outcome.code if isinstance(outcome, Refusal) else "done").inc()
    _count(outcome)


def _count(outcome: object) -> None:
    """Count a refusal that has become no event."""
    if isinstance(outcome, Refusal) and (outcome.counted_only or outcome.code in UNRECORDED):
        UNRECORDED_REFUSALS.labels(outcome.code).inc()


class Mailbox(Protocol):
    """Where the demo looks up what was sent."""

    def messages(self) -> Sequence[CapturedMessage]:
        """Captured messages, newest first."""
        ...


_THREADS: Final = 40
"""As many as anyio itself would run at once."""


def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(_THREADS)


MOST_STREAMS: Final = 200
"""Answers that go on at a time in one process; each looks whenever something was revoked."""
MOST_STREAMS_OF_ONE: Final = 50
"""Of them in one organization below the topmost and all below it, or in the topmost itself."""


def _streams() -> Places:
    return Places(MOST_STREAMS, MOST_STREAMS_OF_ONE)


@dataclass(frozen=True)
class Services:
    """One process's Enlist, as its adapters see it.

    Attributes:
        trusted_proxies: networks whose forwarding header is believed.
        proxy_header: which header that is, in small letters (see `peers`).
        own_ca: SHA-256 of Enlist's root as `sha256:` and hexadecimal digits, where the web
            listener shows a certificate under it; "" where others vouch for the listener.
        mailbox: the demo's; None in production.
        sms_gateway: reads what its reports say; None where no SMS can be sent.
        sessions: the device sessions that this process holds; None where it serves none.
        bell: rings when something was revoked.
        streams: places of answers that go on, such as streams of revocations.
        version: Enlist's version, shown to people who are signed in.
        why_not_ready: what keeps this process from taking traffic, besides the database; "" is
            nothing.
        surroundings: what this process knows of itself and its machine.
    """

    driver: Driver
    store: Store
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: str = X_FORWARDED_FOR
    metrics_from: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    mailbox: Mailbox | None = None
    sms_gateway: Gateway | None = None
    sessions: Keeper | None = None
    bell: Bell = field(default_factory=Bell)
    streams: Places = field(default_factory=_streams)
    version: str = ""
    own_ca: str = ""
    why_not_ready: Callable[[], str] = str
    surroundings: Callable[[], Surroundings] = Surroundings
    threads: anyio.CapacityLimiter = field(default_factory=_limiter)
    hashing_threads: anyio.CapacityLimiter = field(default_factory=_limiter)

    @functools.cached_property
    def revocation_list(self) -> RevocationList:
        """What of the authority's certificates was revoked."""
        return RevocationList(self.store, self.tools)

    @functools.cached_property
    def revocation_answers(self) -> RevocationAnswers:
        """How a single one of them stands."""
        return RevocationAnswers(self.store, self.tools)

    @functools.cached_property
    def _gathering(self) -> Gathering:
        return Gathering(Together(self.driver, self.store))

    @functools.cached_property
    def in_bulk(self) -> InBulk:
        """Runs requests of many rows."""
        return InBulk(Together(self.driver, self.store))

    @property
    def tools(self) -> Tools:
        return self.driver.tools

    @property
    def public_url(self) -> str:
        """The address that people use, without a slash at its end."""
        return self.tools.addresses.public_url

    @property
    def secure(self) -> bool:
        """Whether people come over HTTPS, so that cookies may demand it."""
        return self.public_url.startswith("https:")

    async def perform(
        self, verb: AnyVerb[Any, Any, Value], caller: Caller
    ) -> Done[Value] | Refusal:
        """Run a verb in a thread; see `Driver.perform`. Hot ones are gathered."""
        if isinstance(verb, HotVerb) and not verb.hashes:
            outcome = await self._gathering.perform(verb, caller)
        else:
            limiter = self.hashing_threads if verb.hashes else self.threads
            call = functools.partial(self.driver.perform, verb, caller)
            outcome = await anyio.to_thread.run_sync(call, limiter=limiter)
        if isinstance(outcome, Exception):
            raise outcome
        _count_outcome(verb, outcome)
        return outcome

    def begin(self, verb: HotVerb[Any, Any, Any, Any], caller: Caller, then: Then) -> None:
        """Have a hot verb done that computes no password hash; `then` is told what came of it."""

        def counted(outcome: Outcome) -> None:
            if not isinstance(outcome, Exception):
                _count_outcome(verb, outcome)
            then(outcome)

        self._gathering.begin(verb, caller, counted)

    async def look_around(self) -> Surroundings:
        """What this process knows of itself and its machine; finding that out reads files."""
        return await anyio.to_thread.run_sync(self.surroundings, limiter=self.threads)

    async def view(self, view: View[Value], caller: Caller) -> Value | Refusal:
        """Run a view in a thread; see `Driver.view`."""
        call = functools.partial(self.driver.view, view, caller)
        shown = await anyio.to_thread.run_sync(call, limiter=self.threads)
        _count(shown)
        return shown
