"""Waves: tokens for many people, issued bit by bit, by one process at a time.

Whoever works on a wave holds a claim that runs out. What he does for a person is written by two
statements of one transaction: `advance` moves the wave where it is still his and still going, and
`wave_members` the person where it is still his turn. So a wave that is paused stops at once, one
goes on after a restart where it stopped, and nobody is issued anything twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import MINUTE, SECOND
from enlist.core.ids import Id
from enlist.core.outcomes import Refusal, Subjects
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, Tx

NEVER: Final = 1 << 62
"""When to look again at what needs nothing more."""

BURST: Final = SECOND
"""So much of its throttle a wave may make up for: whoever works on it is never there in time."""


class WaveState(StrEnum):
    """How far a wave is. `waiting`: its first share is issued, and the others are not yet."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"


class Phase(StrEnum):
    """Whose turn it is: of the first share, or of everybody."""

    CANARY = "canary"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a wave.

    Attributes:
        device_name: of each device; `{user}` stands for its user's name.
        hours: how long each token works; 0 for as long as the organization says.
        per_minute: how many messages go out in a minute at most; 0 for as fast as they can.
        canary_percent: the share that is issued first; 0 for none.
        canary_needs: goes on by itself once so many percent of it are enrolled; 0: when told to.
        remind_hours: so long before a token expires its user is reminded, once; 0: never.
    """

    name: str
    platform: str
    ownership: str
    device_name: str
    channel: str
    template: str
    hours: int
    per_minute: int
    canary_percent: int
    canary_needs: int
    remind_hours: int


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave.

    Attributes:
        people: how many it is for.
        canary: how many of them come first.
        done: how many had their turn.
        reason: why it was paused or put off.
        maker_kind, maker_id, maker: who started it, and with whose rights it is done.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    plan: Plan
    state: WaveState
    phase: Phase
    people: int
    canary: int
    done: int
    reason: str
    maker_kind: str
    maker_id: Id | None
    maker: str
    next_at: int
    created_at: int
    ended_at: int | None

    @property
    def subjects(self) -> Subjects:
        """What an event about this wave is about."""
        return Subjects(self.organization_id)


_COLUMNS = """
    SELECT w.id, w.organization_id, o.path AS organization_path, o.group_id, w.name, w.state,
           w.phase, w.platform, w.ownership, w.device_name, w.channel, w.template, w.hours,
           w.per_minute, w.canary_percent, w.canary_needs, w.remind_hours, w.people, w.canary,
           w.done, w.reason, w.maker_kind, w.maker_id, w.maker, w.next_at, w.created_at, w.ended_at
      FROM wave w JOIN organization o ON o.id = w.organization_id
