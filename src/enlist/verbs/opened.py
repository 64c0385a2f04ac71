"""Opened: a link was opened, by a person or by a mail scanner (X06).

A link carries the enrollment's public handle, which cannot redeem (ruling 9). Whoever asks
learns nothing: the answer is the same whether the handle exists or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, parse_id
from enlist.core.model import Enrollment
from enlist.core.outcomes import Done, Refusal
from enlist.store import enrollments, events
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, Tools, Verb

MOST: Final = 20
"""How often opening one link is written down; a link in a public place must not fill the log."""


@dataclass(frozen=True)
class Opened(Verb[Enrollment | None, Enrollment, None]):
    """Note that a link was opened. Never refused, and changes nothing about the enrollment."""

    enrollment_id: Id
    by_person: bool

    name = "opened"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Enrollment | Refusal | None:
        by_id = parse_id(self.enrollment_id)
        return enrollments.find(tx, by_id) if by_id else None

    def work(
        self, tools: Tools, caller: Caller, seen: Enrollment | None
    ) -> Enrollment | Answered[None]:
        return seen or Answered(Done(None))

    def apply(self, tx: Tx, caller: Caller, ready: Enrollment) -> Done[None] | Refusal:
        if enrollments.opened(tx, ready.id, by_person=self.by_person, most=MOST):
            data = {"scanner": not self.by_person}
            events.record(tx, caller, Happening("enrollment.opened", ready.subjects, data))
        return Done(None)
