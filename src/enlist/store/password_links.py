"""Links by which people set a password: one row for each person, with the digest of the newest.

Who may be sent one is a condition of the statement that makes it. So a stranger who names somebody
unknown has the same statements run as one who names somebody known, and they take as long (S07).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.core.secrets import Digest
from enlist.store import users
from enlist.store.tx import Query, Reader, SetQuery, Tx

_PUT_EACH = SetQuery(
    "password_link.put_each",
    """user_id uuid, message_id uuid, digest bytea, lookup_key_id text, derive_key_id text,
    expires_at bigint""",
    """
    INSERT INTO password_link (user_id, message_id, digest, lookup_key_id, derive_key_id, made_at,
                               expires_at)
    SELECT u.id, asked.message_id, asked.digest, asked.lookup_key_id, asked.derive_key_id, :now,
           asked.expires_at
      FROM asked JOIN app_user u ON u.id = asked.user_id
     WHERE u.deleted_at IS NULL AND u.state = 'active' AND u.source = 'basic' AND u.email <> ''
    ON CONFLICT (user_id) DO UPDATE SET
        message_id = excluded.message_id, digest = excluded.digest,
        lookup_key_id = excluded.lookup_key_id, derive_key_id = excluded.derive_key_id,
        made_at = excluded.made_at, expires_at = excluded.expires_at, used_at = NULL
    RETURNING user_id
    """,
)
_LIVING = Query(
    "password_link.living",
    """
    SELECT l.user_id FROM password_link l JOIN app_user u ON u.id = l.user_id
     WHERE l.digest = :digest AND l.used_at IS NULL AND l.expires_at > :now
       AND u.deleted_at IS NULL AND u.state = 'active'
    """,
)
_OF_MESSAGE = Query(
    "password_link.of_message",
    """
    SELECT derive_key_id, expires_at, used_at FROM password_link
     WHERE user_id = :user_id AND message_id = :message_id
    """,
)
_USE = Query(
    "password_link.use",
    """
    UPDATE password_link SET used_at = :now
     WHERE user_id = :user_id AND digest = :digest AND used_at IS NULL AND expires_at > :now
    """,
)
_END = Query(
    "password_link.end",
    "UPDATE password_link SET used_at = :now WHERE user_id = :user_id AND used_at IS NULL",
)
_END_ALL = Query(
    "password_link.end_all", "UPDATE password_link SET used_at = :now WHERE used_at IS NULL"
)
_END_UNDER_OTHER_KEYS = Query(
    "password_link.end_under_other_keys",
    """
    UPDATE password_link SET used_at = :now
     WHERE used_at IS NULL AND (lookup_key_id <> :lookup OR derive_key_id <> :derive)
    """,
)
_FORGETFUL = """
    SELECT u.id, u.organization_id, u.username,
           EXISTS (SELECT 1 FROM role_assignment r WHERE r.user_id = u.id) AS staff
      FROM app_user u
     WHERE {named} AND u.deleted_at IS NULL AND u.state = 'active' AND u.source = 'basic'
       AND u.email_folded <> ''
       AND (u.password_hash IS NOT NULL
            OR EXISTS (SELECT 1 FROM password_link l WHERE l.user_id = u.id))
     ORDER BY u.id LIMIT :limit
"""
_BY_USERNAME = Query(
    "password_link.by_username", _FORGETFUL.format(named="u.username_folded = :named")
)
_BY_EMAIL = Query("password_link.by_email", _FORGETFUL.format(named="u.email_folded = :named"))


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link about to be stored; its secret is derived from the id of its message."""

    user_id: Id
    message_id: Id
    digest: Digest
    derive_key_id: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the newest link of a person."""

    derive_key_id: str
    expires_at: int
    used: bool


@dataclass(frozen=True, slots=True)
class Forgetful:
    """Somebody who may ask for a link himself, as he can sign in or was sent one before."""

    user_id: Id
    organization_id: Id
    username: str
    staff: bool

    @property
    def subjects(self) -> Subjects:
        """What an event about him is about."""
        return Subjects(self.organization_id, self.user_id)


def put_each(tx: Tx, links: Iterable[NewLink]) -> set[Id]:
    """Store the only link of each of these people; who may be sent none is not among the answer.

    They are held first. What changes somebody's address, state or password ends his link after it,
    and would not see one that is being stored: that would be good for whoever reads the old mail.
    """
    links = tuple(links)
    users.hold_each(tx, [each.user_id for each in links])
    rows = [
        {
            "user_id": each.user_id,
            "message_id": each.message_id,
            "digest": each.digest.value,
            "lookup_key_id": each.digest.key_id,
            "derive_key_id": each.derive_key_id,
            "expires_at": each.expires_at,
        }
        for each in links
    ]
    return {str(row["user_id"]) for row in tx.each(_PUT_EACH, rows, now=tx.now)}


def living(tx: Reader, digests: Sequence[bytes]) -> tuple[bytes, Id] | None:
    """The digest of a link that still works, among these, and whose it is."""
    for digest in digests:
        row = tx.one(_LIVING, digest=digest, now=tx.now)
        if row is not None:
            return digest, str(row["user_id"])
    return None


def of_message(tx: Reader, user_id: Id, message_id: Id) -> Kept | None:
    """The link that a message brings; None once a newer one was made."""
    row = tx.one(_OF_MESSAGE, user_id=user_id, message_id=message_id)
    if row is None:
        return None
    return Kept(row["derive_key_id"], row["expires_at"], row["used_at"] is not None)


def use(tx: Tx, user_id: Id, digest: bytes) -> bool:
    """Spend a link; False when it is spent, replaced or over."""
    return tx.run(_USE, user_id=user_id, digest=digest, now=tx.now) == 1


def end(tx: Tx, user_id: Id) -> bool:
    """End somebody's link; False where none was out."""
    return tx.run(_END, user_id=user_id, now=tx.now) == 1


def end_all(tx: Tx) -> int:
    """End every link."""
    return tx.run(_END_ALL, now=tx.now)


def end_under_other_keys(tx: Tx, lookup: str, derive: str) -> int:
    """End every link that was made under any other keys than these."""
    return tx.run(_END_UNDER_OTHER_KEYS, lookup=lookup, derive=derive, now=tx.now)


def forgetful(tx: Reader, named: str, limit: int) -> list[Forgetful]:
    """Who has this user name, and who has this e-mail address; both are looked for always."""
    folded = named.casefold()
    rows = tx.all(_BY_USERNAME, named=folded, limit=limit)
    rows += tx.all(_BY_EMAIL, named=folded, limit=limit)
    found = {
        str(row["id"]): Forgetful(
            row["id"], row["organization_id"], row["username"], bool(row["staff"])
        )
        for row in rows
    }
    return list(found.values())[:limit]
