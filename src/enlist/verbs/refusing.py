"""Writing a refusal down: as an event, and as a count against a stranger's source.

Whoever asked is shown a support code, by which his administrator finds the exact reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Protocol

from enlist.core import secrets
from enlist.core.caller import Caller
from enlist.core.events import Happening, refused
from enlist.core.outcomes import Refusal
from enlist.core.refusals import UNRECORDED
from enlist.store import events, limits
from enlist.store.tx import Tx
from enlist.verbs import insisting


class Refused(Protocol):
    """What of a verb recording its refusal needs."""

    @property
    def name(self) -> str: ...
    @property
    def throttled(self) -> bool: ...
    def kind_of(self, refusal: Refusal) -> str: ...
    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal | None: ...


class Looking:
    """What is refused to whoever may not look at something."""

    name: Final = "view"
    throttled: Final = False

    def kind_of(self, _refusal: Refusal) -> str:
        return "request.refused"

    def on_refusal(self, _tx: Tx, _caller: Caller, _refusal: Refusal) -> None:
        return None


def unrecorded(refusal: Refusal) -> Refusal | None:
    """What is shown of a refusal that leaves no event; None for all others (ruling 11)."""
    if _is_no_event(refusal):
        return replace(refusal, support_code=secrets.support_code())
    return None


def _is_no_event(refusal: Refusal) -> bool:
    return refusal.code in UNRECORDED or refusal.counted_only


def record(verb: Refused, tx: Tx, caller: Caller, refusal: Refusal) -> Refusal:
    """Write a refusal down, and count it against a stranger's source."""
    return record_each(tx, [(verb, caller, refusal)])[0]


def record_each(tx: Tx, refusals: Iterable[tuple[Refused, Caller, Refusal]]) -> list[Refusal]:
    """Write several refusals down, the first first; those of which there were too many, not."""
    refusals = list(refusals)
    counted = limits.count_refusals(tx, [_counted_by(*each) for each in refusals])
    told: list[Refusal] = []
    happened: list[tuple[Caller, Happening]] = []
    for (verb, caller, refusal), within in zip(refusals, counted, strict=True):
        told_instead = verb.on_refusal(tx, caller, refusal)
        shown = replace(told_instead or refusal, support_code=secrets.support_code())
        if not within:
            shown = _too_many(tx, caller, shown) if _guessed(verb, refusal) else _again(shown)
        if not _is_no_event(shown):
            happened.append((caller, _happening(caller, shown, verb.name, verb.kind_of(shown))))
        told.append(shown)
    events.record_each(tx, happened)
    return told


def _guessed(verb: Refused, refusal: Refusal) -> bool:
    """Whether it may have been a stranger's guess, which counts against his source."""
    return verb.throttled and not refusal.holder


def _counted_by(verb: Refused, caller: Caller, refusal: Refusal) -> str:
    """What a refusal is counted by, with the others of its window; "" where it is not."""
    if _guessed(verb, refusal):
        return caller.source
    if verb.throttled:
        return insisting.holders(caller, refusal)
    return insisting.signed_in(caller, refusal, verb.name)


def _too_many(tx: Tx, caller: Caller, shown: Refusal) -> Refusal:
    """What a stranger hears who was refused too often.

    The tenth refusal in a window is the last that a source is told anything about: a guess that
    was already under way when the count was reached learns nothing from its answer either.
    """
    wait = limits.throttled(tx, caller.source)
    return replace(shown, code="rate_limited", detail="", retry_after=wait)


def _again(shown: Refusal) -> Refusal:
    """The same answer as often before: told, and not written down."""
    return replace(shown, counted_only=True)


def _happening(caller: Caller, refusal: Refusal, verb: str, kind: str) -> Happening:
    """A refusal as an event, where the administrator of whoever asked will look for it."""
    about = refusal.about
    if about.organization_id is None:
        # Where nothing was found, the refusal belongs to whoever asked: his own administrator
        # must find it by its support code. A stranger's goes to the root.
        about = replace(about, organization_id=caller.organization_id)
    named = replace(refusal, about=about, data={**refusal.data, "verb": verb})
    return refused(kind, named)
