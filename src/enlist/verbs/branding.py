"""How an organization looks to its people: see it, change it, give it a logo.

Values inherit one by one, as settings do. What is shown to people who proved nothing yet is the top
organization's: a page that knew whose link it was would tell that to strangers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from enlist.core.branding import (
    COLOURS,
    KEYS,
    LOGO,
    TEMPLATE_OF,
    TEXTS,
    Branding,
    colour_problem,
    landing_problem,
)
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.png import Picture, read_png
from enlist.core.policy import ChildPermission
from enlist.core.templates import PURPOSES
from enlist.store import branding, events, organizations, templates
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import Tools, Verb, View
from enlist.verbs.fields import Unfit
from enlist.verbs.finding import organization_named
from enlist.verbs.issuing import DEFAULT_TEMPLATE, REGISTRATION


@dataclass(frozen=True, slots=True)
class Change:
    """Values to store at an organization; None takes one back to what is above.

    Attributes:
        picture: of the logo that the values name, where it is a new one.
    """

    place: Organization
    values: Mapping[str, str | None]
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class BrandingDetail:
    """What counts at an organization, what it says itself, and what it would inherit."""

    organization: Organization
    branding: Branding
    own: Mapping[str, str]
    above: Branding


@dataclass(frozen=True)
class ShowBranding(View[BrandingDetail]):
    """How an organization looks. Refusals: `not_found`, `forbidden`."""

    organization: str

    def read(self, tx: Reader, caller: Caller) -> BrandingDetail | Refusal:
        named = self.organization or caller.organization_id or ""
        found = organization_named(tx, caller, named, Permission.ORGANIZATIONS_READ)
        return found if isinstance(found, Refusal) else _detail(tx, found)


def _detail(tx: Reader, place: Organization) -> BrandingDetail:
    own, above = branding.own(tx, place.id), branding.at(tx, _path_above(place))
    return BrandingDetail(place, branding.at(tx, place.path), own, above)


def _path_above(place: Organization) -> str:
    return place.path.removesuffix(f"{place.id}/")


@dataclass(frozen=True)
class ChangeBranding(Verb[Organization, Change, BrandingDetail]):
    """Change how an organization looks; None inherits from above.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`.

    Attributes:
        file: a new logo, of which the picture alone is kept; empty for none. The old one is taken
            away by `logo` being None in the change.
    """

    organization: str
    change: Mapping[str, str | None]
    file: bytes = field(default=b"", repr=False)

    name = "change_branding"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        found = _changeable(tx, caller, self.organization)
        if isinstance(found, Refusal):
            return found
        return _unknown_template(tx, found, self.change) or found

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Change | Refusal:
        return _read_change(seen, self.change, self.file, tools)

    def apply(self, tx: Tx, caller: Caller, ready: Change) -> Done[BrandingDetail] | Refusal:
        return _changed(tx, caller, ready)


@dataclass(frozen=True)
class PutLogo(Verb[Organization, Change, BrandingDetail]):
    """Give an organization a logo: a PNG file, of which the picture alone is kept.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `setting_inherited`.
    """

    organization: str
    file: bytes = field(repr=False)

    name = "put_logo"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return _changeable(tx, caller, self.organization)

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> Change | Refusal:
        read = read_png(self.file)
        return invalid(LOGO, read) if isinstance(read, str) else _with_logo(Change(seen, {}), read)

    def apply(self, tx: Tx, caller: Caller, ready: Change) -> Done[BrandingDetail] | Refusal:
        return _changed(tx, caller, ready)


def _changeable(tx: Reader, caller: Caller, named: str) -> Organization | Refusal:
    named = named or caller.organization_id or ""
    found = organization_named(tx, caller, named, Permission.SETTINGS_EDIT)
    if isinstance(found, Refusal):
        return found
    above = organizations.policy_above(tx, found)
    if above is not None and above.child_permission is ChildPermission.INHERIT_ONLY:
        return Refusal("setting_inherited", about=Subjects(found.id))
    return found


def _unknown_template(
    tx: Reader, place: Organization, change: Mapping[str, str | None]
) -> Refusal | None:
    """A default template must exist for some way of sending; whoever lacks it gets the default."""
    errors = []
    for key in TEMPLATE_OF.values():
        name = change.get(key)
        if name and name != DEFAULT_TEMPLATE and not _exists(tx, place.path, name):
            errors.append(FieldError(key, "there is no template of this name here"))
    return Refusal("validation_failed", fields=tuple(errors)) if errors else None


def _exists(tx: Reader, path: str, name: str) -> bool:
    asked = {"name": name, "purpose": REGISTRATION, "language": "en"}
    channels = PURPOSES[REGISTRATION].channels
    return any(templates.nearest(tx, path, channel=each, **asked) for each in channels)


def _read_change(
    place: Organization, change: Mapping[str, str | None], file: bytes, tools: Tools
) -> Change | Refusal:
    """The change as it is stored, or everything that is wrong with it."""
    wanted: dict[str, str | None] = {}
    errors = []
    for key, value in change.items():
        try:
            wanted[key] = _read(key, value, tools)
        except Unfit as error:
            errors.append(FieldError(key, str(error)))
    read = read_png(file) if file else None
    if isinstance(read, str):
        errors.append(FieldError(LOGO, read))
    if errors:
        return Refusal("validation_failed", fields=tuple(errors))
    ready = Change(place, wanted)
    return _with_logo(ready, read) if isinstance(read, Picture) else ready


def _with_logo(change: Change, picture: Picture) -> Change:
    digest = hashlib.sha256(picture.content).hexdigest()
    return Change(change.place, {**change.values, LOGO: digest}, picture)


def _read(key: str, value: str | None, tools: Tools) -> str | None:
    """A value as it is kept.

    Raises:
        Unfit: it cannot be, and why.
    """
    if key not in KEYS:
        raise Unfit("unknown value")
    if value is None or not value.strip():
        return None
    text = value.strip()
    if key == LOGO:
        raise Unfit("is uploaded as a file")
    if key in COLOURS:
        text = text.lower()
        return _checked(text, colour_problem(text))
    if key == "landing_url":
        return _checked(text, landing_problem(text, tools.landing_hosts))
    if key in TEXTS:
        if len(text) > TEXTS[key]:
            raise Unfit(f"must have at most {TEXTS[key]} characters")
        return _plain_text(text)
    return _READERS.get(key, fields.label)(text)


def _checked(text: str, problem: str | None) -> str:
    if problem is not None:
        raise Unfit(problem)
    return text


def _plain_text(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    if not all(line.isprintable() for line in lines):
        raise Unfit("must be plain text")
    return "\n".join(lines)


_READERS: Final[Mapping[str, Callable[[str], str]]] = {
    "support_email": fields.email,
    "support_phone": fields.phone,
}


def _changed(tx: Tx, caller: Caller, change: Change) -> Done[BrandingDetail]:
    place, picture = change.place, change.picture
    organizations.lock(tx, place.id)
    if organizations.find(tx, place.id) is None:
        raise ConcurrentChange
    before = branding.own(tx, place.id)
    if picture is not None:
        branding.put_logo(tx, change.values[LOGO] or "", picture.content)
    branding.put(tx, place.id, change.values)
    data: dict[str, str | int | bool | None] = {}
    for key, value in sorted(change.values.items()):
        data[f"before.{key}"], data[f"after.{key}"] = before.get(key), value
    events.record(tx, caller, Happening("branding.changed", Subjects(place.id), data))
    return Done(_detail(tx, place))


def foreseen(tx: Reader, change: Change) -> Branding:
    """What would count at an organization after a change that nothing above forbids."""
    own = {**branding.own(tx, change.place.id), **change.values}
    values = dict(branding.at(tx, _path_above(change.place)).values)
    values |= {key: value for key, value in own.items() if value is not None}
    shown = Branding(values, messages=organizations.policy(tx, change.place.path).messages)
    picture = change.picture.content if change.picture else branding.logo(tx, shown.logo)
    return replace(shown, picture=picture or b"")


# --- for those who proved nothing, or hold an enrollment ----------------------------------------


@dataclass(frozen=True)
class PublicBranding(View[Branding]):
    """How pages look: as the organization of whoever holds an enrollment, else as the top one.

    Nothing here is secret; which organization it is for must come from a verb that a holder asked.
    """

    organization_id: Id | None = None

    def read(self, tx: Reader, caller: Caller) -> Branding:
        place = organizations.find(tx, self.organization_id) if self.organization_id else None
        place = place or organizations.root(tx)
        if place is None:
            return Branding()
        messages = organizations.policy(tx, place.path).messages
        return replace(branding.at(tx, place.path), messages=messages)


@dataclass(frozen=True)
class Logo(View[bytes | None]):
    """The logo with this digest, for whoever knows it; None where nobody has it any more."""

    digest: str

    def read(self, tx: Reader, caller: Caller) -> bytes | None:
        return branding.logo(tx, self.digest)


def pictured(tx: Reader, path: str) -> Branding:
    """How an organization looks, with its logo, for a message that brings it along."""
    found = branding.at(tx, path)
    return replace(found, picture=branding.logo(tx, found.logo) or b"") if found.logo else found
