"""Second factors: sealed TOTP secrets, recovery codes, and sign-ins that wait for a code.

Each move is one conditional statement: of two sign-ins with the same code, one changes a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.secrets import Digest
from enlist.store.tx import Query, Reader, Tx

_PUT = Query(
    "second_factor.put",
    """
    INSERT INTO second_factor (user_id, sealed, derive_key_id, set_up_at, last_step)
    VALUES (:user_id, :sealed, :key_id, :now, :step)
    ON CONFLICT (user_id) DO UPDATE SET
        sealed = excluded.sealed, derive_key_id = excluded.derive_key_id,
        set_up_at = excluded.set_up_at, last_step = excluded.last_step
    """,
)
_FIND = Query(
    "second_factor.find",
    """
    SELECT f.sealed, f.derive_key_id, f.set_up_at, f.last_step,
           (SELECT count(*) FROM recovery_code c
             WHERE c.user_id = f.user_id AND c.used_at IS NULL) AS codes_left
      FROM second_factor f WHERE f.user_id = :user_id
    """,
)
_ACCEPT = Query(
    "second_factor.accept",
    "UPDATE second_factor SET last_step = :step WHERE user_id = :user_id AND last_step < :step",
)
_SEAL_ANEW = Query(
    "second_factor.seal_anew",
    "UPDATE second_factor SET sealed = :sealed, derive_key_id = :key_id "
    "WHERE user_id = :user_id AND sealed = :before",
)
_REMOVE = Query("second_factor.remove", "DELETE FROM second_factor WHERE user_id = :user_id")
_SEALED_BEFORE = Query(
    "second_factor.sealed_before",
    # Whoever has signed in since has it under the new key, and it is the same secret.
    """
    SELECT f.user_id, u.username, f.set_up_at
      FROM second_factor f JOIN app_user u ON u.id = f.user_id
     WHERE (f.derive_key_id <> :key_id OR f.set_up_at < :before)
       AND u.deleted_at IS NULL AND f.user_id > :after
     ORDER BY f.user_id LIMIT :limit
    """,
)
_ADD_CODE = Query(
    "recovery_code.add",
    """
    INSERT INTO recovery_code (digest, lookup_key_id, user_id, made_at)
    VALUES (:digest, :key_id, :user_id, :now)
    """,
)
_USE_CODE = Query(
    "recovery_code.use",
    "UPDATE recovery_code SET used_at = :now "
    "WHERE digest = :digest AND user_id = :user_id AND used_at IS NULL",
)
_DROP_CODES = Query("recovery_code.drop", "DELETE FROM recovery_code WHERE user_id = :user_id")
_DROP_CODES_UNDER = Query(
    "recovery_code.drop_under_other_keys",
    "DELETE FROM recovery_code WHERE lookup_key_id <> :key_id",
)
_BEGIN_STEP = Query(
    "sign_in_step.begin",
    """
    INSERT INTO sign_in_step (digest, lookup_key_id, user_id, made_at, expires_at)
    VALUES (:digest, :key_id, :user_id, :now, :expires_at)
    """,
)
_WHOSE_STEP = Query(
    "sign_in_step.whose",
    "SELECT user_id FROM sign_in_step WHERE digest = :digest AND expires_at > :now",
)
_END_STEP = Query(
    "sign_in_step.end", "DELETE FROM sign_in_step WHERE digest = :digest AND expires_at > :now"
)
_END_STEPS = Query("sign_in_step.end_all", "DELETE FROM sign_in_step WHERE user_id = :user_id")
_SWEEP_STEPS = Query("sign_in_step.sweep", "DELETE FROM sign_in_step WHERE expires_at <= :now")


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A person's second factor.

    Attributes:
        sealed: its secret, encrypted; `key_id` names the key.
        last_step: the newest time step (RFC 6238) of which a code was accepted.
        codes_left: recovery codes that were not used yet.
    """

    sealed: str
    key_id: str
    set_up_at: int
    last_step: int
    codes_left: int


