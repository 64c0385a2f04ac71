"""Publishing terms of use, withdrawing them, reading them, and who has accepted them.

A version is never changed once it is published: what somebody accepted must be found again as he
read it. Publishing asks everybody for it whose next device enrolls; withdrawing asks nobody any
more, unless an organization above has terms of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import rfc3339
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id, parse_id
from enlist.core.model import Organization, Platform, organization_at
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.core.policy import ChildPermission
from enlist.core.terms import ANY, Accepted, Terms, TermsText, asked_of
from enlist.store import events, organizations, terms
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.exporting import asked_for, csv_cell, csv_lines
from enlist.verbs.fields import Fields, Unfit
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import lacks, missing
from enlist.verbs.views import Listed, scope

LONGEST: Final = 20_000
"""Characters of a text: some eight printed pages."""

MOST_LANGUAGES: Final = 30
PLATFORMS: Final = (ANY, *(each.value for each in Platform))
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-[0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Draft:
    """Terms about to be published, as somebody wrote them."""

    texts: tuple[TermsText, ...]
    platform: str = ANY

    def refusal(self) -> Refusal | None:
        """`validation_failed` with everything that is wrong, field by field."""
        read = Fields()
        read.read("platform", self.platform, _platform)
        if not 0 < len(self.texts) <= MOST_LANGUAGES:
            problem = f"must be 1 to {MOST_LANGUAGES}, one for each language"
            read.errors.append(FieldError("texts", problem))
        seen: set[str] = set()
        for number, text in enumerate(self.texts):
            read.read(f"texts.{number}.language", text.language, _language(seen))
            read.read(f"texts.{number}.title", text.title, fields.label)
            read.read(f"texts.{number}.body", text.body, _body)
        return read.refusal

    def cleaned(self) -> tuple[TermsText, ...]:
        """The texts as they are kept."""
        return tuple(
            TermsText(each.language, fields.label(each.title), _body(each.body))
            for each in self.texts
        )


def _platform(text: str) -> str:
    if text not in PLATFORMS:
        raise Unfit(f"must be one of {', '.join(PLATFORMS)}")
    return text


def _language(seen: set[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not _LANGUAGE.fullmatch(text):
            raise Unfit("must be a tag such as en, de or pt-BR")
        if text in seen:
            raise Unfit("stands there twice")
        seen.add(text)
        return text

    return check


def _body(text: str) -> str:
    cleaned = text.replace("\r\n", "\n").strip()
    if not cleaned:
        raise Unfit("must not be empty")
    if len(cleaned) > LONGEST:
        raise Unfit(f"must be at most {LONGEST:,} characters")
    if not all(fields.readable(line.replace("\t", " ")) for line in cleaned.split("\n")):
        raise Unfit("must not hold control characters")
    return cleaned


@dataclass(frozen=True)
class PublishTerms(Verb[Organization, Terms, Terms]):
    """Publish the next version of an organization's terms of use. It counts at once.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`.
    """

    organization: str
    draft: Draft

    name = "publish_terms"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        found = organization_named(tx, caller, self.organization, Permission.SETTINGS_EDIT)
        if isinstance(found, Refusal):
            return found
        refusal = self.draft.refusal()
        return replace(refusal, about=Subjects(found.id)) if refusal else found

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Terms:
        now, texts = tools.clock(), self.draft.cleaned()
        return Terms(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            group_id=seen.group_id,
            platform=self.draft.platform,
            version=0,  # the next one, as the store finds it
            published_at=now,
            published_by=caller.name,
            title=texts[0].title,
            texts=texts,
        )

    def apply(self, tx: Tx, caller: Caller, ready: Terms) -> Done[Terms] | Refusal:
        refusal = _locked(tx, ready.organization_id)
        if refusal is not None:
            return refusal
        published = terms.publish(tx, ready)
        _record(tx, caller, "terms.published", published)
        return Done(published)

    def made(self, value: Terms) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


def _locked(tx: Tx, organization_id: Id) -> Refusal | None:
    """One change at a time; `setting_inherited` where the organization above allows none."""
    place = organizations.find(tx, organization_id)
    if place is None:
        raise ConcurrentChange
    if place.parent_id is not None:
        organizations.lock(tx, place.parent_id)
    organizations.lock(tx, place.id)
    if organizations.find(tx, place.id) is None:
        raise ConcurrentChange
    above = organizations.policy_above(tx, place)
    if above is not None and above.child_permission is ChildPermission.INHERIT_ONLY:
        return Refusal("setting_inherited", about=Subjects(place.id))
    return None


def _record(tx: Tx, caller: Caller, kind: str, found: Terms) -> None:
    data: dict[str, str | int | bool | None] = {
        "terms": found.id,
        "name": found.title,
        "platform": found.platform,
        "version": found.version,
    }
    events.record(tx, caller, Happening(kind, Subjects(found.organization_id), data))


@dataclass(frozen=True)
class TermsAgain(Again[Terms]):
    """The answer of an earlier PublishTerms once more, for its Idempotency-Key."""

    organization: str
    terms_id: Id

    name = "publish_terms"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Terms | Refusal:
        return _named(tx, caller, self.terms_id, Permission.ORGANIZATIONS_READ)


@dataclass(frozen=True)
class WithdrawTerms(QuickVerb[Terms, None]):
    """Take a version out of force. What was accepted stays on record.

    Refusals: `not_found`, also for one that is not in force any more; `forbidden`.
    """

    terms_id: str

    name = "withdraw_terms"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Terms | Refusal:
        return _named(tx, caller, self.terms_id, Permission.SETTINGS_EDIT)

    def apply(self, tx: Tx, caller: Caller, ready: Terms) -> Done[None] | Refusal:
        organizations.lock(tx, ready.organization_id)
        if not terms.withdraw(tx, ready):
            return missing("version in force", Subjects(ready.organization_id))
        _record(tx, caller, "terms.withdrawn", ready)
        return Done(None)


def _named(tx: Reader, caller: Caller, terms_id: str, permission: Permission) -> Terms | Refusal:
    found = with_id(tx, terms_id, terms.find, "version")
    if isinstance(found, Refusal):
        return found
    about = Subjects(found.organization_id)
    return lacks(caller, permission, found.organization_path, about) or found


# --- what there is -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """The terms of use of an organization.

    Attributes:
        in_force: what counts here, by platform; a platform that is left out has what `any` has.
        own: what was published here, the newest first, without the texts.
        named: ids of those that the organization names itself.
    """

    organization: Organization
    in_force: Mapping[str, Terms]
    own: tuple[Terms, ...]
    named: frozenset[Id]


@dataclass(frozen=True)
class ShowTerms(View[Place]):
    """What an organization asks people to accept, and what it published before.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str

    def read(self, tx: Reader, caller: Caller) -> Place | Refusal:
        place = organization_named(tx, caller, self.organization)
        if isinstance(place, Refusal):
            return place
        levels = organizations.policy(tx, place.path).terms
        counting = {each: asked_of(levels, each) for each in PLATFORMS}
        usual = counting[ANY]
        found = {
            platform: version
            for platform, named in counting.items()
            if named is not None
            and (platform == ANY or named != usual)
            and (version := terms.find(tx, named.id)) is not None
        }
        own = tuple(terms.of_organization(tx, place.id))
        return Place(place, found, own, frozenset(terms.own(tx, place.id).values()))


