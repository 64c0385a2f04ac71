"""Things as programs are shown them: the API's answers and the commands' `--json`, one by one.

A script may use either, so both say it in the same words, from here. Values stay as they are
inside (moments are microseconds, states are enumerations); an adapter writes them as it writes.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from enlist.core import access, model
from enlist.core.clock import rfc3339
from enlist.core.device_lists import ListedDevice
from enlist.core.events import EVENT_VERSION
from enlist.core.ids import Id
from enlist.core.lifecycle import AttemptState, shown_state, token_status
from enlist.core.locks import Lock, Locks
from enlist.core.model import GrantKind, MessageState
from enlist.core.passcodes import Passcode
from enlist.core.permissions import ROLES, Role
from enlist.core.restrictions import Restriction
from enlist.core.sessions import DeviceSession
from enlist.core.stages import stage
from enlist.core.targets import shown
from enlist.pki.revocation import REASONS
from enlist.store.alerts import Alert
from enlist.store.feed import SealedEvent
from enlist.store.imports import ImportJob
from enlist.store.offboardings import Planned
from enlist.store.revocations import Revocation
from enlist.store.saved_views import SavedView
from enlist.store.wave_members import Member
from enlist.store.waves import Wave
from enlist.store.webhooks import DeliveryState, Hook, HookDelivery
from enlist.verbs import restrictions, views_details
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.alert_routes import RoutesAt
from enlist.verbs.alert_tests import AlertTest
from enlist.verbs.consequences import Consequences
from enlist.verbs.device_lists import Foreseen
from enlist.verbs.erase import Erased
from enlist.verbs.offboard import Leaving, leaving_of
from enlist.verbs.passcodes import PasscodeMade, PasscodeStatus, grouped
from enlist.verbs.revocations import cursor_of
from enlist.verbs.staff import Sent
from enlist.verbs.waves import Standing

Document = dict[str, Any]

IDENTIFIERS = ("serial", "imei", "udid", "sim", "asset_number")
"""The numbers that tell one device from another."""


def organization(found: model.Organization) -> Document:
    """A node of the tenant tree."""
    return _but(found, "path")


def user(found: model.User) -> Document:
    """A person; where he may enroll by ids alone, the default first."""
    allowed = {"authorized_organization_ids": list(found.authorized)}
    return _placed(found, "authorized") | allowed


def password_link(found: Sent) -> Document:
    """A link to set a password that is on its way; it is shown to nobody but its user."""
    return {"sent_to": found.user.email, "expires_at": found.expires_at}


def user_group(found: model.UserGroup) -> Document:
    """A set of users."""
    return _placed(found)


def own_role(found: access.OwnRole) -> Document:
    """A role that an organization put together."""
    return {
        "role": found.id,
        "name": found.name,
        "description": found.description,
        "permissions": sorted(found.permissions),
        "organization": found.group_id,
        "organization_id": found.organization_id,
        "built_in": False,
        "held": found.held,
        "version": found.version,
    }


def built_in_role(role: Role) -> Document:
    """A role that every installation has."""
    return {
        "role": role.value,
        "name": role.value,
        "description": "",
        "permissions": sorted(ROLES[role]),
        "organization": None,
        "organization_id": None,
        "built_in": True,
        "held": None,
        "version": 1,
    }


def role_held(found: access.RoleAssignment) -> Document:
    """A role that a user holds somewhere."""
    return {
        "role": found.role,
        "name": found.name,
        "organization": found.group_id,
        "organization_id": found.organization_id,
    }


def saved_view(found: SavedView) -> Document:
    """A view of the list of enrollments; whose it is stays out."""
    return _placed(found, "user_id") | {"filters": dict(found.filters)}


def lock(found: Lock) -> Document:
    """A count in force; a network belongs to no organization."""
    return _placed(found) | {"organization": found.group_id or None}


def locks(found: Locks) -> Document:
    """Locks, and the kinds of which there are more."""
    return {"items": [lock(each) for each in found.items], "more": list(found.more)}


def passcode(found: PasscodeStatus) -> Document:
    """How an organization's self-service stands."""
    of, older = found.passcode, found.older
    counts = ("failed_in_a_row", "failed", "accepted", "uses")
    moments = ("generated_at", "last_failed_at", "last_used_at", "last_used_device_id")
    texts = ("generated_by", "generated_by_email", "last_failed_from", "last_used_by")
    return {
        "organization": found.organization.group_id,
        "state": found.state.value,
        "governed_by": found.governed_by,
        **{name: getattr(of, name, 0) for name in counts},
        **{name: getattr(of, name, None) for name in moments},
        **{name: getattr(of, name, "") for name in texts},
        "threshold": found.threshold,
        "lockout": found.lockout.value,
        "sources": [_but(each) for each in found.sources],
        "source_count": found.source_count,
        "may_be_revealed": found.may_be_revealed,
        "older": _older_passcode(older) if older else None,
    }


