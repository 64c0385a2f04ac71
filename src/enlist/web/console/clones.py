"""The alarm on a device's page that two machines hold its key."""

from __future__ import annotations

from enlist.core.lifecycle import DeviceState
from enlist.core.model import EventRow, organization_at
from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.verbs.clones import POSSIBLE_CLONE
from enlist.verbs.views import ListEvents
from enlist.verbs.views_details import DeviceDetail
from enlist.web.console.layout import Desk


async def clone_alarms(desk: Desk, detail: DeviceDetail) -> tuple[EventRow, ...]:
    """When a renewed certificate was shown again, newest first, as long as it matters: a reset ends
    the keys that were copied, and what is enrolled after it has others; a blocked device is out.
    """
    path = detail.device.organization_path
    held = {each.enrollment_id for each in detail.credentials if each.revoked_at is None}
    blocked = detail.device.state is DeviceState.BLOCKED
    if blocked or not held or not desk.may(Permission.EVENTS_READ, path):
        return ()
    filters = {"flag": POSSIBLE_CLONE, "device": detail.device.id}
    found = await desk.view(ListEvents(organization_at(path), filters=filters))
    if isinstance(found, Refusal):
        return ()
    return tuple(each for each in found.items if each.enrollment_id in held)