@dataclass(frozen=True)
class ShowTermsVersion(View[Terms]):
    """One version with its texts, for staff.

    Refusals: `not_found`, `forbidden`.
    """

    terms_id: str

    def read(self, tx: Reader, caller: Caller) -> Terms | Refusal:
        return _named(tx, caller, self.terms_id, Permission.ORGANIZATIONS_READ)


@dataclass(frozen=True, slots=True)
class Reading:
    """A version for whoever is asked to accept it, and the organization that asks."""

    terms: Terms
    organization: str


@dataclass(frozen=True)
class ReadTerms(View[Reading]):
    """A version for whoever knows its id: it is no secret, and he must be able to read it.

    Refusals: `not_found`.
    """

    terms_id: str

    def read(self, tx: Reader, caller: Caller) -> Reading | Refusal:
        by_id = parse_id(self.terms_id)
        found = terms.find(tx, by_id) if by_id else None
        place = organizations.find(tx, found.organization_id) if found else None
        if found is None or place is None:
            return missing("version")
        return Reading(found, place.name)


@dataclass(frozen=True)
class ListAcceptances(Listed[Accepted]):
    """Who accepted which terms of use, when, for which device. Filters: user, device, terms."""

    permission = Permission.ENROLLMENTS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Accepted] | Refusal:
        return terms.acceptances(tx, request)


# --- taking acceptances away -------------------------------------------------------------------

COLUMNS: Final = (
    "accepted_at",
    "user",
    "device",
    "title",
    "version",
    "platform",
    "organization",
    "terms_id",
    "user_id",
    "device_id",
    "enrollment_id",
)


@dataclass(frozen=True)
class ExportAcceptances(ListAcceptances):
    """Acceptances, to take away: a right of its own."""

    permission = Permission.ENROLLMENTS_EXPORT


@dataclass(frozen=True)
class BeginAcceptanceExport(QuickVerb[str, None]):
    """Note that somebody takes acceptances away.

    Refusals: those of the list.
    """

    wanted: ExportAcceptances

    name = "export_acceptances"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> str | Refusal:
        first = replace(self.wanted, limit=1).read(tx, caller)
        if isinstance(first, Refusal):
            return first
        return scope(tx, caller, self.wanted.organization, Permission.ENROLLMENTS_EXPORT)

    def apply(self, tx: Tx, caller: Caller, ready: str) -> Done[None]:
        data, personal = asked_for(self.wanted)
        subjects = Subjects(organization_at(ready))
        events.record(tx, caller, Happening("terms.exported", subjects, data, personal))
        return Done(None)


def heading() -> str:
    """The first line of the file."""
    return csv_lines([COLUMNS])


def lines(found: Iterable[Accepted]) -> str:
    """Acceptances as lines of the file."""
    return csv_lines([csv_cell(value) for value in _row(each)] for each in found)


def _row(each: Accepted) -> tuple[object, ...]:
    return (
        rfc3339(each.accepted_at),
        each.username,
        each.device,
        each.title,
        each.version,
        each.platform,
        each.group_id,
        each.terms_id,
        each.user_id,
        each.device_id,
        each.enrollment_id,
    )
