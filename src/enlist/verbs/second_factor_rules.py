"""Which roles need a second factor.

What an organization asks for counts there and below it, and nothing below can ask for less. It
counts for whoever may do as much, by whatever roles (`core.second_factor`). Who has set up none is
led to that after his password, and may do nothing before; who is signed in at that moment, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.permissions import ROLES, Permission, held_at
from enlist.core.second_factor import needs_one
from enlist.store import events, organizations, own_roles, second_factor_rules
from enlist.store.second_factor_rules import Asked
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.finding import organization_named
from enlist.verbs.own_roles import permissions_at, role_at
from enlist.verbs.rights import fresh


@dataclass(frozen=True, slots=True)
class Rules:
    """Which roles need a second factor at an organization.

    Attributes:
        own: those that it asks for itself.
        in_force: each that needs one there, also because it may do as much as one of which it is
            asked, and the Group ID of the organization that says so.
        names: what people call those among them that are no built-in ones.
    """

    organization: Organization
    own: frozenset[str]
    in_force: Mapping[str, str]
    names: Mapping[str, str]


@dataclass(frozen=True)
class ShowSecondFactorRules(View[Rules]):
    """The rules at an organization; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> Rules | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.STAFF_READ)
        return place if isinstance(place, Refusal) else _rules(tx, place)


def _rules(tx: Reader, place: Organization) -> Rules:
    own, usable = second_factor_rules.at(tx, place.id), own_roles.usable(tx, place.path)
    all_roles = {role.value: permissions for role, permissions in ROLES.items()}
    all_roles |= {each.id: each.permissions for each in usable}
    names = {each.id: each.name for each in usable}
    above = second_factor_rules.asked_above(tx, place.path)
    return Rules(place, own, _in_force(all_roles, above), names)


def _in_force(
    all_roles: Mapping[str, frozenset[Permission]], above: Sequence[Asked]
) -> dict[str, str]:
    """Each role whose holders need one, and the Group ID of the topmost that says so."""
    found: dict[str, str] = {}
    for count, latest in enumerate(above, 1):
        asked = [each.permissions for each in above[:count]]
        for key, permissions in all_roles.items():
            if key == latest.role or needs_one(permissions, asked):
                found.setdefault(key, latest.group_id)
    return found


def _named(rules: Rules, roles: frozenset[str]) -> str:
    return ", ".join(sorted(rules.names.get(role, role) for role in roles))


@dataclass(frozen=True, slots=True)
class Changing:
    """What an organization is about to ask for, and what it asked for before."""

    organization: Organization
    before: frozenset[str]
    after: frozenset[str]


@dataclass(frozen=True)
class SetSecondFactorRules(QuickVerb[Changing, Rules]):
    """Ask for a second factor of whoever holds one of these roles, here or below; of no others.

    Only for roles that hold no more than the caller does, or somebody could take away what guards
    those above him.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `validation_failed`.
    """

    organization: str
    roles: tuple[str, ...]

    name = "set_second_factor_rules"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Changing | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.ROLES_EDIT)
        if isinstance(place, Refusal):
            return place
        before, after = second_factor_rules.at(tx, place.id), set[str]()
        for named in self.roles:
            role = role_at(tx, place, named, "roles")
            if isinstance(role, Refusal):
                return role
            after.add(role.key)
        held = held_at(caller.rights, place.path)
        about = Subjects(place.id)
        if not all(permissions_at(tx, place, key) <= held for key in before ^ after):
            return Refusal("forbidden", about=about, reason="more than he holds himself")
        return fresh(caller, tx.now) or Changing(place, before, frozenset(after))

    def apply(self, tx: Tx, caller: Caller, ready: Changing) -> Done[Rules] | Refusal:
        place = ready.organization
        organizations.lock(tx, place.id)
        if ready.before != second_factor_rules.at(tx, place.id):
            raise ConcurrentChange
        added, dropped = ready.after - ready.before, ready.before - ready.after
        if second_factor_rules.change(tx, place.id, sorted(added), sorted(dropped)):
            rules = _rules(tx, place)
            data = {
                "before.second_factor_roles": _named(rules, ready.before),
                "after.second_factor_roles": _named(rules, ready.after),
            }
            happening = Happening("second_factor.rule_changed", Subjects(place.id), data)
            events.record(tx, caller, happening)
        return Done(_rules(tx, place))
