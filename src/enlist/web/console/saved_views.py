"""Saved views beside the list of enrollments: choosing one, keeping the present one, deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.saved_views import SavedView
from enlist.verbs.saved_views import ChangeView, DeleteView, ListSavedViews, SaveView
from enlist.web.console.forms import read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import ListQuery

FILTERS = (
    "device_state",
    "platform",
    "ownership",
    "token_status",
    "token_type",
    "source",
    "first_seen",
    "grant",
    "message_state",
    "state",
    "user",
)
"""By what the list of enrollments is filtered."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A view beside the list.

    Attributes:
        here: it is what the list shows now.
        mine: whoever looks may change and delete it.
        own: it is his, so that he may take it back from the others.
    """

    view: SavedView
    address: str
    here: bool
    mine: bool
    own: bool


async def offered(desk: Desk, query: ListQuery) -> list[Offered]:
    """What is kept at the organization in force, for whoever looks."""
    found = await desk.view(ListSavedViews(desk.group_id))
    if isinstance(found, Refusal):
        return []
    may = desk.may(Permission.SETTINGS_EDIT)
    now = {"q": query.search, **query.filters, "sort": query.sort}
    return [
        Offered(
            each,
            address_of(desk, _asked(each)),
            _set(_asked(each)) == _set(now),
            may or each.user_id == desk.caller.id,
            each.user_id == desk.caller.id,
        )
        for each in found
    ]


def address_of(desk: Desk, asked: Mapping[str, str]) -> str:
    """The list of enrollments as a view asks for it."""
    return f"{desk.address('enrollments')}?{urlencode(_set(asked))}"


async def save(desk: Desk) -> Response:
    """Keep the list as it is shown."""
    form = await read_form(desk.request)
    asked = {name: form.value(name) for name in FILTERS}
    verb = SaveView(
        desk.group_id,
        form.value("name"),
        form.value("q"),
        asked,
        form.value("sort"),
        shared=form.value("shared") == "yes",
    )
    back = address_of(desk, {"q": form.value("q"), **asked, "sort": form.value("sort")})
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return desk.back(back, _why(desk, outcome)) if outcome.fields else desk.refuse(outcome)
    told = desk.gettext("The view %(name)s is kept.") % {"name": outcome.value.name}
    return desk.go(back, told)


async def edit(desk: Desk) -> Response:
    """Give a view another name, share it, or take it back; what it shows stays."""
    form = await read_form(desk.request)
    changes: dict[str, object] = {"name": form.value("name")}
    if form.value("sharing") == "asked":
        changes["shared"] = form.value("shared") == "yes"
    return await _change(desk, changes, form.value("back"))


async def replace(desk: Desk) -> Response:
    """Have a view show the list as it is shown now."""
    form = await read_form(desk.request)
    asked = {name: form.value(name) for name in FILTERS}
    changes = {"search": form.value("q"), "filters": asked, "sort": form.value("sort")}
    return await _change(desk, changes, "")


async def _change(desk: Desk, changes: Mapping[str, object], query: str) -> Response:
    outcome = await desk.perform(ChangeView(str(desk.request.path_params["id"]), changes))
    if not isinstance(outcome, Refusal):
        told = desk.gettext("The view %(name)s is changed.") % {"name": outcome.value.name}
        return desk.go(address_of(desk, _asked(outcome.value)), told)
    back = address_of(desk, dict(parse_qsl(query)))
    return desk.back(back, _why(desk, outcome)) if outcome.fields else desk.refuse(outcome)


async def delete(desk: Desk) -> Response:
    """Forget a view; the enrollments stay."""
    outcome = await desk.perform(DeleteView(str(desk.request.path_params["id"])))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    return desk.go(desk.address("enrollments"), desk.gettext("The view is deleted."))


def _asked(view: SavedView) -> Mapping[str, str]:
    return {"q": view.search, **view.filters, "sort": view.sort}


def _set(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _why(desk: Desk, refusal: Refusal) -> str:
    errors: Sequence[str] = [f"{each.field}: {each.message}" for each in refusal.fields]
    return desk.gettext("The view was not kept. %(why)s.") % {"why": "; ".join(errors)}


ROUTES = [
    page("views", save, methods=("POST",)),
    page("views/{id}/edit", edit, methods=("POST",)),
    page("views/{id}/replace", replace, methods=("POST",)),
    page("views/{id}/delete", delete, methods=("POST",)),
]
