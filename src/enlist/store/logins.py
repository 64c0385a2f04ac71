"""How people sign in: what is read of somebody who tries, and the hash of his password."""

from __future__ import annotations

from enlist.core.access import Login
from enlist.core.ids import Id
from enlist.core.model import UserState
from enlist.store.tx import Query, Reader, Row, Tx

_COLUMNS = """
    SELECT u.id, u.organization_id, o.path AS organization_path, u.username, u.state,
           u.password_hash, u.authorized
      FROM app_user u JOIN organization o ON o.id = u.organization_id
"""
_BY_USERNAME = Query(
    "login.by_username",
    f"{_COLUMNS} WHERE u.username_folded = :username AND u.deleted_at IS NULL",
)
_BY_ID = Query("login.by_id", f"{_COLUMNS} WHERE u.id = :id AND u.deleted_at IS NULL")
_SET_PASSWORD = Query(
    "login.set_password",
    "UPDATE app_user SET password_hash = :password_hash WHERE id = :id AND deleted_at IS NULL",
)
_END_PASSWORD = Query(
    "login.end_password", "UPDATE app_user SET password_hash = NULL WHERE id = :id"
)
_REHASH = Query(
    "login.rehash",
    "UPDATE app_user SET password_hash = :password_hash WHERE id = :id AND password_hash = :old",
)


def by_username(tx: Reader, username: str) -> Login | None:
    """What checking a password needs to know of a user name, in any case of letters."""
    row = tx.one(_BY_USERNAME, username=username.casefold())
    return None if row is None else _login(row)


def by_id(tx: Reader, user_id: Id) -> Login | None:
    """The same, of a user who is known already."""
    row = tx.one(_BY_ID, id=user_id)
    return None if row is None else _login(row)


def set_password(tx: Tx, user_id: Id, password_hash: str) -> bool:
    """Give a user a password, or another one; False when he is gone."""
    return tx.run(_SET_PASSWORD, id=user_id, password_hash=password_hash) == 1


def end_password(tx: Tx, user_id: Id) -> None:
    """A user has no password any more."""
    tx.run(_END_PASSWORD, id=user_id)


def rehash(tx: Tx, user_id: Id, old: str, password_hash: str) -> None:
    """Replace the hash of the same password by one with today's parameters."""
    tx.run(_REHASH, id=user_id, old=old, password_hash=password_hash)


def _login(row: Row) -> Login:
    return Login(
        user_id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        username=row["username"],
        active=row["state"] == UserState.ACTIVE,
        password_hash=row["password_hash"],
        authorized=tuple(row["authorized"].split()),
    )
