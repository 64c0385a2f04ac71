"""Finding an object by id or by name, as far as the caller may see it.

What exists outside a caller's organizations gives the same answer as what does not exist; so do
people who hold roles, and what is theirs, for a caller without `staff:read`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from enlist.core.caller import Caller
from enlist.core.ids import Id, parse_id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Enrollment, Organization, User, UserGroup
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.store import devices, enrollments, groups, organizations, roles, users
from enlist.store.tx import Reader
from enlist.verbs.fields import readable
from enlist.verbs.rights import lacks, missing, outranked

Thing = TypeVar("Thing")
Found = TypeVar("Found", User, Device, Enrollment)


def organization_named(
    tx: Reader,
    caller: Caller,
    named: str,
    permission: Permission = Permission.ORGANIZATIONS_READ,
) -> Organization | Refusal:
    """The organization with this id or Group ID (ruling 31)."""
    by_id = parse_id(named)
    if not readable(named):
        return missing("organization")
    found = organizations.find(tx, by_id) if by_id else organizations.by_group_id(tx, named)
    if found is None:
        return missing("organization")
    return lacks(caller, permission, found.path, Subjects(found.id)) or found


def user_named(
    tx: Reader, caller: Caller, named: str, permission: Permission = Permission.USERS_READ
) -> User | Refusal:
    """The user with this id or user name."""
    by_id = parse_id(named)
    if not readable(named):
        return missing("user")
    found = users.find(tx, by_id) if by_id else users.by_username(tx, named)
    if found is None:
        return missing("user")
    return _allowed(tx, caller, permission, found)


def group_named(
    tx: Reader, caller: Caller, group_id: str, permission: Permission = Permission.USERS_READ
) -> UserGroup | Refusal:
    """The group of users with this id."""
    found = with_id(tx, group_id, groups.find, "group")
    if isinstance(found, Refusal):
        return found
    return lacks(caller, permission, found.organization_path, found.subjects) or found


def device_named(
    tx: Reader, caller: Caller, device_id: str, permission: Permission
) -> Device | Refusal:
    """The device with this id."""
    found = with_id(tx, device_id, devices.find, "device")
    return found if isinstance(found, Refusal) else _allowed(tx, caller, permission, found)


def enrollment_named(
    tx: Reader, caller: Caller, enrollment_id: str, permission: Permission
) -> Enrollment | Refusal:
    """The enrollment with this id."""
    found = with_id(tx, enrollment_id, enrollments.find, "enrollment")
    return found if isinstance(found, Refusal) else _allowed(tx, caller, permission, found)


def with_id(
    tx: Reader, named: str, find: Callable[[Reader, Id], Thing | None], what: str
) -> Thing | Refusal:
    """What has this id, whoever asks; `not_found` where nothing has, or it is no id.

    Args:
        what: how a person calls such a thing.
    """
    by_id = parse_id(named)
    found = find(tx, by_id) if by_id else None
    return missing(what) if found is None else found


def _allowed(tx: Reader, caller: Caller, permission: Permission, found: Found) -> Found | Refusal:
    """What was found, where the caller may; else what to tell him."""
    path, about = found.organization_path, found.subjects
    # Hidden first: that he may not do it would say that there is such a thing (S51).
    if hidden(tx, caller, about.user_id, path):
        return missing("object that he may see", about)
    return lacks(caller, permission, path, about) or found


def hidden(tx: Reader, caller: Caller, user_id: Id | None, path: str) -> bool:
    """Whether the object at `path` is about staff, and staff is none of his business."""
    if user_id is None or user_id == caller.id or caller.may(Permission.STAFF_READ, path):
        return False
    return bool(roles.of_user(tx, user_id))


def enrolled_since(tx: Reader, held: Enrollment) -> Refusal | None:
    """`device_enrolled` where the device of what is on hold was enrolled by a newer token."""
    device = devices.find(tx, held.device_id) if held.device_id else None
    if device is None or device.state is DeviceState.REGISTERED:
        return None
    return Refusal("device_enrolled", about=held.subjects)


def beyond(tx: Reader, caller: Caller, user_id: Id | None, about: Subjects) -> Refusal | None:
    """`forbidden` for acting on someone with more rights, or on what is his (S51, X56)."""
    if user_id is None:
        return None
    return outranked(caller, roles.rights(tx, user_id), about)
