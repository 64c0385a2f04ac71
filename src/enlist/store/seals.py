"""The order of events: who is sealed, who is not yet, and the tree over them.

Ids are made before a commit, so a slow transaction may bring a smaller id after the sealer has
passed. What is unsealed is therefore never "above the last sealed", but what has no seal: looked
for where it can be (SQLite: rows that were added since, as there is one writer; PostgreSQL: ids
since the oldest transaction that was running), and, page by page, everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.core.merkle import Hash, perfect_root
from enlist.store.tx import Query, Reader, Tx

TILE_LEVELS: Final = 8
"""Of the tree, every eighth level is kept (see the revision `0002_sealed_log`)."""

_TILE: Final = 1 << TILE_LEVELS
_LAST: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""No id comes after it."""

_BY_INDEX = Query(
    "seal.by_index",
    "SELECT 1 AS done",
    # Until it counts rows again, PostgreSQL holds a log that grew within a minute for a short one,
    # and would read all of it at each look.
    postgres="SELECT set_config('enable_seqscan', 'off', true) AS done",
)
_SIZE = Query("seal.size", "SELECT max(seq) AS last FROM event_seal")
_RECENT = Query(
    "seal.recent",
    # Where the last sealed event is not there any more, by the ids.
    """
    SELECT e.id, e.entry FROM event e
     WHERE e.rowid > COALESCE(
             (SELECT p.rowid FROM event p WHERE p.id = (
                SELECT event_id FROM event_seal WHERE seq = (SELECT max(seq) FROM event_seal))),
             (SELECT min(p.rowid) - 1 FROM event p WHERE p.id >= :since_id), 0)
       AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
     ORDER BY e.rowid LIMIT :limit
    """,
    postgres="""
    SELECT e.id, e.entry FROM event e
     WHERE e.id >= :since_id
       AND NOT EXISTS (SELECT 1 FROM event_seal s
                        WHERE s.event_id = e.id AND s.event_id >= :since_id)
     ORDER BY e.id LIMIT :limit
    """,
)
_PAGE_END = Query(
    "seal.page_end", "SELECT id FROM event WHERE id > :after ORDER BY id LIMIT 1 OFFSET :count"
)
_BETWEEN = Query(
    "seal.between",
    """
    SELECT e.id, e.entry FROM event e
     WHERE e.id > :after AND e.id <= :until
       AND NOT EXISTS (SELECT 1 FROM event_seal s WHERE s.event_id = e.id)
     ORDER BY e.id LIMIT :limit
    """,
    postgres="""
    SELECT e.id, e.entry FROM event e
     WHERE e.id > :after AND e.id <= :until
       AND NOT EXISTS (SELECT 1 FROM event_seal s
                        WHERE s.event_id = e.id AND s.event_id > :after AND s.event_id <= :until)
     ORDER BY e.id LIMIT :limit
    """,
)
_OLDEST_WRITER = Query(
    "seal.oldest_writer",
    "SELECT NULL AS seconds",
    # Who has not written within a minute of his start only reads, such as a backup.
    postgres="""
    SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) AS seconds
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND (backend_xid IS NOT NULL OR xact_start > clock_timestamp() - interval '1 minute')
    """,
)
_ONE_SEALER = Query(
    "seal.one_sealer",
    "SELECT 1 AS alone",  # SQLite has one writer anyway
    postgres="SELECT CASE WHEN pg_try_advisory_xact_lock(5020911061174603888) THEN 1 ELSE 0 END "
    "AS alone",
)
_APPEND = Query(
    "seal.append",
    """
    INSERT INTO event_seal (seq, event_id, leaf)
    SELECT :first + j.key, j.value, substr(:leaves, j.key * 32 + 1, 32) FROM json_each(:ids) AS j
    """,
    postgres="""
    INSERT INTO event_seal (seq, event_id, leaf)
    SELECT CAST(:first AS bigint) + j.n - 1, CAST(j.id AS uuid),
           substring(CAST(:leaves AS bytea) FROM CAST(j.n - 1 AS integer) * 32 + 1 FOR 32)
      FROM json_array_elements_text(CAST(:ids AS json)) WITH ORDINALITY AS j (id, n)
    """,
)
_ADD_SUBTREE = Query(
    "seal.add_subtree",
    "INSERT INTO event_subtree (level, position, hash) VALUES (:level, :position, :hash)",
)
_LEAVES = Query(
    "seal.leaves",
    """
    SELECT seq AS first, seq AS last, leaf AS hashes FROM event_seal
     WHERE seq >= :first AND seq < :end
    """,
    # All in one row: a proof reads a few hundred of them.
    postgres="""
    SELECT min(seq) AS first, max(seq) AS last, string_agg(leaf, '' ORDER BY seq) AS hashes
      FROM event_seal WHERE seq >= :first AND seq < :end HAVING count(*) > 0
    """,
)
_SUBTREES = Query(
    "seal.subtrees",
    """
    SELECT position AS first, position AS last, hash AS hashes FROM event_subtree
     WHERE level = :level AND position >= :first AND position < :end
    """,
    postgres="""
    SELECT min(position) AS first, max(position) AS last,
           string_agg(hash, '' ORDER BY position) AS hashes
      FROM event_subtree WHERE level = :level AND position >= :first AND position < :end
    HAVING count(*) > 0
    """,
)
_NUMBER = Query("seal.number", "SELECT seq FROM event_seal WHERE event_id = :event_id")


