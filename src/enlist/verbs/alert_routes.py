"""Who is told of alerts, per organization; what one says counts for those below it, as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Permission, Role
from enlist.store import alert_routes, events, organizations
from enlist.store.alert_routes import Routes
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import organization_named

MOST_ADDRESSES: Final = 20


@dataclass(frozen=True, slots=True)
class RoutesAt:
    """Who is told of what is amiss at an organization.

    Attributes:
        routes: without the addresses, where those are another organization's to see.
        people: how many get an e-mail by that now.
    """

    organization: Organization
    routes: Routes
    people: int

    @property
    def inherited(self) -> bool:
        """Whether that is said elsewhere."""
        return self.routes.source != self.organization.group_id


@dataclass(frozen=True)
class ShowAlertRoutes(View[RoutesAt]):
    """Who is told at an organization; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> RoutesAt | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.ALERTS_READ)
        return place if isinstance(place, Refusal) else _routes(tx, caller, place)


def _routes(tx: Reader, caller: Caller, place: Organization) -> RoutesAt:
    found = alert_routes.in_force(tx, place.path)
    people = len(alert_routes.addressees(tx, place.path, found))
    if found.path and not caller.may(Permission.ALERTS_READ, found.path):
        found = replace(found, addresses=())
    return RoutesAt(place, found, people)


@dataclass(frozen=True, slots=True)
class Rerouting:
    """What is to count at an organization, and what counted before."""

    organization: Organization
    before: Routes
    after: Routes | None


@dataclass(frozen=True)
class SetAlertRoutes(QuickVerb[Rerouting, RoutesAt]):
    """Say who is told of alerts at an organization and below.

    Attributes:
        roles: whose holders are told.
        addresses: who is told beside them.
        switched_off: kinds that are not raised.
        inherit: say nothing; what is above counts.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str = ""
    roles: Sequence[str] = ()
    addresses: Sequence[str] = ()
    switched_off: Sequence[str] = ()
    inherit: bool = False

    name = "set_alert_routes"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Rerouting | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.ALERTS_EDIT)
        if isinstance(place, Refusal):
            return place
        before = alert_routes.in_force(tx, place.path)
        if self.inherit:
            return Rerouting(place, before, None)
        errors = list(self._problems())
        addresses = []
        for number, each in enumerate(self.addresses):
            try:
                addresses.append(fields.email(each))
            except Unfit as error:
                errors.append(FieldError(f"addresses.{number}", f"{each[:60]}: {error}"))
        if errors:
            return Refusal("validation_failed", fields=tuple(errors))
        after = Routes(
            tuple(sorted(set(self.roles))),
            tuple(sorted(dict.fromkeys(addresses))),
            tuple(sorted(set(self.switched_off))),
            place.group_id,
            place.path,
        )
        return Rerouting(place, before, after)

    def _problems(self) -> Sequence[FieldError]:
        found = []
        if not set(self.roles) <= set(Role):
            found.append(FieldError("roles", f"must be among {', '.join(Role)}"))
        if not set(self.switched_off) <= set(ALERT_KINDS):
            text = f"must be among {', '.join(ALERT_KINDS)}"
            found.append(FieldError("switched_off", text))
        if len(self.addresses) > MOST_ADDRESSES:
            found.append(FieldError("addresses", f"must be {MOST_ADDRESSES} at most"))
        return found

    def apply(self, tx: Tx, caller: Caller, ready: Rerouting) -> Done[RoutesAt] | Refusal:
        place = ready.organization
        organizations.lock(tx, place.id)
        if alert_routes.in_force(tx, place.path) != ready.before:
            raise ConcurrentChange
        alert_routes.put(tx, place, ready.after)
        now = alert_routes.in_force(tx, place.path)
        if now != ready.before:
            _record(tx, caller, place, ready.before, now)
        return Done(_routes(tx, caller, place))


def _record(tx: Tx, caller: Caller, place: Organization, before: Routes, after: Routes) -> None:
    data: dict[str, str | int | bool | None] = {}
    personal = {}
    for when, routes in (("before", before), ("after", after)):
        data[f"{when}.roles"] = ", ".join(routes.roles)
        data[f"{when}.switched_off"] = ", ".join(routes.switched_off)
        data[f"{when}.source"] = routes.source
        personal[f"{when}.addresses"] = ", ".join(routes.addresses)
    happening = Happening("alert.routes_changed", Subjects(place.id), data, personal)
    events.record(tx, caller, happening)
