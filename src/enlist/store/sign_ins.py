"""Sign-ins: people who are signed in, each found by the keyed digest of a cookie."""

from __future__ import annotations

from collections.abc import Sequence

from enlist.core.access import SignIn
from enlist.core.ids import NOTHING, Id
from enlist.core.secrets import Digest
from enlist.store import attempts, second_factors
from enlist.store.tx import Query, Reader, Row, Tx

_START = Query(
    "sign_in.start",
    """
    INSERT INTO sign_in (id, digest, lookup_key_id, user_id, started_at, last_seen_at, proved_at,
                         expires_at, address, user_agent, factor_at)
    VALUES (:id, :digest, :key_id, :user_id, :now, :now, :proved_at, :expires_at, :address,
            :user_agent, :factor_at)
    """,
)
_COLUMNS = """
    SELECT s.id, s.user_id, s.started_at, s.last_seen_at, s.proved_at, s.expires_at, s.ended_at,
           s.address, s.user_agent, s.factor_at
      FROM sign_in s
"""
_BY_DIGEST = Query(
    "sign_in.by_digest",
    f"""{_COLUMNS} JOIN app_user u ON u.id = s.user_id
     WHERE s.digest = :digest AND s.ended_at IS NULL AND s.expires_at > :now
       AND s.last_seen_at > :idle_since AND u.state = 'active' AND u.deleted_at IS NULL""",
)
_OF_USER = Query(
    "sign_in.of_user",
    f"""{_COLUMNS}
     WHERE s.user_id = :user_id AND s.ended_at IS NULL AND s.expires_at > :now
       AND s.last_seen_at > :idle_since
     ORDER BY s.id DESC""",
)
_LAST_ADDRESSES = Query(
    "sign_in.last_addresses",
    "SELECT address FROM sign_in WHERE user_id = :user_id ORDER BY id DESC LIMIT 20",
)
_SEEN = Query(
    "sign_in.seen",
    "UPDATE sign_in SET last_seen_at = :now WHERE id = :id AND ended_at IS NULL",
)
_PROVED = Query(
    "sign_in.proved",
    "UPDATE sign_in SET proved_at = :now WHERE id = :id AND ended_at IS NULL",
)
_FACTOR_PROVED = Query(
    "sign_in.factor_proved",
    "UPDATE sign_in SET factor_at = :now WHERE id = :id AND ended_at IS NULL",
)
_END = Query(
    "sign_in.end",
    """
    UPDATE sign_in SET ended_at = :now
     WHERE id = :id AND user_id = :user_id AND ended_at IS NULL
    """,
)
_END_ALL = Query(
    "sign_in.end_all",
    "UPDATE sign_in SET ended_at = :now "
    "WHERE user_id = :user_id AND ended_at IS NULL AND id <> :keep",
)


def start(tx: Tx, sign_in: SignIn, digest: Digest) -> None:
    """Store a fresh sign-in under the digest of its cookie."""
    tx.run(
        _START,
        id=sign_in.id,
        digest=digest.value,
        key_id=digest.key_id,
        user_id=sign_in.user_id,
        now=sign_in.started_at,
        expires_at=sign_in.expires_at,
        address=sign_in.address,
        user_agent=sign_in.user_agent[:300],
        proved_at=sign_in.proved_at,
        factor_at=sign_in.factor_at,
    )


def find(tx: Reader, digests: Sequence[bytes], idle_since: int) -> SignIn | None:
    """The living sign-in of an active user, by the digests of a presented cookie."""
    for digest in digests:
        row = tx.one(_BY_DIGEST, digest=digest, now=tx.now, idle_since=idle_since)
        if row is not None:
            return _sign_in(row)
    return None


def of_user(tx: Reader, user_id: Id, idle_since: int) -> list[SignIn]:
    """The living sign-ins of a user, newest first."""
    return [
        _sign_in(row)
        for row in tx.all(_OF_USER, user_id=user_id, now=tx.now, idle_since=idle_since)
    ]


def last_addresses(tx: Reader, user_id: Id) -> set[str]:
    """Where a user's last twenty sign-ins came from."""
    return {row["address"] for row in tx.all(_LAST_ADDRESSES, user_id=user_id)}


def seen(tx: Tx, sign_in_id: Id) -> None:
    """The sign-in was used now."""
    tx.run(_SEEN, id=sign_in_id, now=tx.now)


def proved(tx: Tx, sign_in_id: Id) -> None:
    """Its user has just proved himself again."""
    tx.run(_PROVED, id=sign_in_id, now=tx.now)


def factor_proved(tx: Tx, sign_in_id: Id) -> bool:
    """Its user has just set up a second factor; False when it is over."""
    return tx.run(_FACTOR_PROVED, id=sign_in_id, now=tx.now) == 1


def end(tx: Tx, sign_in_id: Id, user_id: Id) -> bool:
    """End one sign-in of this user; False when it was over."""
    return tx.run(_END, id=sign_in_id, user_id=user_id, now=tx.now) == 1


def end_all(tx: Tx, user_id: Id, keep: Id | None = None) -> int:
    """End every sign-in of a user, but perhaps the present one; answer how many.

    With them ends what was begun by signing in and asks for no password any more: else whoever
    knew his password could still enroll a device of his own (`attempts`).
    """
    attempts.cancel_by_login(tx, user_id)
    second_factors.end_steps(tx, user_id)
    return tx.run(_END_ALL, user_id=user_id, now=tx.now, keep=keep or NOTHING)


def _sign_in(row: Row) -> SignIn:
    return SignIn(
        id=row["id"],
        user_id=row["user_id"],
        started_at=row["started_at"],
        last_seen_at=row["last_seen_at"],
        proved_at=row["proved_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
        address=row["address"],
        user_agent=row["user_agent"],
        factor_at=row["factor_at"],
    )
