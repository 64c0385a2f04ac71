"""Message templates: what an organization writes instead of the built-in messages.

A template is found by its name and language; the organization's own goes before those from above,
and those before the built-in ones. The preview is a sample, in a frame that may do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import escape
from starlette.responses import HTMLResponse, Response

from enlist.core.outcomes import FieldError, Refusal, invalid
from enlist.core.policy import Permission
from enlist.core.templates import LOOKUPS, SECRET_LOOKUPS, problems
from enlist.delivery.builtin import all_built_in
from enlist.delivery.rendering import Rendered, render
from enlist.store.templates import Template
from enlist.verbs.issuing import DEFAULT_TEMPLATE, REGISTRATION
from enlist.verbs.templates import (
    DeleteTemplate,
    ListTemplates,
    PreviewTemplate,
    PutTemplate,
    Wording,
)
from enlist.web.boundary import CONTENT_POLICY
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

PURPOSES: Final = {REGISTRATION: Word(N_("Registration token"))}
CHANNELS: Final = {"email": Word(N_("E-mail"))}

# The editor frames its preview; the preview may use inline style, and be framed by us, no more.
_FRAMING: Final = f"{CONTENT_POLICY}; frame-src 'self'"
_FRAMED: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
_FIELDS: Final = ("name", "purpose", "channel", "language", "subject", "body")
_BODY: Final = re.compile(r"<body[^>]*>", re.IGNORECASE)
_BAR: Final = (
    '<div style="padding:12px 16px;border-bottom:1px solid #8c98a4;'
    'font:14px/1.4 system-ui,sans-serif">{}</div>'
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A template as the list shows it; `template` is None for a built-in one.

    Attributes:
        place: name of the organization that it belongs to.
        hidden: another one goes before it here.
    """

    name: str
    language: str
    purpose: str
    channel: str
    subject: str
    place: str
    own: bool
    hidden: bool
    template: Template | None = None