class LogDamaged(Exception):
    """What is stored of the log contradicts itself, or what was signed; the message says where."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """An event that has no place in the order yet."""

    id: Id
    entry: str


@dataclass(frozen=True, slots=True)
class Subtree:
    """A perfect subtree that is kept."""

    level: int
    position: int
    hash: Hash


def read_by_index(tx: Reader) -> None:
    """Have what this transaction reads next of the log found by its indexes alone."""
    tx.one(_BY_INDEX)


def size(tx: Reader) -> int:
    """How many events are sealed."""
    row = tx.one(_SIZE)
    return 0 if row is None or row["last"] is None else int(row["last"]) + 1


def recent(tx: Reader, since: Id, limit: int) -> list[Unsealed]:
    """Unsealed events from an id on, in the order to seal them.

    On SQLite those that were added after the last sealed one, whatever their ids.
    """
    read_by_index(tx)
    rows = tx.all(_RECENT, since_id=since, limit=limit)
    return [Unsealed(row["id"], row["entry"]) for row in rows]


def page(tx: Reader, after: Id, count: int) -> tuple[list[Unsealed], Id | None]:
    """What is unsealed among the next `count` events after an id, and where they end.

    None as the end says that the log ended there.
    """
    read_by_index(tx)
    end = tx.one(_PAGE_END, after=after, count=count - 1)
    until = str(end["id"]) if end is not None else _LAST
    rows = tx.all(_BETWEEN, after=after, until=until, limit=count)
    events = [Unsealed(row["id"], row["entry"]) for row in rows]
    return events, None if end is None else until


def oldest_writer(tx: Reader) -> int:
    """When the oldest transaction began that may yet commit events; now, if there is none."""
    row = tx.one(_OLDEST_WRITER)
    if row is None or row["seconds"] is None:
        return tx.now
    return tx.now - int(row["seconds"] * SECOND)


def append(tx: Tx, first: int, events: Sequence[tuple[Id, Hash]], full: Sequence[Subtree]) -> bool:
    """Seal events, the first as number `first`, with the subtrees that they complete.

    False, and nothing is changed, where another process seals, or has sealed meanwhile.
    """
    alone = tx.one(_ONE_SEALER)
    if alone is None or not alone["alone"] or size(tx) != first:
        return False
    ids = json.dumps([event_id for event_id, _ in events])
    tx.run(_APPEND, first=first, ids=ids, leaves=b"".join(leaf for _, leaf in events))
    for one in full:
        tx.run(_ADD_SUBTREE, level=one.level, position=one.position, hash=one.hash)
    return True


def number(tx: Reader, event_id: Id) -> int | None:
    """The place of an event in the order; None while it is not sealed."""
    row = tx.one(_NUMBER, event_id=event_id)
    return None if row is None else int(row["seq"])


class StoredSubtrees:
    """The perfect subtrees of the sealed log, each put together from at most 256 stored hashes.

    What was read is remembered, as a proof asks the same neighbourhood again and again; one is
    good for as long as its transaction.
    """

    def __init__(self, tx: Reader) -> None:
        self._tx = tx
        self._tiles: dict[tuple[int, int], dict[int, Hash]] = {}

    def __call__(self, level: int, position: int) -> Hash:
        """See `core.merkle.Subtrees`.

        Raises:
            LogDamaged: a hash that must be there is not.
        """
        kept = level - level % TILE_LEVELS
        width = 1 << level - kept
        first = position * width
        tile = self._tile(kept, first // _TILE)
        try:
            return perfect_root([tile[at] for at in range(first, first + width)])
        except KeyError as error:
            what = f"the hash of {1 << kept} events" if kept else "the seal"
            raise LogDamaged(f"{what} number {error.args[0]} is missing") from error

    def _tile(self, level: int, tile: int) -> dict[int, Hash]:
        found = self._tiles.get((level, tile))
        if found is None:
            first, end = tile * _TILE, (tile + 1) * _TILE
            rows = (
                self._tx.bare(_SUBTREES, level=level, first=first, end=end)
                if level
                else self._tx.bare(_LEAVES, first=first, end=end)
            )
            found = {}
            for begin, last, hashes in rows:
                if begin == last:
                    found[begin] = bytes(hashes)
                else:
                    found |= _numbered(begin, last, hashes)
            self._tiles[level, tile] = found
        return found


def _numbered(first: int, last: int, hashes: bytes) -> dict[int, Hash]:
    """Neighbouring hashes by their numbers."""
    each = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    if len(each) != last - first + 1:
        raise LogDamaged(f"hashes between number {first} and number {last} are missing")
    return dict(enumerate(each, first))
