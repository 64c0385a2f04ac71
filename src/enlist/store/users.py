"""People. The roles they hold: `roles`; how they sign in: `logins`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from enlist.core.ids import Id
from enlist.core.model import Staging, User, UserState, stands_at
from enlist.core.outcomes import Refusal
from enlist.store import announcing
from enlist.store.ahead import ReadAhead
from enlist.store.announcing import Of
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.narrowing import Narrowing, Searched
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

_COLUMNS = """
    SELECT u.id, u.organization_id, o.path AS organization_path, o.group_id, u.username, u.email,
           u.phone, u.first_name, u.last_name, u.source, u.state, u.time_zone, u.language,
           u.created_at, u.version, u.staging, u.authorized,
           u.password_hash IS NOT NULL AS has_password
      FROM app_user u JOIN organization o ON o.id = u.organization_id
"""

NOT_STAFF = (
    "NOT EXISTS (SELECT 1 FROM role_assignment held JOIN organization place "
    "ON place.id = held.organization_id "
    "WHERE held.user_id = {user} AND place.deleted_at IS NULL)"
)
"""Condition of lists for those who may not see people who hold roles."""

_FIND = Query("user.find", f"{_COLUMNS} WHERE u.id = :id AND u.deleted_at IS NULL")
_FIND_EACH = SetQuery(
    "user.find_each",
    "id uuid",
    f"{_COLUMNS} JOIN asked ON asked.id = u.id WHERE u.deleted_at IS NULL",
    # As below.
    postgres=f"""SELECT found.* FROM asked CROSS JOIN LATERAL ({_COLUMNS}
     WHERE u.id = asked.id AND u.deleted_at IS NULL OFFSET 0) AS found""",
)
_BY_USERNAME = Query(
    "user.by_username",
    f"{_COLUMNS} WHERE u.username_folded = :username AND u.deleted_at IS NULL",
)
_BY_USERNAME_EACH = SetQuery(
    "user.by_username_each",
    "username text",
    f"""{_COLUMNS} JOIN asked ON asked.username = u.username_folded
     WHERE u.deleted_at IS NULL""",
    # One after the other: of a table that has grown since the server last counted its rows, the
    # planner would read everybody for each portion of a file.
    postgres=f"""SELECT found.* FROM asked CROSS JOIN LATERAL ({_COLUMNS}
     WHERE u.username_folded = asked.username AND u.deleted_at IS NULL OFFSET 0) AS found""",
)
_INSERT = Query(
    "user.insert",
    """
    INSERT INTO app_user (id, organization_id, username, username_folded, email, email_folded,
                          phone, first_name, last_name, source, state, password_hash, time_zone,
                          language, created_at, staging)
    VALUES (:id, :organization_id, :username, :username_folded, :email, :email_folded, :phone,
            :first_name, :last_name, :source, :state, :password_hash, :time_zone, :language,
            :created_at, :staging)
    """,
)
_CHANGE_TEXT = """
    UPDATE app_user
       SET username = :username, username_folded = :username_folded, email = :email,
           email_folded = :email_folded, phone = :phone, first_name = :first_name,
           last_name = :last_name, time_zone = :time_zone, language = :language,
           staging = :staging, version = version + 1
     WHERE id = :id AND deleted_at IS NULL AND version = :version
"""
_CHANGE = Query("user.change", _CHANGE_TEXT)
_EMAIL_AT = Query(
    "user.email_at",
    """
    SELECT 1 AS found FROM app_user
     WHERE organization_id = :organization_id AND email_folded = :email_folded
       AND email_folded <> '' AND deleted_at IS NULL
    """,
)
_MOVE = Query(
    "user.move",
    """
    UPDATE app_user SET organization_id = :organization_id, authorized = '', version = version + 1
     WHERE id = :id AND version = :version AND deleted_at IS NULL
    """,
)
_AUTHORIZE = Query(
    "user.authorize",
    """
    UPDATE app_user SET authorized = :authorized, version = version + 1
     WHERE id = :id AND version = :version AND deleted_at IS NULL
    """,
)
_ENROLLED = """SELECT 1 AS found FROM enrollment e
         WHERE e.user_id = :id AND e.state = 'used' AND e.grant_kind = 'registration_token'"""
_ENROLLED_BY_TOKEN = Query("user.enrolled_by_token", f"{_ENROLLED} LIMIT 1")
_CHANGE_UNLOCKED = Query(
    "user.change_unlocked",
    # A device that enrolls meanwhile locks the addresses: whose change it was looks again.
    f"{_CHANGE_TEXT} AND NOT EXISTS ({_ENROLLED})",
)
_HOLD_TEXT = "SELECT u.id, u.authorized FROM app_user u WHERE u.id = :id AND u.deleted_at IS NULL"
_HOLD = Query(
    "user.hold",
    _HOLD_TEXT,
    # A deletion under way is waited for, and waits: nothing is issued to somebody who is gone. So
    # is a new password: nobody signs in by the last one. One at a time: two that both held the
    # row, and both came to change it, would wait for each other for ever.
    postgres=f"{_HOLD_TEXT} FOR NO KEY UPDATE",
)
_HOLD_WITHIN_TEXT = f"""{_HOLD_TEXT}
       AND EXISTS (SELECT 1 FROM organization o
                    WHERE o.id = u.organization_id AND substr(:path, 1, length(o.path)) = o.path)
