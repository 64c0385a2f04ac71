"""The one way that a verb runs, whoever asks.

    look (reads) -> work (slow, outside, no transaction) -> apply (one transaction)

`apply` trusts nothing that `look` saw: its statements carry the conditions. A refusal, wherever
it comes up, is a value that is *committed*, as an event and, for strangers, as a count against
their source. What must happen after the commit comes back as effects.

A verb whose `work` compares something that could be guessed takes a try first (`reserve`), in a
transaction of its own, so that parallel guesses cannot outrun a limit (S18). Where the guess was
right, the try is given back, whatever else then refuses the request (S17).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Generic, Self, TypeVar
from urllib.parse import urlsplit

from enlist.core import secrets
from enlist.core.caller import Caller
from enlist.core.clock import Clock
from enlist.core.events import Happening
from enlist.core.outcomes import Done, Effect, Refusal
from enlist.core.refusals import UNRECORDED
from enlist.core.secrets import KeyRing
from enlist.pki.authority import Authority
from enlist.pki.listener import ListenerIdentity
from enlist.pki.profiles import PkiUrls
from enlist.pki.signing import Signing, sign_alone
from enlist.store import limits
from enlist.store.ahead import ReadAhead
from enlist.store.lanes import Store
from enlist.store.tx import ConcurrentChange, Reader, Tx, UniqueViolation, Unstorable
from enlist.verbs import insisting
from enlist.verbs.passwords import Passwords
from enlist.verbs.refusing import Looking, record, unrecorded
from enlist.verbs.room import Room

Seen = TypeVar("Seen")
Ready = TypeVar("Ready")
Value = TypeVar("Value")
Claim = TypeVar("Claim")

_AGAIN: Final = 5
_UNREADABLE: Final = (Unstorable, UnicodeEncodeError)
"""Text from outside that is no text: NUL, lone surrogates."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people and devices reach this installation; settings, never a Host header (S38)."""

    public_url: str
    device_url: str
    pki_url: str

    @property
    def mail_domain(self) -> str:
        """The right-hand side of our Message-IDs."""
        return urlsplit(self.public_url).hostname or "localhost"


@dataclass(frozen=True, slots=True)
class Tools:
    """What `work` may use: everything slow, secret or outside that a verb needs.

    Attributes:
        certificate_lifetime: how long a device certificate lives, in microseconds.
        room: how many more enrollments may be live.
        channels: the ways to send messages that are set up (see `channels`); may be empty.
        listener: what the device listener shows now, and the key that signs one-time JWTs.
        landing_hosts: where people may be led after they enrolled (A59).
        api_session_idle: after which time without use an API session ends, in microseconds.
        outbound_allowed: hosts and ports that webhooks may go to whatever their addresses are.
        signing: how a batch of certificates is signed; a server may have helpers for it.
    """

    clock: Clock
    keys: KeyRing
    passwords: Passwords
    authority: Authority
    addresses: Addresses
    certificate_lifetime: int
    room: Room
    channels: frozenset[str]
    listener: Callable[[], ListenerIdentity]
    api_session_idle: int
    landing_hosts: frozenset[str] = frozenset()
    outbound_allowed: frozenset[str] = frozenset()
    signing: Signing = sign_alone

    @property
    def pki_urls(self) -> PkiUrls:
        """Where the addresses inside certificates point (ruling 36)."""
        return PkiUrls.under(self.addresses.pki_url)


def _no_work(_tools: Tools) -> None:
    """Where the refusal of a try may be told at once."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try at something that could be guessed, written down before it is compared.

    Attributes:
        take: counts it; a refusal where none is left.
        right: gives it back, because the guess was right; None where `apply` does that.
        undo: gives it back, because a fault kept it from being compared, or because something
            changed while a right one was to be applied; None lets it count.
        pretend: as much slow work as comparing, for a refused try whose time must not tell (S07).
    """

    take: Callable[[Tx], Refusal | None]
    right: Callable[[Tx], None] | None = None
    undo: Callable[[Tx], None] | None = None
    pretend: Callable[[Tools], object] = _no_work


