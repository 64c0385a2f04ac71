"""One act on many things that were ticked in a list: what it does to each, then portion by portion.

The page that asks shows what would become of each. The answer to its button does a portion and
holds the form for the next one, which sends itself: whoever waits sees how far it is, and nothing
runs longer than a request may. Nothing that was ticked is dropped silently: what is refused is
told with its reason, what cannot be found any more is counted (X29).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import Response

from enlist.core.ids import Id
from enlist.core.model import Device, Enrollment, User
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.refusals import CATALOGUE
from enlist.verbs.consequences import Foreseen
from enlist.verbs.driver import Verb
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.rehearsing import DryRun, Foreseeing
from enlist.verbs.reset import ResetReason
from enlist.web.console import words
from enlist.web.console.bulk_words import ACT_WORDS, ActWords
from enlist.web.console.forms import Form, read_choices, to_picker
from enlist.web.console.layout import Desk
from enlist.web.console.people import organization_choices
from enlist.web.console.sending import YES, channel_choices, read_expiry, token_choices

MOST_AT_ONCE: Final = 100
"""Things that can be chosen for one act: a full page of a list."""

PORTION: Final = 10
"""How many are done before the page tells how far it is."""

PREVIEW: Final = "preview-"
"""Before an id: the field with what was shown of it."""

ENDING: Final = "ending-"
"""Before an id: the field with what was shown of it where its owner's sign-ins end, too."""

_SAID: Final = (
    *("reason", "end_sign_ins", "expires_at", "send", "organization", "ownership"),
    *("platform", "hours", "tags", "message_type"),
)
_CARRIED: Final = ("action", "confirmed", *_SAID)


@dataclass(frozen=True, slots=True)
class Row:
    """One of those that were ticked, and what would or did come of it.

    Attributes:
        state: as the list shows it.
        offers: the acts that fit it.
        unsendable: why no message can go to its user; "" where one can.
        way: by what a message goes to its user; "" where none can.
        owner: its user; None where it has none, or he may not be named here.
        left: why the act is not for it, in words; "" where it is.
        foreseen: what would end, where the act can say so.
        ending: the same with its owner's sign-ins, where they can end with it.
        refusal: why it was not done, or would not be.
    """

    id: Id
    name: str
    item: Device | Enrollment | User
    state: str
    offers: frozenset[str]
    unsendable: str
    way: str
    owner: User | None = None
    left: str = ""
    foreseen: Foreseen | None = None
    ending: Foreseen | None = None
    refusal: Refusal | None = None

    @property
    def done(self) -> bool:
        return not self.left and self.refusal is None


