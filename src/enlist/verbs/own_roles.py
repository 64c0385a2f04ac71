"""Roles that an organization puts together from permissions, beside the built-in ones.

They can be given where they were made and below. Nobody makes, changes or gives a role that holds
more than he does himself, nor changes what somebody with more rights holds: else a role would be
a way to rights that nobody gave. A change counts at once, for everybody who holds the role.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.access import OwnRole
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id, parse_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import (
    NEVER_IN_A_ROLE,
    ROLES,
    Permission,
    Role,
    held_at,
    permissions_named,
)
from enlist.store import events, organizations, own_roles
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import Tools, Verb, View
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import fresh, lacks, missing

GIVEABLE: Final = tuple(each for each in Permission if each not in NEVER_IN_A_ROLE)
"""The catalogue that roles are put together from."""


@dataclass(frozen=True, slots=True)
class AnyRole:
    """A role as it is given: built in, or an organization's own.

    Attributes:
        key: what an assignment names: the name of a built-in one, the id of an own one.
        version: of an own one; 0 where it is built in.
    """

    key: str
    name: str
    permissions: frozenset[Permission]
    version: int = 0

    @property
    def told(self) -> dict[str, str]:
        """What events name; the id as well, because a name may change."""
        return {"role": self.name, **({"role_id": self.key} if self.version else {})}


def role_at(tx: Reader, place: Organization, named: str, field: str = "role") -> AnyRole | Refusal:
    """The role of this name or id that can be given at a place; the nearest, of one name.

    Refusals: `validation_failed` at `field`.
    """
    if named in set(Role):
        return AnyRole(named, named, ROLES[Role(named)])
    by_id, folded = parse_id(named), named.casefold()
    for each in own_roles.usable(tx, place.path):
        if each.id == by_id or each.name.casefold() == folded:
            return AnyRole(each.id, each.name, each.permissions, each.version)
    return invalid(field, f"must be one of {', '.join(Role)}, or a role of this organization")


def permissions_at(tx: Reader, place: Organization, key: str) -> frozenset[Permission]:
    """What the role of an assignment comes to; nothing where it is gone."""
    role = role_at(tx, place, key)
    return frozenset() if isinstance(role, Refusal) else role.permissions


def unchanged(tx: Tx, role: AnyRole) -> bool:
    """Whether a role still is what it was, and stays so until the end of the transaction."""
    if not role.version:
        return True
    held = own_roles.hold(tx, role.key)
    now = own_roles.find(tx, role.key) if held else None
    return now is not None and now.version == role.version


@dataclass(frozen=True)
class ListOwnRoles(View[tuple[OwnRole, ...]]):
    """The roles that can be given at an organization besides the built-in ones; "" is one's own.

    Attributes:
        below: those as well that the organizations below put together, which count there alone.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""
    below: bool = False

    def read(self, tx: Reader, caller: Caller) -> tuple[OwnRole, ...] | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.STAFF_READ)
        if isinstance(place, Refusal):
            return place
        below = own_roles.below(tx, place.path) if self.below else []
        return (*own_roles.usable(tx, place.path), *below)


@dataclass(frozen=True)
class ShowOwnRole(View[OwnRole]):
    """A role that an organization put together.

    Refusals: `not_found`, `forbidden`.
    """

    role: str

    def read(self, tx: Reader, caller: Caller) -> OwnRole | Refusal:
        return _seen(tx, caller, self.role)


def _seen(tx: Reader, caller: Caller, role_id: str) -> OwnRole | Refusal:
    """A role as its organization and those below it know it."""
    found = with_id(tx, role_id, own_roles.find, "role")
    if isinstance(found, Refusal) or caller.may(Permission.STAFF_READ, found.organization_path):
        return found
    below = [
        right.path
        for right in caller.rights
        if Permission.STAFF_READ in right.permissions
        and right.path.startswith(found.organization_path)
    ]
    if below:  # who else holds it is the business of those above
        return own_roles.find(tx, found.id, min(below, key=len)) or missing("role")
    return lacks(caller, Permission.STAFF_READ, found.organization_path, found.subjects) or found