def _older_passcode(found: Passcode) -> Document:
    shown = ("generated_at", "ends_at", "accepted", "uses", "last_used_at", "last_used_by")
    return {name: getattr(found, name) for name in shown}


def passcode_made(found: PasscodeMade) -> Document:
    """A passcode that may be read now."""
    return {
        "passcode": grouped(found.secret),
        "generated_at": found.passcode.generated_at,
        "generated_by": found.passcode.generated_by,
    }


def restriction(found: Restriction) -> Document:
    """What somebody may enroll."""
    return found.stored()


def restriction_here(found: restrictions.Shown) -> Document:
    """Likewise, with where it is set and what becomes of it."""
    return restriction(found.restriction) | {
        "organization": found.organization.group_id,
        "organization_id": found.organization.id,
        "user_group": found.group_name,
        "standing": found.standing.value,
    }


def listed_device(found: ListedDevice) -> Document:
    """A device on an allow or deny list; `group_id` is where it goes."""
    return _placed(found, "target", "target_id") | {"group_id": found.target}


def put_foreseen(found: Foreseen, now: int) -> Document:
    """What would come of putting devices on a list."""
    ends = [
        {
            "device_id": device.id,
            "device": device.name,
            "user": device.username or None,
            "consequences": consequences(ending, now),
        }
        for device, ending in found.ends
    ]
    unenrolled = len(ends) + found.unseen
    told = {"added": found.added, "known": found.known, "unenrolled": unenrolled}
    return told | {"ends": ends, "preview": found.preview}


def device(found: model.Device) -> Document:
    """A device; whose it is is left out where the reader may not know."""
    numbers = {name: getattr(found, name) for name in IDENTIFIERS}
    same = _placed(found, "username", "staging_user_id", *IDENTIFIERS)
    handed = {"handed_out": found.staging_user_id is not None}
    return same | _person(found.username, found.user_id) | {"identifiers": numbers} | handed


def device_detail(found: views_details.DeviceDetail, now: int) -> Document:
    """A device with all that belongs to it, newest first."""
    return device(found.device) | {
        "enrollments": [enrollment(each, now) for each in found.enrollments],
        "credentials": [credential(each) for each in found.credentials],
        "attempts": [attempt(each, now) for each in found.attempts],
        "messages": [message(each) for each in found.messages],
    }


def device_session(found: DeviceSession) -> Document:
    """A live session; whose device it is is left out likewise."""
    same = _placed(found, "username", "device_name")
    return same | _person(found.username, found.user_id) | {"device": found.device_name}


def enrollment(found: model.Enrollment, now: int) -> Document:
    """An enrollment as it stands now."""
    same = _placed(found, "username", "device_name", "in_progress")
    state = shown_state(found.state, found.expires_at, now)
    status = token_status(
        state, has_token=found.grant is not GrantKind.SIGN_IN, in_progress=found.in_progress
    )
    named = {"state": state, "token_status": status, "device": found.device_name}
    return same | _person(found.username, found.user_id) | named


def enrollment_detail(found: views_details.EnrollmentDetail, now: int) -> Document:
    """An enrollment with what happened around it."""
    return enrollment(found.enrollment, now) | {
        "attempts": [attempt(each, now) for each in found.attempts],
        "messages": [message(each) for each in found.messages],
    }


