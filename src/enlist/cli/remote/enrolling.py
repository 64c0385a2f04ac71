"""Devices and their enrollments on a server elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

from enlist.cli.remote.api import Api, Document, Ways, acted, listed, part, some, until
from enlist.cli.remote.reviving import moment, revived
from enlist.core import model
from enlist.core.ids import NOTHING
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.core.sessions import DeviceSession
from enlist.store.listing import MOST_PER_PAGE, Page
from enlist.store.saved_views import SavedView
from enlist.verbs import (
    device_sessions,
    devices,
    move,
    one_time_credentials,
    one_time_jwt,
    reactivate,
    register,
    reissue,
    saved_views,
    staging,
    unregister,
    views,
    views_details,
)
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.documents import IDENTIFIERS
from enlist.verbs.issuing import Issued


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a device: numbers in a part of their own, attributes by name."""
    values = {name: each for name, each in given.items() if name not in IDENTIFIERS}
    numbers = {name: given[name] for name in IDENTIFIERS if name in given}
    if numbers:
        values["identifiers"] = numbers
    if "tags" in values:
        values["tags"] = list(values["tags"])
    attributes = values.get("custom_attributes")
    if isinstance(attributes, str):
        pairs = (line.partition("=") for line in attributes.splitlines() if line.strip())
        values["custom_attributes"] = {name.strip(): value.strip() for name, _, value in pairs}
    return values


def details(found: DeviceDetails) -> dict[str, Any]:
    """What is known of a device, as a body holds it."""
    names = DeviceDetails.__dataclass_fields__
    given = {name: getattr(found, name) for name in names}
    return _known({name: value for name, value in given.items() if value not in ("", ())})


def _change_device(api: Api, verb: devices.ChangeDevice) -> Any:
    found = api.do("PATCH", f"/devices/{part(verb.device_id)}", _known(verb.changes))
    return found if isinstance(found, Refusal) else revived(model.Device, found)


def _register(api: Api, verb: register.Register) -> Issued | Refusal:
    body = details(verb.details) | some(
        organization=verb.organization,
        user=verb.user,
        message=verb.message,
        expires_at=until(verb),
        grant=verb.grant,
    )
    found = api.do("POST", "/devices", body)
    return found if isinstance(found, Refusal) else api.issued(found["enrollment"])


def _issue(api: Api, verb: register.Issue) -> Issued | Refusal:
    body = some(message=verb.message, expires_at=until(verb), grant=verb.grant)
    found = api.do("POST", f"/devices/{part(verb.device_id)}/enrollments", body)
    return found if isinstance(found, Refusal) else api.issued(found)


def _issue_credentials(api: Api, verb: one_time_credentials.IssueCredentials) -> Issued | Refusal:
    body = some(platform=verb.platform, organization=verb.organization, hours=verb.hours)
    body |= {"type": verb.message, "tags": list(verb.tags)}
    found = api.do("POST", f"/users/{part(verb.user)}/enrollment-credentials", body)
    return found if isinstance(found, Refusal) else api.issued(found)


def _reissue(api: Api, verb: reissue.Reissue) -> Issued | Refusal:
    body = some(message=verb.message, expires_at=until(verb), reason=verb.reason)
    found = api.do("POST", f"/enrollments/{part(verb.enrollment_id)}/reissue", body)
    return found if isinstance(found, Refusal) else api.issued(found)


def _resend(api: Api, verb: reissue.Resend) -> str | Refusal:
    body = some(type=verb.channel, template=verb.template)
    found = api.do("POST", f"/enrollments/{part(verb.enrollment_id)}/resend", body)
    return found if isinstance(found, Refusal) else str(found["messages"][0]["id"])


def _unregister(api: Api, verb: unregister.Unregister) -> Refusal | None:
    body = some(by=verb.by, organization=verb.organization) | {"values": [verb.value]}
    found = api.do("POST", "/devices/bulk/delete", body)
    if isinstance(found, Refusal) or not found["faults"]:
        return found if isinstance(found, Refusal) else None
    fault = found["faults"][0]
    return Refusal(fault["code"], detail=fault["message"])


def _parts(found: Document) -> dict[str, Any]:
    """What is shown around a device and an enrollment."""
    return {
        "attempts": tuple(revived(model.Attempt, each) for each in found["attempts"]),
        "messages": tuple(revived(model.Message, each) for each in found["messages"]),
    }


