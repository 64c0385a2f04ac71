"""Message templates: the wording of an organization's own messages."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core import sms
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.templates import LOOKUPS, SECRET_LOOKUPS, cautions
from enlist.delivery.rendering import render
from enlist.store import templates
from enlist.verbs.issuing import REGISTRATION
from enlist.verbs.sample_messages import SampleAgain, SendSample
from enlist.verbs.templates import (
    DeleteTemplate,
    ListLookups,
    ListTemplates,
    PreviewTemplate,
    PutTemplate,
    Wording,
)
from enlist.verbs.verdicts import Rejected
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.enrollments import UNSENDABLE
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
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


class LookupValue(Shown):
    """One lookup value, as a template writes it: `{EnrollmentUrl}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "registration.email.EnrollmentUrl",
                    "key": "EnrollmentUrl",
                    "description": LOOKUPS["EnrollmentUrl"],
                    "redeems": True,
                }
            ]
        }
    )

    id: str
    """Stays the same in every version: purpose, channel and key."""
    key: str
    description: str
    redeems: bool
    """Whoever reads it can enroll: one of these must stand in the body."""


class LookupValues(Shown):
    """The lookup values of one kind of template."""

    items: list[LookupValue]


class LookupQuery(Body):
    """Which kind of template, and where."""

    organization: Line = ""
    """Id or Group ID; your own if left out."""
    purpose: Line = REGISTRATION
    channel: Line = "email"


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
    subject: Annotated[str, Field(max_length=1000)] = ""
    """Left out for an SMS, which has none."""
    body: Text

    def wording(self) -> Wording:
        """The same, as verbs take it."""
        return Wording(
            self.name, self.purpose, self.channel, self.language, self.subject, self.body
        )


class SampleBody(WordingBody):
    """A wording to send as a sample."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"organization": "main", **_WORDING, "recipient": "ada@example.com"}]
        }
    )

    recipient: Line = ""
    """An e-mail address, or a phone number with its country code; your own if left out."""


class SentSample(Shown):
    """A sample on its way; what comes of it stands in the list of messages."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message_id": EXAMPLE_ID, "recipient": "ada@example.com"}]}
    )

    message_id: str
    """Its `id` in `GET /messages`."""
    recipient: str


class Sms(Shown):
    """How long a text is as an SMS."""

    encoding: sms.Encoding
    units: int
    """Septets or 16-bit units, whichever the encoding counts."""
    parts: int
    """How many messages are paid for."""

    @classmethod
    def of(cls, found: sms.Size) -> Sms:
        """As it was measured."""
        return cls(encoding=found.encoding, units=found.units, parts=found.parts)


class Preview(Shown):
    """A message as it would be sent, with made-up people and a sample token."""

    subject: str
    text: str
    html: str
    """Empty for an SMS."""
    language: str
    warnings: list[str]
    """What the wording had better have too; it may be saved without."""
    sms: Sms | None
    """How long it is; null for an e-mail."""


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


@operations.staff("GET", "/templates/lookups", Permission.TEMPLATES_READ, answers=LookupValues)
async def list_lookup_values(
    asking: Staff, query: Annotated[LookupQuery, Query()]
) -> LookupValues | Refusal:
    """List what templates of a purpose and a channel may look up at an organization."""
    kind = ListLookups(_place(asking, query.organization), query.purpose, query.channel)
    found = await asking.see(kind)
    return shown(
        found,
        lambda known: LookupValues(
            items=[
                LookupValue(
                    id=f"{query.purpose}.{query.channel}.{key}",
                    key=key,
                    description=meaning,
                    redeems=key in SECRET_LOOKUPS,
                )
                for key, meaning in known.items()
            ]
        ),
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
    size = written.size
    return Preview(
        subject=written.subject,
        text=written.text,
        html=written.standalone,
        language=written.language,
        warnings=list(cautions(body.body, purpose=body.purpose)),
        sms=Sms.of(size) if size else None,
    )


@operations.staff(
    "POST",
    "/templates/test",
    Permission.TEMPLATES_EDIT,
    answers=SentSample,
    status=202,
    refuses=("template_invalid", *UNSENDABLE, *IDEMPOTENT),
)
async def send_sample(
    asking: Staff, body: SampleBody, _key: IdempotencyHeader = None
) -> SentSample | Refusal:
    """Send a wording as a sample: made-up people, a token that can never be one."""
    verb = SendSample(_place(asking, body.organization), body.wording(), body.recipient)
    sent = await asking.do_once(verb, SampleAgain)
    return shown(sent, lambda found: SentSample(message_id=found.id, recipient=found.recipient))


@operations.staff("DELETE", "/templates/{template_id}", Permission.TEMPLATES_EDIT, status=204)
async def delete_template(asking: Staff, template_id: str) -> Refusal | None:
    """Delete a template; the one from above, or the built-in one, counts again."""
    return await asking.do(DeleteTemplate(template_id))


def _place(asking: Asking, named: str) -> str:
    return named or asking.caller.organization_id or ""
