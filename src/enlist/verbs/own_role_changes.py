"""Changing and deleting a role that an organization put together.

Either counts at the next request of everybody who holds it, so nobody does it to a role that
somebody with more rights than his own holds, and deleting says what becomes of its holders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.access import OwnRole
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.outcomes import Done, FieldError, Refusal, invalid
from enlist.core.permissions import Permission, permissions_named
from enlist.store import events, organizations, own_roles, roles
from enlist.store.own_roles import Holder
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.editing import before_and_after, edited_since
from enlist.verbs.fields import Fields
from enlist.verbs.finding import beyond
from enlist.verbs.own_roles import (
    AnyRole,
    listed,
    read_name,
    read_permissions,
    role_at,
    role_with_id,
    taken,
    told,
    too_much,
    unchanged,
)
from enlist.verbs.rights import fresh, missing


@dataclass(frozen=True, slots=True)
class Editing:
    """A role that the caller may change, and who held it when that was decided."""

    role: OwnRole
    holders: tuple[Holder, ...]


def _editable(tx: Reader, caller: Caller, role_id: str, version: int | None) -> Editing | Refusal:
    """A role that the caller may change: it, and whoever holds it, has no more rights than he."""
    found = role_with_id(tx, caller, role_id, Permission.ROLES_EDIT)
    if isinstance(found, Refusal):
        return found
    refusal = too_much(caller, found.organization_path, found.permissions, found.subjects)
    refusal = refusal or fresh(caller, tx.now) or edited_since(found, version)
    holders = own_roles.holders(tx, found.id)
    for user_id in () if refusal else dict.fromkeys(each.user_id for each in holders):
        refusal = refusal or beyond(tx, caller, user_id, found.subjects)
    return refusal or Editing(found, holders)


def _settle(tx: Tx, editing: Editing, instead: AnyRole | None = None) -> None:
    """Keep a role and its holders as they were seen, until the end of the transaction.

    What they get instead is kept with it, in the order of the ids: else two that delete each
    other's role would wait for each other.
    """
    role = editing.role
    for each in sorted({role.id} | ({instead.key} if instead and instead.version else set())):
        if not own_roles.hold(tx, each):
            raise ConcurrentChange
    if own_roles.holders(tx, role.id) != editing.holders:
        raise ConcurrentChange


_CHANGES: Final = ("name", "description", "permissions")


@dataclass(frozen=True)
class ChangeOwnRole(Verb[Editing, tuple[Editing, OwnRole], OwnRole]):
    """Change a role, at once for all who hold it.

    Attributes:
        version: the version that was edited; a newer one in the store refuses the change.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`,
    `precondition_failed`.
    """

    role: str
    changes: Mapping[str, str | tuple[str, ...]]
    version: int | None = None

    name = "change_role"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Editing | Refusal:
        found = _editable(tx, caller, self.role, self.version)
        if isinstance(found, Refusal):
            return found
        wanted, role = permissions_named(self.changes.get("permissions", ())), found.role
        return too_much(caller, role.organization_path, wanted, role.subjects) or found

    def work(
        self, tools: Tools, caller: Caller, seen: Editing
    ) -> tuple[Editing, OwnRole] | Refusal:
        read, after = Fields(), seen.role
        for key, value in self.changes.items():
            if key == "name" and isinstance(value, str):
                after = replace(after, name=read_name(read, value))
            elif key == "description" and isinstance(value, str):
                after = replace(after, description=read.read(key, value, fields.line))
            elif key == "permissions" and isinstance(value, tuple):
                after = replace(after, permissions=read_permissions(read, value))
            else:
                read.errors.append(FieldError(key, "cannot be changed"))
        if read.refusal is not None:
            return replace(read.refusal, about=seen.role.subjects)
        return seen, after

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[Editing, OwnRole]
    ) -> Done[OwnRole] | Refusal:
        seen, after = ready
        before = seen.role
        _settle(tx, seen)
        if not own_roles.change(tx, after):
            raise ConcurrentChange
        data = {**told(after), **before_and_after(before, after, _CHANGES, _in_words)}
        events.record(tx, caller, Happening("role.changed", after.subjects, data))
        return Done(replace(after, version=before.version + 1))

    def clash(self, index: str) -> Refusal | None:
        return taken(index)


@dataclass(frozen=True, slots=True)
class Deleting:
    """A role that is to go, and what whoever holds it gets in its place."""

    seen: Editing
    instead: AnyRole | None


@dataclass(frozen=True)
class DeleteOwnRole(QuickVerb[Deleting, int]):
    """Delete a role; where somebody holds it, say what becomes of that. Answers how often it was.

    Attributes:
        withdraw: take it from everybody who holds it.
        instead: a role that they get for it, by name or id; "" for none.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`,
    `precondition_failed`, `conflict` while somebody holds it and nothing is said of that.
    """

    role: str
    version: int | None = None
    withdraw: bool = False
    instead: str = ""

    name = "delete_role"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Deleting | Refusal:
        seen = _editable(tx, caller, self.role, self.version)
        if isinstance(seen, Refusal):
            return seen
        if not self.instead:
            return Deleting(seen, None)
        if self.withdraw:
            return invalid("instead", "take the role away, or give another for it; not both")
        instead = _in_place_of(tx, seen.role, self.instead)
        if isinstance(instead, Refusal):
            return instead
        role = seen.role
        refusal = too_much(caller, role.organization_path, instead.permissions, role.subjects)
        return refusal or Deleting(seen, instead)

    def apply(self, tx: Tx, caller: Caller, ready: Deleting) -> Done[int] | Refusal:
        role, instead, holders = ready.seen.role, ready.instead, ready.seen.holders
        _settle(tx, ready.seen, instead)
        if holders and not self.withdraw and instead is None:
            detail = "Somebody holds this role. Say whether it is taken away, or what they get."
            return Refusal("conflict", detail=detail, about=role.subjects)
        if instead is not None and not unchanged(tx, instead):
            raise ConcurrentChange
        for each in holders:
            _exchange(tx, caller, each, role, instead)
        if not own_roles.delete(tx, role):
            raise ConcurrentChange
        data = {**told(role), "permissions": listed(role.permissions), "held": len(holders)}
        events.record(tx, caller, Happening("role.deleted", role.subjects, data))
        return Done(len(holders))


def _in_place_of(tx: Reader, role: OwnRole, named: str) -> AnyRole | Refusal:
    """Another role that can be given wherever this one can."""
    place = organizations.find(tx, role.organization_id)
    if place is None:
        return missing("role", role.subjects)
    found = role_at(tx, place, named, "instead")
    if isinstance(found, AnyRole) and found.key == role.id:
        return invalid("instead", "is the role that is deleted")
    return found


def _exchange(
    tx: Tx, caller: Caller, holder: Holder, role: OwnRole, instead: AnyRole | None
) -> None:
    """Take the role from somebody, and give him another; each is an event about him."""
    where = {"on": holder.place_id, "group_id": holder.group_id}
    personal = {"user": holder.username}
    data = {**told(role), **where}
    events.record(tx, caller, Happening("role.revoked", holder.subjects, data, personal))
    if instead is None or not roles.grant(tx, holder.user_id, holder.place_id, instead.key):
        return
    data = {**instead.told, **where}
    events.record(tx, caller, Happening("role.granted", holder.subjects, data, personal))


def _in_words(role: OwnRole, name: str) -> str:
    return listed(role.permissions) if name == "permissions" else str(getattr(role, name))