def role_with_id(
    tx: Reader, caller: Caller, role_id: str, permission: Permission
) -> OwnRole | Refusal:
    """The role with this id, where the caller holds the permission at its organization."""
    found = with_id(tx, role_id, own_roles.find, "role")
    if isinstance(found, Refusal):
        return found
    return lacks(caller, permission, found.organization_path, found.subjects) or found


def too_much(
    caller: Caller, path: str, permissions: frozenset[Permission], about: Subjects
) -> Refusal | None:
    """`forbidden` where a role would hold more than whoever makes it (S51)."""
    if permissions <= held_at(caller.rights, path):
        return None
    return Refusal("forbidden", about=about, reason="more than he holds himself")


def read_permissions(read: Fields, names: Sequence[str]) -> frozenset[Permission]:
    """The permissions of a role as they were asked for."""
    unknown = [name for name in names if name not in GIVEABLE]
    if unknown:
        read.errors.append(
            FieldError("permissions", f"no role can hold {', '.join(unknown)[:200]}")
        )
    elif not names:
        read.errors.append(FieldError("permissions", "choose one at least"))
    return permissions_named(names)


def read_name(read: Fields, name: str) -> str:
    """A role's name; it must not be mistaken for a built-in one or an id, as either names one."""
    if name.strip().casefold() in set(Role):
        read.errors.append(FieldError("name", "is the name of a built-in role"))
    elif parse_id(name.strip()):
        read.errors.append(FieldError("name", "must not look like an id"))
    return read.read("name", name, fields.label)


@dataclass(frozen=True)
class AddOwnRole(Verb[Organization, OwnRole, OwnRole]):
    """Put a role together; it can be given in this organization and below.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`.
    """

    organization: str
    name_of_role: str
    permissions: tuple[str, ...]
    description: str = ""

    name = "add_role"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.ROLES_EDIT)
        if isinstance(place, Refusal):
            return place
        about, wanted = Subjects(place.id), permissions_named(self.permissions)
        return too_much(caller, place.path, wanted, about) or fresh(caller, tx.now) or place

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> OwnRole | Refusal:
        now, read = tools.clock(), Fields()
        role = OwnRole(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            group_id=seen.group_id,
            name=read_name(read, self.name_of_role),
            description=read.read("description", self.description, fields.line),
            permissions=read_permissions(read, self.permissions),
            created_at=now,
        )
        return read.refusal or role

    def apply(self, tx: Tx, caller: Caller, ready: OwnRole) -> Done[OwnRole] | Refusal:
        own_roles.insert(tx, ready)
        if organizations.find(tx, ready.organization_id) is None:
            raise ConcurrentChange
        data = {**told(ready), "permissions": listed(ready.permissions)}
        events.record(tx, caller, Happening("role.created", ready.subjects, data))
        return Done(ready)

    def clash(self, index: str) -> Refusal | None:
        return taken(index)

    def made(self, value: OwnRole) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class OwnRoleAgain(Again[OwnRole]):
    """The answer of an earlier AddOwnRole once more, for its Idempotency-Key."""

    role_id: Id

    name = "role_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> OwnRole | Refusal:
        return role_with_id(tx, caller, self.role_id, Permission.STAFF_READ)


def told(role: OwnRole) -> dict[str, str | int | bool | None]:
    """What every event about a role names."""
    return {"role": role.name, "role_id": role.id}


def listed(permissions: frozenset[Permission]) -> str:
    """Permissions as an event keeps them."""
    return ", ".join(sorted(permissions))


def taken(index: str) -> Refusal | None:
    """What the unique index of roles stands for."""
    if "own_role" not in index:
        return None
    return invalid("name", "is the name of another role of this organization")
