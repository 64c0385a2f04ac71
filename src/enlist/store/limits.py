"""What keeps guessing slow and repeats harmless: the throttle, and Idempotency-Key.

The throttle's table counts by what its rows call a source:
- a network, whose window begins with its first refusal;
- `BEGUN` or `CHECKED` and an id, what somebody does with a secret that he holds;
- `API_SESSION` and a device, how many it began;
- `RENEWAL` and a device, how many certificates it asked for;
- `SENT` and the digest of an address, how many messages went there that staff or alerts sent;
- `RESENT` or `RESENT_NOW`, an enrollment, its generation and the digest of an address, how often
  its message was sent there again;
- `CREDENTIALS_TO` or `CREDENTIALS_TO_NOW` and the digest of an address, how often one-time
  credentials were sent there;
- `SELF_SERVICE` and a user, how many messages he had sent to himself in the portal;
- `PASSWORD_LINK` and a network, or the digest of a name that nobody has, who asked for links to
  set a password; `ACCOUNT_LINK` and a user, who was asked for;
- `PASSCODE` and a network, how many wrong entries of company passcodes it added;
- `CREDENTIALS` or `CREDENTIALS_SOON` and a user, how often he was sent one-time credentials;
- `UNCERTIFIED` and a network, who came without a certificate where it takes one;
- `REFUSED`, a reason, a certificate and a network, what was written down of it lately;
- `TOLD`, an answer, an enrollment or a user, and a network, likewise of what its holder was told;
- `TOLD`, an answer, a user or an API key, a verb and a thing, likewise of what staff was told;
- `ACCOUNT` and a user, an account that somebody tried to sign in to, and perhaps `@` and the
  network that he did it from; `LOGIN` and a digest, a name that nobody has. Of these the window
  ends when the wrong tries are forgotten, `QUIET` after the next may be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.clock import DAY, MINUTE, SECOND
from enlist.core.ids import Id
from enlist.store.ahead import ReadAhead
from enlist.store.tx import Query, Reader, Row, SetQuery, Tx

BEGUN: Final = "begun:"
CHECKED: Final = "checked:"
API_SESSION: Final = "api_session:"
RENEWAL: Final = "renewal:"
SENT: Final = "sent:"
RESENT: Final = "resent:"
RESENT_NOW: Final = "resent_now:"
CREDENTIALS_TO: Final = "credentials_to:"
CREDENTIALS_TO_NOW: Final = "credentials_to_now:"
SELF_SERVICE: Final = "self-service:"
PASSWORD_LINK: Final = "password_link:"
ACCOUNT_LINK: Final = "account_link:"
PASSCODE: Final = "passcode:"
CREDENTIALS: Final = "credentials:"
CREDENTIALS_SOON: Final = "credentials_soon:"
UNCERTIFIED: Final = "uncertified:"
REFUSED: Final = "refused:"
TOLD: Final = "told:"
ACCOUNT: Final = "account:"
LOGIN: Final = "login:"

THROTTLE_REFUSALS: Final = 10
THROTTLE_WINDOW: Final = 10 * MINUTE
QUIET: Final = DAY
"""After how long without a try the wrong ones at an account are forgotten."""

_BLOCKED = Query(
    "throttle.blocked",
    """
    SELECT window_ends_at FROM throttle
     WHERE source = :source AND refused >= :most AND window_ends_at > :now
    """,
)
_BLOCKED_EACH = SetQuery(
    "throttle.blocked_each",
    "source text",
    """
    SELECT t.source, t.window_ends_at
      FROM asked JOIN throttle t ON t.source = asked.source
     WHERE t.refused >= :most AND t.window_ends_at > :now
    """,
    # It is planned while the table is empty. A flood of guesses fills it, and until it is analyzed
    # all of it would be read for each batch; with an offset each source is looked for by itself.
    postgres="""
    SELECT t.source, t.window_ends_at
      FROM asked CROSS JOIN LATERAL (
               SELECT source, window_ends_at, refused FROM throttle
                WHERE throttle.source = asked.source OFFSET 0) AS t
     WHERE t.refused >= :most AND t.window_ends_at > :now
    """,
)
_COUNT_EACH = SetQuery(
    "throttle.count_each",
    "source text",
    # One row per source; a window begins with its first refusal. At most :most refusals are
    # ever counted in it: the statement that would be the next one changes nothing.
    """
    INSERT INTO throttle (source, window_ends_at, refused)
    SELECT source, CAST(:window_ends_at AS bigint), 1 FROM asked WHERE 1 = 1
    ON CONFLICT (source) DO UPDATE SET
        refused = CASE WHEN throttle.window_ends_at <= :now THEN 1 ELSE throttle.refused + 1 END,
        window_ends_at = CASE WHEN throttle.window_ends_at <= :now
                              THEN excluded.window_ends_at ELSE throttle.window_ends_at END
     WHERE throttle.window_ends_at <= :now OR throttle.refused < :most
    RETURNING source
    """,
)
_DECOY = Query(
    "throttle.decoy",
    """
    INSERT INTO throttle (source, window_ends_at, refused) VALUES ('-', 0, 0)
    ON CONFLICT (source) DO UPDATE SET window_ends_at = throttle.window_ends_at + 1
    """,
)
_TAKE_TRY = Query(
    "throttle.take_try",
    # Before the password is compared, so that parallel guesses cannot outrun the delay (S18).
    # After the first try the next one waits a second, then 2, 4 ... 2048 seconds, then always
    # an hour; the first second is in :window_ends_at.
    """
    INSERT INTO throttle (source, window_ends_at, refused) VALUES (:source, :window_ends_at, 1)
    ON CONFLICT (source) DO UPDATE SET
        refused = CASE WHEN throttle.window_ends_at <= :now THEN 1 ELSE throttle.refused + 1 END,
        window_ends_at = excluded.window_ends_at + CAST(1000000 AS bigint) *
            CASE WHEN throttle.window_ends_at <= :now THEN 0
                 WHEN throttle.refused > 11 THEN 3599
                 ELSE (1 << throttle.refused) - 1 END
     WHERE throttle.window_ends_at <= :open
    """,
)
_TRIED = Query("throttle.tried", "SELECT window_ends_at FROM throttle WHERE source = :source")
_UNDO_TRY = Query(
    "throttle.undo_try",
    """
    UPDATE throttle SET refused = refused - 1, window_ends_at = :open
     WHERE source = :source AND window_ends_at = :forgotten_at
    """,
)
_FORGET_TRIES = Query("throttle.forget_tries", "DELETE FROM throttle WHERE source = :source")
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
_FORGET_GONE = Query(
    "idempotency.forget_gone",
    """
    DELETE FROM idempotency
     WHERE caller = :caller AND key = :key AND request_digest = :request_digest
       AND NOT EXISTS (SELECT 1 FROM device d
                        WHERE d.id = idempotency.made_id AND d.deleted_at IS NULL)
    """,
)
_SWEEP_IDEMPOTENCY = Query("idempotency.sweep", "DELETE FROM idempotency WHERE expires_at <= :now")


def throttled(tx: Reader, source: str) -> int | None:
    """Seconds that this source must wait, or None when it may try (ruling 10)."""
    return used_up(tx, source, THROTTLE_REFUSALS) if source else None


def throttled_among(tx: Reader, sources: Iterable[str]) -> dict[str, Row]:
    """The sources among these that must wait, with the end of their window."""
    rows = [{"source": source} for source in sorted(set(sources)) if source]
    found = tx.each(_BLOCKED_EACH, rows, most=THROTTLE_REFUSALS, now=tx.now)
    return {row["source"]: row for row in found}


def read_ahead(ahead: ReadAhead, sources: Iterable[str]) -> None:
    """Have asked what `throttled` will ask for these."""
    common = {"most": THROTTLE_REFUSALS, "now": ahead.now}
    asked = sorted(filter(None, set(sources)))

    def know(rows: list[Row]) -> None:
        found = {row["source"]: [row] for row in rows}
        for source in asked:
            ahead.know(_BLOCKED, found.get(source, []), source=source, **common)

    ahead.ask(_BLOCKED_EACH, [{"source": source} for source in asked], know, **common)


def count_refusals(tx: Tx, sources: Sequence[str]) -> list[bool]:
    """Count refusals against their sources, the first first.

    Returns:
        For each of them whether it was counted; False when its source is throttled already.

    A statement counts a source but once, so each round has one refusal of each; and it counts them
    in the order of their names, so that two processes never wait for each other.
    """
    counted = [not source for source in sources]
    waiting = [place for place, source in enumerate(sources) if source]
    while waiting:
        firsts: dict[str, int] = {}
        for place in waiting:
            firsts.setdefault(sources[place], place)
        moved = _count_each(tx, sorted(firsts), THROTTLE_REFUSALS, THROTTLE_WINDOW)
        for source in moved:
            counted[firsts[source]] = True
        tried = set(firsts.values())
        waiting = [n for n in waiting if n not in tried and sources[n] in moved]
    return counted


def count(tx: Tx, source: str, most: int, window: int) -> bool:
    """Count one of at most `most` within `window` microseconds; False when they are used up."""
    return bool(count_each(tx, [source], most, window))


def count_each(tx: Tx, sources: Iterable[str], most: int, window: int) -> set[str]:
    """Count one of each; answers those of which there was one left.

    In the order of their names: else two that count the same would wait for each other.
    """
    asked = sorted(set(sources))
    return _count_each(tx, asked, most, window) if asked else set()


def _count_each(tx: Tx, sources: Sequence[str], most: int, window: int) -> set[str]:
    rows = [{"source": source} for source in sources]
    ends = tx.now + window
    found = tx.each(_COUNT_EACH, rows, window_ends_at=ends, most=most, now=tx.now)
    return {row["source"] for row in found}


def used_up(tx: Reader, source: str, most: int) -> int | None:
    """Seconds until there is one again; None while there is."""
    row = tx.one(_BLOCKED, source=source, most=most, now=tx.now)
    return None if row is None else -(-(int(row["window_ends_at"]) - tx.now) // SECOND)


@dataclass(frozen=True, slots=True)
class Taken:
    """A try that was counted, or the whole seconds to `wait` until one is."""

    wait: int | None = None
    forgotten_at: int = 0


def take_try(tx: Tx, source: str) -> Taken:
    """Count a try at an account before it is looked at: each doubles the time to the next."""
    ends, open_ = tx.now + QUIET + SECOND, tx.now + QUIET
    taken = tx.run(_TAKE_TRY, source=source, window_ends_at=ends, now=tx.now, open=open_) == 1
    row = tx.one(_TRIED, source=source)
    forgotten_at = int(row["window_ends_at"]) if row else ends
    wait = None if taken else max(1, -(-(forgotten_at - QUIET - tx.now) // SECOND))
    return Taken(wait, forgotten_at)


def undo_try(tx: Tx, source: str, taken: Taken) -> None:
    """Take back a try that nobody looked at, unless another one was counted since."""
    tx.run(_UNDO_TRY, source=source, open=tx.now + QUIET, forgotten_at=taken.forgotten_at)


def forget_tries(tx: Tx, source: str) -> None:
    """A try was right: forget the wrong ones before it."""
    tx.run(_FORGET_TRIES, source=source)


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


def remember_device(tx: Tx, key: IdempotencyKey, device_id: Id, lifetime: int) -> bool:
    """The same for a device: what the same request made before counts only while it is there."""
    if remember(tx, key, device_id, lifetime):
        return True
    asked = {"caller": key.caller, "key": key.key, "request_digest": key.request_digest}
    return tx.run(_FORGET_GONE, **asked) == 1 and remember(tx, key, device_id, lifetime)


def fill_in(tx: Tx, key: IdempotencyKey, made_id: Id) -> None:
    """A key that was claimed in this transaction led to this."""
    tx.run(_FILL_IN, caller=key.caller, key=key.key, made_id=made_id)


def forget(tx: Tx, key: IdempotencyKey) -> None:
    """A key that was claimed in this transaction led to nothing: it may be used again."""
    tx.run(_FORGET, caller=key.caller, key=key.key)


def sweep(tx: Tx) -> int:
    """Forget what is over; answer how many rows."""
    return tx.run(_SWEEP_THROTTLE, now=tx.now) + tx.run(_SWEEP_IDEMPOTENCY, now=tx.now)
