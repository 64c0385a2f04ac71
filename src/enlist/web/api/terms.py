"""Terms of use: what people accept before a device of theirs enrolls, and who accepted it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, JsonValue

from enlist.core import terms as core
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.terms import ANY
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs import terms as verbs
from enlist.verbs.terms import (
    LONGEST,
    BeginAcceptanceExport,
    Draft,
    ExportAcceptances,
    ListAcceptances,
    PublishTerms,
    ShowTerms,
    ShowTermsVersion,
    TermsAgain,
    WithdrawTerms,
    heading,
    lines,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.exporting import Csv, taken_away
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Terms of use")

_TEXT: Final[dict[str, JsonValue]] = {
    "language": "en",
    "title": "Use of devices",
    "body": "The device belongs to **Example Ltd**.\n\n- Keep it locked.\n- Report its loss.",
}
_VERSION: Final[dict[str, JsonValue]] = {
    "id": EXAMPLE_ID,
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "platform": ANY,
    "version": 2,
    "published_at": EXAMPLE_MOMENT,
    "published_by": "ada",
    "title": "Use of devices",
}

Platform = Literal["any", "android", "ios", "linux", "macos", "windows"]


class TermsText(Shown):
    """The terms in one language."""

    language: str
    title: str
    body: str
    """Markdown; pages show none of the HTML in it."""


class TermsTextGiven(Body):
    """The terms in one language."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXT]})

    language: Line
    """A tag such as `en`, `de` or `pt-BR`; each once."""
    title: Line
    body: Annotated[str, Field(max_length=LONGEST)]
    """Markdown; pages show none of the HTML in it."""


class TermsBody(Body):
    """Terms of use to be published as the next version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"platform": ANY, "texts": [_TEXT]}]})

    platform: Platform = ANY
    """For whose devices; those of `any` count where there are none for the platform."""
    texts: list[TermsTextGiven]
    """Whoever reads none of the languages reads the first one."""

    def draft(self) -> Draft:
        """The same, as the verb takes it."""
        texts = tuple(core.TermsText(each.language, each.title, each.body) for each in self.texts)
        return Draft(texts, self.platform)


class TermsVersion(Shown):
    """A published version."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VERSION]})

    id: str
    organization: str
    """Group ID of the organization that published it."""
    organization_id: str
    platform: Platform
    version: int
    """Counted for each organization and platform."""
    published_at: Moment
    published_by: str
    title: str

    @classmethod
    def of(cls, found: core.Terms) -> TermsVersion:
        """A version of the store."""
        return cls(**_version(found))


class Terms(TermsVersion):
    """A published version with its texts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_VERSION, "texts": [_TEXT]}]})

    texts: list[TermsText]

    @classmethod
    def of(cls, found: core.Terms) -> Terms:
        """A version of the store."""
        texts = [
            TermsText(language=each.language, title=each.title, body=each.body)
            for each in found.texts
        ]
        return cls(**_version(found), texts=texts)


def _version(found: core.Terms) -> dict[str, Any]:
    named = {name: getattr(found, name) for name in TermsVersion.model_fields if name in _SAME}
    return {**named, "organization": found.group_id}


_SAME: Final = frozenset(_VERSION) - {"organization"}


class TermsHere(Shown):
    """The terms of use of an organization."""

    in_force: dict[Platform, Terms]
    """By platform; a platform that is left out has the terms of `any`. May come from above."""
    published: list[TermsVersion]
    """What was published here, the newest first, whether it is in force or not."""

    @classmethod
    def of_place(cls, found: verbs.Place) -> TermsHere:
        """As they are at an organization."""
        return cls.model_validate(
            {
                "in_force": {name: Terms.of(each) for name, each in found.in_force.items()},
                "published": [TermsVersion.of(each) for each in found.own],
            }
        )


class Acceptance(Shown):
    """Somebody accepted a version for a device."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "accepted_at": EXAMPLE_MOMENT,
                    "user": "ada",
                    "user_id": EXAMPLE_ID,
                    "device": "Ada's laptop",
                    "device_id": EXAMPLE_ID,
                    "enrollment_id": EXAMPLE_ID,
                    "terms_id": EXAMPLE_ID,
                    "title": "Use of devices",
                    "platform": ANY,
                    "version": 2,
                    "organization": "main",
                }
            ]
        }
    )

    id: str
    accepted_at: Moment
    user: str
    """Empty for a device of nobody's, and for a user whom you may not know."""
    user_id: str | None
    device: str
    device_id: str
    enrollment_id: str
    terms_id: str
    title: str
    platform: Platform
    version: int
    organization: str
    """Group ID of the organization whose terms they are."""

    @classmethod
    def of(cls, found: core.Accepted) -> Acceptance:
        """An acceptance of the store."""
        named: dict[str, Any] = {name: getattr(found, name, "") for name in cls.model_fields}
        return cls(**{**named, "user": found.username, "organization": found.group_id})