@dataclass(frozen=True, slots=True)
class Said:
    """What was said for all of them, and of one: the digest of what was shown of it."""

    reason: str = ""
    delivery: Delivery = LATER
    until: int | None = None
    preview: str = ""
    end_sign_ins: bool = False
    organization: str = ""
    ownership: str = ""
    platform: str = ""
    hours: str = ""
    tags: str = ""
    message_type: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done with many things of one list.

    Attributes:
        section: the list that they are ticked in.
        make: the verb for one.
        mails: whether it is for those alone to whom a message can go.
        dated: whether it asks until when new tokens work, and whether they are sent.
        ends_sign_ins: whether the sign-ins of the owners can end with it.
        asks: a field without which it cannot be done; the form begins with what is `first` of all
            of them alike, else with nothing.
        fit: the form, with what is wrong with the other fields that it asks for.
        first: what the form says of one before anybody has, as its own page does.
        sheet: what shows all of them on one page, where nothing is done portion by portion.
    """

    name: str
    section: str
    make: Callable[[Row, Said], Verb[Any, Any, Any]]
    mails: bool = False
    dated: bool = False
    ends_sign_ins: bool = False
    asks: str = ""
    fit: Callable[[Desk, Form], Form] = lambda _desk, form: form
    first: Callable[[Any], Mapping[str, str]] = lambda _item: {}
    sheet: Callable[[Desk, Sequence[Row]], Awaitable[Response]] | None = None

    @property
    def words(self) -> ActWords:
        """How it is spoken of."""
        return ACT_WORDS[self.name]


Find = Callable[[Desk, str], Awaitable[Row | None]]
"""One that was ticked, if this person may see it."""


async def run(
    desk: Desk, section: str, acts: Mapping[str, Act], find: Find, form: Form
) -> Response:
    """Ask, or do the next portion."""
    act, chosen = acts.get(form.value("action")), await read_choices(desk.request, "id")
    if act is None or not chosen:
        text = desk.gettext("Tick some first, then choose what to do with them.")
        return desk.back(desk.address(section), text)
    if len(chosen) > MOST_AT_ONCE:
        text = desk.gettext(
            "You ticked %(ticked)s; %(most)s at once is the most. Nothing was done:"
            " take them in smaller parts."
        )
        counts = {"ticked": len(chosen), "most": MOST_AT_ONCE}
        return desk.back(desk.address(section), text % counts)
    until = None
    if form.value("confirmed") == YES and act.dated:
        form, until = _until(desk, form)
    if form.value("confirmed") == YES and act.asks and not form.value(act.asks):
        form = form.refused(invalid(act.asks, desk.gettext("Choose one")))
    elif form.value("confirmed") == YES and not form.errors:
        form = act.fit(desk, form)
    if form.value("confirmed") != YES or form.errors:
        return await _ask(desk, act, find, form, chosen)
    if act.sheet is not None:
        found = [await _found(desk, act, find, each) for each in chosen]
        return await act.sheet(desk, [row for row in found if row is not None])
    return await _portion(desk, act, find, form, chosen, until)


def _until(desk: Desk, form: Form) -> tuple[Form, int | None]:
    """Until when new tokens work: said once, for all of them."""
    form, until = read_expiry(desk, form)
    if not form.errors and (until is None or until <= desk.now):
        form = form.refused(invalid("expires_at", desk.gettext("must be in the future")))
    return form, until


async def _found(desk: Desk, act: Act, find: Find, named: str) -> Row | None:
    row = await find(desk, named)
    if row is None:
        return None
    return replace(row, left=_why_left(desk, act, row))


_STATES: Final = {
    "devices": words.DEVICE_STATES,
    "enrollments": words.ENROLLMENT_STATES,
    "users": words.USER_STATES,
}


def _why_left(desk: Desk, act: Act, row: Row) -> str:
    """Why the act is not for this one; "" where it is."""
    if act.name not in row.offers:
        states = _STATES[act.section]
        state = row.state
        if act.asks and isinstance(row.item, Enrollment):
            states, state = words.DEVICE_STATES, row.item.device_state
        return desk.gettext(words.word(states, state).label)
    return row.unsendable if act.mails else ""


async def _ask(desk: Desk, act: Act, find: Find, form: Form, chosen: Sequence[str]) -> Response:
    known = await token_choices(desk, desk.organization.path)
    found = [await _found(desk, act, find, each) for each in chosen]
    rows = [await _foreseen(desk, act, row) for row in found if row is not None]
    if act.ends_sign_ins:
        rows = await _ending(desk, act, rows)
    if not form.errors:
        first = {"expires_at": to_picker(known["until"], desk.zone)}
        said = [act.first(row.item).get("send", "") for row in rows if row.done]
        first["send"] = YES if all(said) else ""
        form = Form({**first, **_common(act, rows), **form.values})
    context = {
        **known,
        "act": act,
        "rows": rows,
        "doable": [row for row in rows if row.done],
        "gone": len(chosen) - len(rows),
        "form": form,
        "back": desk.address(act.section),
        "organizations": await organization_choices(desk) if act.asks == "organization" else (),
        "channels": channel_choices(desk),
        "words": words,
        "meanings": CATALOGUE,
    }
    return desk.show(f"console/bulk_{act.section}.html", context, refusal=form.refusal)


def _common(act: Act, rows: Sequence[Row]) -> Mapping[str, str]:
    """What the form begins with: what all of them have alike."""
    if not act.asks:
        return {}
    values = {act.first(row.item).get(act.asks, "") for row in rows if row.done}
    return {act.asks: values.pop()} if len(values) == 1 else {}


async def _foreseen(desk: Desk, act: Act, row: Row) -> Row:
    verb = act.make(row, Said())
    if row.left or not isinstance(verb, Foreseeing):
        return row
    outcome = await desk.perform(DryRun(verb))
    if isinstance(outcome, Refusal):
        return replace(row, refusal=outcome)
    return replace(row, foreseen=outcome.value)


async def _ending(desk: Desk, act: Act, rows: Sequence[Row]) -> list[Row]:
    """The first device of each owner ends his sign-ins, where that is asked for.

    Were each of his to end them, the first would change what was shown of the others (D10).
    """
    met: set[Id] = set()
    found = []
    for row in rows:
        owner = row.owner.id if row.owner is not None and row.done else None
        first = owner is not None and owner not in met
        found.append(await _with_sign_ins(desk, act, row) if first else row)
        met |= {owner} if owner is not None else set()
    return found


async def _with_sign_ins(desk: Desk, act: Act, row: Row) -> Row:
    if row.owner is None or not desk.may(Permission.USERS_EDIT, row.owner.organization_path):
        return row
    said = Said(ResetReason.COMPROMISED, end_sign_ins=True)
    outcome = await desk.perform(DryRun(act.make(row, said)))
    return row if isinstance(outcome, Refusal) else replace(row, ending=outcome.value)


async def _portion(
    desk: Desk, act: Act, find: Find, form: Form, chosen: Sequence[str], until: int | None
) -> Response:
    sends = form.value("send") == YES
    rows, gone = [], _count(form, "gone")
    for each in chosen[:PORTION]:
        row = await _found(desk, act, find, each)
        if row is None:
            gone += 1
            continue
        if not row.left:
            # Nobody keeps what he may have lost because no message can go to him.
            delivery = Delivery(row.way) if sends and row.way else LATER
            said = _said(form, each, delivery, until)
            row = await _done(desk, row, act.make(row, said), said.preview)
        rows.append(row)
    counts = {
        "succeeded": _count(form, "succeeded") + sum(row.done for row in rows),
        "gone": gone,
        "total": _count(form, "total") or len(chosen),
    }
    rest = chosen[PORTION:]
    shown = [kind + each for each in rest for kind in (PREVIEW, ENDING)]
    carried = {name: form.value(name) for name in (*_CARRIED, *shown) if form.value(name)} | counts
    context = {
        **counts,
        "act": act,
        "rows": rows,
        "rest": rest,
        "carried": carried,
        "words": words,
        "meanings": CATALOGUE,
    }
    return desk.show("console/bulk_results.html", context)


def _said(form: Form, named: str, delivery: Delivery, until: int | None) -> Said:
    """What was said for one of them."""
    said = Said(
        form.value("reason"),
        delivery,
        until,
        form.value(PREVIEW + named),
        organization=form.value("organization"),
        ownership=form.value("ownership"),
        platform=form.value("platform"),
        hours=form.value("hours").strip(),
        tags=form.value("tags"),
        message_type=form.value("message_type"),
    )
    # The box is out of sight, and may still be ticked, once another reason is chosen.
    asked = said.reason == ResetReason.COMPROMISED and form.value("end_sign_ins") == YES
    if asked and form.value(ENDING + named):
        return replace(said, preview=form.value(ENDING + named), end_sign_ins=True)
    return said


async def _done(desk: Desk, row: Row, verb: Verb[Any, Any, Any], preview: str) -> Row:
    """Do it; not where its consequences were not shown, as nothing was to be done then (D10)."""
    unseen = isinstance(verb, Foreseeing) and not preview
    outcome = await desk.perform(DryRun(verb) if unseen else verb)
    if isinstance(outcome, Refusal):
        return replace(row, refusal=outcome)
    return replace(row, left=desk.gettext("It has changed since you looked.") if unseen else "")


def _count(form: Form, name: str) -> int:
    """A number that the page before carried on, as far as it can be one."""
    text = form.value(name)
    return int(text) if len(text) <= len(str(MOST_AT_ONCE)) and text.isdecimal() else 0
