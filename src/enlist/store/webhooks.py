"""Webhooks of organizations, and what was delivered to them.

Deliveries are made of the sealed log: whoever moves a webhook's cursor on makes them in the same
transaction, by a statement that names the cursor as it was, so no event is left out or made twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Refusal
from enlist.store.listing import Listing, Page, PageRequest
from enlist.store.tx import Query, Reader, Row, Tx

BY_HAND: Final = "stopped by hand"
"""Why a webhook is stopped that somebody stopped."""

_COLUMNS = """
    SELECT w.id, w.organization_id, o.path AS organization_path, o.group_id, w.name, w.url, w.kinds,
           w.state, w.reason, w.generation, w.derive_key_id, w.cursor, w.tries, w.next_try_at,
           w.failing_since, w.created_at, w.created_by
      FROM webhook w JOIN organization o ON o.id = w.organization_id
"""
_INSERT = Query(
    "hook.insert",
    """
    INSERT INTO webhook (id, organization_id, name, url, kinds, state, generation, derive_key_id,
                         cursor, created_at, created_by)
    VALUES (:id, :organization_id, :name, :url, :kinds, 'active', 1, :key_id,
            COALESCE((SELECT max(seq) FROM event_seal), -1), :now, :created_by)
    """,
)
_FIND = Query("hook.find", f"{_COLUMNS} WHERE w.id = :id AND w.deleted_at IS NULL")
_ACTIVE = Query(
    "hook.active",
    f"""{_COLUMNS}
     WHERE w.state = 'active' AND w.deleted_at IS NULL AND o.deleted_at IS NULL ORDER BY w.id""",
)
_IN_TROUBLE = Query(
    "hook.in_trouble",
    f"""{_COLUMNS}
     WHERE w.deleted_at IS NULL AND o.deleted_at IS NULL
       AND ((w.state = 'active' AND w.failing_since <= :since)
            OR (w.state = 'disabled' AND w.reason <> :by_hand))
     ORDER BY w.id""",
)
_OF_LEAKED_KEYS = Query(
    "hook.of_leaked_keys",
    f"""{_COLUMNS} JOIN known_key k ON k.id = w.derive_key_id
     WHERE w.deleted_at IS NULL AND o.deleted_at IS NULL AND k.leaked_at IS NOT NULL
     ORDER BY w.id""",
)
_CHANGE = Query(
    "hook.change",
    "UPDATE webhook SET name = :name, url = :url, kinds = :kinds "
    "WHERE id = :id AND deleted_at IS NULL",
)
_NEW_SECRET = Query(
    "hook.new_secret",
    "UPDATE webhook SET generation = :generation + 1, derive_key_id = :key_id "
    "WHERE id = :id AND generation = :generation AND deleted_at IS NULL",
)
_SWITCH = Query(
    "hook.switch",
    """
    UPDATE webhook SET state = :state, reason = :reason, tries = 0, next_try_at = 0,
                       failing_since = NULL
     WHERE id = :id AND state <> :state AND deleted_at IS NULL
    """,
)
_DELETE = Query(
    "hook.delete", "UPDATE webhook SET deleted_at = :now WHERE id = :id AND deleted_at IS NULL"
)
_MOVE = Query(
    "hook.move",
    """
    UPDATE webhook SET cursor = :last
     WHERE id = :id AND cursor = :cursor AND state = 'active' AND deleted_at IS NULL
    """,
)
_ADD = Query(
    "hook.add_delivery",
    """
    INSERT INTO webhook_delivery (id, webhook_id, event_id, kind, state, next_try_at, made_at)
    VALUES (:id, :webhook_id, :event_id, :kind, 'waiting', 0, :now) ON CONFLICT DO NOTHING
    """,
)
_WAITING = Query(
    "hook.waiting",
    "SELECT count(*) AS found FROM webhook_delivery WHERE webhook_id = :id AND state = 'waiting'",
)
_DUE = Query(
    "hook.due",
    # Not before its place is known, which is part of what is posted.
    """
    SELECT d.id FROM webhook_delivery d JOIN event_seal s ON s.event_id = d.event_id
     WHERE d.webhook_id = :id AND d.state = 'waiting' AND d.next_try_at <= :now
     ORDER BY d.next_try_at, d.id LIMIT :limit
    """,
)
_CLAIM = Query(
    "hook.claim_delivery",
    """
    UPDATE webhook_delivery SET next_try_at = :until, tries = tries + 1, tried_at = :now
     WHERE id = :id AND state = 'waiting' AND next_try_at <= :now
    """,
)
_NOTE = Query(
    "hook.note_delivery",
    """
    UPDATE webhook_delivery
       SET state = :state, next_try_at = :next_try_at, status = :status, answer = :answer
     WHERE id = :id AND state = 'waiting' AND tries = :tries
    """,
)
_TAKEN = Query(
    "hook.taken",
    """
    UPDATE webhook SET tries = 0, next_try_at = 0, failing_since = NULL
     WHERE id = :id AND (tries > 0 OR failing_since IS NOT NULL)
    """,
)
_FAILING = Query(
    "hook.failing",
    """
    UPDATE webhook SET tries = :tries, next_try_at = :next_try_at,
                       failing_since = COALESCE(failing_since, :now)
     WHERE id = :id AND state = 'active'
    """,
)
_REPLAY = Query(
    "hook.replay",
    """
    UPDATE webhook_delivery SET state = 'waiting', next_try_at = 0, tries = 0
     WHERE id = :id AND webhook_id = :webhook_id AND state <> 'waiting'
    """,
)
_DELIVERIES = """
    SELECT d.id, d.webhook_id, d.event_id, d.kind, d.state, d.tries, d.next_try_at, d.made_at,
           d.tried_at, d.status, d.answer
      FROM webhook_delivery d
