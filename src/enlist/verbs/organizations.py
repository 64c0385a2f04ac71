"""The tenant tree: adding, changing and deleting organizations, and their settings.

What depends on rows that another change may just be replacing (the parent's settings, whether an
organization is empty) is decided in `apply`, under the organization's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import ChildPermission, EnrollmentPolicy, SettingValue, check_change
from enlist.store import email_domains, events, organizations, roles
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import missing

DEEPEST: Final = 30
"""Levels of the tree. A path must fit into an index entry."""


@dataclass(frozen=True, slots=True)
class Adding:
    """An organization about to be added, and the one above it."""

    parent: Organization
    made: Organization


@dataclass(frozen=True)
class AddOrganization(Verb[Organization, Adding, Organization]):
    """Add an organization below `parent` (id or Group ID; "" for the caller's own).

    Where the parent demands settings of their own from what is below it (`override_only`), the
    new one begins with a copy of those in force (ruling 27).

    Refusals: `not_found`, `forbidden`, `validation_failed`, `group_id_taken`.
    """

    parent: str
    group_id: str
    name_of_organization: str
    time_zone: str = ""
    language: str = ""

    name = "add_organization"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        named = self.parent or caller.organization_id or ""
        parent = organization_named(tx, caller, named, Permission.ORGANIZATIONS_EDIT)
        if isinstance(parent, Refusal):
            return parent
        if parent.path.count("/") >= DEEPEST:
            return invalid("parent", f"is {DEEPEST} levels deep already")
        return parent

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Adding | Refusal:
        now, read = tools.clock(), Fields()
        organization_id = new_id(now)
        made = Organization(
            id=organization_id,
            parent_id=seen.id,
            group_id=read.read("group_id", self.group_id, fields.group_id),
            name=read.read("name", self.name_of_organization, fields.label),
            path=f"{seen.path}{organization_id}/",
            time_zone=read.read("time_zone", self.time_zone, fields.time_zone),
            language=read.read("language", self.language, fields.language),
            created_at=now,
        )
        return read.refusal or Adding(seen, made)

    def apply(self, tx: Tx, caller: Caller, ready: Adding) -> Done[Organization] | Refusal:
        made = ready.made
        organizations.lock(tx, ready.parent.id)
        parent = organizations.find(tx, ready.parent.id)
        if parent is None:
            raise ConcurrentChange
        organizations.insert(tx, made)
        policy = organizations.policy(tx, parent.path)
        copied = policy.child_permission is ChildPermission.OVERRIDE_ONLY
        if copied:
            values = {key: found.value for key, found in policy.settings.items()}
            organizations.put_settings(tx, made.id, values)
        happening = Happening(
            "organization.created",
            Subjects(made.id),
            {"group_id": made.group_id, "name": made.name, "settings_copied": copied},
        )
        events.record(tx, caller, happening)
        return Done(made)

    def clash(self, index: str) -> Refusal | None:
        return Refusal("group_id_taken") if "group_id" in index else None

    def made(self, value: Organization) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class OrganizationAgain(Again[Organization]):
    """The answer of an earlier AddOrganization once more, for its Idempotency-Key."""

    organization_id: Id

    name = "organization_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return organization_named(tx, caller, self.organization_id)


@dataclass(frozen=True)
class ChangeOrganization(Verb[Organization, Mapping[str, str], Organization]):
    """Change an organization's name, time zone or language; None leaves a value as it is.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str
    name_of_organization: str | None = None
    time_zone: str | None = None
    language: str | None = None

    name = "change_organization"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return organization_named(tx, caller, self.organization, Permission.ORGANIZATIONS_EDIT)

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Mapping[str, str] | Refusal:
        read = Fields()
        wanted = {"id": seen.id}
        if self.name_of_organization is not None:
            wanted["name"] = read.read("name", self.name_of_organization, fields.label)
        if self.time_zone is not None:
            wanted["time_zone"] = read.read("time_zone", self.time_zone, fields.time_zone)
        if self.language is not None:
            wanted["language"] = read.read("language", self.language, fields.language)
        return read.refusal or wanted

    def apply(
        self, tx: Tx, caller: Caller, ready: Mapping[str, str]
    ) -> Done[Organization] | Refusal:
        organizations.lock(tx, ready["id"])
        before = organizations.find(tx, ready["id"])
        if before is None:
            raise ConcurrentChange
        after = replace(
            before,
            name=ready.get("name", before.name),
            time_zone=ready.get("time_zone", before.time_zone),
            language=ready.get("language", before.language),
        )
        organizations.change(
            tx, after.id, name=after.name, time_zone=after.time_zone, language=after.language
        )
        data: dict[str, str | int | bool | None] = {}
        for key in ("name", "time_zone", "language"):
            if getattr(before, key) != getattr(after, key):
                data[f"before.{key}"] = getattr(before, key)
                data[f"after.{key}"] = getattr(after, key)
        events.record(tx, caller, Happening("organization.changed", Subjects(after.id), data))
        return Done(after)


@dataclass(frozen=True)
class DeleteOrganization(QuickVerb[Organization, None]):
    """Delete an organization that holds no organizations, users or devices.

    Roles on it end, and its e-mail domains are free. Its id, and so its settings, never come back
    (X31).

    Refusals: `not_found`, `forbidden`, `organization_not_empty`.
    """

    organization: str

    name = "delete_organization"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        found = organization_named(tx, caller, self.organization, Permission.ORGANIZATIONS_EDIT)
        if isinstance(found, Organization) and found.parent_id is None:
            detail = "The top organization cannot be deleted."
            return Refusal("organization_not_empty", detail=detail, about=Subjects(found.id))
        return found

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[None] | Refusal:
        about = Subjects(ready.id)
        organizations.lock(tx, ready.id)
        if organizations.find(tx, ready.id) is None:
            return missing("organization", about)
        if not organizations.delete(tx, ready.id):
            return Refusal("organization_not_empty", about=about)
        roles.withdraw_on(tx, ready.id)
        email_domains.drop_of(tx, ready.id)
        data = {"group_id": ready.group_id, "name": ready.name}
        events.record(tx, caller, Happening("organization.deleted", about, data))
        return Done(None)


@dataclass(frozen=True)
class ChangeSettings(QuickVerb[Organization, EnrollmentPolicy]):
    """Change an organization's own enrollment settings; None inherits from above (A09, A10).

    Answers the settings in force afterwards.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`,
    `setting_override_required`.
    """

    organization: str
    change: Mapping[str, object]

    name = "change_settings"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return organization_named(tx, caller, self.organization, Permission.SETTINGS_EDIT)

    def apply(
        self, tx: Tx, caller: Caller, ready: Organization
    ) -> Done[EnrollmentPolicy] | Refusal:
        if ready.parent_id is not None:
            organizations.lock(tx, ready.parent_id)
        organizations.lock(tx, ready.id)
        if organizations.find(tx, ready.id) is None:
            raise ConcurrentChange
        about = Subjects(ready.id)
        own = organizations.own_settings(tx, ready.path)
        wanted = check_change(self.change, own, organizations.policy_above(tx, ready))
        if isinstance(wanted, Refusal):
            return replace(wanted, about=about)
        organizations.put_settings(tx, ready.id, wanted)
        events.record(tx, caller, Happening("settings.changed", about, _difference(own, wanted)))
        return Done(organizations.policy(tx, ready.path))


def _difference(
    own: Mapping[str, SettingValue], wanted: Mapping[str, SettingValue | None]
) -> dict[str, str | int | bool | None]:
    """Before and after of each setting that was named; None for inherited (X18)."""
    data: dict[str, str | int | bool | None] = {}
    for key, value in sorted(wanted.items()):
        data[f"before.{key}"] = own.get(key)
        data[f"after.{key}"] = value
    return data
