"""Enrollments that end with something else: their device, their user, or what takes their place.

Each is an event of its own, beside that of what ended it: the log alone must tell how things stand,
and whoever follows an enrollment is told of its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Enrollment
from enlist.core.outcomes import Subjects
from enlist.core.stages import EXPIRED
from enlist.store import enrollments, events
from enlist.store.tx import ConcurrentChange, Query, Tx

_EXPIRED_OF_DEVICE = Query(
    "enrollment.expired_of_device",
    """
    SELECT e.id FROM enrollment e
     WHERE e.device_id = :device_id AND e.state = 'active' AND e.expires_at <= :now
    """,
)
_REVOKE_EXPIRED = Query(
    "enrollment.revoke_expired",
    """
    UPDATE enrollment SET state = 'revoked', ended_at = :now, end_reason = 'expired'
     WHERE id = :id AND state = 'active' AND expires_at <= :now
    """,
)


def of_device(tx: Tx, caller: Caller, device_id: Id, reason: str) -> int:
    """Revoke what is live for a device; answer how many."""
    live = enrollments.live_of_device(tx, device_id)
    return _told(tx, caller, live, reason, enrollments.revoke_of_device(tx, device_id, reason))


def of_user(tx: Tx, caller: Caller, user_id: Id, reason: str) -> int:
    """Revoke what is live for a user; answer how many."""
    live = enrollments.live_of_user(tx, user_id)
    return _told(tx, caller, live, reason, enrollments.revoke_of_user(tx, user_id, reason))


def make_room(tx: Tx, caller: Caller, about: Subjects) -> None:
    """Revoke the expired enrollment of a device, if it has one: another is about to be issued."""
    expired = tx.one(_EXPIRED_OF_DEVICE, device_id=about.device_id, now=tx.now)
    if expired is not None and tx.run(_REVOKE_EXPIRED, id=expired["id"], now=tx.now) == 1:
        ended = replace(about, enrollment_id=str(expired["id"]))
        events.record(tx, caller, Happening("enrollment.revoked", ended, {"reason": EXPIRED}))


def _told(tx: Tx, caller: Caller, live: Sequence[Enrollment], reason: str, ended: int) -> int:
    if ended != len(live):
        raise ConcurrentChange
    told = []
    for each in live:
        personal = {"device": each.device_name, "user": each.username}
        data = {"reason": reason}
        told.append((caller, Happening("enrollment.revoked", each.subjects, data, personal)))
    if told:
        events.record_each(tx, told)
    return ended
