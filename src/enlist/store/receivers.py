"""How far receivers have been told of what comes in an order, and who is telling them.

Of revocations it is whoever the revocation webhook posts to, of events the syslog receiver.

A claim runs out, so a process that dies in the middle holds nobody up for long. Its time is what
its holder proves himself by: no other claim has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.store.tx import Query, Reader, Tx

_FIND = Query(
    "receiver.find",
    "SELECT cursor, tries, next_try_at, claimed_until FROM revocation_webhook WHERE id = :id",
)
_BEGIN = Query(
    "receiver.begin",
    """
    INSERT INTO revocation_webhook (id, cursor, tries, next_try_at, claimed_until)
    VALUES (:id, '', 0, 0, 0) ON CONFLICT DO NOTHING
    """,
)
_CLAIM = Query(
    "receiver.claim",
    """
    UPDATE revocation_webhook SET claimed_until = :until
     WHERE id = :id AND cursor = :cursor AND claimed_until <= :now AND next_try_at <= :now
    """,
)
_TOLD = Query(
    "receiver.told",
    """
    UPDATE revocation_webhook SET cursor = :cursor, tries = 0, claimed_until = :until
     WHERE id = :id AND claimed_until = :held
    """,
)
_LET_GO = Query(
    "receiver.let_go",
    """
    UPDATE revocation_webhook SET tries = :tries, next_try_at = :next_try_at, claimed_until = 0
     WHERE id = :id AND claimed_until = :held
    """,
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told.

    Attributes:
        cursor: of the last thing that he took; "" for none.
        tries: how often he has not taken the next one.
        next_try_at, claimed_until: microseconds UTC.
    """

    cursor: str = ""
    tries: int = 0
    next_try_at: int = 0
    claimed_until: int = 0


def find(tx: Reader, receiver: str) -> Receiver:
    """The receiver of this id; one who was told nothing yet where there is none."""
    row = tx.one(_FIND, id=receiver)
    return Receiver() if row is None else Receiver(**row)


def claim(tx: Tx, receiver: str, cursor: str, until: int) -> bool:
    """Be the one who tells him what comes behind the cursor; False where somebody else is."""
    tx.run(_BEGIN, id=receiver)
    return tx.run(_CLAIM, id=receiver, cursor=cursor, until=until, now=tx.now) == 1


def told(tx: Tx, receiver: str, cursor: str, held: int, until: int) -> bool:
    """He has taken it; go on holding the claim. False where it has run out meanwhile."""
    return tx.run(_TOLD, id=receiver, cursor=cursor, held=held, until=until) == 1


def let_go(tx: Tx, receiver: str, held: int, tries: int, next_try_at: int) -> None:
    """Hold the claim no more: whoever comes first may go on from then on."""
    tx.run(_LET_GO, id=receiver, held=held, tries=tries, next_try_at=next_try_at)
