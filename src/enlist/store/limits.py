"""What keeps guessing slow and repeats harmless: the throttle, and Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.clock import MINUTE, SECOND
from enlist.core.ids import Id
from enlist.store.tx import Query, Reader, Tx

THROTTLE_REFUSALS: Final = 10
THROTTLE_WINDOW: Final = 10 * MINUTE

_BLOCKED = Query(
    "throttle.blocked",
    """
    SELECT window_ends_at FROM throttle
     WHERE source = :source AND refused >= :most AND window_ends_at > :now
    """,
)
_COUNT = Query(
    "throttle.count",
    # One row per source; a window begins with its first refusal. At most :most refusals are
    # ever counted in it: the statement that would be the next one changes nothing.
    """
    INSERT INTO throttle (source, window_ends_at, refused) VALUES (:source, :window_ends_at, 1)
    ON CONFLICT (source) DO UPDATE SET
        refused = CASE WHEN throttle.window_ends_at <= :now THEN 1 ELSE throttle.refused + 1 END,
        window_ends_at = CASE WHEN throttle.window_ends_at <= :now
                              THEN excluded.window_ends_at ELSE throttle.window_ends_at END
     WHERE throttle.window_ends_at <= :now OR throttle.refused < :most
    """,
)
_DECOY = Query(
    "throttle.decoy",
    """
    INSERT INTO throttle (source, window_ends_at, refused) VALUES ('-', 0, 0)
    ON CONFLICT (source) DO UPDATE SET window_ends_at = throttle.window_ends_at + 1
    """,
)
_SWEEP_THROTTLE = Query(
    "throttle.sweep", "DELETE FROM throttle WHERE window_ends_at <= :now AND source <> '-'"
)

_RECALL = Query(
    "idempotency.recall",
    """
    SELECT request_digest, made_id FROM idempotency
     WHERE caller = :caller AND key = :key AND expires_at > :now
    """,
)
_REMEMBER = Query(
    "idempotency.remember",
    """
    INSERT INTO idempotency (caller, key, request_digest, made_id, made_at, expires_at)
    VALUES (:caller, :key, :request_digest, :made_id, :now, :expires_at)
    ON CONFLICT (caller, key) DO UPDATE SET
        request_digest = excluded.request_digest, made_id = excluded.made_id,
        made_at = excluded.made_at, expires_at = excluded.expires_at
     WHERE idempotency.expires_at <= :now
    """,
)
_FILL_IN = Query(
    "idempotency.fill_in",
    "UPDATE idempotency SET made_id = :made_id WHERE caller = :caller AND key = :key",
)
_FORGET = Query(
    "idempotency.forget", "DELETE FROM idempotency WHERE caller = :caller AND key = :key"
)
_SWEEP_IDEMPOTENCY = Query("idempotency.sweep", "DELETE FROM idempotency WHERE expires_at <= :now")


def throttled(tx: Reader, source: str) -> int | None:
    """Seconds that this source must wait, or None when it may try (ruling 10)."""
    if not source:
        return None
    row = tx.one(_BLOCKED, source=source, most=THROTTLE_REFUSALS, now=tx.now)
    return None if row is None else -(-(int(row["window_ends_at"]) - tx.now) // SECOND)


def count_refusal(tx: Tx, source: str) -> bool:
    """Count a refusal against its source; False when that source is throttled already."""
    if not source:
        return True
    return (
        tx.run(
            _COUNT,
            source=source,
            window_ends_at=tx.now + THROTTLE_WINDOW,
            most=THROTTLE_REFUSALS,
            now=tx.now,
        )
        == 1
    )


def decoy(tx: Tx) -> None:
    """Write as much as counting a try does, where there is nobody to count it for (S07)."""
    tx.run(_DECOY)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key for one request.

    Attributes:
        caller: who the key belongs to: a user or API key id, or the digest of a secret.
        key: what the caller sent.
        request_digest: SHA-256 of what was asked, so that another request is noticed.
    """

    caller: str
    key: str
    request_digest: bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an Idempotency-Key made before."""

    made_id: Id
    same_request: bool


def recall(tx: Reader, key: IdempotencyKey) -> Remembered | None:
    """What this key made within its lifetime, if anything (ruling 25)."""
    row = tx.one(_RECALL, caller=key.caller, key=key.key, now=tx.now)
    if row is None:
        return None
    return Remembered(str(row["made_id"]), bytes(row["request_digest"]) == key.request_digest)


def remember(tx: Tx, key: IdempotencyKey, made_id: Id, lifetime: int) -> bool:
    """Keep what a key made; False when a request with the same key was first."""
    return (
        tx.run(
            _REMEMBER,
            caller=key.caller,
            key=key.key,
            request_digest=key.request_digest,
            made_id=made_id,
            now=tx.now,
            expires_at=tx.now + lifetime,
        )
        == 1
    )


def fill_in(tx: Tx, key: IdempotencyKey, made_id: Id) -> None:
    """A key that was claimed in this transaction led to this."""
    tx.run(_FILL_IN, caller=key.caller, key=key.key, made_id=made_id)


def forget(tx: Tx, key: IdempotencyKey) -> None:
    """A key that was claimed in this transaction led to nothing: it may be used again."""
    tx.run(_FORGET, caller=key.caller, key=key.key)


def sweep(tx: Tx) -> int:
    """Forget what is over; answer how many rows."""
    return tx.run(_SWEEP_THROTTLE, now=tx.now) + tx.run(_SWEEP_IDEMPOTENCY, now=tx.now)