"""
_FIND = Query("wave.find", f"{_COLUMNS} WHERE w.id = :id")
_INSERT = Query(
    "wave.insert",
    """
    INSERT INTO wave (id, organization_id, name, state, phase, platform, ownership, device_name,
                      channel, template, hours, per_minute, canary_percent, canary_needs,
                      remind_hours, people, canary, maker_kind, maker_id, maker, next_at,
                      created_at)
    VALUES (:id, :organization_id, :name, 'running', :phase, :platform, :ownership, :device_name,
            :channel, :template, :hours, :per_minute, :canary_percent, :canary_needs,
            :remind_hours, 0, 0, :maker_kind, :maker_id, :maker, :now, :now)
    """,
)
_COUNT_PEOPLE = Query(
    "wave.count_people",
    """
    UPDATE wave
       SET people = (SELECT count(*) FROM wave_member m WHERE m.wave_id = wave.id),
           canary = ((SELECT count(*) FROM wave_member m WHERE m.wave_id = wave.id)
                     * canary_percent + 99) / 100
     WHERE id = :id
    """,
)
_DUE = Query(
    "wave.due",
    """
    SELECT w.id FROM wave w
     WHERE w.state IN ('running', 'waiting', 'done') AND w.next_at <= :now
       AND w.claimed_until <= :now
     ORDER BY w.next_at LIMIT 1
    """,
)
_CLAIM = Query(
    "wave.claim",
    """
    UPDATE wave SET claimed_until = :until, claim = :claim
     WHERE id = :id AND state IN ('running', 'waiting', 'done') AND next_at <= :now
       AND claimed_until <= :now
    """,
)
_LET_GO = Query(
    "wave.let_go", "UPDATE wave SET claimed_until = 0 WHERE id = :id AND claim = :claim"
)
_HELD = Query(
    "wave.held",
    """
    SELECT w.id FROM wave w
     WHERE w.id = :id AND w.claim = :claim AND w.state IN ('running', 'waiting', 'done')
    """,
)
_NEXT_AT = f"""CASE WHEN per_minute = 0 THEN :now
                    WHEN next_at < :earliest THEN :earliest + {MINUTE} / per_minute
                    ELSE next_at + {MINUTE} / per_minute END"""
_ISSUED = Query(
    "wave.issued",
    f"""
    UPDATE wave SET done = done + 1, reason = '', claimed_until = :until, next_at = {_NEXT_AT}
     WHERE id = :id AND claim = :claim AND state = 'running'
       AND (phase = 'rest' OR done < canary)
    """,
)
_SENT = Query(
    "wave.sent",
    f"""
    UPDATE wave SET reason = '', claimed_until = :until, next_at = {_NEXT_AT}
     WHERE id = :id AND claim = :claim AND state IN ('running', 'waiting', 'done')
    """,
)
_PASSED_OVER = Query("wave.passed_over", "UPDATE wave SET done = done + 1 WHERE id = :id")
_PUT_OFF = Query(
    "wave.put_off",
    "UPDATE wave SET next_at = :next_at, reason = :reason WHERE id = :id AND claim = :claim",
)
_PAUSE = Query(
    "wave.pause",
    """
    UPDATE wave SET state = 'paused', reason = :reason, claimed_until = 0
     WHERE id = :id AND state IN ('running', 'waiting')
    """,
)
_RESUME = Query(
    "wave.resume",
    """
    UPDATE wave
       SET state = 'running', next_at = :now, claimed_until = 0,
           maker_kind = CASE WHEN reason = 'forbidden' THEN :maker_kind ELSE maker_kind END,
           maker_id = CASE WHEN reason = 'forbidden' THEN :maker_id ELSE maker_id END,
           maker = CASE WHEN reason = 'forbidden' THEN :maker ELSE maker END,
           reason = ''
     WHERE id = :id AND state = 'paused'
    """,
)
_GO_ON = Query(
    "wave.go_on",
    """
    UPDATE wave SET state = 'running', phase = 'rest', reason = '', next_at = :now
     WHERE id = :id AND state = 'waiting'
    """,
)
_WAIT = Query(
    "wave.wait",
    """
    UPDATE wave SET state = 'waiting', next_at = :next_at
     WHERE id = :id AND claim = :claim AND state = 'running' AND phase = 'canary'
       AND done >= canary AND done < people
    """,
)
_END = Query(
    "wave.end",
    """
    UPDATE wave SET state = 'done', ended_at = :now, next_at = :now
     WHERE id = :id AND claim = :claim AND state = 'running' AND done >= people
    """,
)
_STOP = Query(
    "wave.stop",
    """
    UPDATE wave SET state = 'stopped', ended_at = :now, claimed_until = 0
     WHERE id = :id AND state IN ('running', 'waiting', 'paused')
    """,
)
_TOUCH = Query(
    "wave.touch",
    """
    UPDATE wave SET next_at = :now
     WHERE id = :id AND state IN ('running', 'waiting', 'done')
    """,
)
_LIST = Listing(
    "waves",
    f"{_COLUMNS} WHERE 1 = 1",
    id="w.id",
    path="o.path",
    sorts={"created_at": "w.id", "name": "lower(w.name)", "state": "w.state"},
    default_sort="-created_at",
    filters={"state": "w.state = :state"},
    search=("w.name",),
)


def find(tx: Reader, wave_id: Id) -> Wave | None:
    """The wave with this id."""
    row = tx.one(_FIND, id=wave_id)
    return None if row is None else _wave(row)


def page(tx: Reader, request: PageRequest) -> Page[Wave] | Refusal:
    """Waves of a subtree, newest first."""
    return _LIST.page(tx, request, _wave)


def insert(tx: Tx, wave: Wave) -> None:
    """Begin a wave; its members are added next, and counted."""
    plan = wave.plan
    tx.run(
        _INSERT,
        id=wave.id,
        organization_id=wave.organization_id,
        name=plan.name,
        phase=wave.phase.value,
        platform=plan.platform,
        ownership=plan.ownership,
        device_name=plan.device_name,
        channel=plan.channel,
        template=plan.template,
        hours=plan.hours,
        per_minute=plan.per_minute,
        canary_percent=plan.canary_percent,
        canary_needs=plan.canary_needs,
        remind_hours=plan.remind_hours,
        maker_kind=wave.maker_kind,
        maker_id=wave.maker_id,
        maker=wave.maker,
        now=tx.now,
    )


def count_people(tx: Tx, wave_id: Id) -> None:
    """Write down how many members it has, and how many of them come first."""
    tx.run(_COUNT_PEOPLE, id=wave_id)


def due(tx: Reader) -> Id | None:
    """The wave that has waited longest for somebody to work on it."""
    row = tx.one(_DUE, now=tx.now)
    return None if row is None else str(row["id"])


def claim(tx: Tx, wave_id: Id, claim: str, until: int) -> bool:
    """Take a wave to work on; False when somebody else has it, or there is nothing to do."""
    return tx.run(_CLAIM, id=wave_id, claim=claim, until=until, now=tx.now) == 1


def let_go(tx: Tx, wave_id: Id, claim: str) -> None:
    """Leave a wave to whoever comes next."""
    tx.run(_LET_GO, id=wave_id, claim=claim)


def held(tx: Reader, wave_id: Id, claim: str) -> bool:
    """Whether the claim still counts and the wave goes on."""
    return tx.one(_HELD, id=wave_id, claim=claim) is not None


def issued(tx: Tx, wave_id: Id, claim: str, until: int) -> bool:
    """One more has his token; False where it is paused, or somebody else's by now."""
    return _advance(tx, _ISSUED, wave_id, claim, until)


