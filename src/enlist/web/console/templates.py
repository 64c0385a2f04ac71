"""Message templates: what an organization writes instead of the built-in messages.

A template is found by its name and language; the organization's own goes before those from above,
and those before the built-in ones. The preview is a sample, in a frame that may do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core import sms
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.refusals import CATALOGUE
from enlist.core.templates import PURPOSES, SECRET_LOOKUPS, cautions, lookups_for
from enlist.delivery.builtin import BuiltIn, all_built_in, built_in
from enlist.delivery.rendering import Rendered, render
from enlist.locales import SOURCE
from enlist.store.templates import Template
from enlist.verbs.channels import EMAIL, SMS, address_of
from enlist.verbs.issuing import DEFAULT_TEMPLATE
from enlist.verbs.sample_messages import SendSample
from enlist.verbs.templates import (
    DeleteTemplate,
    ListTemplates,
    PreviewTemplate,
    PutTemplate,
    Wording,
)
from enlist.web.console import framing
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import N_
from enlist.web.console.words import MESSAGE_PURPOSES, Word

CHANNELS: Final = {EMAIL: Word(N_("E-mail")), SMS: Word(N_("SMS"))}
_NEW: Final = tuple(
    (purpose, channel) for purpose, about in PURPOSES.items() for channel in about.channels
)
"""What a new template can be for."""

_KEY: Final = ("name", "purpose", "channel", "language")
_FIELDS: Final = ("name", "purpose", "channel", "language", "subject", "body")
_BEGINNING: Final = 80


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
        "purposes": MESSAGE_PURPOSES,
        "channels": CHANNELS,
        "default": DEFAULT_TEMPLATE,
    }
    return desk.show("console/templates.html", context)


def _kinds(desk: Desk) -> list[tuple[str, str, str]]:
    """Purpose, channel and name of what a new template can be for."""
    return [
        (purpose, channel, f"{desk.gettext(MESSAGE_PURPOSES[purpose].label)} · {label}")
        for purpose, channel in _NEW
        for label in (desk.gettext(CHANNELS[channel].label),)
    ]


def _listed(desk: Desk, found: Sequence[Template]) -> list[Listed]:
    names = {place.id: place.name for place in desk.place.trail}
    taken: set[tuple[str, ...]] = set()
    rows: list[Listed] = []
    # The nearest organization's goes first: the longest path.
    for each in sorted(found, key=lambda each: -len(each.organization_path)):
        key = (each.purpose, each.name, each.channel, each.language)
        own = each.organization_id == desk.organization.id
        place = names.get(each.organization_id) or desk.gettext("an organization above")
        rows.append(Listed(*_facts(each), place, own, key in taken, each))
        taken.add(key)
    for built in all_built_in():
        key = (built.purpose, DEFAULT_TEMPLATE, built.channel, built.language)
        facts = (DEFAULT_TEMPLATE, built.language, built.purpose, built.channel, _told(built))
        rows.append(Listed(*facts, desk.gettext("built in"), own=False, hidden=key in taken))
    kinds = {kind: place for place, kind in enumerate(_NEW)}
    return sorted(
        rows,
        key=lambda row: (
            row.name != DEFAULT_TEMPLATE,
            row.name,
            kinds.get((row.purpose, row.channel), 0),
            row.language,
        ),
    )


def _told(each: Template | BuiltIn) -> str:
    """What a template is known by: its subject, or the beginning of a text that has none."""
    if each.subject:
        return each.subject
    return f"{each.body[:_BEGINNING]}…" if len(each.body) > _BEGINNING else each.body


def _facts(each: Template) -> tuple[str, str, str, str, str]:
    return each.name, each.language, each.purpose, each.channel, _told(each)


async def write(desk: Desk) -> Response:
    """Write a template of this organization, new or in place of one that counts here now.

    Whoever may only read sees what counts now, and its preview.
    """
    found = await desk.view(ListTemplates(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    asked = desk.request.query_params
    usual = dict(zip(("purpose", "channel"), _NEW[0], strict=True))
    known = _known(found, {field: asked.get(field, usual.get(field, "")) for field in _KEY})
    closed = None if known else desk.closed(Permission.TEMPLATES_EDIT)
    if closed is not None:
        return closed
    form = Form(known or _beginning(asked.get("purpose", ""), asked.get("channel", "")))
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await _save(desk, form, found)
        if outcome is None:
            return desk.go(desk.address("templates"), _saved(desk, form))
        form = form.refused(outcome)
    kind = _kind(form)
    context = {
        "form": form,
        "lookups": lookups_for(*kind),
        "secret_lookups": SECRET_LOOKUPS if PURPOSES[kind[0]].hands_over else (),
        "sms": kind[1] == SMS,
        "kind": kind,
        "kinds": _kinds(desk),
        "purposes": MESSAGE_PURPOSES,
        "channels": CHANNELS,
        "languages": list(desk.languages.items()),
        "own_address": _own_address(desk, kind[1]),
        "reachable": kind[1] in desk.services.tools.channels,
    }
    return framing.framing(desk.show("console/template.html", context, refusal=form.refusal))


def _own_address(desk: Desk, channel: str) -> str:
    """Where a sample goes that is sent to nobody else."""
    return address_of(desk.place.person, channel) if desk.place.person else ""


async def _save(desk: Desk, form: Form, found: Sequence[Template]) -> Refusal | None:
    wording = _wording(form)
    own = [each for each in found if each.organization_id == desk.organization.id]
    if form.value("new") and any(_same(each, wording) for each in own):
        told = desk.gettext("This organization has a template of that name and language.")
        return invalid("name", told)
    outcome = await desk.perform(PutTemplate(desk.organization.id, wording))
    return outcome if isinstance(outcome, Refusal) else None


def _saved(desk: Desk, form: Form) -> str:
    """What is said after saving; with what the template had better have too."""
    told = desk.gettext("Template saved.")
    wording = _wording(form)
    lacking = cautions(wording.body, purpose=wording.purpose)
    return " ".join([told, *(f"{each[0].upper()}{each[1:]}." for each in lacking)])


def _kind(form: Form) -> tuple[str, str]:
    """Purpose and channel of the form's template; the first where it names none of ours."""
    kind = (form.value("purpose"), form.value("channel"))
    return kind if kind in _NEW else _NEW[0]


