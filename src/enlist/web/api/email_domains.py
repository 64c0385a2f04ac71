"""Domains of e-mail addresses by which the enrollment page finds an organization."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import email_domains
from enlist.verbs.email_domains import MOST, SetEmailDomains, ShowEmailDomains
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import Line

operations: Final = Operations("Organizations")


class EmailDomains(Shown):
    """The e-mail domains of an organization."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organization": "main", "domains": ["example.com"]}]}
    )

    organization: str
    domains: list[str]

    @classmethod
    def of(cls, found: email_domains.EmailDomains) -> EmailDomains:
        """The domains of an organization of the store."""
        return cls(organization=found.organization.group_id, domains=list(found.domains))


class EmailDomainsBody(Body):
    """All domains that the organization shall have."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"domains": ["example.com"]}]})

    domains: Annotated[list[Line], Field(max_length=MOST)]
    """What stands behind the @; each belongs to one organization of the installation."""


@operations.staff(
    "GET",
    "/organizations/{organization}/email-domains",
    Permission.ORGANIZATIONS_READ,
    answers=EmailDomains,
)
async def show_email_domains(asking: Staff, organization: str) -> EmailDomains | Refusal:
    """Show the e-mail domains that lead to an organization on the enrollment page."""
    found = await asking.see(ShowEmailDomains(organization))
    return shown(found, EmailDomains.of)


@operations.staff(
    "PUT",
    "/organizations/{organization}/email-domains",
    Permission.SETTINGS_EDIT,
    answers=EmailDomains,
    refuses=("domain_taken",),
)
async def set_email_domains(
    asking: Staff, organization: str, body: EmailDomainsBody
) -> EmailDomains | Refusal:
    """Give an organization these e-mail domains, and no others."""
    changed = await asking.do(SetEmailDomains(organization, tuple(body.domains)))
    return shown(changed, EmailDomains.of)