def sent(tx: Tx, wave_id: Id, claim: str, until: int) -> bool:
    """One more message goes out to somebody who had his turn; False likewise."""
    return _advance(tx, _SENT, wave_id, claim, until)


def passed_over(tx: Tx, wave_id: Id) -> None:
    """One more had his turn and could not be issued anything; he costs no throttle."""
    tx.run(_PASSED_OVER, id=wave_id)


def put_off(tx: Tx, wave_id: Id, claim: str, next_at: int, reason: str = "") -> None:
    """Do nothing more about it before `next_at`."""
    tx.run(_PUT_OFF, id=wave_id, claim=claim, next_at=next_at, reason=reason)


def pause(tx: Tx, wave_id: Id, reason: str = "") -> bool:
    """Hold it where it is; False where it does not go on anyway."""
    return tx.run(_PAUSE, id=wave_id, reason=reason) == 1


def resume(tx: Tx, wave_id: Id, caller: Caller) -> bool:
    """Go on where it was paused; False where it was not.

    Where whoever started it may not go on any more, it is the caller's from here on.
    """
    values = {"maker_kind": caller.kind.value, "maker_id": caller.id, "maker": caller.name}
    return tx.run(_RESUME, id=wave_id, now=tx.now, **values) == 1


def go_on(tx: Tx, wave_id: Id) -> bool:
    """Go on with the others after the first share; False where it does not wait for that."""
    return tx.run(_GO_ON, id=wave_id, now=tx.now) == 1


def wait(tx: Tx, wave_id: Id, claim: str, next_at: int) -> bool:
    """The first share had its turn: wait before the others; False where there is more to it."""
    return tx.run(_WAIT, id=wave_id, claim=claim, next_at=next_at) == 1


def end(tx: Tx, wave_id: Id, claim: str) -> bool:
    """Everybody had his turn; False where somebody had not."""
    return tx.run(_END, id=wave_id, claim=claim, now=tx.now) == 1


def stop(tx: Tx, wave_id: Id) -> bool:
    """End it early; False where it is over."""
    return tx.run(_STOP, id=wave_id, now=tx.now) == 1


def touch(tx: Tx, wave_id: Id) -> bool:
    """There is something to do again; False where nobody works on it in its state."""
    return tx.run(_TOUCH, id=wave_id, now=tx.now) == 1


def _advance(tx: Tx, query: Query, wave_id: Id, claim: str, until: int) -> bool:
    values = {"claim": claim, "until": until, "now": tx.now, "earliest": tx.now - BURST}
    return tx.run(query, id=wave_id, **values) == 1


def _wave(row: Row) -> Wave:
    plan = Plan(
        name=row["name"],
        platform=row["platform"],
        ownership=row["ownership"],
        device_name=row["device_name"],
        channel=row["channel"],
        template=row["template"],
        hours=row["hours"],
        per_minute=row["per_minute"],
        canary_percent=row["canary_percent"],
        canary_needs=row["canary_needs"],
        remind_hours=row["remind_hours"],
    )
    return Wave(
        id=row["id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        group_id=row["group_id"],
        plan=plan,
        state=WaveState(row["state"]),
        phase=Phase(row["phase"]),
        people=row["people"],
        canary=row["canary"],
        done=row["done"],
        reason=row["reason"],
        maker_kind=row["maker_kind"],
        maker_id=row["maker_id"],
        maker=row["maker"],
        next_at=row["next_at"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