def _show_device(api: Api, view: views_details.ShowDevice) -> Any:
    found = api.get(f"/devices/{part(view.device_id)}")
    if isinstance(found, Refusal):
        return found
    told = api.get("/events", device=found["id"])
    events = () if isinstance(told, Refusal) else told["items"]
    return SimpleNamespace(
        device=revived(model.Device, found),
        enrollments=tuple(revived(model.Enrollment, each) for each in found["enrollments"]),
        credentials=tuple(revived(model.Credential, each) for each in found["credentials"]),
        timeline=Page(tuple(revived(model.EventRow, each) for each in events)),
        **_parts(found),
    )


def _show_enrollment(api: Api, view: views_details.ShowEnrollment) -> Any:
    found = api.get(f"/enrollments/{part(view.enrollment_id)}")
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(enrollment=revived(model.Enrollment, found), **_parts(found))


def _jwt(api: Api, verb: one_time_jwt.ShowJwt) -> Any:
    path = f"/enrollments/{part(verb.enrollment_id)}"
    text = api.get(f"{path}/jwt")
    found = text if isinstance(text, Refusal) else api.get(path)
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(
        enrollment_id=found["id"],
        device_id=found["device_id"],
        expires_at=moment(found["expires_at"]),
        jwt=Secret(text.strip()),
    )


def _held(api: Api, view: reactivate.ListHeld) -> list[str] | Refusal:
    """All that is on hold at once: the API's list goes on by cursors, and not behind an id."""
    if view.after != NOTHING:
        return []
    ids: list[str] = []
    asked = {"state": "on_hold", "limit": str(MOST_PER_PAGE)}
    cursor: str | None = ""
    while cursor is not None:
        found = api.get("/enrollments", **asked, **({"cursor": cursor} if cursor else {}))
        if isinstance(found, Refusal):
            return found
        ids += [each["id"] for each in found["items"]]
        cursor = found["next_cursor"]
    return ids


def _list_views(api: Api, view: saved_views.ListSavedViews) -> Any:
    found = api.get("/saved-views", **some(organization=view.organization))
    if isinstance(found, Refusal):
        return found
    return tuple(revived(SavedView, each) for each in found["items"])


def _save_view(api: Api, verb: saved_views.SaveView) -> SavedView | Refusal:
    body = some(organization=verb.organization, search=verb.search, sort=verb.sort)
    body |= {"name": verb.name_of_view, "filters": dict(verb.filters), "shared": verb.shared}
    found = api.do("POST", "/saved-views", body)
    return found if isinstance(found, Refusal) else revived(SavedView, found)


def _change_view(api: Api, verb: saved_views.ChangeView) -> SavedView | Refusal:
    found = api.do("PATCH", f"/saved-views/{part(verb.view_id)}", dict(verb.changes))
    return found if isinstance(found, Refusal) else revived(SavedView, found)


ENROLLING: Final[Ways] = {
    saved_views.ListSavedViews: _list_views,
    saved_views.SaveView: _save_view,
    saved_views.ChangeView: _change_view,
    saved_views.DeleteView: acted("DELETE", "/saved-views/{view_id}"),
    views.ListDevices: listed("/devices", model.Device),
    views.ListEnrollments: listed("/enrollments", model.Enrollment),
    views_details.ShowDevice: _show_device,
    views_details.ShowEnrollment: _show_enrollment,
    register.Register: _register,
    register.Issue: _issue,
    one_time_credentials.IssueCredentials: _issue_credentials,
    reissue.Reissue: _reissue,
    reissue.Resend: _resend,
    reissue.Revoke: acted("POST", "/enrollments/{enrollment_id}/revoke", reason="reason"),
    reissue.DeleteEnrollment: acted("DELETE", "/enrollments/{enrollment_id}"),
    reactivate.ListHeld: _held,
    reactivate.Reactivate: acted("POST", "/enrollments/{enrollment_id}/reactivate"),
    one_time_jwt.ShowJwt: _jwt,
    devices.ChangeDevice: _change_device,
    devices.DeleteDevice: acted("DELETE", "/devices/{device_id}"),
    move.MoveDevice: acted(
        "POST", "/devices/{device_id}/move", model.Device, organization="organization"
    ),
    staging.HandOut: acted(
        "POST",
        "/devices/{device_id}/hand-out",
        model.Device,
        user="user",
        organization="organization",
        for_good="for_good",
    ),
    unregister.Unregister: _unregister,
    device_sessions.ListDeviceSessions: listed("/device-sessions", DeviceSession),
    device_sessions.Disconnect: acted("DELETE", "/device-sessions/{session_id}"),
}
