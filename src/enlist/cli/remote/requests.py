"""Verbs and views as requests: for each one, what is asked of the API, and what its answer is.

A new command works from elsewhere once its verb has a line here; a test looks that those which have
a place in the API do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import quote

from enlist.cli.remote.connection import Connection
from enlist.cli.remote.reviving import moment, revived
from enlist.core import model
from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.core.policy import Effective
from enlist.core.secrets import Secret
from enlist.core.sessions import DeviceSession
from enlist.store.hooks import Hook, HookDelivery
from enlist.store.listing import Page
from enlist.verbs import (
    api_keys,
    device_sessions,
    devices,
    first_device,
    groups,
    hooks,
    move,
    offboard,
    one_time_jwt,
    organizations,
    reactivate,
    reassign,
    register,
    rehearsing,
    reissue,
    replace,
    reset,
    staff,
    unregister,
    users,
    views,
    views_details,
)
from enlist.verbs.afresh import NewBeginning
from enlist.verbs.consequences import Consequences, Foreseen
from enlist.verbs.documents import IDENTIFIERS
from enlist.verbs.issuing import Delivery, Issued

Document = Mapping[str, Any]


class Asking:
    """One server, asked by verbs. `links` are those of tokens that it has shown, by enrollment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.links: dict[str, str] = {}

    def can(self, asked: object) -> bool:
        """Whether there is something in the API for it."""
        if isinstance(asked, rehearsing.DryRun):
            return isinstance(asked.verb, REHEARSED)
        return type(asked) in ASKED

    def __call__(self, asked: Any) -> Any:
        """Ask it."""
        return ASKED[type(asked)](self, asked)

    def get(self, path: str, **query: str) -> Any:
        """Look at something."""
        return self._connection.ask("GET", path, query=query)

    def do(self, method: str, path: str, body: Document | None = None, **query: str) -> Any:
        """Do something."""
        return self._connection.ask(method, path, body, query)

    def issued(self, document: Document) -> Issued:
        """An enrollment, with its token where the answer holds it."""
        if document.get("link"):
            self.links[document["id"]] = document["link"]
        told = [
            each for each in document["messages"] if each["generation"] == document["generation"]
        ]
        return Issued(
            document["id"],
            document["device_id"],
            moment(document["expires_at"]),
            document["generation"],
            Secret(document["token"]) if document.get("token") else None,
            told[0]["id"] if told else None,
            model.GrantKind(document["grant"]),
        )


Way = Callable[[Asking, Any], Any]


def _listed(path: str, kind: type[Any]) -> Way:
    """A list as it is, page by page."""

    def ask(api: Asking, view: views.Listed[Any]) -> Page[Any] | Refusal:
        asked = {name: str(getattr(view, name)) for name in ("search", "sort", "limit", "cursor")}
        asked |= {"organization": view.organization, **view.filters}
        for name in ("since", "before"):
            if asked.get(name):
                asked[name] = rfc3339(int(asked[name]))
        place = path.format(**{key: _part(value) for key, value in view.filters.items()})
        if place != path:
            asked.pop("webhook")
        found = api.get(place, **{name: value for name, value in asked.items() if value})
        if isinstance(found, Refusal):
            return found
        items = tuple(revived(kind, each) for each in found["items"])
        if kind is model.Organization:
            items = _in_tree(items)
        return Page(items, found["next_cursor"])

    return ask


