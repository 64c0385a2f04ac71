"""Forgetting a person: every column that may hold a name, an address or a number of somebody.

The log keeps its entries, which hold ids and salted digests alone; the personal values beside them
and their salts go, so nobody can try names against the digests (S74). Which events name somebody
who is not their subject is found by reading through the personal values (`naming`), which takes a
while in a large log: so that is done before the transaction, and inside it only for what is newer.

`TABLES` says of each table that points to a person what becomes of it; a test compares it with the
schema, so that a new table is thought of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import NOTHING, Id
from enlist.store.tx import Query, Reader, SetQuery, Tx

ERASED: Final = "erased"
"""What stands where a name stood."""

TABLES: Final = {
    "alert": "stays; it holds ids alone",
    "api_key": "stays; who made it, and where it was last used, is forgotten",
    "api_session": "deleted",
    "app_user": "stays, without anything of the person",
    "attempt": "deleted",
    "credential": "stays, for the revocation list; it holds ids alone",
    "credential_request": "deleted",
    "device": "stays; what may name or find the person is forgotten",
    "device_session": "deleted",
    "enrollment": "stays; who issued it is forgotten",
    "event": "stays; personal values and their salt are forgotten",
    "group_member": "deleted",
    "import_job": "stays; who brought it is forgotten",
    "message": "stays; the address is forgotten",
    "offboarding": "deleted",
    "passcode": "stays; who generated it, and who used it last, is forgotten",
    "password_link": "deleted",
    "recovery_code": "deleted",
    "role_assignment": "deleted",
    "saved_view": "deleted",
    "second_factor": "deleted",
    "sign_in": "deleted",
    "sign_in_step": "deleted",
    "terms_acceptance": "stays; it holds ids alone",
    "wave": "stays; who started it is forgotten",
    "wave_member": "stays; how the person was named is forgotten",
}
"""Every table that points to a user or to his device, and what erasing him does to it."""

_HIS = "(SELECT d.id FROM device d WHERE d.user_id = :user_id)"
_PERSON = Query(
    "erasing.person",
    """
    SELECT u.id, u.username, u.email, u.phone, u.first_name, u.last_name FROM app_user u
     WHERE u.id = :user_id
    """,
)
_BURIED = Query(
    "erasing.buried",
    """
    SELECT u.id, u.username, u.organization_id, o.path AS organization_path, o.group_id
      FROM app_user u JOIN organization o ON o.id = u.organization_id
     WHERE (u.id = :user_id OR u.username_folded = :username) AND u.deleted_at IS NOT NULL
       AND u.username <> :erased
     ORDER BY u.deleted_at DESC LIMIT 2
    """,
)
_TOLD = Query(
    "erasing.told",
    """
    SELECT e.personal FROM event e
     WHERE e.user_id = :user_id AND e.kind IN ('user.created', 'user.changed')
       AND e.personal IS NOT NULL
    """,
)
_NAMING_TEXT = """
    SELECT DISTINCT e.id FROM event e JOIN asked ON {found}(lower(e.personal), asked.needle) > 0
                                            OR {found}(e.personal, asked.needle) > 0
     WHERE e.id >= :since AND e.personal IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM app_user other
                        WHERE other.id IN (e.user_id, e.actor_id) AND other.id <> :user_id
                          AND (other.username_folded = asked.plain
                               OR other.email_folded = asked.plain
                               OR other.phone = asked.plain))
"""
_NAMING = SetQuery(
    "erasing.naming",
    "needle text, plain text",
    _NAMING_TEXT.format(found="instr"),
    # Whoever has the same name today is somebody else: his events stay.
    postgres=_NAMING_TEXT.format(found="strpos"),
)
_DOING = Query(
    "erasing.doing",
    "SELECT e.id FROM event e WHERE e.id >= :since AND e.actor_id = :user_id "
    "AND e.personal IS NOT NULL",
)
_ABOUT = Query(
    "erasing.about",
    f"""
    SELECT e.id FROM event e WHERE e.user_id = :user_id AND e.personal IS NOT NULL
    UNION
    SELECT e.id FROM event e
     WHERE e.device_id IN {_HIS} AND e.user_id IS NULL AND e.personal IS NOT NULL
    """,
)
_FORGET_EACH = SetQuery(
    "erasing.forget_each",
    "id uuid",
    """
    UPDATE event SET personal = NULL, salt = NULL
     WHERE id IN (SELECT asked.id FROM asked) AND personal IS NOT NULL RETURNING id
    """,
)
_FORGET_ANSWERS = SetQuery(
    "erasing.forget_answers",
    "id uuid",
    """
    UPDATE webhook_delivery SET answer = ''
     WHERE event_id IN (SELECT asked.id FROM asked) AND answer <> '' RETURNING id
    """,
)
_IN_ROWS_TEXT = """
    DELETE FROM import_error
     WHERE EXISTS (SELECT 1 FROM asked WHERE {found}(lower(import_error.cells), asked.needle) > 0
                                             OR {found}(import_error.cells, asked.needle) > 0)
 RETURNING job_id
