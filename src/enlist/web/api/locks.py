"""Locks: who has to wait because something was tried too often, and clearing that."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict

from enlist.core.locks import Lock as StoredLock
from enlist.core.locks import LockCause, LockKind
from enlist.core.locks import Locks as StoredLocks
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import documents
from enlist.verbs.lock_list import ListLocks
from enlist.verbs.locks import ClearLock
from enlist.web.api.bodies import Shown
from enlist.web.api.operations import Asking, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Users")


class Lock(Shown):
    """What is counted of a user, an enrollment, a device or a network."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "user",
                    "id": EXAMPLE_ID,
                    "name": "ada",
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "cause": "wrong_passwords",
                    "counted": 10,
                    "most": None,
                    "until": EXAMPLE_MOMENT,
                    "forgotten_at": EXAMPLE_MOMENT,
                    "network": "",
                }
            ]
        }
    )

    kind: LockKind
    id: str
    """Of the user, enrollment or device; of a network, its first address."""
    name: str
    organization: str | None
    """None for a network, which belongs to no organization."""
    organization_id: str | None
    cause: LockCause
    counted: int
    most: int | None
    """How many there may be; null where each makes the wait longer instead."""
    until: Moment | None
    """When it may be tried again; null where it may be now."""
    forgotten_at: Moment | None
    """When the count ends by itself; null where that ends with the token."""
    network: str
    """Where tries from this network alone are counted, else empty."""

    @classmethod
    def of(cls, found: StoredLock) -> Lock:
        """A lock of the store."""
        return cls(**documents.lock(found))


class Locks(Shown):
    """Locks: of users, then of enrollments, devices and networks; 500 of each at most."""

    items: list[Lock]
    more: list[LockKind]
    """Kinds of which there are more; these are the ones that wait longest."""

    @classmethod
    def of(cls, found: StoredLocks) -> Locks:
        """The locks of the store."""
        return cls(**documents.locks(found))


class Cleared(Shown):
    """What was forgotten."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"counted": 10}]})

    counted: int
    """How many had been counted; 0 where there was nothing to forget."""


@operations.staff("GET", "/locks", Permission.USERS_READ, answers=Locks)
async def list_locks(asking: Staff, organization: Annotated[Line, Query()] = "") -> Locks | Refusal:
    """List who has to wait in an organization and below, why, and until when.

    Enrollments and devices are listed for whoever may read them, networks at the top organization
    for whoever may change its settings.
    """
    found = await asking.do(ListLocks(organization))
    return shown(found, Locks.of)


@operations.staff("DELETE", "/locks/users/{user}", Permission.USERS_EDIT, answers=Cleared)
async def clear_user_lock(asking: Staff, user: str) -> Cleared | Refusal:
    """Forget a user's wrong passwords, password links and attempts; of staff with `roles:edit`."""
    return await _clear(asking, LockKind.USER, user)


@operations.staff(
    "DELETE",
    "/locks/enrollments/{enrollment_id}",
    Permission.USERS_EDIT,
    answers=Cleared,
)
async def clear_enrollment_lock(asking: Staff, enrollment_id: str) -> Cleared | Refusal:
    """Forget the wrong logins with a live token, and the attempts that were begun with it."""
    return await _clear(asking, LockKind.ENROLLMENT, enrollment_id)


@operations.staff("DELETE", "/locks/devices/{device_id}", Permission.DEVICES_EDIT, answers=Cleared)
async def clear_device_lock(asking: Staff, device_id: str) -> Cleared | Refusal:
    """Forget how many certificates and sessions a device asked for."""
    return await _clear(asking, LockKind.DEVICE, device_id)


@operations.staff("DELETE", "/locks/networks/{address}", Permission.SETTINGS_EDIT, answers=Cleared)
async def clear_network_lock(asking: Staff, address: str) -> Cleared | Refusal:
    """Forget what was refused to a network; it takes the permission at the top organization.

    `address` is one in the network: an IPv4 address is one by itself, an IPv6 network is a /64.
    """
    return await _clear(asking, LockKind.NETWORK, address)


async def _clear(asking: Asking, kind: LockKind, named: str) -> Cleared | Refusal:
    cleared = await asking.do(ClearLock(kind, named))
    return shown(cleared, lambda counted: Cleared(counted=counted))
