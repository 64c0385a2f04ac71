"""How enrollments went lately: how many each hour, and how far they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.clock import DAY, HOUR
from enlist.core.ids import least_id
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader

_LONGEST: Final = 60 * DAY
"""How long after its issue an enrollment's use is still looked for; few tokens live that long."""

_WITHIN = """
      FROM enrollment e JOIN organization o ON o.id = e.organization_id
     WHERE e.deleted_at IS NULL AND o.path >= :path AND o.path < :path_end
"""
_BY_HOUR = Query(
    "flow.by_hour",
    f"""
    SELECT 'issued' AS what, e.issued_at / CAST(:hour AS bigint) AS hour, count(*) AS found
    {_WITHIN} AND e.id >= :since_id AND e.issued_at >= CAST(:since AS bigint)
     GROUP BY 1, 2
     UNION ALL
    SELECT 'used' AS what, e.used_at / CAST(:hour AS bigint) AS hour, count(*) AS found
    {_WITHIN} AND e.id >= :long_ago_id AND e.used_at >= CAST(:since AS bigint)
     GROUP BY 1, 2
    """,
)
_FUNNEL = Query(
    "flow.funnel",
    f"""
    SELECT count(*) AS issued,
           COALESCE(sum(CASE WHEN EXISTS (SELECT 1 FROM message m
                                           WHERE m.enrollment_id = e.id AND m.state = 'sent')
                             THEN 1 ELSE 0 END), 0) AS sent,
           COALESCE(sum(CASE WHEN e.opened_at IS NULL THEN 0 ELSE 1 END), 0) AS opened,
           COALESCE(sum(CASE WHEN e.used_at IS NULL THEN 0 ELSE 1 END), 0) AS used
    {_WITHIN} AND e.id >= :since_id AND e.issued_at >= CAST(:since AS bigint)
    """,
)


@dataclass(frozen=True, slots=True)
class Flow:
    """How the enrollments of some time went.

    Attributes:
        issued_at, used_at: how many in each hour, by the moment that the hour begins.
        issued: how many were issued; of these were `sent` in a message, `opened` by their link,
            and `used`.
    """

    issued_at: Mapping[int, int]
    used_at: Mapping[int, int]
    issued: int
    sent: int
    opened: int
    used: int


def flow(tx: Reader, path: str, since: int) -> Flow:
    """The flow of a subtree's enrollments since a moment (microseconds UTC)."""
    within = {"path": path, "path_end": path_end(path), "since": since}
    ids = {"since_id": least_id(since), "long_ago_id": least_id(since - _LONGEST)}
    hours: dict[str, dict[int, int]] = {"issued": {}, "used": {}}
    for row in tx.all(_BY_HOUR, hour=HOUR, **within, **ids):
        hours[row["what"]][row["hour"] * HOUR] = row["found"]
    found = tx.one(_FUNNEL, since_id=ids["since_id"], **within)
    assert found is not None  # noqa: S101 - an aggregate always has a row
    return Flow(
        issued_at=hours["issued"],
        used_at=hours["used"],
        issued=int(found["issued"]),
        sent=int(found["sent"]),
        opened=int(found["opened"]),
        used=int(found["used"]),
    )