"""
_IN_ROWS = SetQuery(
    "erasing.in_rows",
    "needle text, plain text",
    _IN_ROWS_TEXT.format(found="instr"),
    postgres=_IN_ROWS_TEXT.format(found="strpos"),
)
_STOP_IMPORTS_TEXT = """
    UPDATE import_job SET state = 'stopped', reason = :reason, ended_at = :now
     WHERE state IN ('uploading', 'checking', 'checked', 'running')
       AND id IN (SELECT b.job_id FROM import_block b
                    JOIN asked ON {found}(lower(b.content), asked.needle) > 0
                                OR {found}(b.content, asked.needle) > 0)
 RETURNING id
"""
_STOP_IMPORTS = SetQuery(
    "erasing.stop_imports",
    "needle text, plain text",
    _STOP_IMPORTS_TEXT.format(found="instr"),
    postgres=_STOP_IMPORTS_TEXT.format(found="strpos"),
)
_IN_BLOCKS_TEXT = """
    DELETE FROM import_block
     WHERE EXISTS (SELECT 1 FROM asked WHERE {found}(lower(import_block.content), asked.needle) > 0
                                             OR {found}(import_block.content, asked.needle) > 0)
 RETURNING job_id
"""
_IN_BLOCKS = SetQuery(
    "erasing.in_blocks",
    "needle text, plain text",
    _IN_BLOCKS_TEXT.format(found="instr"),
    postgres=_IN_BLOCKS_TEXT.format(found="strpos"),
)
_BY_NAME = tuple(
    Query(
        f"erasing.{table}_by",
        f"UPDATE {table} SET {column} = '' WHERE lower({column}) = :username",
    )
    for table, column in (
        ("webhook", "created_by"),
        ("listed_device", "added_by"),
        ("terms", "published_by"),
        ("wave_member", "named"),
    )
)
_STATEMENTS = {
    name: Query(f"erasing.forget_{name}", text)
    for name, text in {
        "sign_ins": "DELETE FROM sign_in WHERE user_id = :user_id",
        "sign_in_steps": "DELETE FROM sign_in_step WHERE user_id = :user_id",
        "second_factor": "DELETE FROM second_factor WHERE user_id = :user_id",
        "recovery_codes": "DELETE FROM recovery_code WHERE user_id = :user_id",
        "password_links": "DELETE FROM password_link WHERE user_id = :user_id",
        "passcodes_made": "UPDATE passcode SET generated_by = '', generated_by_id = NULL "
        "WHERE generated_by_id = :user_id",
        "passcodes_used": "UPDATE passcode SET last_used_by = NULL WHERE last_used_by = :user_id",
        "credential_requests": "DELETE FROM credential_request WHERE user_id = :user_id",
        "attempts": "DELETE FROM attempt WHERE user_id = :user_id OR enrollment_id IN "
        "(SELECT e.id FROM enrollment e WHERE e.user_id = :user_id)",
        "groups": "DELETE FROM group_member WHERE user_id = :user_id",
        "roles": "DELETE FROM role_assignment WHERE user_id = :user_id",
        "views": "DELETE FROM saved_view WHERE user_id = :user_id",
        "offboarding": "DELETE FROM offboarding WHERE user_id = :user_id",
        "sessions": f"DELETE FROM device_session WHERE device_id IN {_HIS}",
        "api_sessions": f"DELETE FROM api_session WHERE device_id IN {_HIS}",
        "messages": "UPDATE message SET recipient = '', reason = '' WHERE user_id = :user_id",
        "alert_addresses": "DELETE FROM alert_address WHERE lower(address) = (SELECT "
        "u.email_folded FROM app_user u WHERE u.id = :user_id AND u.email_folded <> '')",
        "issued": "UPDATE enrollment SET issued_by = '' WHERE issuer_id = :user_id",
        "keys": "UPDATE api_key SET created_by = '', last_used_from = '' "
        "WHERE creator_id = :user_id",
        "imports": "UPDATE import_job SET maker = '' WHERE maker_id = :user_id",
        "waves": "UPDATE wave SET maker = '' WHERE maker_id = :user_id",
        "wave_members": "UPDATE wave_member SET named = '', device_name = '' "
        "WHERE user_id = :user_id",
        # A device of one's own tells of its owner by its numbers, one of the company does not.
        "own_devices": "UPDATE device SET serial = '', imei = '', udid = '', asset_number = '', "
        "deleted_at = COALESCE(deleted_at, :now) "
        "WHERE user_id = :user_id AND ownership = 'employee_owned'",
        "staged": "UPDATE device SET staging_user_id = NULL WHERE staging_user_id = :user_id",
        "devices": "UPDATE device SET name = :erased, sim = '', external_id = '', tags = '', "
        "custom_attributes = '', user_id = NULL, version = version + 1 WHERE user_id = :user_id",
        "person": "UPDATE app_user SET username = :erased, username_folded = :erased, email = '', "
        "email_folded = '', phone = '', first_name = '', last_name = '', external_id = '', "
        "password_hash = NULL, time_zone = '', language = '', state = 'disabled', "
        "deleted_at = COALESCE(deleted_at, :now), version = version + 1 WHERE id = :user_id",
    }.items()
}
_NAMES: Final = ("user", "email", "phone", "username")
_SHORTEST: Final = 3


@dataclass(frozen=True, slots=True)
class Buried:
    """Somebody who was deleted, and not erased yet."""

    id: Id
    username: str
    organization_id: Id
    organization_path: str
    group_id: str


@dataclass(frozen=True, slots=True)
class Needle:
    """Something that a person was known by; `quoted` where only the whole value is meant."""

    plain: str
    quoted: bool

    @property
    def rows(self) -> list[dict[str, object]]:
        """What the searches take: as it stands in JSON, in either way of writing it, and as it is.

        SQLite makes only ASCII small, so that what was typed is looked for as well.
        """
        typed = {self.plain, self.plain.lower()}
        written = {
            json.dumps(each, ensure_ascii=plain) for each in typed for plain in (True, False)
        }
        return [
            {"needle": each if self.quoted else each[1:-1], "plain": self.plain.lower()}
            for each in sorted(written)
        ]


def buried(tx: Reader, user_id: Id | None, username: str) -> Buried | None:
    """The deleted user with this id, or the only one who had this name."""
    rows = tx.all(_BURIED, user_id=user_id or NOTHING, username=username.casefold(), erased=ERASED)
    if len(rows) != 1:
        return None
    (row,) = rows
    return Buried(
        row["id"],
        row["username"],
        row["organization_id"],
        row["organization_path"],
        row["group_id"],
    )


def known_by(tx: Reader, user_id: Id) -> tuple[Needle, ...]:
    """All that a person is and was known by, as far as his row and his events tell."""
    row = tx.one(_PERSON, user_id=user_id)
    if row is None:
        return ()
    names = {(row["username"], True), (row["email"], False), (row["phone"], False)}
    names.add((f"{row['first_name']} {row['last_name']}".strip(), True))
    if row["first_name"] and row["last_name"]:
        names.add((f"{row['first_name']} {row['last_name']}", False))
    for told in tx.all(_TOLD, user_id=user_id):
        for key, value in json.loads(told["personal"]).items():
            name = key.rpartition(".")[2]
            if name in _NAMES:
                names.add((value, name in ("user", "username")))
    return tuple(
        Needle(plain, quoted)
        for plain, quoted in sorted(names)
        if len(plain) >= _SHORTEST and plain != ERASED
    )


def naming(tx: Reader, user_id: Id, needles: Sequence[Needle], since: Id = NOTHING) -> list[Id]:
    """Events since then that name a person, or that he caused; personal values not erased yet."""
    rows = tx.each(_NAMING, _rows(needles), user_id=user_id, since=since)
    rows += tx.all(_DOING, user_id=user_id, since=since)
    return [row["id"] for row in rows]


def forget_events(tx: Tx, user_id: Id, others: Iterable[Id]) -> int:
    """Erase what events tell of a person, and of his devices; answer how many they were."""
    found = {row["id"] for row in tx.all(_ABOUT, user_id=user_id)} | set(others)
    rows = [{"id": each} for each in sorted(found)]
    forgotten = len(tx.each(_FORGET_EACH, rows))
    tx.each(_FORGET_ANSWERS, rows)
    return forgotten


def forget_imports(tx: Tx, needles: Sequence[Needle], reason: str) -> int:
    """Forget rows of files that name a person; what would go on importing him is stopped."""
    rows = _rows(needles)
    stopped = tx.each(_STOP_IMPORTS, rows, reason=reason, now=tx.now)
    tx.each(_IN_BLOCKS, rows)
    tx.each(_IN_ROWS, rows)
    return len(stopped)


def forget_person(tx: Tx, user_id: Id, username: str) -> dict[str, int]:
    """Erase a person from everything but the log; how many rows of each were touched."""
    given = {"user_id": user_id, "now": tx.now, "erased": ERASED}
    for query in _BY_NAME:
        tx.run(query, username=username.lower())
    return {
        name: tx.run(query, **{key: given[key] for key in given if f":{key}" in query.sqlite})
        for name, query in _STATEMENTS.items()
    }


def _rows(needles: Sequence[Needle]) -> list[dict[str, object]]:
    return [row for needle in needles for row in needle.rows]
