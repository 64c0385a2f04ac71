"""Sessions: which devices are connected now, and hanging up on one.

The list looks again by itself: what it shows lasts for seconds or for days.
"""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.model import Device, organization_at
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.sessions import DeviceSession
from enlist.verbs.device_sessions import Disconnect, ListDeviceSessions, ShowDeviceSession
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query


async def show_list(desk: Desk) -> Response:
    """The live sessions of the organization in force and below, newest first."""
    query = read_query(desk.request, ("device", "user"))
    found = await desk.view(ListDeviceSessions(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    mark = mark_of(*(each.id for each in found.items))
    if unchanged := desk.unchanged(mark):
        return unchanged
    return desk.show("console/sessions.html", {"query": query, "page": found, "mark": mark})


async def sessions_of(desk: Desk, device: Device) -> tuple[DeviceSession, ...]:
    """The live sessions of one device, newest first."""
    at, filters = organization_at(device.organization_path), {"device": device.id}
    found = await desk.view(ListDeviceSessions(at, filters=filters))
    return () if isinstance(found, Refusal) else found.items


async def disconnect(desk: Desk) -> Response:
    """Say what hanging up does, then do it."""
    session = await desk.view(ShowDeviceSession(str(desk.request.path_params["id"])))
    if isinstance(session, Refusal):
        return desk.refuse(session)
    path = session.organization_path
    instead = desk.elsewhere(path, session.group_id) or desk.closed(Permission.DEVICES_RESET, path)
    if instead is not None:
        return instead
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(Disconnect(session.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s was disconnected.") % {"name": session.device_name}
            return desk.go(desk.address("sessions"), text)
        if outcome.code != "forbidden":
            return desk.refuse(outcome)
        refusal = outcome
    context = {"session": session}
    return desk.show("console/session_disconnect.html", context, refusal=refusal)


ROUTES = [
    page("sessions", show_list),
    page("sessions/{id}/disconnect", disconnect, methods=("GET", "POST")),
]