class AnyVerb(ABC, Generic[Seen, Ready, Value]):
    """What every verb has. Instances are requests: plain values, compared by value.

    Class attributes:
        name: the verb's name in events and metrics.
        refused_as: the kind of event that a refusal becomes (`kind_of`).
        throttled: whether strangers may call it, so that refusals count against their source.
        by_keys: whether every statement of it finds its few rows by an index and needs no snapshot,
            so that it may go by the hot lane's connections.
    """

    name: ClassVar[str]
    by_keys: ClassVar[bool] = False
    refused_as: ClassVar[str] = "request.refused"
    throttled: ClassVar[bool] = False

    @property
    def hashes(self) -> bool:
        """Whether it may compute a password hash, and so must not hold up others (S45)."""
        return False

    def unread(self) -> Refusal | None:
        """The refusal of what can be seen to be nothing at all; it costs no query (S03)."""
        return None

    @abstractmethod
    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        """Read what deciding needs. Of the tools, keys and limits are for `look`."""

    def reserve(self, seen: Seen) -> Try | None:
        """The try to take before `work` compares something, if there is one."""
        return None

    @abstractmethod
    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Answered[Value] | Refusal:
        """Everything slow or outside; no transaction is open."""

    def kind_of(self, refusal: Refusal) -> str:
        """The kind of event that a refusal becomes."""
        return self.refused_as

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        """What else a refusal changes, in the transaction that records it.

        Returns:
            What is told and recorded instead, where a limit says so; None for the refusal itself.
        """
        return None

    def clash(self, index: str) -> Refusal | None:
        """The refusal that a unique index stands for; None makes it a fault of ours."""
        return None


@dataclass(frozen=True, slots=True)
class Answered(Generic[Value]):
    """What `work` returns when there is nothing to apply: the answer, and perhaps an event."""

    done: Done[Value]
    happening: Happening | None = None


class Verb(AnyVerb[Seen, Ready, Value]):
    """One thing that Enlist does."""

    @abstractmethod
    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Value] | Refusal:
        """Make it so: SQL only, conditional statements, events."""


class QuickVerb(Verb[Seen, Seen, Value]):
    """A verb that has nothing slow to do: `apply` gets what `look` saw."""

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Seen | Answered[Value] | Refusal:
        return seen


class HotVerb(AnyVerb[Seen, Ready, Value], Generic[Seen, Ready, Claim, Value]):
    """A verb whose `apply` goes through the hot lane: plain claims, many per transaction.

    Many that are asked at the same time are done together, see `together`.
    """

    apply_many: ClassVar[Callable[[Tx, Sequence[Any]], Sequence[Any]]]
    """Answers each claim: nothing (False, None, 0) where it was not applied."""

    @classmethod
    @abstractmethod
    def read_ahead(cls, tools: Tools, ahead: ReadAhead, verbs: Sequence[Self]) -> None:
        """Have asked at once what `look` will ask for each of these."""

    @classmethod
    def look_each(cls, tools: Tools, tx: Reader, asked: Sequence[tuple[Self, Caller]]) -> list[Any]:
        """`look` for many over one snapshot: what each sees, in order."""
        return [look_at(verb, tools, tx, caller) for verb, caller in asked]

    @classmethod
    @abstractmethod
    def complete(
        cls, tools: Tools, ready: Sequence[tuple[Self, Caller, Ready]]
    ) -> Sequence[Claim | Refusal]:
        """The rest of `work`, which costs less for many at once: their claims, in order."""

    @abstractmethod
    def won(self, claim: Claim, answer: Any) -> Done[Value]:
        """The outcome of a claim that was applied; `answer` is what `apply_many` said of it."""

    @abstractmethod
    def lost(self, tools: Tools, tx: Reader, caller: Caller, claim: Claim) -> Refusal:
        """Why a claim was not applied; reads, because nothing was changed."""


class View(ABC, Generic[Value]):
    """Something to be looked at: a verb that only reads."""

    @abstractmethod
    def read(self, tx: Reader, caller: Caller) -> Value | Refusal:
        """What there is to see for this caller."""


