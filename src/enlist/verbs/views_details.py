"""One thing with all that belongs to it: what a detail page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from enlist.core.access import RoleAssignment
from enlist.core.caller import Caller
from enlist.core.ids import Id, parse_id
from enlist.core.lifecycle import AttemptState
from enlist.core.model import (
    Attempt,
    Credential,
    Device,
    Enrollment,
    EventRow,
    Message,
    Organization,
    Staging,
    User,
    UserGroup,
)
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy, SettingValue
from enlist.store import (
    attempts,
    credentials,
    devices,
    enrollment_status,
    enrollments,
    events,
    groups,
    offboardings,
    organizations,
    outbox,
    roles,
    second_factors,
    sign_ins,
    users,
)
from enlist.store.listing import MOST_PER_PAGE, Page, PageRequest
from enlist.store.offboardings import Planned
from enlist.store.second_factors import SecondFactor
from enlist.store.tx import Reader
from enlist.verbs.authorizing import places_of
from enlist.verbs.driver import View
from enlist.verbs.finding import device_named, enrollment_named, organization_named, user_named
from enlist.verbs.naming import discreetly, strangers
from enlist.verbs.rights import missing
from enlist.verbs.sign_in import IDLE
from enlist.verbs.staging import stager_of
from enlist.verbs.views import T, discreet, topmost, veiled

_FEW = 20
_STORY = 50
"""Events that a page tells by itself."""

Placed = TypeVar("Placed", Enrollment, Attempt, Message)


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """A device and its whole story. Lists are newest first.

    `user` is None, too, where the caller may not know whose it is: `device.username` is "" then.
    `deleted_at` is when the newest of all its enrollments was deleted, which `enrollments` leaves
    out; None where it was not.

    A device that came from another organization left its story there: it is told to those who may
    see that organization as well, and `withheld` says that something was left out.

    `staging` is the type by which it can be handed out as it is, and `staged_by` whose it is: None
    where the caller may not know him.
    """

    device: Device
    user: User | None
    enrollments: tuple[Enrollment, ...]
    credentials: tuple[Credential, ...]
    attempts: tuple[Attempt, ...]
    messages: tuple[Message, ...]
    timeline: Page[EventRow]
    deleted_at: int | None
    withheld: bool = False
    staging: Staging = Staging.DISABLED
    staged_by: User | None = None


@dataclass(frozen=True)
class ShowDevice(View[DeviceDetail]):
    """Refusals: `not_found`, `forbidden`."""

    device_id: str

    def read(self, tx: Reader, caller: Caller) -> DeviceDetail | Refusal:
        device = device_named(tx, caller, self.device_id, Permission.DEVICES_READ)
        if isinstance(device, Refusal):
            return device
        past, stager = _Past(tx, caller, device), stager_of(tx, device)
        sees_enrollments = caller.may(Permission.ENROLLMENTS_READ, device.organization_path)
        found = enrollment_status.of_device(tx, device.id)
        tries = attempts.of_device(tx, device.id)
        sent = outbox.of_device(tx, device.id)
        return DeviceDetail(
            discreetly(tx, caller, [device])[0],
            _user(tx, caller, device.user_id),
            discreetly(tx, caller, past.seen(found, Permission.ENROLLMENTS_READ)),
            tuple(credentials.of_device(tx, device.id)),
            tuple(past.seen(tries, Permission.ENROLLMENTS_READ)),
            discreetly(tx, caller, past.seen(sent, Permission.MESSAGES_READ)),
            past.timeline(),
            enrollments.newest_deleted_at(tx, device.id) if sees_enrollments else None,
            past.withheld(),
            stager.staging if stager else Staging.DISABLED,
            _user(tx, caller, stager.id) if stager else None,
        )


class _Past:
    """What a device left in organizations where it was before.

    Siblings never see each other; staff of what is above both may see all of it.
    """

    def __init__(self, tx: Reader, caller: Caller, device: Device) -> None:
        self._tx, self._caller, self._device = tx, caller, device
        self._paths = {device.organization_id: device.organization_path}

    def seen(self, items: Sequence[Placed], permission: Permission) -> list[Placed]:
        """Those that the caller may see where they were made."""
        return [
            each for each in items if self._caller.may(permission, self._path(each.organization_id))
        ]

    def _path(self, organization_id: Id) -> str:
        if organization_id not in self._paths:
            place = organizations.find(self._tx, organization_id)
            self._paths[organization_id] = place.path if place else ""
        return self._paths[organization_id]

    def timeline(self) -> Page[EventRow]:
        """The newest events, here and elsewhere: each as it is told where it happened."""
        tx, caller, here = self._tx, self._caller, self._device.organization_path
        filters = {"device": self._device.id}
        first = timeline(tx, caller, here, filters)
        if all(path.startswith(here) for path in self._places):
            return first
        pages = [first, *(timeline(tx, caller, at, filters) for at in self._elsewhere())]
        found = {event.id: event for page in reversed(pages) for event in page.items}
        newest = sorted(found.values(), key=lambda event: event.id, reverse=True)
        more = next((page.next_cursor for page in pages if page.next_cursor), None)
        return Page(tuple(newest[:_STORY]), more)

    @cached_property
    def _places(self) -> list[str]:
        return events.places_of_device(self._tx, self._device.id)

    def _elsewhere(self) -> list[str]:
        return [
            path for path in self._places if not path.startswith(self._device.organization_path)
        ]

    def withheld(self) -> bool:
        """Whether something happened where the caller may see no events."""
        return not all(self._caller.may(Permission.EVENTS_READ, path) for path in self._places)


@dataclass(frozen=True, slots=True)
class EnrollmentDetail:
    """An enrollment and what happened around it; never its token. `user` as in DeviceDetail."""

    enrollment: Enrollment
    user: User | None
    device: Device | None
    attempts: tuple[Attempt, ...]
    messages: tuple[Message, ...]
    timeline: Page[EventRow]


@dataclass(frozen=True)
class ShowEnrollment(View[EnrollmentDetail]):
    """Refusals: `not_found`, `forbidden`."""

    enrollment_id: str

    def read(self, tx: Reader, caller: Caller) -> EnrollmentDetail | Refusal:
        found = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_READ)
        if isinstance(found, Refusal):
            return found
        path = found.organization_path
        sees_messages = caller.may(Permission.MESSAGES_READ, path)
        device = devices.find(tx, found.device_id) if found.device_id else None
        sent = outbox.of_enrollment(tx, found.id) if sees_messages else ()
        tries = tuple(attempts.of_enrollment(tx, found.id))
        going = any(t.state is AttemptState.OPEN and t.expires_at > tx.now for t in tries)
        standing = enrollment_status.with_token_types(tx, [replace(found, in_progress=going)])
        return EnrollmentDetail(
            discreetly(tx, caller, standing)[0],
            _user(tx, caller, found.user_id),
            None if device is None else discreetly(tx, caller, [device])[0],
            tries,
            discreetly(tx, caller, sent),
            timeline(tx, caller, path, {"enrollment": found.id}),
        )


def _user(tx: Reader, caller: Caller, user_id: Id | None) -> User | None:
    """A user, unless the caller may not know him."""
    if user_id is None or strangers(tx, caller, [user_id]):
        return None
    return users.find(tx, user_id)


@dataclass(frozen=True, slots=True)
class UserDetail:
    """A person with what he holds. `sign_ins` is how many of his are alive.

    `second_factor` is None where he has set up none; `authorized` is where he may enroll, the
    default first.

    `attempts` are those that he began by signing in; those with a token are its enrollment's.
    `offboarding` is what is planned, for those who may plan it.
    """

    user: User
    roles: tuple[RoleAssignment, ...]
    devices: Page[Device]
    enrollments: Page[Enrollment]
    sign_ins: int
    attempts: tuple[Attempt, ...]
    timeline: Page[EventRow]
    offboarding: Planned | None = None
    groups: tuple[UserGroup, ...] = ()
    second_factor: SecondFactor | None = None
    authorized: tuple[Organization, ...] = ()


@dataclass(frozen=True)
class ShowUser(View[UserDetail]):
    """A user by id or name. Everybody may look at himself.

    Refusals: `not_found`, `forbidden`.
    """

    user: str

    def read(self, tx: Reader, caller: Caller) -> UserDetail | Refusal:
        own = users.find(tx, caller.id) if caller.id else None
        himself = own is not None and self.user in (own.id, own.username)
        found = own if own is not None and himself else user_named(tx, caller, self.user)
        if isinstance(found, Refusal):
            return found
        path = found.organization_path
        request = PageRequest(path, filters={"user": found.id}, limit=_FEW)
        sees_devices = himself or caller.may(Permission.DEVICES_READ, path)
        sees_enrollments = himself or caller.may(Permission.ENROLLMENTS_READ, path)
        return UserDetail(
            found,
            tuple(roles.of_user(tx, found.id)),
            sure(devices.page(tx, request)) if sees_devices else Page(()),
            sure(enrollment_status.page(tx, request)) if sees_enrollments else Page(()),
            len(sign_ins.of_user(tx, found.id, tx.now - IDLE)),
            tuple(attempts.of_user(tx, found.id)) if sees_enrollments else (),
            timeline(tx, caller, path, {"user": found.id}),
            offboardings.find(tx, found.id) if caller.may(Permission.USERS_EDIT, path) else None,
            tuple(
                each
                for each in groups.with_member(tx, found.id, MOST_PER_PAGE)
                if caller.may(Permission.USERS_READ, each.organization_path)
            ),
            second_factors.find(tx, found.id),
            places_of(tx, found),
        )


@dataclass(frozen=True, slots=True)
class OrganizationDetail:
    """An organization, the settings in force with their sources, and its own settings.

    `parent` is None at the root, and where the caller may not see it; `above` is what would be
    inherited, None at the root.
    """

    organization: Organization
    policy: EnrollmentPolicy
    own: Mapping[str, SettingValue]
    parent: Organization | None
    children: tuple[Organization, ...]
    above: EnrollmentPolicy | None


@dataclass(frozen=True)
class ShowOrganization(View[OrganizationDetail]):
    """An organization by id or Group ID; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> OrganizationDetail | Refusal:
        named = self.organization or caller.organization_id or ""
        found = organization_named(tx, caller, named)
        if isinstance(found, Refusal):
            return found
        parent = organizations.find(tx, found.parent_id) if found.parent_id else None
        if parent is not None and not caller.may(Permission.ORGANIZATIONS_READ, parent.path):
            parent = None
        return OrganizationDetail(
            found,
            organizations.policy(tx, found.path),
            organizations.own_settings(tx, found.path),
            parent,
            tuple(organizations.children(tx, found.id)),
            organizations.policy_above(tx, found),
        )