def _in_tree(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Organizations with paths, of which only the depth is shown."""
    from dataclasses import replace as with_

    paths: dict[str | None, str] = {}
    for each in items:
        paths[each.id] = f"{paths.get(each.parent_id, '')}{each.id}/"
    return tuple(with_(each, path=paths[each.id]) for each in items)


def _acted(method: str, path: str, kind: type[Any] | None = None, **names: str) -> Way:
    """Something that is done to what the path names; `names` are of the body, by attribute."""

    def ask(api: Asking, verb: Any) -> Any:
        given = {word: _part(getattr(verb, word)) for word in _words(path)}
        body = {name: _plain(getattr(verb, attribute)) for attribute, name in names.items()}
        named = {name: value for name, value in body.items() if value not in (None, "")}
        found = api.do(method, path.format(**given), named if names else None)
        if kind is None or isinstance(found, Refusal):
            return found if isinstance(found, Refusal) else None
        return revived(kind, found)

    return ask


def _words(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _part(text: str) -> str:
    return quote(text, safe="")


def _plain(value: Any) -> Any:
    """A value as a body holds it."""
    if isinstance(value, Delivery):
        return {"type": value.type, "template": value.template}
    if isinstance(value, Secret):
        return value.reveal()
    return list(value) if isinstance(value, tuple) else value


def _until(verb: Any) -> str | None:
    return None if verb.expires_at is None else rfc3339(verb.expires_at)


def _some(**values: Any) -> dict[str, Any]:
    return {name: _plain(each) for name, each in values.items() if each not in (None, "")}


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


def _details(found: register.DeviceDetails) -> dict[str, Any]:
    names = register.DeviceDetails.__dataclass_fields__
    given = {name: getattr(found, name) for name in names}
    return _known({name: value for name, value in given.items() if value not in ("", ())})


def _change_device(api: Asking, verb: devices.ChangeDevice) -> Any:
    found = api.do("PATCH", f"/devices/{_part(verb.device_id)}", _known(verb.changes))
    return found if isinstance(found, Refusal) else revived(model.Device, found)


def _register(api: Asking, verb: register.Register) -> Issued | Refusal:
    body = _details(verb.details) | _some(
        organization=verb.organization,
        user=verb.user,
        message=verb.message,
        expires_at=_until(verb),
        grant=verb.grant,
    )
    found = api.do("POST", "/devices", body)
    return found if isinstance(found, Refusal) else api.issued(found["enrollment"])


def _issue(api: Asking, verb: register.Issue) -> Issued | Refusal:
    body = _some(message=verb.message, expires_at=_until(verb), grant=verb.grant)
    found = api.do("POST", f"/devices/{_part(verb.device_id)}/enrollments", body)
    return found if isinstance(found, Refusal) else api.issued(found)


def _reissue(api: Asking, verb: reissue.Reissue) -> Issued | Refusal:
    body = _some(message=verb.message, expires_at=_until(verb), reason=verb.reason)
    found = api.do("POST", f"/enrollments/{_part(verb.enrollment_id)}/reissue", body)
    return found if isinstance(found, Refusal) else api.issued(found)


def _resend(api: Asking, verb: reissue.Resend) -> str | Refusal:
    body = _some(type=verb.channel, template=verb.template)
    found = api.do("POST", f"/enrollments/{_part(verb.enrollment_id)}/resend", body)
    return found if isinstance(found, Refusal) else str(found["messages"][0]["id"])


def _afresh(verb: Any) -> tuple[str, dict[str, Any]]:
    """Where a reset, a reassignment or a replacement is asked for, and how."""
    body = _some(
        message=verb.message, expires_at=_until(verb), grant=verb.grant, preview=verb.preview
    )
    match verb:
        case reset.Reset():
            body |= _some(reason=verb.reason) | {"end_sign_ins": verb.end_sign_ins}
            act = "reset"
        case reassign.Reassign():
            body |= _some(user=verb.user, organization=verb.organization)
            act = "reassign"
        case _:
            body |= _some(name=verb.device_name, platform=verb.platform, serial=verb.serial)
            act = "replace"
    return f"/devices/{_part(verb.device_id)}/{act}", body


def _foreseen(found: Document) -> Foreseen:
    return Foreseen(revived(Consequences, found["consequences"]), found["preview"])


def _begin_afresh(api: Asking, verb: Any) -> NewBeginning | Refusal:
    path, body = _afresh(verb)
    found = api.do("POST", path, body)
    if isinstance(found, Refusal):
        return found
    return NewBeginning(api.issued(found["enrollment"]), _foreseen(found))


def _rehearse(api: Asking, verb: rehearsing.DryRun) -> Foreseen | Refusal:
    leaves = isinstance(verb.verb, offboard.Offboard)
    path, body = _leave(verb.verb) if leaves else _afresh(verb.verb)
    found = api.do("POST", path, body, dry_run="true")
    if isinstance(found, Refusal):
        return found
    return _all_that_ends(found) if leaves else _foreseen(found)


def _leave(verb: Any) -> tuple[str, dict[str, Any]]:
    at = None if verb.at is None else rfc3339(verb.at)
    return f"/users/{_part(verb.user)}/offboard", _some(at=at, preview=verb.preview)


def _all_that_ends(found: Document) -> Foreseen:
    return Foreseen(revived(offboard.Leaving, found["consequences"]), found["preview"])


def _offboard(api: Asking, verb: offboard.Offboard) -> Any:
    path, body = _leave(verb)
    found = api.do("POST", path, body)
    user = found if isinstance(found, Refusal) else api.get(f"/users/{_part(verb.user)}")
    if isinstance(user, Refusal):
        return user
    named = revived(model.User, user)
    return SimpleNamespace(user=named, foreseen=_all_that_ends(found), at=verb.at)


def _unregister(api: Asking, verb: unregister.Unregister) -> Refusal | None:
    body = _some(by=verb.by, organization=verb.organization) | {"values": [verb.value]}
    found = api.do("POST", "/devices/bulk/delete", body)
    if isinstance(found, Refusal) or not found["faults"]:
        return found if isinstance(found, Refusal) else None
    fault = found["faults"][0]
    return Refusal(fault["code"], detail=fault["message"])


def _user(verb: users.AddUser) -> dict[str, Any]:
    names = ("organization", "username", "email", "phone", "first_name", "last_name", "password")
    return _some(
        **{name: getattr(verb, name) for name in names}, password_link=verb.password_link or None
    )


def _add_user(api: Asking, verb: users.AddUser) -> model.User | Refusal:
    found = api.do("POST", "/users", _user(verb))
    return found if isinstance(found, Refusal) else revived(model.User, found)


def _send_password_link(api: Asking, verb: staff.SendPasswordLink) -> SimpleNamespace | Refusal:
    found = api.do("POST", f"/users/{_part(verb.user)}/password-link")
    if isinstance(found, Refusal):
        return found
    user = SimpleNamespace(email=found["sent_to"])
    return SimpleNamespace(user=user, expires_at=moment(found["expires_at"]))


def _add_both(api: Asking, verb: first_device.AddUserWithDevice) -> first_device.Both | Refusal:
    device = _details(verb.device.details) | _some(message=verb.device.message)
    found = api.do("POST", "/users", {**_user(verb.user), "device": device})
    if isinstance(found, Refusal):
        return found
    return first_device.Both(revived(model.User, found), api.issued(found["enrollment"]))


def _create_key(api: Asking, verb: api_keys.CreateApiKey) -> Any:
    body = _some(name=verb.name_of_key, role=verb.role, organization=verb.organization)
    body |= {"permissions": list(verb.permissions), "addresses": list(verb.addresses)}
    found = api.do("POST", "/api-keys", body | _some(expires_at=_until(verb)))
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(key=revived(model.ApiKey, found), secret=Secret(found["key"]))


def _made_hook(api: Asking, path: str, body: Document | None) -> hooks.HookMade | Refusal:
    found = api.do("POST", path, body)
    if isinstance(found, Refusal):
        return found
    return hooks.HookMade(revived(Hook, found), Secret(found["secret"]))


def _add_hook(api: Asking, verb: hooks.AddWebhook) -> hooks.HookMade | Refusal:
    body = _some(name=verb.name_of_hook, url=verb.url, organization=verb.organization)
    return _made_hook(api, "/webhooks", body | {"kinds": list(verb.kinds)})


def _renew_secret(api: Asking, verb: hooks.RenewWebhookSecret) -> hooks.HookMade | Refusal:
    return _made_hook(api, f"/webhooks/{_part(verb.hook_id)}/secret", None)


def _switch(api: Asking, verb: hooks.SwitchWebhook) -> Refusal | Hook:
    state = {"state": "active" if verb.on else "disabled"}
    found = api.do("PATCH", f"/webhooks/{_part(verb.hook_id)}", state)
    return found if isinstance(found, Refusal) else revived(Hook, found)


def _set(api: Asking, verb: organizations.ChangeSettings) -> Refusal | None:
    path = f"/organizations/{_part(verb.organization)}/settings"
    found = api.do("PATCH", path, dict(verb.change))
    return found if isinstance(found, Refusal) else None


def _show_settings(api: Asking, view: views_details.ShowOrganization) -> Any:
    found = api.get(f"/organizations/{_part(view.organization)}/settings")
    if isinstance(found, Refusal):
        return found
    held = {key: Effective(each["value"], each["source"]) for key, each in found.items()}
    return SimpleNamespace(policy=SimpleNamespace(settings=held))


def _parts(found: Document) -> dict[str, Any]:
    """What is shown around a device and an enrollment."""
    return {
        "attempts": tuple(revived(model.Attempt, each) for each in found["attempts"]),
        "messages": tuple(revived(model.Message, each) for each in found["messages"]),
    }


def _show_device(api: Asking, view: views_details.ShowDevice) -> Any:
    found = api.get(f"/devices/{_part(view.device_id)}")
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


def _show_enrollment(api: Asking, view: views_details.ShowEnrollment) -> Any:
    found = api.get(f"/enrollments/{_part(view.enrollment_id)}")
    if isinstance(found, Refusal):
        return found
    return SimpleNamespace(enrollment=revived(model.Enrollment, found), **_parts(found))


def _jwt(api: Asking, verb: one_time_jwt.ShowJwt) -> Any:
    path = f"/enrollments/{_part(verb.enrollment_id)}"
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


def _change_group(api: Asking, verb: groups.ChangeGroup) -> Any:
    found = api.do("PATCH", f"/groups/{_part(verb.group)}", dict(verb.changes))
    return found if isinstance(found, Refusal) else revived(model.UserGroup, found)


REHEARSED: Final = (reset.Reset, reassign.Reassign, replace.Replace, offboard.Offboard)
"""What can be asked for as a dry run."""

ASKED: Final[Mapping[type[Any], Way]] = {
    views.ListDevices: _listed("/devices", model.Device),
    views.ListEnrollments: _listed("/enrollments", model.Enrollment),
    views.ListUsers: _listed("/users", model.User),
    views.ListOrganizations: _listed("/organizations", model.Organization),
    views.ListApiKeys: _listed("/api-keys", model.ApiKey),
    views.ListEvents: _listed("/events", model.EventRow),
    device_sessions.ListDeviceSessions: _listed("/device-sessions", DeviceSession),
    hooks.ListWebhooks: _listed("/webhooks", Hook),
    hooks.ListDeliveries: _listed("/webhooks/{webhook}/deliveries", HookDelivery),
    views_details.ShowDevice: _show_device,
    views_details.ShowEnrollment: _show_enrollment,
    views_details.ShowOrganization: _show_settings,
    register.Register: _register,
    register.Issue: _issue,
    reissue.Reissue: _reissue,
    reissue.Resend: _resend,
    reissue.Revoke: _acted("POST", "/enrollments/{enrollment_id}/revoke", reason="reason"),
    reissue.DeleteEnrollment: _acted("DELETE", "/enrollments/{enrollment_id}"),
    reactivate.Reactivate: _acted("POST", "/enrollments/{enrollment_id}/reactivate"),
    one_time_jwt.ShowJwt: _jwt,
    devices.ChangeDevice: _change_device,
    devices.DeleteDevice: _acted("DELETE", "/devices/{device_id}"),
    move.MoveDevice: _acted(
        "POST", "/devices/{device_id}/move", model.Device, organization="organization"
    ),
    unregister.Unregister: _unregister,
    reset.Reset: _begin_afresh,
    reassign.Reassign: _begin_afresh,
    replace.Replace: _begin_afresh,
    rehearsing.DryRun: _rehearse,
    users.AddUser: _add_user,
    staff.SendPasswordLink: _send_password_link,
    offboard.Offboard: _offboard,
    offboard.CancelOffboarding: _acted("DELETE", "/users/{user}/offboarding"),
    first_device.AddUserWithDevice: _add_both,
    organizations.AddOrganization: _acted(
        "POST",
        "/organizations",
        model.Organization,
        parent="parent",
        group_id="group_id",
        name_of_organization="name",
        time_zone="time_zone",
        language="language",
    ),
    organizations.ChangeSettings: _set,
    groups.ListGroups: _listed("/groups", model.UserGroup),
    groups.ShowGroup: _acted("GET", "/groups/{group}", model.UserGroup),
    groups.AddGroup: _acted(
        "POST",
        "/groups",
        model.UserGroup,
        organization="organization",
        name_of_group="name",
        description="description",
    ),
    groups.ChangeGroup: _change_group,
    groups.DeleteGroup: _acted("DELETE", "/groups/{group}"),
    groups.AddMember: _acted("PUT", "/groups/{group}/members/{user}"),
    groups.RemoveMember: _acted("DELETE", "/groups/{group}/members/{user}"),
    api_keys.CreateApiKey: _create_key,
    api_keys.RevokeApiKey: _acted("DELETE", "/api-keys/{key_id}"),
    device_sessions.Disconnect: _acted("DELETE", "/device-sessions/{session_id}"),
    hooks.AddWebhook: _add_hook,
    hooks.RenewWebhookSecret: _renew_secret,
    hooks.SwitchWebhook: _switch,
    hooks.TestWebhook: _acted("POST", "/webhooks/{hook_id}/test"),
    hooks.DeleteWebhook: _acted("DELETE", "/webhooks/{hook_id}"),
    hooks.ReplayDelivery: _acted("POST", "/webhooks/{hook_id}/deliveries/{delivery_id}/replay"),
}
"""By verb or view, how it is asked of the API."""
