"""One device takes the place of another: the old one ends in the moment the new one is enrolled.

It is part of the move to *used* (`redemptions`), for the few enrollments that replace something.
"""

from __future__ import annotations

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.outcomes import Subjects
from enlist.store import credentials, device_moves, devices, endings, events
from enlist.store.tx import ConcurrentChange, Tx

REPLACED = "replaced"
"""Why credentials and enrollments of a device that retired were revoked."""


def retire(tx: Tx, caller: Caller, device_id: Id, by: Subjects) -> None:
    """End a device: its credentials, its enrollments, and whatever they were shown for.

    Nothing happens to one that was deleted, or went to another person since: it is not his old
    device any more.

    Args:
        by: the device that takes its place, and whose it is.

    Raises:
        ConcurrentChange: it changed at this very moment.
    """
    old = devices.find(tx, device_id)
    if old is None or old.user_id != by.user_id:
        return
    ended = endings.of_device(tx, caller, device_id, REPLACED)
    if not device_moves.retire(tx, device_id, old.version):
        raise ConcurrentChange
    data = {
        "by": by.device_id,
        "credentials_revoked": credentials.revoke_of_device(tx, device_id, REPLACED),
        "enrollments_revoked": ended,
    }
    personal = {"device": old.name, "user": old.username}
    events.record(tx, caller, Happening("device.replaced", old.subjects, data, personal))
