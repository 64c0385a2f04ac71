"""Message templates of an organization: write, delete, list, preview.

A template belongs to an organization and counts for all below it. Its name is what a registration
asks for; the one called `default` stands in for the built-in one. What is wrong with a template is
told when it is saved, not when somebody waits for its message (A61).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import new_id, parse_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.core.templates import PURPOSES, lookups_for, problems
from enlist.store import events, organizations, templates
from enlist.store.templates import Template
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.branding import pictured
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.finding import organization_named
from enlist.verbs.issuing import BY_FILE, DEFAULT_TEMPLATE
from enlist.verbs.letters import Letter
from enlist.verbs.rights import lacks, missing
from enlist.verbs.samples import SAMPLE_ID, sample_letter

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-[0-9]{3})?")
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Wording:
    """What somebody wrote.

    Attributes:
        language: BCP 47 tag, such as `de` or `pt-BR`.
        subject, body: text with lookup values (`enlist.core.templates.LOOKUPS`).
    """

    name: str
    purpose: str
    channel: str
    language: str
    subject: str
    body: str

    def refusal(self) -> Refusal | None:
        """`validation_failed` or `template_invalid`, if anything is wrong with it."""
        errors = []
        if not self.name.strip() or len(self.name) > _LONGEST_NAME or not self.name.isprintable():
            errors.append(FieldError("name", f"must have 1 to {_LONGEST_NAME} characters"))
        errors += kind_problems(self.purpose, self.channel)
        if self.purpose == BY_FILE and self.name.strip() != DEFAULT_TEMPLATE:
            only = f"must be {DEFAULT_TEMPLATE}: nobody chooses among templates for a one-time JWT"
            errors.append(FieldError("name", only))
        if not _LANGUAGE.fullmatch(self.language):
            errors.append(FieldError("language", "must be a tag such as en, de or pt-BR"))
        if errors:
            return Refusal("validation_failed", fields=tuple(errors))
        found = problems(self.subject, self.body, purpose=self.purpose, channel=self.channel)
        if not found:
            return None
        detail = "; ".join(found)
        fields = tuple(
            FieldError(part, f"{'; '.join(told)}.")
            for part in ("subject", "body")
            if (told := [each for each in found if each.startswith(f"the {part}")])
        )
        return Refusal("template_invalid", f"{detail[0].upper()}{detail[1:]}.", fields=fields)


def kind_problems(purpose: str, channel: str) -> tuple[FieldError, ...]:
    """What is wrong with a purpose and a channel; () where there are templates for both."""
    if purpose not in PURPOSES:
        return (FieldError("purpose", f"must be one of {', '.join(sorted(PURPOSES))}"),)
    channels = PURPOSES[purpose].channels
    if channel in channels:
        return ()
    return (FieldError("channel", f"must be one of {', '.join(channels)} for this purpose"),)


def _place(
    tx: Reader, caller: Caller, named: str, permission: Permission
) -> Organization | Refusal:
    """The organization with this id or Group ID; the caller's own where none is named."""
    return organization_named(tx, caller, named or caller.organization_id or "", permission)


@dataclass(frozen=True)
class PutTemplate(Verb[Organization, Template, Template]):
    """Add a template, or replace the organization's with the same name, channel and language.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `template_invalid`.
    """

    organization: str
    wording: Wording

    name = "put_template"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        found = _place(tx, caller, self.organization, Permission.TEMPLATES_EDIT)
        if isinstance(found, Refusal):
            return found
        return self.wording.refusal() or found

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Template | Refusal:
        now, wording = tools.clock(), self.wording
        return Template(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            name=wording.name.strip(),
            purpose=wording.purpose,
            channel=wording.channel,
            language=wording.language,
            subject=wording.subject.strip(),
            body=wording.body.replace("\r\n", "\n").strip(),
            changed_at=now,
            version=1,
        )

    def apply(self, tx: Tx, caller: Caller, ready: Template) -> Done[Template] | Refusal:
        organizations.lock(tx, ready.organization_id)  # what it replaces must stay what is told
        before = _same(tx, ready)
        templates.put(tx, ready)
        _record(tx, caller, before, ready)
        # Where it replaced one, that one's id stays.
        return Done(_same(tx, ready) or ready)


def _same(tx: Tx, template: Template) -> Template | None:
    """The organization's template with the same name, channel and language, if it has one."""
    for each in templates.visible(tx, template.organization_path):
        if _key(each) == _key(template):
            return each
    return None


