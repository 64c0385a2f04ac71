"""The sealed log as it is stored, walked through from its beginning, a page at a time."""

from __future__ import annotations

from collections import deque
from typing import Final

from enlist.core.merkle import Hash
from enlist.store.lanes import Store
from enlist.store.tx import Query, Reader, Row

_PAGE: Final = 2_000
_BEFORE_ALL: Final = -(2**62)

_WALK = Query(
    "seal.walk",
    """
    SELECT s.seq, s.event_id, s.leaf, e.id, e.at, e.kind, e.actor_kind, e.actor_id,
           e.organization_id, e.user_id, e.device_id, e.enrollment_id, e.support_code, e.entry,
           e.personal, e.salt
      FROM event_seal s LEFT JOIN event e ON e.id = s.event_id
     WHERE s.seq > :after ORDER BY s.seq LIMIT :limit
    """,
)
_SUBTREES = Query(
    "seal.walk_subtrees",
    """
    SELECT position, hash FROM event_subtree
     WHERE level = :level AND position > :after ORDER BY position LIMIT :limit
    """,
)
_TWICE = Query(
    "seal.twice",
    """
    SELECT s.event_id, min(s.seq) AS first, max(s.seq) AS last FROM event_seal s
     GROUP BY s.event_id HAVING count(*) > 1 LIMIT 1
    """,
)
_UNSEALED = Query(
    "seal.count_unsealed",
    """
    SELECT count(*) AS n FROM event e
     WHERE e.at < :before AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
    """,
)


class Walk:
    """Every seal in order with its event, whose columns are None where it is gone.

    It ends where the log ends, and goes on from there when asked again: the log grows meanwhile.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._after = _BEFORE_ALL
        self._rows: deque[Row] = deque()

    def next(self) -> Row | None:
        """The next one; None at the end."""
        if not self._rows:
            self._rows.extend(self._store.read(self._page))
        if not self._rows:
            return None
        row = self._rows.popleft()
        self._after = int(row["seq"])
        return row

    def _page(self, tx: Reader) -> list[Row]:
        return tx.all(_WALK, after=self._after, limit=_PAGE)


class SubtreeWalk:
    """The kept subtrees of one level, in order; it can go on at its end likewise."""

    def __init__(self, store: Store, level: int) -> None:
        self._store = store
        self._level = level
        self._after = _BEFORE_ALL
        self._rows: deque[Row] = deque()

    def next(self) -> tuple[int, Hash] | None:
        """Position and hash of the next one; None at the end."""
        if not self._rows:
            self._rows.extend(self._store.read(self._page))
        if not self._rows:
            return None
        row = self._rows.popleft()
        self._after = int(row["position"])
        return self._after, bytes(row["hash"])

    def _page(self, tx: Reader) -> list[Row]:
        return tx.all(_SUBTREES, level=self._level, after=self._after, limit=_PAGE)


def sealed_twice(tx: Reader) -> tuple[str, int, int] | None:
    """An event with two places in the order, if the database's own rule was taken away."""
    row = tx.one(_TWICE)
    return None if row is None else (row["event_id"], int(row["first"]), int(row["last"]))


def unsealed(tx: Reader, before: int) -> int:
    """How many events from before a moment have no place yet."""
    row = tx.one(_UNSEALED, before=before)
    return 0 if row is None else int(row["n"])
