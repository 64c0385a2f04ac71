"""The set-up link: it lets one person, the first administrator, in; never more than one lives."""

from __future__ import annotations

from collections.abc import Sequence

from enlist.core.secrets import Digest
from enlist.store.tx import Query, Reader, Tx

_PUT = Query(
    "setup_link.put",
    "INSERT INTO setup_link (digest, made_at, expires_at) VALUES (:digest, :now, :expires_at)",
)
_DROP = Query("setup_link.drop", "DELETE FROM setup_link")
_LIVES = Query(
    "setup_link.lives",
    """
    SELECT 1 AS found FROM setup_link
     WHERE digest = :digest AND used_at IS NULL AND expires_at > :now
    """,
)
_USE = Query(
    "setup_link.use",
    """
    UPDATE setup_link SET used_at = :now
     WHERE digest = :digest AND used_at IS NULL AND expires_at > :now
    """,
)


def put(tx: Tx, digest: Digest, expires_at: int) -> None:
    """The only set-up link; older ones end."""
    tx.run(_DROP)
    tx.run(_PUT, digest=digest.value, now=tx.now, expires_at=expires_at)


def living(tx: Reader, digests: Sequence[bytes]) -> bytes | None:
    """The digest of a set-up link that still works, among these."""
    for digest in digests:
        if tx.one(_LIVES, digest=digest, now=tx.now) is not None:
            return digest
    return None


def use(tx: Tx, digest: bytes) -> bool:
    """Spend a set-up link; False when it is spent or over."""
    return tx.run(_USE, digest=digest, now=tx.now) == 1