async def show_list(desk: Desk) -> Response:
    """The templates that count here: own ones, those from above, the built-in ones."""
    found = await desk.view(ListTemplates(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "items": _listed(desk, found),
        "purposes": PURPOSES,
        "channels": CHANNELS,
        "default": DEFAULT_TEMPLATE,
    }
    return desk.show("console/templates.html", context)


def _listed(desk: Desk, found: Sequence[Template]) -> list[Listed]:
    names = {place.id: place.name for place in desk.place.trail}
    taken: set[tuple[str, str, str]] = set()
    rows: list[Listed] = []
    # The nearest organization's goes first: the longest path.
    for each in sorted(found, key=lambda each: -len(each.organization_path)):
        key = (each.name, each.channel, each.language)
        own = each.organization_id == desk.organization.id
        place = names.get(each.organization_id) or desk.gettext("an organization above")
        rows.append(Listed(*_facts(each), place, own, key in taken, each))
        taken.add(key)
    for built in all_built_in():
        key = (DEFAULT_TEMPLATE, "email", built.language)
        facts = (DEFAULT_TEMPLATE, built.language, built.purpose, "email", built.subject)
        rows.append(Listed(*facts, desk.gettext("built in"), own=False, hidden=key in taken))
    return sorted(rows, key=lambda row: (row.name != DEFAULT_TEMPLATE, row.name, row.language))


def _facts(each: Template) -> tuple[str, str, str, str, str]:
    return each.name, each.language, each.purpose, each.channel, each.subject


async def write(desk: Desk) -> Response:
    """Write a template of this organization, new or in place of one that counts here now.

    Whoever may only read sees what counts now, and its preview.
    """
    found = await desk.view(ListTemplates(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    asked = desk.request.query_params
    known = _known(found, asked.get("name", ""), asked.get("language", ""))
    closed = None if known else desk.closed(Permission.TEMPLATES_EDIT)
    if closed is not None:
        return closed
    form = Form(known or {**_built_in("en"), "name": "", "new": "yes"})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _save(desk, form, found)
        if outcome is None:
            return desk.go(desk.address("templates"), desk.gettext("Template saved."))
        form = form.refused(outcome)
    context = {
        "form": form,
        "lookups": LOOKUPS,
        "secret_lookups": SECRET_LOOKUPS,
        "purposes": PURPOSES,
        "channels": CHANNELS,
        "languages": list(desk.languages.items()),
    }
    response = desk.show("console/template.html", context, refusal=form.refusal)
    response.headers["content-security-policy"] = _FRAMING
    return response


async def _save(desk: Desk, form: Form, found: Sequence[Template]) -> Refusal | None:
    wording = _wording(form)
    own = [each for each in found if each.organization_id == desk.organization.id]
    if form.value("new") and any(_same(each, wording) for each in own):
        told = desk.gettext("This organization has a template of that name and language.")
        return invalid("name", told)
    outcome = await desk.perform(PutTemplate(desk.organization.id, wording))
    return _by_field(outcome, wording) if isinstance(outcome, Refusal) else None


async def preview(desk: Desk) -> Response:
    """What the template in the form would look like, with made-up people: for the frame."""
    form = await read_form(desk.request)
    letter = await desk.view(PreviewTemplate(desk.organization.id, _wording(form)))
    if isinstance(letter, Refusal):
        if letter.code not in ("validation_failed", "template_invalid"):
            return desk.refuse(letter)
        told = letter.detail or "; ".join(f"{e.field} {e.message}" for e in letter.fields)
        return _framed(_BAR.format(escape(told or desk.gettext("This cannot be shown."))))
    rendered = render(letter, desk.services.public_url)
    if not isinstance(rendered, Rendered):
        return _framed(_BAR.format(escape(rendered.reason)))
    subject = _BAR.format(f"<strong>{escape(rendered.subject)}</strong>")
    if form.value("as") == "text":
        text = '<pre style="padding:16px;font:14px/1.5 monospace;white-space:pre-wrap">{}</pre>'
        return _framed(subject + text.format(escape(rendered.text)))
    return _framed(_BODY.sub(lambda found: found[0] + subject, rendered.html, count=1))


async def delete(desk: Desk) -> Response:
    """Delete a template of this organization; what is above counts again."""
    found = await desk.view(ListTemplates(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    named = desk.request.path_params["id"]
    template = next((each for each in found if each.id == named), None)
    if template is None or template.organization_id != desk.organization.id:
        return desk.refuse(Refusal("not_found"))
    closed = desk.closed(Permission.TEMPLATES_EDIT)
    if closed is not None:
        return closed
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(DeleteTemplate(template.id))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("templates"), desk.gettext("Template deleted."))
        refusal = outcome
    context = {"template": template, "default": DEFAULT_TEMPLATE}
    return desk.show("console/template_delete.html", context, refusal=refusal)


def _known(found: Sequence[Template], name: str, language: str) -> dict[str, str] | None:
    """The form's values for the template of this name and language that counts here."""
    for each in sorted(found, key=lambda each: -len(each.organization_path)):
        if (each.name, each.language) == (name, language):
            return {field: getattr(each, field) for field in _FIELDS}
    languages = {built.language for built in all_built_in()}
    return _built_in(language) if name == DEFAULT_TEMPLATE and language in languages else None


def _built_in(language: str) -> dict[str, str]:
    """The form's values for the built-in template of this language."""
    built = next(each for each in all_built_in() if each.language == language)
    return {
        "name": DEFAULT_TEMPLATE,
        "purpose": built.purpose,
        "channel": "email",
        "language": built.language,
        "subject": built.subject,
        "body": built.body,
    }


def _wording(form: Form) -> Wording:
    return Wording(**{field: form.value(field) for field in _FIELDS})


def _same(template: Template, wording: Wording) -> bool:
    mine = (wording.name, wording.channel, wording.language)
    return (template.name, template.channel, template.language) == mine


def _by_field(refusal: Refusal, wording: Wording) -> Refusal:
    """What is wrong with a template, each at its field."""
    if refusal.code != "template_invalid":
        return refusal
    told = problems(wording.subject, wording.body, carries_secret=True)
    subject = [each for each in told if each.startswith("the subject")]
    body = [each for each in told if each not in subject]
    errors = tuple(
        FieldError(field, f"{'; '.join(found)}.")
        for field, found in (("subject", subject), ("body", body))
        if found
    )
    return Refusal("template_invalid", fields=errors, support_code=refusal.support_code)


def _framed(html: str) -> Response:
    return HTMLResponse(html, headers={"content-security-policy": _FRAMED})


ROUTES = [
    page("templates", show_list),
    page("templates/write", write, methods=("GET", "POST")),
    page("templates/preview", preview, methods=("POST",)),
    page("templates/{id}/delete", delete, methods=("GET", "POST")),
]
