"""Message templates: the wording of an organization's own messages."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.core.templates import LOOKUPS
from enlist.delivery.rendering import render
from enlist.store import templates
from enlist.verbs.issuing import REGISTRATION
from enlist.verbs.templates import (
    DeleteTemplate,
    ListTemplates,
    PreviewTemplate,
    PutTemplate,
    Wording,
)
from enlist.verbs.verdicts import Rejected
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.operations import Asking, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment, Text

operations: Final = Operations("Message templates")

_WORDING: Final = {
    "name": "default",
    "purpose": REGISTRATION,
    "channel": "email",
    "language": "en",
    "subject": "Enroll {FriendlyName}",
    "body": "Hello {FirstName|colleague},\n\nopen {EnrollmentUrl} before {TokenExpiresAt}.",
}


class Template(Shown):
    """A message template, and the organization that wrote it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "organization_id": EXAMPLE_ID,
                    **_WORDING,
                    "changed_at": EXAMPLE_MOMENT,
                    "version": 1,
                }
            ]
        }
    )

    id: str
    organization_id: str
    name: str
    purpose: str
    channel: str
    language: str
    subject: str
    body: str
    changed_at: Moment
    version: int

    @classmethod
    def of(cls, found: templates.Template) -> Template:
        """A template of the store."""
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class Templates(Shown):
    """The templates that count at an organization, and what they may look up."""

    items: list[Template]
    lookups: dict[str, str]
    """Every lookup value, such as `{EnrollmentUrl}`, and what it stands for."""


class TemplateQuery(Body):
    """Where the templates count."""

    organization: Line = ""
    """Id or Group ID; your own if left out."""


class WordingBody(Body):
    """A wording with lookup values: `{Name}`, or `{Name|fallback}` where it may be empty."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organization": "main", **_WORDING}]}
    )

    organization: Line = ""
    """Id or Group ID; your own if left out."""
    name: Line = "default"
    """`default` stands in for the built-in one."""
    purpose: Line = REGISTRATION
    channel: Line = "email"
    language: Line = "en"
    subject: Annotated[str, Field(max_length=1000)]
    body: Text

    def wording(self) -> Wording:
        """The same, as verbs take it."""
        return Wording(
            self.name, self.purpose, self.channel, self.language, self.subject, self.body
        )


class Preview(Shown):
    """A message as it would be sent, with made-up people and a sample token."""

    subject: str
    text: str
    html: str
    language: str


@operations.staff("GET", "/templates", Permission.TEMPLATES_READ, answers=Templates)
async def list_templates(
    asking: Staff, query: Annotated[TemplateQuery, Query()]
) -> Templates | Refusal:
    """List the templates that count at an organization: its own, and those from above."""
    found = await asking.see(ListTemplates(_place(asking, query.organization)))
    return shown(
        found,
        lambda each: Templates(items=[Template.of(one) for one in each], lookups=dict(LOOKUPS)),
    )


@operations.staff(
    "PUT",
    "/templates",
    Permission.TEMPLATES_EDIT,
    answers=Template,
    refuses=("template_invalid",),
)
async def put_template(asking: Staff, body: WordingBody) -> Template | Refusal:
    """Add a template, or replace the one with the same name, channel and language."""
    verb = PutTemplate(_place(asking, body.organization), body.wording())
    put = await asking.do(verb)
    return shown(put, Template.of)


@operations.staff(
    "POST",
    "/templates/preview",
    Permission.TEMPLATES_READ,
    answers=Preview,
    refuses=("template_invalid",),
)
async def preview_template(asking: Staff, body: WordingBody) -> Preview | Refusal:
    """Show what a wording would look like. Nothing is kept or sent."""
    letter = await asking.see(PreviewTemplate(_place(asking, body.organization), body.wording()))
    if isinstance(letter, Refusal):
        return letter
    written = render(letter, asking.services.public_url)
    if isinstance(written, Rejected):
        return Refusal("template_invalid", detail=written.reason)
    return Preview(
        subject=written.subject,
        text=written.text,
        html=written.html,
        language=written.language,
    )


@operations.staff("DELETE", "/templates/{template_id}", Permission.TEMPLATES_EDIT, status=204)
async def delete_template(asking: Staff, template_id: str) -> Refusal | None:
    """Delete a template; the one from above, or the built-in one, counts again."""
    return await asking.do(DeleteTemplate(template_id))


def _place(asking: Asking, named: str) -> str:
    return named or asking.caller.organization_id or ""
