"""Restrictions, kept with the settings of their organization: what is read there is in force."""

from __future__ import annotations

import json

from enlist.core.ids import Id
from enlist.core.restrictions import KEY, Restriction, restored
from enlist.store.listing import like
from enlist.store.tx import Query, Reader, Tx

_OF = Query(
    "restriction.of",
    # Not by LIKE: the keys of one organization are few, and are found by the primary key.
    """
    SELECT s.value FROM organization_setting s
     WHERE s.organization_id = :organization_id AND substr(s.key, 1, 12) = 'restriction:'
     ORDER BY s.key
    """,
)
_PUT = Query(
    "restriction.put",
    """
    INSERT INTO organization_setting (organization_id, key, value)
    VALUES (:organization_id, :key, :value)
    ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value
    """,
)
_DROP = Query(
    "restriction.drop",
    "DELETE FROM organization_setting WHERE organization_id = :organization_id AND key = :key",
)
_OF_GROUP = Query(
    "restriction.of_group",
    """
    SELECT s.value FROM organization_setting s
     WHERE substr(s.key, 1, 12) = 'restriction:' AND s.value LIKE :group_id ESCAPE '!' LIMIT 1
    """,
)


def of_organization(tx: Reader, organization_id: Id) -> list[Restriction]:
    """What an organization sets itself, the first made first."""
    rows = tx.all(_OF, organization_id=organization_id)
    return [restored(json.loads(row["value"])) for row in rows]


def put(tx: Tx, organization_id: Id, restriction: Restriction) -> None:
    """Store a restriction, new or changed."""
    tx.run(
        _PUT,
        organization_id=organization_id,
        key=f"{KEY}{restriction.id}",
        value=json.dumps(restriction.stored()),
    )


def drop(tx: Tx, organization_id: Id, restriction_id: Id) -> bool:
    """Take a restriction away; False when it is gone."""
    return tx.run(_DROP, organization_id=organization_id, key=f"{KEY}{restriction_id}") == 1


def naming(tx: Reader, group_id: Id) -> Restriction | None:
    """A restriction that counts for this group, if there is one."""
    row = tx.one(_OF_GROUP, group_id=like(group_id))
    return None if row is None else restored(json.loads(row["value"]))