def _key(template: Template) -> tuple[str, ...]:
    """What may be there once; as the unique index of the table."""
    return (
        template.organization_id,
        template.purpose,
        template.name,
        template.channel,
        template.language,
    )


def _record(tx: Tx, caller: Caller, before: Template | None, after: Template | None) -> None:
    """The change with both wordings: a message that sent people astray must be found (X18)."""
    template = after or before
    assert template is not None
    data: dict[str, str | int | bool | None] = {
        "name": template.name,
        "purpose": template.purpose,
        "channel": template.channel,
        "language": template.language,
        "deleted": after is None,
    }
    for key in ("subject", "body"):
        if getattr(before, key, None) != getattr(after, key, None):
            data[f"before.{key}"] = getattr(before, key, None)
            data[f"after.{key}"] = getattr(after, key, None)
    about = Subjects(template.organization_id)
    events.record(tx, caller, Happening("template.changed", about, data))


@dataclass(frozen=True)
class DeleteTemplate(QuickVerb[Template, None]):
    """Delete a template; the one above it, or the built-in one, counts again.

    Refusals: `not_found`, `forbidden`.
    """

    template_id: str

    name = "delete_template"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Template | Refusal:
        by_id = parse_id(self.template_id)
        found = templates.find(tx, by_id) if by_id else None
        if found is None:
            return missing("template")
        about = Subjects(found.organization_id)
        return lacks(caller, Permission.TEMPLATES_EDIT, found.organization_path, about) or found

    def apply(self, tx: Tx, caller: Caller, ready: Template) -> Done[None] | Refusal:
        if not templates.delete(tx, ready.id):
            raise ConcurrentChange
        _record(tx, caller, ready, None)
        return Done(None)


@dataclass(frozen=True)
class ListTemplates(View[tuple[Template, ...]]):
    """The templates that count at an organization: its own and those from above.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str

    def read(self, tx: Reader, caller: Caller) -> tuple[Template, ...] | Refusal:
        found = _place(tx, caller, self.organization, Permission.TEMPLATES_READ)
        if isinstance(found, Refusal):
            return found
        return tuple(templates.visible(tx, found.path))


@dataclass(frozen=True)
class ListLookups(View[dict[str, str]]):
    """What templates of a purpose and a channel may look up at an organization (A62).

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str
    purpose: str
    channel: str

    def read(self, tx: Reader, caller: Caller) -> dict[str, str] | Refusal:
        found = _place(tx, caller, self.organization, Permission.TEMPLATES_READ)
        if isinstance(found, Refusal):
            return found
        wrong = kind_problems(self.purpose, self.channel)
        if wrong:
            return Refusal("validation_failed", fields=wrong)
        return lookups_for(self.purpose, self.channel)


@dataclass(frozen=True)
class PreviewTemplate(View[Letter]):
    """A letter with made-up people and a marked sample token, for `delivery` to render.

    Nothing of it is real but the organization and its settings. Refusals: as `PutTemplate`.
    """

    organization: str
    wording: Wording

    def read(self, tx: Reader, caller: Caller) -> Letter | Refusal:
        found = _place(tx, caller, self.organization, Permission.TEMPLATES_READ)
        if isinstance(found, Refusal):
            return found
        refusal = self.wording.refusal()
        if refusal is not None:
            return refusal
        hours = organizations.policy(tx, found.path).token_expiration_hours
        return sample_of(tx, found, self.wording, tx.now + hours * HOUR)


def sample_of(tx: Reader, place: Organization, wording: Wording, expires_at: int) -> Letter:
    """A letter to somebody made up, in these words and with the look of a real organization."""
    return replace(
        sample_letter(place, tx.now, expires_at),
        purpose=wording.purpose,
        channel=wording.channel,
        branding=pictured(tx, place.path),
        languages=(wording.language,),
        own_templates=(_template(wording, place, tx.now),),
        built_in=False,
    )


def _template(wording: Wording, organization: Organization, now: int) -> Template:
    return Template(
        id=SAMPLE_ID,
        organization_id=organization.id,
        organization_path=organization.path,
        name=DEFAULT_TEMPLATE,
        purpose=wording.purpose,
        channel=wording.channel,
        language=wording.language,
        subject=wording.subject,
        body=wording.body,
        changed_at=now,
        version=1,
    )
