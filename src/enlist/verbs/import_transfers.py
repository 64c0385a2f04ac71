"""One row of a CSV import that moves a person to another organization, with what waits for him.

Who is there already stays, so the same file changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.store.tx import Reader
from enlist.verbs.driver import Driver, View
from enlist.verbs.import_rows import (
    Cells,
    Result,
    Wrong,
    formula,
    perform,
    told,
    whom_and_where,
)
from enlist.verbs.move_people import MoveUser

COLUMNS: Final = ("username", "new_group_id")
REQUIRED: Final = ("username",)
_COLUMN_OF: Final = {"organization": "new_group_id", "user": "username"}


def process(
    driver: Driver, caller: Caller, given: Cells, place: str, *, rehearsal: bool
) -> Result | Wrong:
    """Do a row, or with `rehearsal` only see what would come of it."""
    wrong = formula(given)
    if wrong is not None:
        return wrong
    found = driver.view(_Going(given, given.get("new_group_id") or place), caller)
    if isinstance(found, Refusal):
        return told(found, _COLUMN_OF)
    if found.there:
        return Result.UNCHANGED
    verb = MoveUser(found.user_id, found.organization_id)
    refusal = perform(driver, caller, verb, rehearsal=rehearsal)
    if refusal is None:
        return Result.CHANGED
    if refusal.code == "email_taken":
        return Wrong("username", "somebody there has the same e-mail address")
    return told(refusal, _COLUMN_OF)


def key_of(cells: Cells) -> tuple[str, ...]:
    """A person goes to one place: of two rows that name him, the first counts."""
    return (cells.get("username", "").casefold(),)


@dataclass(frozen=True, slots=True)
class _Meant:
    """Whom a row moves, where to, and whether he is there."""

    user_id: Id
    organization_id: Id
    there: bool


@dataclass(frozen=True)
class _Going(View[_Meant]):
    """What a row means; refused where there is no such person or organization."""

    cells: Cells
    place: str

    def read(self, tx: Reader, caller: Caller) -> _Meant | Refusal:
        meant = whom_and_where(tx, caller, self.cells, self.place)
        if isinstance(meant, Refusal):
            return meant
        user, to = meant
        return _Meant(user.id, to.id, user.organization_id == to.id)