def attempt(found: model.Attempt, now: int) -> Document:
    """One device's try."""
    over = found.state is AttemptState.OPEN and found.expires_at <= now
    return {
        "id": found.id,
        "state": "expired" if over else found.state.value,
        "started_at": found.started_at,
        "expires_at": found.expires_at,
        "address": found.address,
    }


def message(found: model.Message) -> Document:
    """A message to a person, without its text."""
    same = _but(found, "organization_id", "username", "recipient", "message_id")
    waiting = found.state in (MessageState.QUEUED, MessageState.SENDING)
    times = {"next_try_at": found.next_try_at if waiting else None}
    return same | _person(found.username, found.user_id) | {"to": found.recipient} | times


def credential(found: model.Credential) -> Document:
    """A certificate that a device holds."""
    renewing = ("generation", "renews_id", "extend_requested_at", "key_roll_requested")
    return _but(found, "device_id", "enrollment_id", "kind", *renewing)


def revocation(found: Revocation) -> Document:
    """A certificate that counts no more, and the cursor of whoever has read of it."""
    word = REASONS.get(found.reason)
    return _but(found, "number", "group_id") | {
        "cursor": cursor_of(found),
        "organization": found.group_id,
        "crl_reason": "unspecified" if word is None else word.value,
    }


def consequences(found: Consequences, now: int) -> Document:
    """What ends when a device is reset, given away or replaced."""
    certificate = ("id", "serial", "fingerprint", "not_after")
    return {
        "credentials": [
            {name: getattr(each, name) for name in certificate} for each in found.credentials
        ],
        "enrollments": [
            {
                "id": each.id,
                "grant": each.grant,
                "state": shown_state(each.state, each.expires_at, now),
                "expires_at": each.expires_at,
            }
            for each in found.enrollments
        ],
        "sessions": found.sessions,
        "networks": list(found.networks),
        "sign_ins": found.sign_ins,
    }


def leaving(found: Leaving, now: int) -> Document:
    """What ends when somebody is offboarded."""
    return consequences(found, now) | {
        "messages": found.messages,
        "api_keys": [{"id": each.id, "name": each.name} for each in found.api_keys],
        "roles": [role_held(each) for each in found.roles],
    }


def erased(found: Erased, now: int) -> Document:
    """What came of erasing somebody."""
    return {
        "consequences": leaving(leaving_of(found.foreseen), now),
        "preview": found.foreseen.preview,
        "events": found.events,
        "messages": found.messages,
        "devices": found.devices,
    }


def planned_offboarding(found: Planned) -> Document:
    """When somebody leaves, as it is planned."""
    return {"due_at": found.due_at, "planned_at": found.planned_at, "reason": found.reason}


def api_key(found: access.ApiKey, now: int) -> Document:
    """An API key as it stands now, without its secret."""
    left = {permission for right in found.rights for permission in right.permissions}
    standing = {
        "state": key_state(found, now),
        "in_force": found.in_force,
        "permissions_in_force": sorted(left),
    }
    return _placed(found, "creator_id", "rights") | standing


def key_state(found: access.ApiKey, now: int) -> str:
    """`active`, `revoked` or `expired`."""
    if found.revoked_at is not None:
        return "revoked"
    return "expired" if found.expires_at is not None and found.expires_at <= now else "active"


def event(found: model.EventRow) -> Document:
    """One line of the audit log."""
    data = {
        name: rfc3339(value) if _is_moment(name) and isinstance(value, int) else value
        for name, value in found.data.items()
    }
    return _but(found, "entry") | {"data": data}


def sealed_event(found: SealedEvent) -> Document:
    """An event as whoever takes the log elsewhere is given it, with its place in the order."""
    told = {"version": EVENT_VERSION, "seq": found.seq} | event(found.event)
    marks = stage(found.event.kind, found.event.enrollment_id, found.event.data)
    return told | {"organization": found.group_id, "stage": marks}


