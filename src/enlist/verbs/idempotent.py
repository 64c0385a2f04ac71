"""Idempotency-Key: a request that is sent twice is done once (ruling 25).

`Idempotent` wraps any verb that offers `made(value)`, the id of what it made. The key is claimed
before the verb's own `apply`, in the same transaction, so of two requests at once the second
waits, looks again, and finds the first one's. What is kept is a digest of the request and the
id, never the answer: that is rendered anew by the verb that `again` makes of the id.

An adapter does it so::

    key = idempotency_key(caller, header, b"POST /api/v1/users", body)
    if isinstance(key, Refusal):
        ...
    verb = AddUser(...)
    outcome = driver.perform(Idempotent(verb, key, UserAgain), caller)

The verb for a repeat stands beside the one that makes, and is called `…Again`; that of an API key
always refuses (`already_shown`), because its secret is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from enlist.core.caller import Caller
from enlist.core.clock import DAY
from enlist.core.ids import NOTHING, Id
from enlist.core.outcomes import Done, Refusal, invalid
from enlist.core.secrets import fingerprint
from enlist.store import limits
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Answered, QuickVerb, Tools, Try, Verb

LIFETIME: Final = DAY
LONGEST_KEY: Final = 200
_CLAIMED: Final = NOTHING
"""Stands for what is being made, until it has an id; never seen outside of a transaction."""

Value = TypeVar("Value")


@runtime_checkable
class Making(Protocol):
    """A verb that makes something with an id."""

    def made(self, value: Any, /) -> Id:
        """The id that an Idempotency-Key remembers."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The verb that runs, the first or the one that answers again, and what it carries."""

    verb: Verb[Any, Any, Any]
    carried: Any
    first: bool


class Again(QuickVerb[Value, Value]):
    """The answer of an earlier verb once more: `look` finds what it made; nothing is changed."""

    def apply(self, tx: Tx, caller: Caller, ready: Value) -> Done[Value]:
        return Done(ready)


def idempotency_key(caller: Caller, key: str, *request: bytes) -> IdempotencyKey | Refusal:
    """The key of one caller for one request.

    Args:
        request: method and path, body: whatever makes two requests the same.

    Refusals: `validation_failed`.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        return invalid("Idempotency-Key", f"must be 1 to {LONGEST_KEY} printable ASCII characters")
    owner = caller.id or f"{caller.kind.value}:{caller.name}"
    return IdempotencyKey(owner, key, fingerprint(request))


class Idempotent(Verb[Chosen, Chosen, Value], Generic[Value]):
    """A verb that is done once for one Idempotency-Key.

    Refusals: `idempotency_key_reused`, and those of the verb.
    """

    def __init__(
        self,
        verb: Verb[Any, Any, Value],
        key: IdempotencyKey,
        again: Callable[[Id], Verb[Any, Any, Value]],
    ) -> None:
        if not isinstance(verb, Making):
            raise TypeError(f"{verb.name} makes nothing that could be remembered")
        self._making: Making = verb
        self._verb = verb
        self._key = key
        self._again = again

    @property
    def name(self) -> str:  # type: ignore[override]  # it is known as what it wraps
        return self._verb.name

    @property
    def throttled(self) -> bool:  # type: ignore[override]  # likewise
        return self._verb.throttled

    @property
    def hashes(self) -> bool:
        return self._verb.hashes

    def unread(self) -> Refusal | None:
        return self._verb.unread()

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Chosen | Refusal:
        known = limits.recall(tx, self._key)
        if known is not None and not known.same_request:
            return Refusal("idempotency_key_reused")
        verb = self._verb if known is None else self._again(known.made_id)
        seen = verb.look(tools, tx, caller)
        return seen if isinstance(seen, Refusal) else Chosen(verb, seen, first=known is None)

    def reserve(self, seen: Chosen) -> Try | None:
        return seen.verb.reserve(seen.carried)

    def work(
        self, tools: Tools, caller: Caller, seen: Chosen
    ) -> Chosen | Answered[Value] | Refusal:
        ready = seen.verb.work(tools, caller, seen.carried)
        if isinstance(ready, Refusal | Answered):
            return ready
        return Chosen(seen.verb, ready, seen.first)

    def apply(self, tx: Tx, caller: Caller, ready: Chosen) -> Done[Value] | Refusal:
        if not ready.first:
            return ready.verb.apply(tx, caller, ready.carried)
        if not limits.remember(tx, self._key, _CLAIMED, LIFETIME):
            raise ConcurrentChange
        outcome: Done[Value] | Refusal = ready.verb.apply(tx, caller, ready.carried)
        if isinstance(outcome, Refusal):
            limits.forget(tx, self._key)
        else:
            limits.fill_in(tx, self._key, self._making.made(outcome.value))
        return outcome

    def kind_of(self, refusal: Refusal) -> str:
        return self._verb.kind_of(refusal)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None:
        return self._verb.on_refusal(tx, caller, refusal)

    def clash(self, index: str) -> Refusal | None:
        return self._verb.clash(index)
