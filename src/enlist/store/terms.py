"""Terms of use: what was published, and who has accepted it.

Which version is in force stands with the settings of its organization, so that a redemption reads
it with the rules that it reads anyway. Versions and acceptances stay for good.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from enlist.core.ids import Id
from enlist.core.outcomes import Refusal
from enlist.core.terms import KEY, Accepted, Terms, TermsRef, TermsText
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx
from enlist.store.users import NOT_STAFF

MOST_SHOWN = 200
"""Versions of an organization that are shown, the newest first."""

_TITLE = "(SELECT x.title FROM terms_text x WHERE x.terms_id = t.id AND x.place = 0) AS title"
_COLUMNS = f"""
    SELECT t.id, t.organization_id, o.path AS organization_path, o.group_id, t.platform, t.version,
           t.published_at, t.published_by, {_TITLE}
      FROM terms t JOIN organization o ON o.id = t.organization_id
"""
_FIND = Query("terms.find", f"{_COLUMNS} WHERE t.id = :id")
_TEXTS = Query(
    "terms.texts",
    """
    SELECT x.language, x.title, x.body FROM terms_text x WHERE x.terms_id = :terms_id
     ORDER BY x.place
    """,
)
_OF = Query(
    "terms.of",
    f"{_COLUMNS} WHERE t.organization_id = :organization_id ORDER BY t.id DESC LIMIT :most",
)
_LATEST = Query(
    "terms.latest",
    """
    SELECT COALESCE(max(t.version), 0) AS version FROM terms t
     WHERE t.organization_id = :organization_id AND t.platform = :platform
    """,
)
_INSERT = Query(
    "terms.insert",
    """
    INSERT INTO terms (id, organization_id, platform, version, published_at, published_by)
    VALUES (:id, :organization_id, :platform, :version, :now, :published_by)
    """,
)
_INSERT_TEXT = Query(
    "terms.insert_text",
    """
    INSERT INTO terms_text (terms_id, place, language, title, body)
    VALUES (:terms_id, :place, :language, :title, :body)
    """,
)
_OWN = Query(
    "terms.own",
    """
    SELECT s.key, s.value FROM organization_setting s
     WHERE s.organization_id = :organization_id AND substr(s.key, 1, 6) = 'terms:'
    """,
)
_PUT = Query(
    "terms.put",
    """
    INSERT INTO organization_setting (organization_id, key, value)
    VALUES (:organization_id, :key, :value)
    ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value
    """,
)
_DROP = Query(
    "terms.drop",
    "DELETE FROM organization_setting WHERE organization_id = :organization_id AND key = :key",
)
_BY_USER = Query(
    "terms.by_user",
    "SELECT 1 AS found FROM terms_acceptance WHERE user_id = :user_id AND terms_id = :id LIMIT 1",
)
_ACCEPT_EACH = SetQuery(
    "terms.accept_each",
    "id uuid, terms_id uuid, user_id uuid, device_id uuid, enrollment_id uuid, accepted_at bigint",
    """
    INSERT INTO terms_acceptance (id, terms_id, user_id, device_id, enrollment_id, accepted_at)
    SELECT id, terms_id, user_id, device_id, enrollment_id, accepted_at FROM asked
    """,
)
_ACCEPTED = Listing(
    "terms_acceptances",
    f"""
    SELECT a.id, a.terms_id, t.platform, t.version, p.group_id, {_TITLE}, d.organization_id,
           u.id AS user_id, COALESCE(u.username, '') AS username, a.device_id,
           d.name AS device, a.enrollment_id, a.accepted_at
      FROM terms_acceptance a JOIN device d ON d.id = a.device_id
      JOIN organization o ON o.id = d.organization_id
      JOIN terms t ON t.id = a.terms_id
      JOIN organization p ON p.id = t.organization_id
      LEFT JOIN app_user u ON u.id = a.user_id
     WHERE 1 = 1""",
    id="a.id",
    path="o.path",
    sorts={"accepted_at": "a.id", "user": "COALESCE(u.username, '')", "device": "d.name"},
    default_sort="-accepted_at",
    filters={
        "user": "a.user_id = :user",
        "device": "a.device_id = :device",
        "terms": "a.terms_id = :terms",
        "without_staff": NOT_STAFF.format(user="a.user_id"),
    },
    search=("COALESCE(u.username, '')", "d.name"),
    veil={"u.id = a.user_id": f"u.id = a.user_id AND {NAMED_WITHIN}"},
)


def find(tx: Reader, terms_id: Id) -> Terms | None:
    """A version with its texts."""
    row = tx.one(_FIND, id=terms_id)
    if row is None:
        return None
    texts = tx.all(_TEXTS, terms_id=terms_id)
    found = tuple(TermsText(each["language"], each["title"], each["body"]) for each in texts)
    return replace(_terms(row), texts=found)


def of_organization(tx: Reader, organization_id: Id) -> list[Terms]:
    """What an organization published itself, the newest first, without the texts."""
    rows = tx.all(_OF, organization_id=organization_id, most=MOST_SHOWN)
    return [_terms(row) for row in rows]


def own(tx: Reader, organization_id: Id) -> dict[str, Id]:
    """The versions that an organization names itself, by platform."""
    rows = tx.all(_OWN, organization_id=organization_id)
    return {row["key"].removeprefix(KEY): json.loads(row["value"])["id"] for row in rows}


def publish(tx: Tx, terms: Terms) -> Terms:
    """Store the next version, and put it in force. Whoever calls holds the organization's lock."""
    place = terms.organization_id
    latest = tx.one(_LATEST, organization_id=place, platform=terms.platform)
    version = (latest["version"] if latest else 0) + 1
    tx.run(
        _INSERT,
        id=terms.id,
        organization_id=place,
        platform=terms.platform,
        version=version,
        now=tx.now,
        published_by=terms.published_by,
    )
    for number, text in enumerate(terms.texts):
        tx.run(
            _INSERT_TEXT,
            terms_id=terms.id,
            place=number,
            language=text.language,
            title=text.title,
            body=text.body,
        )
    named = TermsRef(terms.id, version, terms.group_id).stored()
    tx.run(_PUT, organization_id=place, key=KEY + terms.platform, value=named)
    return replace(terms, version=version, published_at=tx.now)


def withdraw(tx: Tx, terms: Terms) -> bool:
    """Take the terms of a platform out of force; False where this version is not in force."""
    place = terms.organization_id
    if own(tx, place).get(terms.platform) != terms.id:
        return False
    return tx.run(_DROP, organization_id=place, key=KEY + terms.platform) == 1


def accepted(tx: Reader, terms_id: Id, user_id: Id) -> bool:
    """Whether a user accepted this version before."""
    return tx.one(_BY_USER, user_id=user_id, id=terms_id) is not None


def accept(tx: Tx, rows: Sequence[dict[str, object]]) -> None:
    """Write down who accepted what, all of them in one statement."""
    if rows:
        tx.each(_ACCEPT_EACH, rows)


def acceptances(tx: Reader, request: PageRequest) -> Page[Accepted] | Refusal:
    """Acceptances for the devices of a subtree."""
    return _ACCEPTED.page(tx, request, _accepted)


def _terms(row: Row) -> Terms:
    return Terms(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        platform=row["platform"],
        version=row["version"],
        published_at=row["published_at"],
        published_by=row["published_by"],
        title=row["title"],
    )


def _accepted(row: Row) -> Accepted:
    return Accepted(**{name: row[name] for name in Accepted.__slots__})
