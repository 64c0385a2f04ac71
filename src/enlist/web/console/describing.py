"""Events as people read them: who did what to whom, and why it was refused.

An event's entry is for machines; a sentence is made of it here, for lists and timelines, with the
exact reason beside it where there is one (X13). Names are personal: where they were erased, or
belong to staff that the reader may not see, the sentence still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babel import Locale
from babel.dates import format_timedelta
from markupsafe import Markup, escape

from enlist.core.caller import CallerKind
from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.core.model import EventRow
from enlist.core.refusals import CATALOGUE
from enlist.locales import locale_of, translations
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.clones import POSSIBLE_CLONE
from enlist.web.console import timeline
from enlist.web.console.event_reasons import VERBS, answers_in_words, reason_in_words
from enlist.web.console.event_texts import (
    ACTORS,
    COPIED,
    COUNTS,
    FIELDS,
    HANDED,
    INTERCEPTED,
    MOMENTS,
    NOBODYS,
    SENTENCES,
)
from enlist.web.console.navigation import N_
from enlist.web.console.people import ROLES
from enlist.web.console.setting_words import CHOICES
from enlist.web.console.words import STAGINGS

Translate = Callable[[str], str]

_FLAGGED: Final = {timeline.INTERCEPTION: INTERCEPTED, POSSIBLE_CLONE: COPIED}

_INHERITED: Final = ("settings.changed", "branding.changed")
"""Kinds of events in which nothing means what is above."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after; "" for none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Description:
    """An event in words.

    Attributes:
        text: the sentence; names stand out in it.
        why: the exact reason, and what else came of it; sentences.
        icon, tone: as timelines show it.
    """

    event: EventRow
    text: Markup
    why: tuple[str, ...]
    icon: str
    tone: str
    changes: tuple[Change, ...]


def actor(event: EventRow, gettext: Translate) -> str:
    """Who did it, as far as the reader may know."""
    named = event.personal.get("actor", "")
    if event.actor_kind == CallerKind.API_KEY.value and named:
        return gettext("API key %(name)s") % {"name": named}
    if event.actor_kind == CallerKind.HOST.value and named:
        return gettext("%(name)s at the command line") % {"name": named}
    if event.actor_kind in (CallerKind.SYSTEM.value, CallerKind.STRANGER.value) or not named:
        return gettext(ACTORS.get(event.actor_kind, N_("Somebody")))
    return named


def describe(event: EventRow, language: str, places: Mapping[Id, str] | None = None) -> Description:
    """The event as a sentence, with its reasons and the changes that it tells of.

    Args:
        places: names of organizations, for events that do not hold their own.
    """
    gettext = translations(language).gettext
    names = {
        name: Markup("<strong>{}</strong>").format(value) for name, value in _names(event, gettext)
    }
    names["who"] = Markup("<strong>{}</strong>").format(actor(event, gettext))
    names.setdefault("user", escape(gettext("somebody")))
    names.setdefault("device", escape(gettext("a device")))
    names.setdefault("recipient", escape(gettext("somebody")))
    place = (places or {}).get(event.organization_id or "")
    names["place"] = escape(gettext("an organization"))
    if place:
        names["place"] = Markup("<strong>{}</strong>").format(place)
    names["verb"] = escape(gettext(VERBS.get(str(event.data.get("verb")), N_("do something"))))
    for name in ("name", "group_id", "network", "role", "version"):
        names.setdefault(name, escape("—"))
    manner = timeline.manner_of(event)
    return Description(
        event,
        escape(gettext(_sentence(event))) % names,
        tuple(_reasons(event, gettext, locale_of(language))),
        manner.icon,
        manner.tone,
        tuple(_changes(event, gettext)),
    )


def _sentence(event: EventRow) -> str:
    if event.kind == "device.handed_out" and event.data.get("to") == event.user_id:
        return HANDED
    nobodys = NOBODYS.get(event.kind) if event.user_id is None else None
    return nobodys or SENTENCES.get(event.kind, event.kind)


def describe_all(
    events: Sequence[EventRow], language: str, places: Mapping[Id, str] | None = None
) -> list[Description]:
    """Several events, in their order."""
    return [describe(event, language, places) for event in events]


def _names(event: EventRow, gettext: Translate) -> list[tuple[str, str]]:
    """What a sentence may name: personal values, then plain data."""
    told = {**{name: str(value) for name, value in event.data.items()}, **event.personal}
    if str(told.get("alert_kind")) in ALERT_KINDS:
        told["name"] = gettext(ALERT_KINDS[str(told["alert_kind"])].title)
    if told.get("role") in ROLES:
        told["role"] = gettext(ROLES[told["role"]].label)
    wanted = ("user", "device", "network", "recipient", "name", "group_id", "role", "version")
    return [(name, told[name]) for name in wanted if told.get(name)]


def _reasons(event: EventRow, gettext: Translate, locale: Locale) -> Iterator[str]:
    """Why it was refused or failed, or what else it came to, as sentences."""
    data, personal = event.data, event.personal
    code = str(data.get("code") or "")
    if code in CATALOGUE:
        yield gettext(CATALOGUE[code].title) + "."
    reason = str(data.get("reason") or personal.get("reason") or "")
    if reason and reason != code:
        yield reason_in_words(reason, gettext)
    moment = data.get("moment")
    if code in MOMENTS and isinstance(moment, int):
        span = format_timedelta((event.at - moment) // SECOND, locale=locale)
        yield gettext(MOMENTS[code]) % {"span": span}
    if data.get("fields") and code:
        yield gettext("Fields: %(fields)s.") % {"fields": data["fields"]}
    if (flag := str(data.get("flag") or "")) in _FLAGGED:
        yield gettext(_FLAGGED[flag])
    if personal.get("first_address"):
        address = personal["first_address"]
        yield gettext("The first use came from %(address)s.") % {"address": address}
    if data.get("scanner"):
        yield gettext("Probably a mail scanner: it only looked, as no person does.")
    for name, text in COUNTS.items():
        if data.get(name):
            yield gettext(text) % {"count": data[name]}
    yield from answers_in_words(event, gettext)


def _changes(event: EventRow, gettext: Translate) -> list[Change]:
    """What was changed, before and after, with the fields' names."""
    told: dict[str, object] = {**event.data, **event.personal}
    order = {name: place for place, name in enumerate(FIELDS)}
    names = [name.removeprefix("after.") for name in told if name.startswith("after.")]
    pairs = [
        Change(
            gettext(FIELDS.get(name, name)),
            _shown(event, name, told.get(f"before.{name}"), gettext),
            _shown(event, name, told.get(f"after.{name}"), gettext),
        )
        for name in sorted(names, key=lambda name: order.get(name, len(order)))
    ]
    return [pair for pair in pairs if pair.before != pair.after]


def _shown(event: EventRow, name: str, value: object, gettext: Translate) -> str:
    if isinstance(value, bool):
        return gettext("On") if value else gettext("Off")
    if value is None:
        return gettext("inherited") if event.kind in _INHERITED else ""
    word = {**CHOICES, "staging": STAGINGS}.get(name, {}).get(str(value))
    return gettext(word.label) if word else str(value)
