"""Allow and deny lists: devices by serial number, IMEI or UDID, before anybody has seen them.

A form names up to 30, one a line; an import takes more. What denying ends is shown and asked
first, and bound to what was shown.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.outcomes import Refusal
from enlist.core.restrictions import ATTRIBUTES
from enlist.verbs.device_lists import (
    MOST_PER_FORM,
    NEEDED,
    Entry,
    ForeseePut,
    ListListed,
    Put,
    PutOnList,
    TakeOffList,
)
from enlist.web.console import people, words
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

LISTS: Final = {
    DeviceList.ALLOW: Word(N_("Allowed"), "good"),
    DeviceList.DENY: Word(N_("Denied"), "bad"),
}
IDENTIFIERS: Final = {
    "serial": Word(N_("Serial number")),
    "imei": Word("IMEI"),
    "udid": Word("UDID"),
}
_CARRIED: Final = ("organization", "attribute", "numbers")


async def show_list(desk: Desk) -> Response:
    """The entries of the organization in force and below, the newest first."""
    query = read_query(desk.request, ("list", "attribute"))
    found = await desk.view(ListListed(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "lists_of": LISTS,
        "identifiers": IDENTIFIERS,
        "words": words,
        "may": {each: desk.may(NEEDED[each]) for each in DeviceList},
        "removable": {
            each.id for each in found.items if desk.may(NEEDED[each.list], each.organization_path)
        },
    }
    return desk.show("console/device_lists.html", context)


async def allow(desk: Desk) -> Response:
    """Let devices enroll as if they were registered."""
    closed = people.closed(desk, NEEDED[DeviceList.ALLOW])
    if closed is not None:
        return closed
    form = Form({"organization": desk.group_id, "attribute": ATTRIBUTES[1], "ownership": "none"})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await desk.perform(_verb(desk, form, DeviceList.ALLOW))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("device-lists"), _done(desk, outcome.value))
        form = _refused(desk, form, outcome)
    return await _show_form(desk, form, DeviceList.ALLOW)


async def deny(desk: Desk) -> Response:
    """Keep devices out: the form, what follows, and then doing it."""
    closed = people.closed(desk, NEEDED[DeviceList.DENY])
    if closed is not None:
        return closed
    if desk.request.method == "GET":
        form = Form({"organization": desk.group_id, "attribute": ATTRIBUTES[1]})
        return await _show_form(desk, form, DeviceList.DENY)
    form = await read_form(desk.request)
    refusal = None
    if form.value("preview"):
        outcome = await desk.perform(_verb(desk, form, DeviceList.DENY, form.value("preview")))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("device-lists"), _done(desk, outcome.value))
        if outcome.code != "preview_outdated":
            return await _show_form(desk, _refused(desk, form, outcome), DeviceList.DENY)
        refusal = outcome
    found = await desk.view(ForeseePut(_verb(desk, form, DeviceList.DENY)))
    if isinstance(found, Refusal):
        return await _show_form(desk, _refused(desk, form, found), DeviceList.DENY)
    context = {
        "form": form,
        "carried": _CARRIED,
        "foreseen": found,
        "place": form.value("organization") or desk.group_id,
        "identifier": words.word(IDENTIFIERS, form.value("attribute")),
        "named": form.lines("numbers"),
        "platforms": words.PLATFORMS,
    }
    return desk.show("console/device_list_deny.html", context, refusal=refusal)


async def remove(desk: Desk) -> Response:
    """Take a device off its list, once it was said what that means."""
    entry = await _named(desk)
    if isinstance(entry, Response):
        return entry
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(TakeOffList(entry.id, entry.list))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(value)s is on the list no more.") % {"value": entry.value}
            return desk.go(desk.address("device-lists"), text)
        refusal = outcome
    context = {"entry": entry, "identifier": words.word(IDENTIFIERS, entry.attribute)}
    return desk.show("console/device_list_remove.html", context, refusal=refusal)


def _verb(desk: Desk, form: Form, kind: DeviceList, preview: str = "") -> PutOnList:
    becomes = ("", "")
    if kind is DeviceList.ALLOW:
        becomes = (form.value("ownership"), form.value("target"))
    lines = form.lines("numbers")
    entries = tuple(Entry(form.value("attribute"), each, *becomes) for each in lines)
    place = form.value("organization") or desk.group_id
    return PutOnList(place, kind, entries, preview=preview)


def _refused(desk: Desk, form: Form, refusal: Refusal) -> Form:
    """What is wrong with an entry is said at the field of all of them, with its line."""
    errors: dict[str, str] = {}
    lines = form.lines("numbers")
    for each in refusal.fields:
        number, _, name = each.field.removeprefix("entries.").partition(".")
        field = {"group_id": "target", "value": "numbers", "": "numbers"}.get(name, name)
        told = each.message
        if name == "value" and number.isdecimal():
            told = desk.gettext("%(value)s %(problem)s.") % {
                "value": lines[int(number)][:60],
                "problem": each.message,
            }
        elif field == "numbers":
            told = desk.gettext("There are %(count)s; %(problem)s.") % {
                "count": len(lines),
                "problem": each.message,
            }
        errors.setdefault(field, told)
        if field == "numbers" and told not in errors[field]:
            errors[field] += f" {told}"
    return Form(form.values, errors, refusal)


def _done(desk: Desk, put: Put) -> str:
    told = [desk.gettext("Put on the list: %(count)s.") % {"count": put.added}]
    if put.known:
        told.append(desk.gettext("On it already: %(count)s.") % {"count": put.known})
    if put.unenrolled:
        told.append(desk.gettext("Un-enrolled: %(count)s.") % {"count": put.unenrolled})
    return " ".join(told)


async def _show_form(desk: Desk, form: Form, kind: DeviceList) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    mine = [place for place in line if desk.may(NEEDED[kind], place.organization.path)]
    context = {
        "form": form,
        "denies": kind is DeviceList.DENY,
        "organizations": people.choices(mine),
        "identifiers": IDENTIFIERS,
        "ownerships": words.OWNERSHIPS,
        "most": MOST_PER_FORM,
    }
    return desk.show("console/device_list_form.html", context, refusal=form.refusal)


async def _named(desk: Desk) -> ListedDevice | Response:
    """The entry that the address names, in the organization in force or below."""
    named = str(desk.request.path_params["entry"])
    found = await desk.view(ListListed(desk.group_id, filters={"id": named}, limit=1))
    if isinstance(found, Refusal):
        return desk.refuse(Refusal("not_found") if found.code == "validation_failed" else found)
    if not found.items:
        return desk.refuse(Refusal("not_found"))
    entry = found.items[0]
    return people.closed(desk, NEEDED[entry.list], entry.organization_path) or entry


ROUTES = [
    page("device-lists", show_list),
    page("device-lists/allow", allow, methods=("GET", "POST")),
    page("device-lists/deny", deny, methods=("GET", "POST")),
    page("device-lists/{entry}/remove", remove, methods=("GET", "POST")),
]