@dataclass(frozen=True)
class ShowEvent(View[EventRow]):
    """Refusals: `not_found`, `forbidden`."""

    event_id: str

    def read(self, tx: Reader, caller: Caller) -> EventRow | Refusal:
        by_id = parse_id(self.event_id)
        if by_id is None:
            return missing("event")
        return event_with(tx, caller, {"id": by_id})


def event_with(tx: Reader, caller: Caller, filters: Mapping[str, str]) -> EventRow | Refusal:
    """The event that these filters single out, wherever the caller may read events."""
    paths = topmost(caller, Permission.EVENTS_READ)
    for path in paths:
        narrowed = {**filters, **discreet(caller, path)}
        request = PageRequest(path, filters=narrowed, limit=1)
        found = veiled(tx, caller, path, sure(events.page(tx, request)))
        if found.items:
            return found.items[0]
    if not paths:
        return Refusal("forbidden", reason=f"lacks {Permission.EVENTS_READ}")
    return missing("event")


def timeline(
    tx: Reader, caller: Caller, path: str, filters: Mapping[str, str], limit: int = _STORY
) -> Page[EventRow]:
    """The newest events about something at `path`; empty where the caller may see none."""
    if not caller.may(Permission.EVENTS_READ, path):
        return Page(())
    request = PageRequest(path, filters={**filters, **discreet(caller, path)}, limit=limit)
    return veiled(tx, caller, path, sure(events.page(tx, request)))


def sure(found: Page[T] | Refusal) -> Page[T]:
    """A page that was asked for with fixed filters, and so cannot be refused."""
    assert isinstance(found, Page)
    return found
