"""Where somebody works: the organization in force, and the time zone to show moments in.

Every page of the console asks for it first, so it is one read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.model import Organization, User, organization_at
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.locales import N_
from enlist.store import alerts, organizations, users
from enlist.store.alerts import Alert
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.finding import organization_named

_SHOWN: Final = 10
"""Alerts at most."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """The organization that a person works at.

    Attributes:
        trail: from the highest organization above it that the person may see, down to itself.
        person: who works there; None for API keys and the host.
        zone: IANA name of the time zone to show; see `zone_for`.
        alerts: a few of those that are open here and below, as far as he may know.
    """

    organization: Organization
    trail: tuple[Organization, ...]
    person: User | None
    zone: str
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True)
class FindWorkplace(View[Workplace]):
    """The workplace with this id or Group ID; "" for where the caller belongs.

    Refusals: `not_found` for what he may not see; `forbidden` for who holds no role at all.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> Workplace | Refusal:
        organization = (
            organization_named(tx, caller, self.organization)
            if self.organization
            else _home(tx, caller)
        )
        if isinstance(organization, Refusal):
            return organization
        person = users.find(tx, caller.id) if caller.id else None
        line = organizations.upwards(tx, organization.path)
        seen = [found for found in line if caller.may(Permission.ORGANIZATIONS_READ, found.path)]
        told = _alerts(tx, caller, organization.path)
        zone = zone_for(person, line)
        return Workplace(organization, tuple(reversed(seen)), person, zone, told)


def _alerts(tx: Reader, caller: Caller, path: str) -> tuple[Alert, ...]:
    if not caller.may(Permission.ALERTS_READ, path):
        return ()
    without_staff = not caller.may(Permission.STAFF_READ, path)
    return tuple(alerts.open_ones(tx, path, _SHOWN, without_staff=without_staff))


def zone_for(person: User | None, line: Sequence[Organization]) -> str:
    """The time zone to show: the person's, else the nearest organization's, else UTC (X07).

    Args:
        line: an organization and those above it, nearest first.
    """
    zones = [person.time_zone if person else "", *(found.time_zone for found in line)]
    return next(filter(None, zones), "UTC")


def _home(tx: Reader, caller: Caller) -> Organization | Refusal:
    """The caller's own organization, else the highest one on which he holds a role."""
    granted = sorted((right.path for right in caller.rights), key=lambda path: (len(path), path))
    for path in (caller.home, *granted):
        if path and caller.may(Permission.ORGANIZATIONS_READ, path):
            found = organizations.find(tx, organization_at(path))
            if found is not None:
                return found
    return Refusal(
        "forbidden",
        reason="holds no role on any organization",
        detail=N_("The console is for people who hold a role. Ask an administrator for one."),
    )
