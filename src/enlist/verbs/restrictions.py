"""Setting and taking back enrollment restrictions of an organization."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization, Ownership, Platform, UserGroup
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.core.policy import ChildPermission, EnrollmentPolicy
from enlist.core.restrictions import MOST_DEVICES, MOST_RANK, Restriction
from enlist.store import events, groups, organizations, restrictions
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import group_named, organization_named
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import missing

MOST_RESTRICTIONS: Final = 100
"""How many an organization may set: they are read with every redemption there."""

MOST_PATTERNS: Final = 50
EDITABLE: Final = tuple(name for name in Restriction.__slots__ if name != "id")
_NUMBERS: Final = tuple(name for name in EDITABLE if name.startswith("most_"))
_CHOICES: Final = {"ownership": Ownership, "platforms": Platform}
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,5}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a restriction is set, and for which group."""

    organization: Organization
    group: UserGroup | None = None


class _Setting(Verb[Place, Place, Restriction]):
    """What adding and changing share."""

    organization: str
    values: Mapping[str, object]

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Place | Refusal:
        found = organization_named(tx, caller, self.organization, Permission.SETTINGS_EDIT)
        if isinstance(found, Refusal):
            return found
        named = self.values.get("user_group_id")
        if not named:
            return Place(found)
        group = group_named(tx, caller, str(named))
        if isinstance(group, Refusal):
            return Refusal(
                "validation_failed",
                fields=(FieldError("user_group_id", "there is no such group"),),
                about=Subjects(found.id),
            )
        return Place(found, group)

    def work(self, tools: Tools, caller: Caller, seen: Place) -> Place | Refusal:
        refusal = _problems(self.values)
        return replace(refusal, about=Subjects(seen.organization.id)) if refusal else seen

    def written(
        self, tx: Tx, caller: Caller, place: Place, before: Restriction | None, after: Restriction
    ) -> Done[Restriction] | Refusal:
        """The restriction as it shall be, unless two of its values do not fit together."""
        about = Subjects(place.organization.id)
        if after.user_group_id and after.most_at_organization is not None:
            error = FieldError(
                "most_at_organization", "counts for everybody: set it with a default, not a group"
            )
            return Refusal("validation_failed", fields=(error,), about=about)
        if after.user_group_id and groups.find(tx, after.user_group_id) is None:
            raise ConcurrentChange
        restrictions.put(tx, place.organization.id, after)
        data: dict[str, str | int | bool | None] = {"restriction": after.id, "name": after.name}
        for key in EDITABLE:
            old, new = getattr(before, key, None), getattr(after, key)
            if old != new:
                data[f"before.{key}"] = _told(old)
                data[f"after.{key}"] = _told(new)
        kind = "restriction.changed" if before else "restriction.created"
        events.record(tx, caller, Happening(kind, about, data))
        return Done(after)


@dataclass(frozen=True)
class AddRestriction(_Setting):
    """Restrict who may enroll what at an organization and below.

    Attributes:
        values: what of a `Restriction` is said; the rest restricts nothing.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`, `conflict` where
    there are too many.
    """

    organization: str
    values: Mapping[str, object]

    name = "add_restriction"

    def apply(self, tx: Tx, caller: Caller, ready: Place) -> Done[Restriction] | Refusal:
        refusal = _locked(tx, ready.organization)
        if refusal is not None:
            return refusal
        about = Subjects(ready.organization.id)
        if "name" not in self.values:
            error = FieldError("name", "must not be empty")
            return Refusal("validation_failed", fields=(error,), about=about)
        if len(restrictions.of_organization(tx, ready.organization.id)) >= MOST_RESTRICTIONS:
            detail = f"An organization can have {MOST_RESTRICTIONS} restrictions of its own."
            return Refusal("conflict", detail=detail, about=about)
        made = _with(Restriction(new_id(tx.now), ""), self.values)
        return self.written(tx, caller, ready, None, made)

    def made(self, value: Restriction) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class RestrictionAgain(Again[Restriction]):
    """The answer of an earlier AddRestriction once more, for its Idempotency-Key."""

    organization: str
    restriction_id: Id

    name = "restriction_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Restriction | Refusal:
        place = organization_named(tx, caller, self.organization)
        if isinstance(place, Refusal):
            return place
        return _own(tx, place.id, self.restriction_id) or missing("restriction")


@dataclass(frozen=True)
class ChangeRestriction(_Setting):
    """Change what of a restriction is named in `values`; None takes a limit away.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`.
    """

    organization: str
    restriction_id: Id
    values: Mapping[str, object]

    name = "change_restriction"

    def apply(self, tx: Tx, caller: Caller, ready: Place) -> Done[Restriction] | Refusal:
        refusal = _locked(tx, ready.organization)
        if refusal is not None:
            return refusal
        before = _own(tx, ready.organization.id, self.restriction_id)
        if before is None:
            return missing("restriction", Subjects(ready.organization.id))
        return self.written(tx, caller, ready, before, _with(before, self.values))


