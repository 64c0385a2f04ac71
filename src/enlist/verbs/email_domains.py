"""Autodiscovery: the domain of somebody's e-mail address leads to his organization (A65, A66).

A domain belongs to one organization of the installation. That it is taken is the one thing that an
organization beside it may notice, as with Group IDs (ruling 31).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import email_domains, events, organizations
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import organization_named

MOST: Final = 100
"""Domains of one organization."""


def _domain(text: str) -> str:
    """A domain as it stands behind the @ of an address; "" for what is none."""
    return domain_of(f"x@{text.strip().removeprefix('@')}")


def domain_of(address: str) -> str:
    """The domain of an address, in ASCII and small letters; "" for what is no address."""
    try:
        return fields.email(address).rpartition("@")[2].lower()
    except Unfit:
        return ""


@dataclass(frozen=True, slots=True)
class EmailDomains:
    """The domains of an organization."""

    organization: Organization
    domains: tuple[str, ...]


@dataclass(frozen=True)
class ShowEmailDomains(View[EmailDomains]):
    """The e-mail domains of an organization; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> EmailDomains | Refusal:
        place = organization_named(tx, caller, self.organization or caller.organization_id or "")
        if isinstance(place, Refusal):
            return place
        return EmailDomains(place, email_domains.of(tx, place.id))


@dataclass(frozen=True, slots=True)
class Changing:
    """The domains that an organization is about to have, and those that it had."""

    organization: Organization
    before: frozenset[str]
    after: frozenset[str]


@dataclass(frozen=True)
class SetEmailDomains(QuickVerb[Changing, EmailDomains]):
    """Give an organization these e-mail domains, and no others.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `domain_taken`.
    """

    organization: str
    domains: tuple[str, ...]

    name = "set_email_domains"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Changing | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.SETTINGS_EDIT)
        if isinstance(place, Refusal):
            return place
        if len(self.domains) > MOST:
            return invalid("domains", f"must be {MOST} at most")
        if unfit := [each.strip()[:80] for each in self.domains if not _domain(each)]:
            told = f"must be domains, such as example.com; these are none: {', '.join(unfit)}"
            return invalid("domains", told)
        after = frozenset(map(_domain, self.domains))
        taken = email_domains.taken(tx, place.id, after) if after else set()
        if taken:
            told = f"must be nobody else's; of another organization: {', '.join(sorted(taken))}"
            wrong = (FieldError("domains", told),)
            return Refusal("domain_taken", about=Subjects(place.id), fields=wrong)
        return Changing(place, frozenset(email_domains.of(tx, place.id)), after)

    def apply(self, tx: Tx, caller: Caller, ready: Changing) -> Done[EmailDomains] | Refusal:
        place = ready.organization
        organizations.lock(tx, place.id)
        gone = organizations.find(tx, place.id) is None
        if gone or ready.before != frozenset(email_domains.of(tx, place.id)):
            raise ConcurrentChange
        email_domains.change(tx, place.id, ready.after - ready.before, ready.before - ready.after)
        if ready.after != ready.before:
            data = {
                "before.email_domains": ", ".join(sorted(ready.before)),
                "after.email_domains": ", ".join(sorted(ready.after)),
            }
            happening = Happening("organization.domains_changed", Subjects(place.id), data)
            events.record(tx, caller, happening)
        return Done(EmailDomains(place, tuple(sorted(ready.after))))

    def clash(self, index: str) -> Refusal | None:
        return Refusal("domain_taken") if "email_domain" in index else None