"""
_HOLD_WITHIN = Query(
    "user.hold_within",
    _HOLD_WITHIN_TEXT,
    # A move under way is waited for, and the condition is asked of where he is then.
    postgres=f"{_HOLD_WITHIN_TEXT} FOR NO KEY UPDATE OF u",
)
_HOLD_EACH_TEXT = """
    SELECT u.id, u.authorized, o.path AS organization_path
      FROM app_user u JOIN asked ON asked.id = u.id JOIN organization o ON o.id = u.organization_id
     WHERE u.deleted_at IS NULL ORDER BY u.id
"""
_HOLD_EACH = SetQuery(
    "user.hold_each",
    "id uuid",
    _HOLD_EACH_TEXT,
    # In the order of their ids, in which they are asked for: else two that hold the same people
    # could wait for each other. One after the other, as above.
    postgres="""
    SELECT held.id, held.authorized, held.organization_path FROM asked CROSS JOIN LATERAL (
        SELECT u.id, u.authorized, (SELECT o.path FROM organization o
                       WHERE o.id = u.organization_id) AS organization_path
          FROM app_user u
         WHERE u.id = asked.id AND u.deleted_at IS NULL FOR NO KEY UPDATE OF u
    ) AS held
    """,
)
_SET_STATE = Query(
    "user.set_state",
    """
    UPDATE app_user SET state = :state, version = version + 1
     WHERE id = :id AND deleted_at IS NULL AND state <> :state
    """,
)
_DELETE = Query(
    "user.delete",
    "UPDATE app_user SET deleted_at = :now, state = 'disabled' "
    "WHERE id = :id AND deleted_at IS NULL",
)
_LIST = Listing(
    "users",
    f"{_COLUMNS} WHERE u.deleted_at IS NULL",
    id="u.id",
    path="o.path",
    sorts={
        "username": 'u.username_folded COLLATE "C"',
        "email": 'u.email_folded COLLATE "C"',
        "created_at": "u.id",
        "name": "lower(u.last_name || ' ' || u.first_name)",
    },
    default_sort="username",
    filters={
        "state": "u.state = :state",
        "source": "u.source = :source",
        "role": "EXISTS (SELECT 1 FROM role_assignment r "
        "WHERE r.user_id = u.id AND r.role = :role)",
        "group": "EXISTS (SELECT 1 FROM group_member m "
        "WHERE m.user_id = u.id AND m.user_group_id = :group)",
        "without_staff": NOT_STAFF.format(user="u.id"),
    },
    narrowing=Narrowing(
        "users",
        "app_user",
        tuple(
            Searched(
                text.format("u"),
                text.format("n"),
                "SELECT n.id FROM app_user n",
                where=where,
                folded=folded,
            )
            for text, where, folded in (
                ("{0}.username_folded", "", True),
                ("{0}.email_folded", "", True),
                ("lower({0}.first_name || ' ' || {0}.last_name)", "", False),
                ("lower({0}.last_name || ' ' || {0}.first_name)", "", False),
                ("lower({0}.phone)", "n.phone <> ''", False),
            )
        ),
        {
            "state": {
                "disabled": """SELECT u.id FROM app_user u
                                WHERE u.state = 'disabled' AND u.state <> 'active'"""
            },
            "source": {
                source: f"""SELECT u.id FROM app_user u
                             WHERE u.source = '{source}' AND u.source <> 'basic'"""
                for source in ("directory", "scim")
            },
            "role": {
                "": "SELECT held.user_id AS id FROM role_assignment held WHERE held.role = :role"
            },
            "group": {
                "": "SELECT m.user_id AS id FROM group_member m WHERE m.user_group_id = :group"
            },
        },
    ),
    indexed=("username", "email", "name"),
)


def find(tx: Reader, user_id: Id) -> User | None:
    """The user with this id, unless deleted."""
    row = tx.one(_FIND, id=user_id)
    return None if row is None else _user(row)


def find_ahead(ahead: ReadAhead, user_ids: Iterable[Id]) -> None:
    """Have asked what `find` will ask for these."""
    asked = set(user_ids)

    def know(rows: list[Row]) -> None:
        found = {row["id"]: [row] for row in rows}
        for each in asked:
            ahead.know(_FIND, found.get(each, []), id=each)

    ahead.ask(_FIND_EACH, [{"id": each} for each in asked], know)


def by_username(tx: Reader, username: str) -> User | None:
    """The user with this user name, in any case of letters (ruling 31)."""
    row = tx.one(_BY_USERNAME, username=username.casefold())
    return None if row is None else _user(row)


def read_ahead(
    ahead: ReadAhead, usernames: Iterable[str], then: Callable[[list[Id]], None]
) -> None:
    """Have asked what `by_username` will ask for these; `then` is told the ids of who was found."""
    asked = {username.casefold() for username in usernames}

    def know(rows: list[Row]) -> None:
        found = {row["username"].casefold(): row for row in rows}
        for each in asked:
            ahead.know(_BY_USERNAME, [found[each]] if each in found else [], username=each)
        then([row["id"] for row in rows])

    ahead.ask(_BY_USERNAME_EACH, [{"username": each} for each in asked], know)


def version(tx: Reader, user_id: Id) -> int:
    """The version that a change must name; 0 when there is no such user."""
    row = tx.one(_FIND, id=user_id)
    return 0 if row is None else int(row["version"])


def insert(tx: Tx, user: User, password_hash: str | None) -> None:
    """Add a user.

    Raises:
        UniqueViolation: the user name, or the e-mail within the organization, is taken.
    """
    tx.run(
        _INSERT,
        id=user.id,
        organization_id=user.organization_id,
        username=user.username,
        username_folded=user.username.casefold(),
        email=user.email,
        email_folded=user.email.casefold(),
        phone=user.phone,
        first_name=user.first_name,
        last_name=user.last_name,
        source=user.source,
        state=user.state.value,
        password_hash=password_hash,
        time_zone=user.time_zone,
        language=user.language,
        created_at=user.created_at,
        staging=user.staging.value,
    )


def enrolled_by_token(tx: Reader, user_id: Id) -> bool:
    """Whether a device of his was ever enrolled with a registration token (A21, A22)."""
    return tx.one(_ENROLLED_BY_TOKEN, id=user_id) is not None


def email_at(tx: Reader, organization_id: Id, email: str) -> bool:
    """Whether somebody of an organization has this address; two cannot (ruling 31)."""
    asked = {"organization_id": organization_id, "email_folded": email.casefold()}
    return tx.one(_EMAIL_AT, **asked) is not None


def move(tx: Tx, user_id: Id, expected_version: int, organization_id: Id) -> bool:
    """He belongs to another organization, with all below it; False when somebody else was first."""
    asked = {"id": user_id, "version": expected_version, "organization_id": organization_id}
    return tx.run(_MOVE, **asked) == 1


def authorize(tx: Tx, user_id: Id, expected_version: int, organization_ids: Sequence[Id]) -> bool:
    """He may enroll at these organizations, the default first; False when somebody was first."""
    asked = {"id": user_id, "version": expected_version, "authorized": " ".join(organization_ids)}
    return tx.run(_AUTHORIZE, **asked) == 1


def change(tx: Tx, user: User, expected_version: int, *, unlocked: bool = False) -> bool:
    """Write what can be edited of a user; False when somebody else was first.

    Args:
        unlocked: only as long as no device of his was enrolled with a registration token.
    """
    changed = tx.run(
        _CHANGE_UNLOCKED if unlocked else _CHANGE,
        id=user.id,
        version=expected_version,
        username=user.username,
        username_folded=user.username.casefold(),
        email=user.email,
        email_folded=user.email.casefold(),
        phone=user.phone,
        first_name=user.first_name,
        last_name=user.last_name,
        time_zone=user.time_zone,
        language=user.language,
        staging=user.staging.value,
    )
    return changed == 1


def set_state(tx: Tx, user_id: Id, state: UserState) -> bool:
    """Disable or enable a user; False when he is that already."""
    announcing.ended(tx, Of.USER, user_id)
    return tx.run(_SET_STATE, id=user_id, state=state.value) == 1


def hold(tx: Tx, user_id: Id, within: str = "") -> bool:
    """Keep a user from being changed until this transaction ends; False when he is gone.

    Args:
        within: path of where a device of his is to stand; False also when his organization is
            neither that one nor above it any more, or he may not enroll there.
    """
    if not within:
        return tx.one(_HOLD, id=user_id) is not None
    row = tx.one(_HOLD_WITHIN, id=user_id, path=within)
    return row is not None and stands_at(within, "", tuple(row["authorized"].split()))


def hold_each(tx: Tx, user_ids: Iterable[Id]) -> dict[Id, Callable[[str], bool]]:
    """The same for several; of those that are still there, whether a device may be at a path."""
    rows = [{"id": each} for each in sorted(set(user_ids))]
    return {
        row["id"]: partial(
            stands_at, home=row["organization_path"], authorized=tuple(row["authorized"].split())
        )
        for row in tx.each(_HOLD_EACH, rows)
    }


def delete(tx: Tx, user_id: Id) -> bool:
    """Take a user out of every list; the row stays for events."""
    announcing.ended(tx, Of.USER, user_id)
    return tx.run(_DELETE, id=user_id, now=tx.now) == 1


def page(tx: Reader, request: PageRequest) -> Page[User] | Refusal:
    """Users of a subtree."""
    return _LIST.page(tx, request, _user)


def _user(row: Row) -> User:
    return User(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        username=row["username"],
        email=row["email"],
        phone=row["phone"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        source=row["source"],
        state=UserState(row["state"]),
        time_zone=row["time_zone"],
        language=row["language"],
        created_at=row["created_at"],
        has_password=bool(row["has_password"]),
        version=row["version"],
        staging=Staging(row["staging"]),
        authorized=tuple(row["authorized"].split()),
    )
