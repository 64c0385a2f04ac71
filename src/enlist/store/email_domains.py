"""Domains of e-mail addresses, each of one organization (A66)."""

from __future__ import annotations

from collections.abc import Iterable

from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, SetQuery, Tx

_OF = Query(
    "email_domain.of",
    "SELECT domain FROM email_domain WHERE organization_id = :organization_id ORDER BY domain",
)
_GROUP_ID = Query(
    "email_domain.group_id",
    """
    SELECT o.group_id FROM email_domain d JOIN organization o ON o.id = d.organization_id
     WHERE d.domain = :domain AND o.deleted_at IS NULL
    """,
)
_TAKEN_EACH = SetQuery(
    "email_domain.taken_each",
    "domain text",
    """
    SELECT d.domain FROM asked JOIN email_domain d ON d.domain = asked.domain
     WHERE d.organization_id <> :organization_id
    """,
)
_ADD_EACH = SetQuery(
    "email_domain.add_each",
    "domain text",
    # Whoever comes second violates the primary key: that one was taken at this very moment.
    """
    INSERT INTO email_domain (domain, organization_id, added_at)
    SELECT asked.domain, :organization_id, :now FROM asked WHERE 1 = 1 RETURNING domain
    """,
    postgres="""
    INSERT INTO email_domain (domain, organization_id, added_at)
    SELECT asked.domain, CAST(:organization_id AS uuid), CAST(:now AS bigint) FROM asked
    RETURNING domain
    """,
)
_DROP_EACH = SetQuery(
    "email_domain.drop_each",
    "domain text",
    """
    DELETE FROM email_domain
     WHERE organization_id = :organization_id AND domain IN (SELECT asked.domain FROM asked)
    RETURNING domain
    """,
)
_DROP_OF = Query(
    "email_domain.drop_of", "DELETE FROM email_domain WHERE organization_id = :organization_id"
)


def of(tx: Reader, organization_id: Id) -> tuple[str, ...]:
    """The domains of an organization."""
    return tuple(row["domain"] for row in tx.all(_OF, organization_id=organization_id))


def group_id(tx: Reader, domain: str) -> str:
    """The Group ID of the organization that a domain belongs to; "" for nobody's."""
    row = tx.one(_GROUP_ID, domain=domain)
    return "" if row is None else str(row["group_id"])


def taken(tx: Reader, organization_id: Id, domains: Iterable[str]) -> set[str]:
    """Those of these domains that belong to another organization."""
    rows = tx.each(_TAKEN_EACH, _rows(domains), organization_id=organization_id)
    return {row["domain"] for row in rows}


def change(tx: Tx, organization_id: Id, added: Iterable[str], dropped: Iterable[str]) -> None:
    """Give an organization domains, and take others from it.

    Raises:
        UniqueViolation: another organization has one of them.
    """
    if gone := _rows(dropped):
        tx.each(_DROP_EACH, gone, organization_id=organization_id)
    if new := _rows(added):
        tx.each(_ADD_EACH, new, organization_id=organization_id, now=tx.now)


def drop_of(tx: Tx, organization_id: Id) -> None:
    """An organization is deleted: another one may have its domains."""
    tx.run(_DROP_OF, organization_id=organization_id)


def _rows(domains: Iterable[str]) -> list[dict[str, object]]:
    return [{"domain": each} for each in sorted(domains)]