"""
_DELIVERY = Query("hook.delivery", f"{_DELIVERIES} WHERE d.id = :id")
_SWEEP = Query(
    "hook.sweep", "DELETE FROM webhook_delivery WHERE state <> 'waiting' AND tried_at < :before"
)
_LIST = Listing(
    "webhooks",
    f"{_COLUMNS} WHERE w.deleted_at IS NULL",
    id="w.id",
    path="o.path",
    sorts={"created_at": "w.id", "name": "lower(w.name)"},
    default_sort="-created_at",
    filters={"id": "w.id = :id", "state": "w.state = :state"},
    search=("w.name",),
)
_LOG = Listing(
    "webhook_deliveries",
    f"""{_DELIVERIES} JOIN webhook w ON w.id = d.webhook_id
        JOIN organization o ON o.id = w.organization_id WHERE w.deleted_at IS NULL""",
    id="d.id",
    path="o.path",
    sorts={"made_at": "d.id"},
    default_sort="-made_at",
    filters={"webhook": "d.webhook_id = :webhook", "state": "d.state = :state"},
    search=("d.kind",),
)


class HookState(StrEnum):
    """Whether a webhook is told of events; why not is its `reason`."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """What came of an event for a webhook so far; what failed was given up."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook.

    Attributes:
        kinds: of events, such as `enrollment.redeemed`, `enrollment.*`, or `*`.
        cursor: the place in the log up to which deliveries were made.
        tries, next_try_at: how often it could not be reached in a row, and when it is tried again.
        failing_since: since when nothing was taken; None where the last was.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    name: str
    url: str
    kinds: tuple[str, ...]
    state: HookState
    reason: str
    generation: int
    derive_key_id: str
    cursor: int
    tries: int
    next_try_at: int
    failing_since: int | None
    created_at: int
    created_by: str


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One event for one webhook.

    Attributes:
        status: of the last answer; None where there was none.
        answer: how the answer began, or why there was none.
    """

    id: Id
    webhook_id: Id
    event_id: Id
    kind: str
    state: DeliveryState
    tries: int
    next_try_at: int
    made_at: int
    tried_at: int | None
    status: int | None
    answer: str


def insert(tx: Tx, hook: Hook) -> None:
    """Store a webhook; it hears of what is sealed from now on."""
    tx.run(
        _INSERT,
        id=hook.id,
        organization_id=hook.organization_id,
        name=hook.name,
        url=hook.url,
        kinds=json.dumps(hook.kinds),
        key_id=hook.derive_key_id,
        now=hook.created_at,
        created_by=hook.created_by,
    )


def find(tx: Reader, hook_id: Id) -> Hook | None:
    """The webhook with this id, unless deleted."""
    row = tx.one(_FIND, id=hook_id)
    return None if row is None else _hook(row)


def active(tx: Reader) -> list[Hook]:
    """All webhooks that want events."""
    return [_hook(row) for row in tx.all(_ACTIVE)]


def in_trouble(tx: Reader, since: int) -> list[Hook]:
    """Webhooks of which nothing was taken since then, or that were stopped for that."""
    return [_hook(row) for row in tx.all(_IN_TROUBLE, since=since, by_hand=BY_HAND)]


def of_leaked_keys(tx: Reader) -> list[Hook]:
    """Webhooks whose secrets somebody else can make."""
    return [_hook(row) for row in tx.all(_OF_LEAKED_KEYS)]


def change(tx: Tx, hook: Hook) -> bool:
    """Store another name, address or kinds; False where it is gone."""
    kinds = json.dumps(hook.kinds)
    return tx.run(_CHANGE, id=hook.id, name=hook.name, url=hook.url, kinds=kinds) == 1


def new_secret(tx: Tx, hook: Hook, key_id: str) -> bool:
    """Sign with the next generation; False where somebody else did so meanwhile."""
    return tx.run(_NEW_SECRET, id=hook.id, generation=hook.generation, key_id=key_id) == 1


def switch(tx: Tx, hook_id: Id, state: HookState, reason: str) -> bool:
    """Stop a webhook, or let it go on; False where it is so already."""
    return tx.run(_SWITCH, id=hook_id, state=state.value, reason=reason) == 1


def delete(tx: Tx, hook_id: Id) -> bool:
    """Take a webhook away; False where it is gone."""
    return tx.run(_DELETE, id=hook_id, now=tx.now) == 1


def move(tx: Tx, hook: Hook, last: int, events: Iterable[tuple[Id, str]]) -> bool:
    """Move the cursor on, with deliveries for these events; False where somebody else did."""
    if tx.run(_MOVE, id=hook.id, cursor=hook.cursor, last=last) != 1:
        return False
    for event_id, kind in events:
        add(tx, hook.id, event_id, kind)
    return True


def add(tx: Tx, hook_id: Id, event_id: Id, kind: str) -> None:
    """A delivery of one event, unless it has one."""
    made = new_id(tx.now)
    tx.run(_ADD, id=made, webhook_id=hook_id, event_id=event_id, kind=kind, now=tx.now)


def waiting(tx: Reader, hook_id: Id) -> int:
    """How many deliveries were not taken yet."""
    row = tx.one(_WAITING, id=hook_id)
    return 0 if row is None else int(row["found"])


def due(tx: Reader, hook_id: Id, limit: int) -> list[Id]:
    """Deliveries to be tried now, the longest waiting first."""
    return [row["id"] for row in tx.all(_DUE, id=hook_id, now=tx.now, limit=limit)]


def claim(tx: Tx, delivery_id: Id, until: int) -> bool:
    """Be the one who tries it; a claim runs out by itself."""
    return tx.run(_CLAIM, id=delivery_id, until=until, now=tx.now) == 1


def delivery(tx: Reader, delivery_id: Id) -> HookDelivery | None:
    """The delivery with this id."""
    row = tx.one(_DELIVERY, id=delivery_id)
    return None if row is None else _delivery(row)


def note(
    tx: Tx,
    tried: HookDelivery,
    state: DeliveryState,
    next_try_at: int,
    status: int | None,
    answer: str,
) -> bool:
    """Write down what came of a try; False where the claim had run out."""
    return (
        tx.run(
            _NOTE,
            id=tried.id,
            tries=tried.tries,
            state=state.value,
            next_try_at=next_try_at,
            status=status,
            answer=answer,
        )
        == 1
    )


def taken(tx: Tx, hook_id: Id) -> None:
    """The receiver is there, and takes what he is sent."""
    tx.run(_TAKEN, id=hook_id)


def failing(tx: Tx, hook_id: Id, tries: int, next_try_at: int) -> None:
    """The receiver did not take something; he is not asked before `next_try_at`."""
    tx.run(_FAILING, id=hook_id, tries=tries, next_try_at=next_try_at, now=tx.now)


def replay(tx: Tx, hook_id: Id, delivery_id: Id) -> bool:
    """Have a delivery tried again that is over."""
    return tx.run(_REPLAY, id=delivery_id, webhook_id=hook_id) == 1


def sweep(tx: Tx, before: int) -> int:
    """Forget deliveries that were over by then; answers how many."""
    return tx.run(_SWEEP, before=before)


def page(tx: Reader, request: PageRequest) -> Page[Hook] | Refusal:
    """Webhooks of a subtree."""
    return _LIST.page(tx, request, _hook)


def log(tx: Reader, request: PageRequest) -> Page[HookDelivery] | Refusal:
    """Deliveries of a subtree."""
    return _LOG.page(tx, request, _delivery)


def _delivery(row: Row) -> HookDelivery:
    values = {name: row[name] for name in HookDelivery.__dataclass_fields__}
    return HookDelivery(**{**values, "state": DeliveryState(row["state"])})


def _hook(row: Row) -> Hook:
    values = {name: row[name] for name in Hook.__dataclass_fields__}
    kinds = tuple(json.loads(row["kinds"]))
    return Hook(**{**values, "kinds": kinds, "state": HookState(row["state"])})
