"""The sealed log as it is stored, walked through from its beginning, a page at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from enlist.core.ids import Id, least_id
from enlist.core.merkle import Hash
from enlist.store.lanes import Store
from enlist.store.tx import Query, Reader, Row

PIECE: Final = 4_096
"""How many seals are read at once: so many that the asking costs little, few in memory."""

_BEFORE_ALL: Final = -(2**62)
_PAGE: Final = 2_000

_PIECE = Query(
    "seal.piece",
    """
    SELECT max(seq) AS last FROM (
        SELECT seq FROM event_seal WHERE seq > :after ORDER BY seq LIMIT :limit) AS piece
    """,
)
_WALK = Query(
    "seal.walk",
    """
    SELECT s.seq, s.event_id, s.leaf, e.entry, e.personal, e.salt,
           e.at, e.kind, e.actor_kind, e.actor_id, e.organization_id, e.user_id, e.device_id,
           e.enrollment_id, e.support_code
      FROM event_seal s LEFT JOIN event e ON e.id = s.event_id
     WHERE s.seq > :after AND s.seq <= :last
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
_ENTRIES_FROM = Query(
    "seal.entries_from",
    """
    SELECT e.entry FROM event e LEFT JOIN event_seal s ON s.event_id = e.id
     WHERE e.kind = :kind AND (s.seq IS NULL OR s.seq >= :size)
    """,
)
_UNSEALED = Query(
    "seal.count_unsealed",
    """
    SELECT count(*) AS n FROM event e
     WHERE e.id < :before AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
    """,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some neighbours in the order: the numbers after `after`, up to `last`."""

    after: int
    last: int


class Sealed(NamedTuple):
    """A seal with its event, of which all is None where it is gone."""

    seq: int
    event_id: Id
    leaf: Hash | None
    entry: str | None
    personal: str | None
    salt: bytes | None
    at: int | None
    kind: str | None
    actor_kind: str | None
    actor_id: Id | None
    organization_id: Id | None
    user_id: Id | None
    device_id: Id | None
    enrollment_id: Id | None
    support_code: str | None


class Walk:
    """The whole order in pieces, one after the other.

    It ends where the log ends, and goes on from there when asked again: the log grows meanwhile.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._after = _BEFORE_ALL

    def next(self) -> Piece | None:
        """The next one; None at the end."""
        row = self._store.read(lambda tx: tx.one(_PIECE, after=self._after, limit=PIECE))
        if row is None or row["last"] is None:
            return None
        piece = Piece(self._after, int(row["last"]))
        self._after = piece.last
        return piece


def read(store: Store, piece: Piece) -> list[Sealed]:
    """The seals of a piece in order, each with its event."""
    rows = store.read(lambda tx: tx.bare(_WALK, after=piece.after, last=piece.last))
    # Not by the database: with their entries, PostgreSQL would sort them on its disk.
    rows.sort(key=itemgetter(0))
    return [Sealed._make(row) for row in rows]


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
    """How many events from before a moment, by their ids, have no place yet."""
    row = tx.one(_UNSEALED, before=least_id(before))
    return 0 if row is None else int(row["n"])


def entries_from(tx: Reader, size: int, kind: str) -> list[str]:
    """The entries of events of a kind that have no place yet, or one from this number on."""
    return [row["entry"] for row in tx.all(_ENTRIES_FROM, size=size, kind=kind)]