class Driver:
    """Runs verbs and views over a store."""

    def __init__(
        self, store: Store, tools: Tools, after: Callable[[Sequence[Effect]], None]
    ) -> None:
        self._store = store
        self._tools = tools
        self._after = after

    @property
    def tools(self) -> Tools:
        return self._tools

    @property
    def store(self) -> Store:
        return self._store

    def view(self, view: View[Value], caller: Caller) -> Value | Refusal:
        """Show something; only a refused right is recorded."""
        try:
            shown = self._store.read(lambda tx: view.read(tx, caller))
        except _UNREADABLE:
            return Refusal("malformed", support_code=secrets.support_code())
        if isinstance(shown, Refusal) and shown.code == "forbidden":
            return self._store.write(lambda tx: record(Looking(), tx, caller, shown))
        return shown

    def perform(self, verb: AnyVerb[Any, Any, Value], caller: Caller) -> Done[Value] | Refusal:
        """Do something, and commit what came of it, be it a refusal.

        Raises:
            StoreUnavailable: the database cannot be reached; nothing was written.
        """
        for _ in range(_AGAIN):
            try:
                outcome = self._once(verb, caller)
            except ConcurrentChange:
                continue
            except UniqueViolation as violation:
                refusal = verb.clash(violation.index)
                if refusal is None:
                    raise
                outcome = self._refuse(verb, caller, refusal)
            except _UNREADABLE:
                return Refusal("malformed", support_code=secrets.support_code())
            if isinstance(outcome, Done):
                self.carry_out(outcome.effects)
            return outcome
        return self._refuse(verb, caller, Refusal("try_later", reason="kept changing", holder=True))

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """Do what must happen now that something is committed."""
        if effects:
            self._after(effects)

    def _once(self, verb: AnyVerb[Any, Any, Value], caller: Caller) -> Done[Value] | Refusal:
        seen = verb.unread() or self._store.read(
            lambda tx: look_at(verb, self._tools, tx, caller), by_keys=verb.by_keys
        )
        if isinstance(seen, Refusal):
            return self._refuse(verb, caller, seen)
        one = verb.reserve(seen)
        ready = self._work(verb, caller, seen, one)
        if isinstance(ready, Refusal):
            return self._refuse(verb, caller, ready)
        if isinstance(ready, Answered):
            happening = ready.happening
            if happening is not None:
                self._store.write(lambda tx: insisting.record(tx, caller, happening))
            return ready.done
        if isinstance(verb, HotVerb):
            return self._claim(verb, caller, ready)
        assert isinstance(verb, Verb)
        try:
            return self._apply(verb, caller, ready)
        except ConcurrentChange:
            if one is not None and one.right is None and one.undo is not None:
                # It was right, but `apply` did not come to say so: looking again is another try.
                self._store.write(one.undo)
            raise

    def _apply(
        self, verb: Verb[Any, Any, Value], caller: Caller, ready: object
    ) -> Done[Value] | Refusal:
        """`apply`, in the lane that is the verb's."""
        if not verb.by_keys:
            return self._store.write(lambda tx: _apply(verb, tx, caller, ready))
        return self._store.claim(lambda tx, _: [_apply(verb, tx, caller, ready)], [verb])[0]

    def _work(
        self, verb: AnyVerb[Any, Any, Any], caller: Caller, seen: object, one: Try | None
    ) -> Any:
        """`work`, between taking the try that it needs and giving it back where it was right."""
        if one is None:
            return verb.work(self._tools, caller, seen)
        refused_try = self._store.write(one.take)
        if refused_try is not None:
            one.pretend(self._tools)
            return refused_try
        try:
            ready = verb.work(self._tools, caller, seen)
        except Exception:
            if one.undo is not None:
                self._store.write(one.undo)
            raise
        if one.right is not None and not (isinstance(ready, Refusal) and not ready.holder):
            self._store.write(one.right)
        return ready

    def _claim(
        self, verb: HotVerb[Any, Ready, Any, Value], caller: Caller, ready: Ready
    ) -> Done[Value] | Refusal:
        claim = type(verb).complete(self._tools, [(verb, caller, ready)])[0]
        if isinstance(claim, Refusal):
            return self._refuse(verb, caller, claim)
        answer = self._store.claim(type(verb).apply_many, [claim])[0]
        if answer:
            return verb.won(claim, answer)
        lost = self._store.read(lambda tx: verb.lost(self._tools, tx, caller, claim))
        return self._refuse(verb, caller, lost)

    def _refuse(self, verb: AnyVerb[Any, Any, Any], caller: Caller, refusal: Refusal) -> Refusal:
        told = unrecorded(refusal)
        return told or self._store.write(lambda tx: record(verb, tx, caller, refusal))


def look_at(
    verb: AnyVerb[Seen, Any, Any], tools: Tools, tx: Reader, caller: Caller
) -> Seen | Refusal:
    """What a verb sees; a stranger whose source is throttled sees nothing."""
    if verb.throttled:
        wait = limits.throttled(tx, caller.source)
        if wait is not None:
            return Refusal("rate_limited", retry_after=wait)
    return verb.look(tools, tx, caller)


def _apply(
    verb: Verb[Any, Any, Value], tx: Tx, caller: Caller, ready: object
) -> Done[Value] | Refusal:
    wait = limits.throttled(tx, caller.source) if verb.throttled else None
    if wait is not None:
        # One of many guesses sent at once was right: too late, as the others used up the window.
        return Refusal("rate_limited", retry_after=wait, support_code=secrets.support_code())
    outcome = verb.apply(tx, caller, ready)
    if isinstance(outcome, Refusal):
        told = replace(outcome, support_code=secrets.support_code())
        return told if outcome.code in UNRECORDED else record(verb, tx, caller, outcome)
    return outcome
