"""Local groups: sets of users, for restrictions and whatever else is said of many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization, User, UserGroup
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import events, groups, organizations, restrictions
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.editing import before_and_after, edited_since, read_changes
from enlist.verbs.fields import Fields
from enlist.verbs.finding import group_named, organization_named
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import missing
from enlist.verbs.users import editable_user
from enlist.verbs.views import Listed

LOCAL: Final = "local"
_CHECKS: Final = {"name": fields.label, "description": fields.line}


@dataclass(frozen=True)
class ListGroups(Listed[UserGroup]):
    """Groups of users. Filters: source."""

    permission = Permission.USERS_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[UserGroup] | Refusal:
        return groups.page(tx, request)


@dataclass(frozen=True)
class ShowGroup(View[UserGroup]):
    """A group. Its members are a list of users, filtered by it.

    Refusals: `not_found`, `forbidden`.
    """

    group: str

    def read(self, tx: Reader, caller: Caller) -> UserGroup | Refusal:
        return group_named(tx, caller, self.group)


@dataclass(frozen=True)
class AddGroup(Verb[Organization, UserGroup, UserGroup]):
    """Add a group, empty.

    Refusals: `not_found`, `forbidden`, `validation_failed`, also where its name is taken.
    """

    organization: str
    name_of_group: str
    description: str = ""

    name = "add_group"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        named = self.organization or caller.organization_id or ""
        return organization_named(tx, caller, named, Permission.USERS_EDIT)

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> UserGroup | Refusal:
        now, read = tools.clock(), Fields()
        group = UserGroup(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            group_id=seen.group_id,
            name=read.read("name", self.name_of_group, fields.label),
            description=read.read("description", self.description, fields.line),
            source=LOCAL,
            created_at=now,
        )
        return read.refusal or group

    def apply(self, tx: Tx, caller: Caller, ready: UserGroup) -> Done[UserGroup] | Refusal:
        groups.insert(tx, ready)
        if organizations.find(tx, ready.organization_id) is None:
            raise ConcurrentChange
        data = {"group": ready.id, "name": ready.name}
        events.record(tx, caller, Happening("group.created", ready.subjects, data))
        return Done(ready)

    def clash(self, index: str) -> Refusal | None:
        return taken(index)

    def made(self, value: UserGroup) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class GroupAgain(Again[UserGroup]):
    """The answer of an earlier AddGroup once more, for its Idempotency-Key."""

    group_id: Id

    name = "group_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> UserGroup | Refusal:
        return group_named(tx, caller, self.group_id)


@dataclass(frozen=True)
class ChangeGroup(Verb[UserGroup, tuple[UserGroup, UserGroup], UserGroup]):
    """Change the name or the description of a local group.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `precondition_failed`, `conflict` where
    another system keeps it.
    """

    group: str
    changes: Mapping[str, str]
    version: int | None = None

    name = "change_group"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> UserGroup | Refusal:
        found = editable(tx, caller, self.group)
        return found if isinstance(found, Refusal) else edited_since(found, self.version) or found

    def work(
        self, tools: Tools, caller: Caller, seen: UserGroup
    ) -> tuple[UserGroup, UserGroup] | Refusal:
        wanted = read_changes(self.changes, _CHECKS, seen.subjects)
        if isinstance(wanted, Refusal):
            return wanted
        return seen, replace(seen, version=seen.version + 1, **wanted)

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[UserGroup, UserGroup]
    ) -> Done[UserGroup] | Refusal:
        before, after = ready
        if not groups.change(tx, after, before.version):
            raise ConcurrentChange
        data = {"group": after.id, "name": after.name, **before_and_after(before, after, _CHECKS)}
        events.record(tx, caller, Happening("group.changed", after.subjects, data))
        return Done(after)

    def clash(self, index: str) -> Refusal | None:
        return taken(index)


@dataclass(frozen=True)
class DeleteGroup(QuickVerb[UserGroup, None]):
    """Delete a local group; its members stay, and are members no more.

    Refusals: `not_found`, `forbidden`, `conflict` where another system keeps it, or a restriction
    counts for it.
    """

    group: str

    name = "delete_group"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> UserGroup | Refusal:
        return editable(tx, caller, self.group)

    def apply(self, tx: Tx, caller: Caller, ready: UserGroup) -> Done[None] | Refusal:
        organizations.lock(tx, ready.organization_id)
        used = restrictions.naming(tx, ready.id)
        if used is not None:
            detail = "An enrollment restriction counts for this group. Delete or change that first."
            return Refusal("conflict", detail=detail, about=ready.subjects, reason=used.name)
        if not groups.delete(tx, ready.id):
            return missing("group", ready.subjects)
        data: dict[str, str | int] = {"group": ready.id, "name": ready.name}
        data["members"] = ready.members
        events.record(tx, caller, Happening("group.deleted", ready.subjects, data))
        return Done(None)


@dataclass(frozen=True, slots=True)
class Membership:
    """A group, and a user who is to be in it, or not."""

    group: UserGroup
    user: User


@dataclass(frozen=True)
class AddMember(QuickVerb[Membership, None]):
    """Make a user a member of a local group; nothing happens where he is one.

    Attributes:
        user: id or user name.

    Refusals: `not_found`, `forbidden`, `validation_failed` for a user from outside of the group's
    organization, `conflict` where another system keeps the group.
    """

    group: str
    user: str

    name = "add_member"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Membership | Refusal:
        group = editable(tx, caller, self.group)
        if isinstance(group, Refusal):
            return group
        user = editable_user(tx, caller, self.user)
        if isinstance(user, Refusal):
            return user
        if not user.organization_path.startswith(group.organization_path):
            return invalid("user", "does not belong to the group's organization, nor below it")
        return Membership(group, user)

    def apply(self, tx: Tx, caller: Caller, ready: Membership) -> Done[None] | Refusal:
        if groups.add_member(tx, ready.group.id, ready.user.id):
            _record(tx, caller, "group.member_added", ready)
        elif groups.find(tx, ready.group.id) is None:
            raise ConcurrentChange
        return Done(None)


@dataclass(frozen=True)
class RemoveMember(QuickVerb[Membership, None]):
    """End a membership of a local group; nothing happens where there is none.

    Refusals: `not_found`, `forbidden`, `conflict` where another system keeps the group.
    """

    group: str
    user: str

    name = "remove_member"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Membership | Refusal:
        group = editable(tx, caller, self.group)
        if isinstance(group, Refusal):
            return group
        user = editable_user(tx, caller, self.user)
        return user if isinstance(user, Refusal) else Membership(group, user)

    def apply(self, tx: Tx, caller: Caller, ready: Membership) -> Done[None] | Refusal:
        if groups.remove_member(tx, ready.group.id, ready.user.id):
            _record(tx, caller, "group.member_removed", ready)
        return Done(None)


def editable(tx: Reader, caller: Caller, named: str) -> UserGroup | Refusal:
    """The group, for a change; `conflict` where its members come from elsewhere."""
    found = group_named(tx, caller, named, Permission.USERS_EDIT)
    if isinstance(found, UserGroup) and found.source != LOCAL:
        detail = "This group is kept by another system; change it there."
        return Refusal("conflict", detail=detail, about=found.subjects)
    return found


def taken(index: str) -> Refusal | None:
    """What the unique index of groups stands for."""
    if "user_group_name" not in index and "name_folded" not in index:
        return None
    return invalid("name", "another group of this organization has this name")


def _record(tx: Tx, caller: Caller, kind: str, ready: Membership) -> None:
    about = Subjects(ready.group.organization_id, ready.user.id)
    data = {"group": ready.group.id, "name": ready.group.name}
    events.record(tx, caller, Happening(kind, about, data, {"user": ready.user.username}))