async def preview(desk: Desk) -> Response:
    """What the template in the form would look like, with made-up people: for the frame."""
    form = await read_form(desk.request)
    letter = await desk.view(PreviewTemplate(desk.organization.id, _wording(form)))
    if isinstance(letter, Refusal):
        if letter.code not in framing.INVALID:
            return desk.refuse(letter)
        return framing.why_not(letter, desk.gettext("This cannot be shown."))
    rendered = render(letter, desk.services.public_url)
    if not isinstance(rendered, Rendered):
        return framing.told(rendered.reason)
    if rendered.size is not None:
        return framing.text_message(rendered, _size(desk, rendered.size))
    if form.value("as") == "text":
        return framing.text_message(rendered, rendered.subject)
    return framing.mail(rendered)


def _size(desk: Desk, size: sms.Size) -> str:
    """What an SMS costs, and why."""
    one = size.parts == 1
    told = desk.gettext("1 part" if one else "%(count)s parts") % {"count": size.parts}
    told += f" · {size.units} {desk.gettext('units')} · {size.encoding}"
    if size.encoding == "GSM-7":
        return told
    why = desk.gettext("A letter outside the SMS alphabet, such as an emoji, halves what fits.")
    return f"{told} · {why}"


async def send_sample(desk: Desk) -> Response:
    """Send what stands in the form as a sample: the line below the button."""
    form = await read_form(desk.request)
    sent = await desk.perform(
        SendSample(desk.organization.id, _wording(form), form.value("recipient"))
    )
    if isinstance(sent, Refusal) and sent.code == "unauthenticated":
        return desk.refuse(sent)
    context = {
        "sent": None if isinstance(sent, Refusal) else sent.value,
        "wrong": sent if isinstance(sent, Refusal) else None,
        "catalogue": CATALOGUE,
    }
    return desk.show("console/_sample_sent.html", context)


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


def _known(found: Sequence[Template], key: Mapping[str, str]) -> dict[str, str] | None:
    """The form's values for the template with this key that counts here."""
    for each in sorted(found, key=lambda each: -len(each.organization_path)):
        if all(getattr(each, field) == key[field] for field in _KEY):
            return {field: getattr(each, field) for field in _FIELDS}
    built = built_in(key["purpose"], key["language"], key["channel"])
    replaceable = built is not None and built.purpose in PURPOSES
    return _built_in(built) if built and replaceable and key["name"] == DEFAULT_TEMPLATE else None


def _beginning(purpose: str, channel: str) -> dict[str, str]:
    """The form's values for a new template: the words of the built-in one."""
    kind = (purpose, channel) if (purpose, channel) in _NEW else _NEW[0]
    built = next(
        each
        for each in all_built_in()
        if (each.purpose, each.channel, each.language) == (*kind, SOURCE)
    )
    name = "" if PURPOSES[kind[0]].hands_over else DEFAULT_TEMPLATE
    return {**_built_in(built), "name": name, "new": "yes"}


def _built_in(built: BuiltIn) -> dict[str, str]:
    """The form's values for a built-in template."""
    return {
        "name": DEFAULT_TEMPLATE,
        "purpose": built.purpose,
        "channel": built.channel,
        "language": built.language,
        "subject": built.subject,
        "body": built.body,
    }


def _wording(form: Form) -> Wording:
    return Wording(**{field: form.value(field) for field in _FIELDS})


def _same(template: Template, wording: Wording) -> bool:
    return all(getattr(template, field) == getattr(wording, field) for field in _KEY)


ROUTES = [
    page("templates", show_list),
    page("templates/write", write, methods=("GET", "POST")),
    page("templates/preview", preview, methods=("POST",)),
    page("templates/test", send_sample, methods=("POST",)),
    page("templates/{id}/delete", delete, methods=("GET", "POST")),
]
