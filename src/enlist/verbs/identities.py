"""Identities: devices as OpenZiti's management API sees them, with what they wait for and hold.

Who may see what is as in Enlist's own lists (`views`): an organization and what lies below it,
without staff's devices for those who may not see staff. What is shown holds no token.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from enlist.core.caller import Caller
from enlist.core.filtering import Selection
from enlist.core.ids import Id
from enlist.core.model import Credential, Device
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import api_sessions, credentials, devices, outstanding
from enlist.store.outstanding import Outstanding
from enlist.store.slices import Slice
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.finding import device_named, enrollment_named
from enlist.verbs.rights import missing
from enlist.verbs.views import scope

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """A device, and what it is to enroll with, authenticates with, and has proved.

    `enrollment` is None, too, where the caller may not see enrollments.
    """

    device: Device
    enrollment: Outstanding | None
    credential: Credential | None
    has_session: bool


class Sliced(View[Slice[T]], Generic[T]):
    """What lists by filter share: whose things they show.

    Refusals: `forbidden`.
    """

    wanted: Selection

    permission: ClassVar[Permission]

    def read(self, tx: Reader, caller: Caller) -> Slice[T] | Refusal:
        path = scope(tx, caller, "", self.permission)
        if isinstance(path, Refusal):
            return path
        discreetly = not caller.may(Permission.STAFF_READ, path)
        return self.show(tx, caller, path, discreetly=discreetly)

    @abstractmethod
    def show(self, tx: Reader, caller: Caller, path: str, *, discreetly: bool) -> Slice[T]:
        """What there is at `path`, once the caller's rights are settled."""


@dataclass(frozen=True)
class ListIdentities(Sliced[Identity]):
    """Devices.

    Attributes:
        idle: after which time without use an API session ends, in microseconds.
    """

    wanted: Selection
    idle: int

    permission = Permission.DEVICES_READ

    def show(self, tx: Reader, caller: Caller, path: str, *, discreetly: bool) -> Slice[Identity]:
        found = devices.selected(tx, path, self.wanted, discreetly=discreetly)
        return Slice(_furnished(tx, caller, found.items, self.idle), found.total)


@dataclass(frozen=True)
class ShowIdentity(View[Identity]):
    """One device; `idle` as in `ListIdentities`.

    Refusals: `not_found`, `forbidden`.
    """

    identity_id: str
    idle: int

    def read(self, tx: Reader, caller: Caller) -> Identity | Refusal:
        device = device_named(tx, caller, self.identity_id, Permission.DEVICES_READ)
        if isinstance(device, Refusal):
            return device
        return _furnished(tx, caller, [device], self.idle)[0]


@dataclass(frozen=True)
class ListOutstanding(Sliced[Outstanding]):
    """One-time JWTs that nobody used yet."""

    wanted: Selection

    permission = Permission.ENROLLMENTS_READ

    def show(
        self, tx: Reader, caller: Caller, path: str, *, discreetly: bool
    ) -> Slice[Outstanding]:
        return outstanding.selected(tx, path, self.wanted, discreetly=discreetly)


@dataclass(frozen=True)
class ShowOutstanding(View[Outstanding]):
    """One of them.

    Refusals: `not_found`, also for an enrollment that was used or has no JWT; `forbidden`.
    """

    enrollment_id: str

    def read(self, tx: Reader, caller: Caller) -> Outstanding | Refusal:
        named = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_READ)
        if isinstance(named, Refusal):
            return named
        return outstanding.find(tx, named.id) or missing("enrollment", named.subjects)


def _furnished(
    tx: Reader, caller: Caller, found: Sequence[Device], idle: int
) -> tuple[Identity, ...]:
    """Devices with what belongs to them, each kind of it read at once."""
    ids: list[Id] = [each.id for each in found]
    waiting = outstanding.of_devices(tx, ids)
    held = credentials.in_use(tx, ids)
    proved = api_sessions.holders(tx, ids, tx.now - idle)
    return tuple(
        Identity(
            each,
            waiting.get(each.id)
            if caller.may(Permission.ENROLLMENTS_READ, each.organization_path)
            else None,
            held.get(each.id),
            each.id in proved,
        )
        for each in found
    )
