"""Dry runs: a verb is looked at and worked out, but not applied (X44).

`DryRun` wraps any verb that can say what would come of it. Nothing is written and nothing sent,
but for the event of a refusal, which a dry run is refused with as the real run would be.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.store.tx import Reader, Tx
from enlist.verbs.consequences import Foreseen
from enlist.verbs.driver import Answered, Tools, Verb


@runtime_checkable
class Foreseeing(Protocol):
    """A verb that can say what would come of it."""

    def foreseen(self, ready: Any, /) -> Foreseen:
        """What would end, were it applied now."""
        ...


class DryRun(Verb[Any, Any, Foreseen]):
    """A verb that changes nothing. Refusals: those of the `verb`."""

    def __init__(self, verb: Verb[Any, Any, Any]) -> None:
        if not isinstance(verb, Foreseeing):
            raise TypeError(f"{verb.name} cannot say what would come of it")
        self.verb = verb
        self._foreseeing: Foreseeing = verb

    @property
    def name(self) -> str:  # type: ignore[override]  # it is known as what it wraps
        return self.verb.name

    @property
    def hashes(self) -> bool:
        return self.verb.hashes

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Any:
        return self.verb.look(tools, tx, caller)

    def work(self, tools: Tools, caller: Caller, seen: Any) -> Answered[Foreseen] | Refusal:
        ready = self.verb.work(tools, caller, seen)
        if isinstance(ready, Refusal):
            return ready
        return Answered(Done(self._foreseeing.foreseen(ready)))

    def apply(self, tx: Tx, caller: Caller, ready: object) -> Done[Foreseen] | Refusal:
        raise AssertionError("a dry run has nothing to apply")