@dataclass(frozen=True)
class DeleteRestriction(QuickVerb[Organization, None]):
    """Take a restriction away.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str
    restriction_id: Id

    name = "delete_restriction"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return organization_named(tx, caller, self.organization, Permission.SETTINGS_EDIT)

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[None] | Refusal:
        organizations.lock(tx, ready.id)
        about = Subjects(ready.id)
        before = _own(tx, ready.id, self.restriction_id)
        if before is None or not restrictions.drop(tx, ready.id, before.id):
            return missing("restriction", about)
        data = {"restriction": before.id, "name": before.name}
        events.record(tx, caller, Happening("restriction.deleted", about, data))
        return Done(None)


class Standing(StrEnum):
    """What becomes of a restriction at an organization."""

    IN_FORCE = "in_force"
    OVERRIDDEN = "overridden"
    """Another one is nearer, or has the lower rank, for the same people. A cap of its own holds."""
    DISREGARDED = "disregarded"
    """It is set where settings are only inherited."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A restriction that is set at an organization or above, where, and for which group.

    Attributes:
        group_name: of its group; "" for a default, and for a group that the caller may not see.
    """

    restriction: Restriction
    organization: Organization
    group_name: str
    standing: Standing


@dataclass(frozen=True)
class ListRestrictions(View[tuple[Shown, ...]]):
    """The restrictions of an organization and of those above it, in the order in which they are
    looked through: groups before defaults, the nearest first, then by rank.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str

    def read(self, tx: Reader, caller: Caller) -> tuple[Shown, ...] | Refusal:
        found = organization_named(tx, caller, self.organization)
        if isinstance(found, Refusal):
            return found
        there = [
            (each, place)
            for place in organizations.upwards(tx, found.path)
            for each in sorted(
                restrictions.of_organization(tx, place.id), key=lambda one: (one.rank, one.id)
            )
        ]
        there.sort(key=lambda each: each[0].user_group_id is None)
        stand = _standings((each for each, _ in there), organizations.policy(tx, found.path))
        return tuple(
            Shown(each, place, _group_name(tx, caller, each), stand[each.id])
            for each, place in there
        )


def _standings(ordered: Iterable[Restriction], policy: EnrollmentPolicy) -> dict[Id, Standing]:
    """What becomes of each, in the order in which they are looked through."""
    levels = policy.restrictions.levels if policy.restrictions else ()
    heeded = {each.id for level in levels for each in level.restrictions}
    first: dict[Id | None, Id] = {}
    found = {}
    for each in ordered:
        if each.id not in heeded:
            found[each.id] = Standing.DISREGARDED
        else:
            mine = first.setdefault(each.user_group_id, each.id) == each.id
            found[each.id] = Standing.IN_FORCE if mine else Standing.OVERRIDDEN
    return found


def _group_name(tx: Reader, caller: Caller, restriction: Restriction) -> str:
    if restriction.user_group_id is None:
        return ""
    found = group_named(tx, caller, restriction.user_group_id)
    return "" if isinstance(found, Refusal) else found.name


def _own(tx: Reader, organization_id: Id, restriction_id: Id) -> Restriction | None:
    found = restrictions.of_organization(tx, organization_id)
    return next((each for each in found if each.id == restriction_id), None)


def _locked(tx: Tx, place: Organization) -> Refusal | None:
    """One change at a time; `setting_inherited` where the organization above allows none."""
    if place.parent_id is not None:
        organizations.lock(tx, place.parent_id)
    organizations.lock(tx, place.id)
    if organizations.find(tx, place.id) is None:
        raise ConcurrentChange
    above = organizations.policy_above(tx, place)
    if above is not None and above.child_permission is ChildPermission.INHERIT_ONLY:
        return Refusal("setting_inherited", about=Subjects(place.id))
    return None


def _with(before: Restriction, values: Mapping[str, object]) -> Restriction:
    """A restriction with these values; None stands for no limit."""
    plain = Restriction("", "")
    wanted: dict[str, Any] = {
        key: getattr(plain, key) if value is None else value for key, value in values.items()
    }
    wanted |= {key: tuple(value) for key, value in wanted.items() if isinstance(value, list)}
    if "name" in wanted:
        wanted["name"] = fields.label(str(wanted["name"]))
    if "user_group_id" in wanted:
        wanted["user_group_id"] = wanted["user_group_id"] or None
    return replace(before, **wanted)


def _problems(values: Mapping[str, object]) -> Refusal | None:
    """`validation_failed` with all that is wrong, field by field."""
    errors = tuple(
        FieldError(key, problem)
        for key, value in values.items()
        if (problem := _problem(key, value)) is not None
    )
    return Refusal("validation_failed", fields=errors) if errors else None


def _problem(key: str, value: object) -> str | None:
    if key not in EDITABLE:
        return "unknown"
    if key == "name":
        try:
            fields.label(value if isinstance(value, str) else "")
        except Unfit as problem:
            return str(problem)
        return None
    if value is None or key == "user_group_id":
        return None
    if key in _NUMBERS or key == "rank":
        most = MOST_RANK if key == "rank" else MOST_DEVICES
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
        return None if fits else f"must be a whole number from 0 to {most}"
    if key == "may_enroll":
        return None if isinstance(value, bool) else "must be true or false"
    return _least_os_problem(value) if key == "least_os" else _list_problem(key, value)


def _least_os_problem(value: object) -> str | None:
    if not isinstance(value, Mapping) or not set(value) <= set(Platform):
        return f"names platforms: {', '.join(Platform)}"
    if all(isinstance(each, str) and _VERSION.fullmatch(each) for each in value.values()):
        return None
    return "must be versions such as 17.4 or 10.0.19045"


def _list_problem(key: str, value: object) -> str | None:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return "must be a list of texts"
    if len(value) > MOST_PATTERNS:
        return f"must be at most {MOST_PATTERNS}"
    if key in _CHOICES:
        fits = set(value) <= set(_CHOICES[key])
        return None if fits else f"must be among {', '.join(_CHOICES[key])}"
    try:
        for each in value:
            fields.label(each)
    except Unfit as problem:
        return f"each {problem}"
    return None


def _told(value: object) -> str | int | bool | None:
    """A value as an event tells it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {found}" for key, found in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str | int | bool) else None
