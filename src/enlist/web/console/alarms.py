"""The alarms that begin a device's page: an intercepted token, a copied key."""

from __future__ import annotations

from enlist.core.lifecycle import DeviceState
from enlist.core.model import EventRow, organization_at
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.views import ListEvents
from enlist.verbs.views_details import DeviceDetail
from enlist.web.console.layout import Desk


async def alarms(desk: Desk, detail: DeviceDetail, flag: str) -> tuple[EventRow, ...]:
    """Flagged refusals, newest first, as long as they matter: a reset ends what a stranger may
    hold, and what is enrolled after it came by another token; a blocked device is out.
    """
    if detail.device.state is DeviceState.BLOCKED:
        return ()
    counting = {each.enrollment_id for each in detail.credentials if each.revoked_at is None}
    counting |= {each.id for each in detail.enrollments[:1]}
    found = await flagged(desk, detail.device.organization_path, flag, device=detail.device.id)
    return tuple(each for each in found if each.enrollment_id in counting)


async def flagged(desk: Desk, path: str, flag: str, **about: str) -> tuple[EventRow, ...]:
    """Flagged refusals of a device or an enrollment, for whoever may read events."""
    if not desk.may(Permission.EVENTS_READ, path):
        return ()
    found = await desk.view(ListEvents(organization_at(path), filters={"flag": flag, **about}))
    return () if isinstance(found, Refusal) else found.items
