"""The tenant tree and its settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter

from enlist.core.ids import Id
from enlist.core.model import Organization
from enlist.core.outcomes import Refusal
from enlist.core.policy import (
    SETTINGS,
    ChildPermission,
    EnrollmentPolicy,
    SettingValue,
    resolve,
)
from enlist.core.restrictions import restrictions_in
from enlist.core.terms import terms_in
from enlist.store.ahead import ReadAhead
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_COLUMNS = """
    SELECT o.id, o.parent_id, o.group_id, o.name, o.path, o.time_zone, o.language, o.created_at
      FROM organization o
"""

_FIND = Query("organization.find", f"{_COLUMNS} WHERE o.id = :id AND o.deleted_at IS NULL")
_BY_GROUP_ID = Query(
    "organization.by_group_id",
    f"{_COLUMNS} WHERE o.group_id_folded = :group_id AND o.deleted_at IS NULL",
)
_ROOT = Query("organization.root", f"{_COLUMNS} WHERE o.parent_id IS NULL")
_INSERT = Query(
    "organization.insert",
    """
    INSERT INTO organization (id, parent_id, group_id, group_id_folded, name, path, time_zone,
                              language, created_at)
    VALUES (:id, :parent_id, :group_id, :group_id_folded, :name, :path, :time_zone, :language, :now)
    """,
)
_CHANGE = Query(
    "organization.change",
    """
    UPDATE organization SET name = :name, time_zone = :time_zone, language = :language
     WHERE id = :id AND deleted_at IS NULL
    """,
)
_DELETE = Query(
    "organization.delete",
    """
    UPDATE organization SET deleted_at = :now
     WHERE id = :id AND deleted_at IS NULL AND parent_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM organization c
                        WHERE c.parent_id = organization.id AND c.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM app_user u
                        WHERE u.organization_id = organization.id AND u.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM device d
                        WHERE d.organization_id = organization.id AND d.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM app_user a
                        WHERE a.authorized <> '' AND a.deleted_at IS NULL
                          AND a.authorized LIKE '%' || CAST(organization.id AS text) || '%')
    """,
)
_LOCK = Query(
    "organization.lock",
    "SELECT o.id FROM organization o WHERE o.id = :id",
    # Rows that point here wait for this, and this for them: nothing is put into an organization
    # while it is deleted, and no setting is judged by what another change is just replacing.
    postgres="SELECT o.id FROM organization o WHERE o.id = :id FOR UPDATE",
)
_KEEP_TEXT = "SELECT o.id FROM organization o WHERE o.id = :id AND o.deleted_at IS NULL"
_KEEP = Query(
    "organization.keep",
    _KEEP_TEXT,
    # As a row that points here does it: a deletion under way is waited for, and waits.
    postgres=f"{_KEEP_TEXT} FOR KEY SHARE",
)
_CHILDREN = Query(
    "organization.children",
    f"{_COLUMNS} WHERE o.parent_id = :parent_id AND o.deleted_at IS NULL "
    "ORDER BY lower(o.name), o.id LIMIT 500",
)
OF_PATH = """IN (
            SELECT value
              FROM json_each('["' || replace(rtrim(:path, '/'), '/', '","') || '"]'))"""
OF_PATH_ON_POSTGRES = """= ANY (
            CAST(string_to_array(rtrim(CAST(:path AS text), '/'), '/') AS uuid[]))"""
"""What an organization's id is where it lies on `:path`: looked for by keys, however many
organizations there are."""
_SETTINGS_TEXT = """
    SELECT o.group_id, s.key, s.value
      FROM organization o LEFT JOIN organization_setting s ON s.organization_id = o.id
     WHERE o.id {among_the_ids_of_the_path}
     ORDER BY length(o.path) DESC
    """
_SETTINGS = Query(
    "organization.settings",
    # By keys: asked with every redemption, however many organizations there are.
    _SETTINGS_TEXT.format(among_the_ids_of_the_path=OF_PATH),
    postgres=_SETTINGS_TEXT.format(among_the_ids_of_the_path=OF_PATH_ON_POSTGRES),
)
_SETTINGS_EACH = SetQuery(
    "organization.settings_each",
    "path text, id uuid",
    """
    SELECT asked.path, o.group_id, s.key, s.value
      FROM asked JOIN organization o ON o.id = asked.id
      LEFT JOIN organization_setting s ON s.organization_id = o.id
     ORDER BY length(o.path) DESC
    """,
)
_PUT_SETTING = Query(
    "organization.put_setting",
    """
    INSERT INTO organization_setting (organization_id, key, value)
    VALUES (:organization_id, :key, :value)
    ON CONFLICT (organization_id, key) DO UPDATE SET value = excluded.value
    """,
)
_DROP_SETTING = Query(
    "organization.drop_setting",
    "DELETE FROM organization_setting WHERE organization_id = :organization_id AND key = :key",
)
_LIST = Listing(
    "organizations",
    f"{_COLUMNS} WHERE o.deleted_at IS NULL",
    id="o.id",
    path="o.path",
    sorts={"path": "o.path", "name": "lower(o.name)", "created_at": "o.id"},
    default_sort="path",
    search=("o.name", "o.group_id"),
)

_HOMES = Query(
    "organization.homes",
    # Deleted users too: what was theirs still names them.
    """
    SELECT u.id, o.path FROM app_user u JOIN organization o ON o.id = u.organization_id
     WHERE u.id IN (SELECT value FROM json_each(:users))
    """,
    postgres="""
    SELECT u.id, o.path FROM app_user u JOIN organization o ON o.id = u.organization_id
     WHERE u.id IN (SELECT CAST(named.value AS uuid)
                      FROM json_array_elements_text(CAST(:users AS json)) AS named)
    """,
)


def find(tx: Reader, organization_id: Id) -> Organization | None:
    """The organization with this id, unless it was deleted."""
    return _maybe(tx.one(_FIND, id=organization_id))


def by_group_id(tx: Reader, group_id: str) -> Organization | None:
    """The organization with this Group ID, in any case of letters."""
    return _maybe(tx.one(_BY_GROUP_ID, group_id=group_id.casefold()))


def root(tx: Reader) -> Organization | None:
    """The top of the tree; None only while the installation is empty."""
    return _maybe(tx.one(_ROOT))


def insert(tx: Tx, organization: Organization) -> None:
    """Add an organization.

    Raises:
        UniqueViolation: the Group ID is taken.
    """
    tx.run(
        _INSERT,
        id=organization.id,
        parent_id=organization.parent_id,
        group_id=organization.group_id,
        group_id_folded=organization.group_id.casefold(),
        name=organization.name,
        path=organization.path,
        time_zone=organization.time_zone,
        language=organization.language,
        now=organization.created_at,
    )


def change(tx: Tx, organization_id: Id, *, name: str, time_zone: str, language: str) -> bool:
    """Change what people see of an organization; False when it is gone."""
    return (
        tx.run(_CHANGE, id=organization_id, name=name, time_zone=time_zone, language=language) == 1
    )


def delete(tx: Tx, organization_id: Id) -> bool:
    """Delete an organization that holds nothing; False when it does, or is the root."""
    return tx.run(_DELETE, id=organization_id, now=tx.now) == 1


def lock(tx: Tx, organization_id: Id) -> None:
    """Let one change at a time decide about what belongs to this organization."""
    tx.one(_LOCK, id=organization_id)


def keep(tx: Tx, organization_id: Id) -> bool:
    """Keep an organization from being deleted until this transaction ends; False when it was."""
    return tx.one(_KEEP, id=organization_id) is not None


def children(tx: Reader, organization_id: Id) -> list[Organization]:
    """The organizations directly below, by name; the first 500."""
    return [_organization(row) for row in tx.all(_CHILDREN, parent_id=organization_id)]


def upwards(tx: Reader, path: str) -> list[Organization]:
    """The organization at `path` and those above it, nearest first."""
    ids = [part for part in path.split("/") if part]
    line = (find(tx, organization_id) for organization_id in reversed(ids))
    return [organization for organization in line if organization is not None]


def own_settings(tx: Reader, path: str) -> dict[str, SettingValue]:
    """What the organization at `path` holds itself."""
    found = chain(tx, path)
    return found[0][1] if found else {}


def chain(tx: Reader, path: str) -> list[tuple[str, dict[str, SettingValue]]]:
    """`(group_id, own settings)` from the organization at `path` up to the root."""
    rows = tx.all(_SETTINGS, path=path)
    return _levels((row["group_id"], row["key"], row["value"]) for row in rows)


def _levels(
    rows: Iterable[tuple[str, str | None, str | None]],
) -> list[tuple[str, dict[str, SettingValue]]]:
    levels: dict[str, dict[str, SettingValue]] = {}
    for group_id, key, value in rows:
        own = levels.setdefault(group_id, {})
        if key is not None and key in SETTINGS and value is not None:
            own[key] = json.loads(value)
    return list(levels.items())


def policy(tx: Reader, path: str) -> EnrollmentPolicy:
    """The settings in force at the organization at `path`."""
    rows = tx.all(_SETTINGS, path=path)
    return _resolved(tuple(map(_LEVEL, rows)))


def read_ahead(ahead: ReadAhead, paths: Iterable[str]) -> None:
    """Have asked what `policy` will ask for these."""
    asked = set(paths)

    def know(rows: list[Row]) -> None:
        found: dict[str, list[Row]] = {path: [] for path in asked}
        for row in rows:
            found[row["path"]].append(row)
        for path, own in found.items():
            ahead.know(_SETTINGS, own, path=path)

    parts = [(path, part) for path in sorted(asked) for part in path.split("/") if part]
    ahead.ask(_SETTINGS_EACH, [{"path": path, "id": part} for path, part in parts], know)


_LEVEL = itemgetter("group_id", "key", "value")


@lru_cache(maxsize=512)
def _resolved(rows: tuple[tuple[str, str | None, str | None], ...]) -> EnrollmentPolicy:
    """The same rows mean the same settings: every redemption asks for them."""
    levels = _levels(rows)
    silent = {
        group_id
        for place, (group_id, _) in enumerate(levels)
        if _child_permission(levels[place + 1 :]) is ChildPermission.INHERIT_ONLY
    }
    restrictions = restrictions_in(rows, silent)
    return replace(resolve(levels), restrictions=restrictions, terms=terms_in(rows, silent))


def _child_permission(above: list[tuple[str, dict[str, SettingValue]]]) -> ChildPermission:
    return resolve(above).child_permission if above else ChildPermission.BOTH


def policy_above(tx: Reader, organization: Organization) -> EnrollmentPolicy | None:
    """The settings in force at the parent, which are what is inherited; None at the root."""
    if organization.parent_id is None:
        return None
    return policy(tx, organization.path.removesuffix(f"{organization.id}/"))


def put_settings(tx: Tx, organization_id: Id, change: Mapping[str, SettingValue | None]) -> None:
    """Store own settings; None takes a setting back to what is above."""
    for key, value in change.items():
        if value is None:
            tx.run(_DROP_SETTING, organization_id=organization_id, key=key)
        else:
            tx.run(_PUT_SETTING, organization_id=organization_id, key=key, value=json.dumps(value))


def page(tx: Reader, request: PageRequest) -> Page[Organization] | Refusal:
    """Organizations of a subtree, in tree order."""
    return _LIST.page(tx, request, _organization)


def _maybe(row: Row | None) -> Organization | None:
    return None if row is None else _organization(row)


def _organization(row: Row) -> Organization:
    return Organization(
        id=row["id"],
        parent_id=row["parent_id"],
        group_id=row["group_id"],
        name=row["name"],
        path=row["path"],
        time_zone=row["time_zone"],
        language=row["language"],
        created_at=row["created_at"],
    )


def homes(tx: Reader, users: Iterable[Id]) -> dict[Id, str]:
    """The path of the organization that each of these users belongs to, of deleted ones too."""
    rows = tx.all(_HOMES, users=json.dumps(sorted(users)))
    return {row["id"]: row["path"] for row in rows}
