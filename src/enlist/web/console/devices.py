"""Devices: the list, and a device's own page with its edit and delete."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.model import Attempt, Enrollment
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.clones import POSSIBLE_CLONE
from enlist.verbs.devices import EDITABLE, ChangeDevice, DeleteDevice, as_typed
from enlist.verbs.views import ListDevices
from enlist.verbs.views_details import DeviceDetail, ShowDevice
from enlist.web.console import words
from enlist.web.console.alarms import alarms
from enlist.web.console.bulk_acts import acts_of
from enlist.web.console.describing import describe_all
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query
from enlist.web.console.offering import beside_device, of_device, permitted
from enlist.web.console.sending import unsendable
from enlist.web.console.sessions import sessions_of
from enlist.web.console.timeline import INTERCEPTION


async def show_list(desk: Desk) -> Response:
    """All devices of the organization in force and below."""
    query = read_query(desk.request, ("state", "platform", "ownership", "user"))
    found = await desk.view(ListDevices(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "words": words,
        "bulk": acts_of(desk, "devices"),
    }
    return desk.show("console/devices.html", context)


async def show_device(desk: Desk) -> Response:
    """One device: who, what, which state, what can be done, and everything that happened."""
    detail = await _detail(desk)
    if isinstance(detail, Response):
        return detail
    device = detail.device
    sessions = await sessions_of(desk, device)
    live = detail.enrollments[0] if detail.enrollments and detail.deleted_at is None else None
    live_state = shown_state(live.state, live.expires_at, desk.now) if live else ""
    earlier = [each for each in detail.enrollments if each is not live]
    mark = _mark(detail, live_state)
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "mark": mark,
        "detail": detail,
        "device": device,
        "live": live,
        "live_state": live_state,
        "earlier": [(shown_state(e.state, e.expires_at, desk.now), e) for e in earlier],
        "attempts": shown_attempts(detail.attempts, desk.now),
        "sessions": sessions,
        "unsendable": unsendable(desk, device, detail.user),
        "offers": _offers(desk, detail, live),
        "story": describe_all(detail.timeline.items, desk.caller.language),
        "clones": await alarms(desk, detail, POSSIBLE_CLONE),
        "interceptions": await alarms(desk, detail, INTERCEPTION),
        "words": words,
    }
    return desk.show("console/device.html", context)


def _offers(desk: Desk, detail: DeviceDetail, live: Enrollment | None) -> frozenset[str]:
    """What this person can do with the device, and with its enrollment."""
    acts = of_device(detail)
    if live is not None:
        acts |= beside_device(live.grant, shown_state(live.state, live.expires_at, desk.now))
    return permitted(desk, acts, detail.device.organization_path)


async def edit_device(desk: Desk) -> Response:
    """Change what is known of a device."""
    detail = await _detail(desk, Permission.DEVICES_EDIT)
    if isinstance(detail, Response):
        return detail
    device = detail.device
    if desk.request.method == "GET":
        values = {name: as_typed(device, name) for name in EDITABLE}
        form = Form({**values, "version": str(device.version)})
    else:
        form = await read_form(desk.request)
        changes = {name: form.value(name) for name in EDITABLE if name in form.values}
        verb = ChangeDevice(device.id, changes, form.version)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("devices", device.id), desk.gettext("Changes saved."))
        if outcome.code in ("unauthenticated", "proof_too_old"):
            return desk.refuse(outcome)
        form = form.refused(outcome)
    context = {"device": device, "form": form, "words": words}
    return desk.show("console/device_edit.html", context, refusal=form.refusal)


async def delete_device(desk: Desk) -> Response:
    """Say what deleting a device does, then do it."""
    detail = await _detail(desk, Permission.DEVICES_DELETE)
    if isinstance(detail, Response):
        return detail
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(DeleteDevice(detail.device.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s was deleted.") % {"name": detail.device.name}
            return desk.go(desk.address("devices"), text)
        if outcome.code != "forbidden":
            return desk.refuse(outcome)
        refusal = outcome
    context = {
        "device": detail.device,
        "certificates": [c for c in detail.credentials if c.revoked_at is None],
        "live": [e for e in detail.enrollments if e.state in ("active", "on_hold")],
    }
    return desk.show("console/device_delete.html", context, refusal=refusal)


async def _detail(desk: Desk, needs: Permission | None = None) -> DeviceDetail | Response:
    detail = await desk.view(ShowDevice(str(desk.request.path_params["id"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    device = detail.device
    moved = desk.elsewhere(device.organization_path, device.group_id)
    closed = desk.closed(needs, device.organization_path) if needs else None
    return moved or closed or detail


def _mark(detail: DeviceDetail, live_state: str) -> str:
    """Of all that changes on the page while an enrollment waits, or others may end what it made."""
    return mark_of(
        detail.device.state,
        detail.device.version,
        detail.deleted_at,
        live_state,
        *(enrollment.generation for enrollment in detail.enrollments[:1]),
        *(event.id for event in detail.timeline.items[:1]),
        *((attempt.id, attempt.state) for attempt in detail.attempts),
        *((message.id, message.state) for message in detail.messages),
    )


def shown_attempts(attempts: Sequence[Attempt], now: int) -> list[tuple[words.Word, Attempt]]:
    """Attempts with their states as people see them: an open one past its time ran out (X55)."""
    shown = []
    for attempt in attempts:
        over = attempt.state == "open" and attempt.expires_at <= now
        state = "over" if over else attempt.state.value
        shown.append((words.word(words.ATTEMPT_STATES, state), attempt))
    return shown


ROUTES = [
    page("devices", show_list),
    page("devices/{id}", show_device),
    page("devices/{id}/edit", edit_device, methods=("GET", "POST")),
    page("devices/{id}/delete", delete_device, methods=("GET", "POST")),
]