class AcceptanceQuery(Paging):
    """What to show of the acceptances."""

    user: Line = ""
    """Id or user name."""
    device: Line = ""
    """Id."""
    terms: Line = ""
    """Id of a version."""


_PLACE: Final = "/organizations/{organization}/terms"


@operations.staff("GET", _PLACE, Permission.ORGANIZATIONS_READ, answers=TermsHere)
async def show_terms(asking: Staff, organization: str) -> TermsHere | Refusal:
    """Show what an organization asks people to accept, and what it published before."""
    found = await asking.see(ShowTerms(organization))
    return shown(found, TermsHere.of_place)


@operations.staff(
    "POST",
    _PLACE,
    Permission.SETTINGS_EDIT,
    answers=Terms,
    status=201,
    refuses=(*IDEMPOTENT, "setting_inherited"),
)
async def publish_terms(
    asking: Staff, organization: str, body: TermsBody, _key: IdempotencyHeader = None
) -> Terms | Refusal:
    """Publish the next version of the terms of use.

    It counts at once, here and below: whoever enrolls a device is asked to accept it, also those
    who accepted an earlier one. A version cannot be changed.
    """
    verb = PublishTerms(organization, body.draft())
    published = await asking.do_once(verb, lambda made: TermsAgain(organization, made))
    return shown(published, Terms.of)


@operations.staff(
    "GET", "/terms/acceptances", Permission.ENROLLMENTS_READ, answers=Page[Acceptance]
)
async def list_acceptances(
    asking: Staff, query: Annotated[AcceptanceQuery, Query()]
) -> Page[Acceptance] | Refusal:
    """List who accepted which terms of use, when, and for which device."""
    found = await asking.see(ListAcceptances(**filters(query)))
    return shown(found, lambda page: Page.of(page, Acceptance.of))


@operations.staff("GET", "/terms/acceptances/export", Permission.ENROLLMENTS_EXPORT, answers=Csv)
async def export_acceptances(
    asking: Staff, query: Annotated[AcceptanceQuery, Query()]
) -> Csv | Refusal:
    """Take acceptances away as CSV, with the list's filters and order; an event tells of it.

    `limit` and `cursor` mean nothing here: it is all of it.
    """
    view = ExportAcceptances(**{**filters(query), "limit": MOST_PER_PAGE, "cursor": ""})
    return await taken_away(
        asking, BeginAcceptanceExport(view), view, "terms-acceptances", heading(), lines
    )


@operations.staff("GET", "/terms/{terms_id}", Permission.ORGANIZATIONS_READ, answers=Terms)
async def show_terms_version(asking: Staff, terms_id: str) -> Terms | Refusal:
    """Show a version with its texts, also one that is not in force any more."""
    found = await asking.see(ShowTermsVersion(terms_id))
    return shown(found, Terms.of)


@operations.staff("DELETE", "/terms/{terms_id}", Permission.SETTINGS_EDIT, status=204)
async def withdraw_terms(asking: Staff, terms_id: str) -> Refusal | None:
    """Take a version out of force; those from above count again. What was accepted stays."""
    return await asking.do(WithdrawTerms(terms_id))