def webhook(found: Hook) -> Document:
    """A webhook; its address without the query, which may hold a secret."""
    hidden = ("generation", "derive_key_id", "cursor", "tries", "next_try_at")
    same = _placed(found, *hidden)
    return same | {"url": shown(found.url), "kinds": list(found.kinds), "state": found.state.value}


def delivery(found: HookDelivery) -> Document:
    """One event for one webhook, and what came of it."""
    later = found.next_try_at if found.state is DeliveryState.WAITING else None
    return _but(found, "webhook_id") | {"state": found.state.value, "next_try_at": later}


def alert(found: Alert) -> Document:
    """Something amiss, with what it means and what to do."""
    kind = ALERT_KINDS.get(found.kind)
    words = {
        "severity": kind.severity.value if kind else "warning",
        "title": kind.title if kind else found.kind,
        "text": kind.meaning if kind else "",
        "remedy": kind.remedy if kind else "",
    }
    return _placed(found, "subject", "first_at") | words


def alert_routes(found: RoutesAt) -> Document:
    """Who is told of alerts at an organization."""
    routes = found.routes
    return {
        "organization": found.organization.group_id,
        "roles": list(routes.roles),
        "addresses": list(routes.addresses),
        "switched_off": list(routes.switched_off),
        "source": routes.source,
        "people": found.people,
    }


def alert_test(found: AlertTest) -> Document:
    """A test, and what came of it so far."""
    tried = [
        {"way": each.way, "to": each.target, "state": each.state, "reason": each.reason}
        for each in found.tried
    ]
    return {"id": found.id, "over": found.over, "tried": tried}


def import_job(found: ImportJob) -> dict[str, Any]:
    """An import."""
    return {
        "id": found.id,
        "state": found.state.value,
        "name": found.name,
        "description": found.description,
        "kind": found.kind,
        "organization": found.group_id,
        "organization_id": found.organization_id,
        "rows": found.rows,
        "done": found.done,
        "made": found.made,
        "changed": found.changed,
        "unchanged": found.unchanged,
        "refused": found.refused,
        "reason": found.reason,
        "created_by": found.maker,
        "created_at": found.created_at,
        "ended_at": found.ended_at,
    }


def wave(found: Wave) -> Document:
    """A wave."""
    plan = found.plan
    return {
        "id": found.id,
        "state": found.state.value,
        "name": plan.name,
        "organization": found.group_id,
        "organization_id": found.organization_id,
        "platform": plan.platform,
        "ownership": plan.ownership,
        "device_name": plan.device_name,
        "message": {"type": plan.channel, "template": plan.template},
        "expires_in_hours": plan.hours,
        "per_minute": plan.per_minute,
        "canary_percent": plan.canary_percent,
        "canary_needs": plan.canary_needs,
        "remind_hours": plan.remind_hours,
        "people": found.people,
        "canary": found.canary,
        "done": found.done,
        "reason": found.reason,
        "created_by": found.maker,
        "created_at": found.created_at,
        "ended_at": found.ended_at,
    }


def wave_standing(found: Standing) -> Document:
    """A wave, and how far its people are."""
    counts = {state.value: count for state, count in found.counts.items()}
    return wave(found.wave) | {"counts": counts, "canaries_enrolled": found.canaries_enrolled}


def wave_member(found: Member) -> Document:
    """Somebody whom a wave is for."""
    return _but(found, "username", "state") | {"user": found.username, "state": found.state.value}


def _is_moment(name: str) -> bool:
    """Whether a value of an event's data is a moment; only its name tells."""
    return name == "moment" or name.endswith("_at")


def _but(found: Any, *hidden: str) -> Document:
    """Every value by its name, but some."""
    return {
        field.name: getattr(found, field.name)
        for field in fields(found)
        if field.name not in hidden
    }


def _placed(found: Any, *hidden: str) -> Document:
    """Likewise, with the organization by its Group ID."""
    same = _but(found, "group_id", "organization_path", *hidden)
    return same | {"organization": found.group_id}


def _person(username: str, user_id: Id | None) -> Document:
    """Who it is about, or nobody whom the reader may know."""
    return {"user": username or None, "user_id": user_id if username else None}