@dataclass(frozen=True, slots=True)
class SetUp:
    """That somebody has a second factor, and since when."""

    user_id: Id
    username: str
    set_up_at: int


def put(tx: Tx, user_id: Id, sealed: str, key_id: str, step: int) -> None:
    """Store a user's second factor, in place of the one that he had."""
    tx.run(_PUT, user_id=user_id, sealed=sealed, key_id=key_id, step=step, now=tx.now)


def find(tx: Reader, user_id: Id) -> SecondFactor | None:
    """A user's second factor, if he has one."""
    row = tx.one(_FIND, user_id=user_id)
    if row is None:
        return None
    return SecondFactor(
        row["sealed"], row["derive_key_id"], row["set_up_at"], row["last_step"], row["codes_left"]
    )


def accept(tx: Tx, user_id: Id, step: int) -> bool:
    """Take the code of a time step; False when it, or that of a later one, was taken before."""
    return tx.run(_ACCEPT, user_id=user_id, step=step) == 1


def seal_anew(tx: Tx, user_id: Id, before: str, sealed: str, key_id: str) -> bool:
    """The same secret under another key; False where it is another one by now."""
    anew = tx.run(_SEAL_ANEW, user_id=user_id, before=before, sealed=sealed, key_id=key_id)
    return anew == 1


def sealed_before(tx: Reader, key_id: str, before: int, after: Id, limit: int) -> list[SetUp]:
    """Whose secret another key than this can open, or could before that moment; behind an id."""
    rows = tx.all(_SEALED_BEFORE, key_id=key_id, before=before, after=after, limit=limit)
    return [SetUp(row["user_id"], row["username"], row["set_up_at"]) for row in rows]


def remove(tx: Tx, user_id: Id) -> bool:
    """Take away a second factor with its recovery codes; False when there is none."""
    tx.run(_DROP_CODES, user_id=user_id)
    return tx.run(_REMOVE, user_id=user_id) == 1


def set_codes(tx: Tx, user_id: Id, digests: Sequence[Digest]) -> None:
    """These recovery codes, and none from before."""
    tx.run(_DROP_CODES, user_id=user_id)
    for digest in digests:
        tx.run(_ADD_CODE, digest=digest.value, key_id=digest.key_id, user_id=user_id, now=tx.now)


def use_code(tx: Tx, user_id: Id, digests: Sequence[bytes]) -> bool:
    """Spend a recovery code, by its digests under each key; False when there is none unused."""
    return any(
        tx.run(_USE_CODE, digest=digest, user_id=user_id, now=tx.now) == 1 for digest in digests
    )


def drop_codes_under_other_keys(tx: Tx, key_id: str) -> int:
    """End every recovery code that a leaked look-up key could find; answers how many."""
    return tx.run(_DROP_CODES_UNDER, key_id=key_id)


def begin_step(tx: Tx, user_id: Id, digest: Digest, expires_at: int) -> None:
    """Somebody gave the right password; his code is still to come."""
    tx.run(
        _BEGIN_STEP,
        digest=digest.value,
        key_id=digest.key_id,
        user_id=user_id,
        now=tx.now,
        expires_at=expires_at,
    )


def whose_step(tx: Reader, digests: Sequence[bytes]) -> tuple[Id, bytes] | None:
    """Whose code is still to come, and the digest by which that was found."""
    for digest in digests:
        row = tx.one(_WHOSE_STEP, digest=digest, now=tx.now)
        if row is not None:
            return row["user_id"], digest
    return None


def end_step(tx: Tx, digest: bytes) -> bool:
    """The code has come; False when it is too late, or came before."""
    return tx.run(_END_STEP, digest=digest, now=tx.now) == 1


def end_steps(tx: Tx, user_id: Id) -> None:
    """Nobody may go on with a password that this user gave before."""
    tx.run(_END_STEPS, user_id=user_id)


def sweep(tx: Tx) -> int:
    """Forget what waited for a code in vain; answers how many."""
    return tx.run(_SWEEP_STEPS, now=tx.now)
