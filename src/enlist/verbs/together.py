"""Many that ask at the same moment are answered together: the hot lane, from `look` to the answer.

A thousand devices that redeem at once need not wait a thousand times for the disk. They share one
snapshot to be looked at in, one transaction for their claims and one for their refusals, and each
is told what he would have been told alone. What is not plain (a try to be counted, an answer to
be repeated, anything that raises) is done alone, so that nobody's request harms another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.store import limits
from enlist.store.ahead import ReadAhead
from enlist.store.lanes import Store
from enlist.store.tx import Reader, StoreUnavailable
from enlist.verbs.driver import Answered, Driver, HotVerb
from enlist.verbs.refusing import record_each, unrecorded

Asked = tuple[HotVerb[Any, Any, Any, Any], Caller]
Outcome = Done[Any] | Refusal | Exception


class Together:
    """Runs verbs of one kind over a store, many at once."""

    def __init__(self, driver: Driver, store: Store) -> None:
        self._driver = driver
        self._store = store

    def perform(self, asked: Sequence[Asked]) -> list[Outcome]:
        """Do all of it; what came of each, in order. A fault is a value here."""
        outcomes: dict[int, Outcome] = {}
        try:
            self._perform(asked, outcomes)
        except StoreUnavailable as fault:
            return [outcomes.get(place, fault) for place in range(len(asked))]
        except Exception:  # noqa: BLE001, S110 - it comes again for whoever brought it, alone
            pass
        return [
            outcomes[place] if place in outcomes else self._alone(*one)
            for place, one in enumerate(asked)
        ]

    def _alone(self, verb: HotVerb[Any, Any, Any, Any], caller: Caller) -> Outcome:
        try:
            return self._driver.perform(verb, caller)
        except Exception as fault:  # noqa: BLE001 - told to whoever asked
            return fault

    def _perform(self, asked: Sequence[Asked], outcomes: dict[int, Outcome]) -> None:
        """Fill in what is decided; whatever was committed is in `outcomes` before more is tried."""
        outcomes |= _unread(asked)
        looking = {place: one for place, one in enumerate(asked) if place not in outcomes}
        if not looking:
            return
        seen = self._store.read(lambda tx: self._look(looking, tx), by_keys=True)
        ready = {place: self._work(*asked[place], what) for place, what in seen.items()}
        through = [n for n, one in ready.items() if not isinstance(one, Refusal | Answered | None)]
        given = [(*asked[place], ready[place]) for place in through]
        ready |= zip(through, type(asked[0][0]).complete(self._driver.tools, given), strict=True)
        refused = {place: one for place, one in ready.items() if isinstance(one, Refusal)}
        claims = {place: ready[place] for place in through if place not in refused}
        if claims:
            answers = self._store.claim(type(asked[0][0]).apply_many, list(claims.values()))
            answered = dict(zip(claims, answers, strict=True))
            lost = [place for place, answer in answered.items() if not answer]
            done = {n: asked[n][0].won(claims[n], yes) for n, yes in answered.items() if yes}
            outcomes |= done
            self._driver.carry_out([effect for one in done.values() for effect in one.effects])
            if lost:
                refused |= self._store.read(
                    lambda tx: self._lost(asked, claims, lost, tx), by_keys=True
                )
        if refused:
            outcomes |= self._refuse(asked, refused)

    def _look(self, looking: Mapping[int, Asked], tx: Reader) -> dict[int, object]:
        tools, ahead = self._driver.tools, ReadAhead(tx)
        verbs = [verb for verb, _ in looking.values()]
        if verbs[0].throttled:
            limits.read_ahead(ahead, (caller.source for _, caller in looking.values()))
        type(verbs[0]).read_ahead(tools, ahead, verbs)
        ahead.read()
        seen = type(verbs[0]).look_each(tools, ahead, list(looking.values()))
        return dict(zip(looking, seen, strict=True))

    def _work(self, verb: HotVerb[Any, Any, Any, Any], caller: Caller, seen: object) -> Any:
        if isinstance(seen, Refusal):
            return seen
        if verb.reserve(seen) is not None:
            return None
        return verb.work(self._driver.tools, caller, seen)

    def _lost(
        self, asked: Sequence[Asked], claims: dict[int, Any], lost: Iterable[int], tx: Reader
    ) -> dict[int, Refusal]:
        tools, ahead = self._driver.tools, ReadAhead(tx)
        return {n: asked[n][0].lost(tools, ahead, asked[n][1], claims[n]) for n in lost}

    def _refuse(self, asked: Sequence[Asked], refused: dict[int, Refusal]) -> dict[int, Refusal]:
        shown = {place: unrecorded(refusal) for place, refusal in refused.items()}
        recorded = [place for place, told in shown.items() if told is None]
        told = {place: refusal for place, refusal in shown.items() if refusal is not None}
        if recorded:
            done = self._store.claim(
                record_each, [(*asked[place], refused[place]) for place in recorded]
            )
            told |= dict(zip(recorded, done, strict=True))
        return told


def _unread(asked: Sequence[Asked]) -> dict[int, Refusal]:
    """What is refused for what it looks like, without a query (S03)."""
    refused = {place: verb.unread() for place, (verb, _) in enumerate(asked)}
    told = {place: unrecorded(refusal) for place, refusal in refused.items() if refusal}
    return {place: refusal for place, refusal in told.items() if refusal}
