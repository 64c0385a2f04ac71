"""Alerts: what is amiss and what to do, who is told of it, and a test of that.

What is open stands at the top of every page, too: mail cannot tell that mail is down.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.store.alert_routes import DEFAULT
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.alert_routes import RoutesAt, SetAlertRoutes, ShowAlertRoutes
from enlist.verbs.alert_tests import ShowAlertTest, TestAlerts
from enlist.verbs.alerts import ListAlerts
from enlist.web.console import people
from enlist.web.console.forms import Form, read_choices, read_form
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

STATES: Final = {"open": Word(N_("Open"), "bad"), "closed": Word(N_("Over"), "gone")}
TONES: Final = {"problem": "bad", "warning": "warn"}
TRIED: Final = {
    "waiting": Word(N_("On its way"), "wait"),
    "done": Word(N_("Arrived"), "good"),
    "failed": Word(N_("Failed"), "bad"),
}
_EDIT: Final = "alerts:edit"


async def show_list(desk: Desk) -> Response:
    """What is amiss in the organization in force and below, and who is told."""
    query = read_query(desk.request, ("state", "kind"))
    found = await desk.view(ListAlerts(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    return await _show(desk, query=query, page=found)


async def _show(desk: Desk, refusal: Refusal | None = None, **context: object) -> Response:
    told = await desk.view(ShowAlertRoutes(desk.group_id))
    if isinstance(told, Refusal):
        return desk.refuse(told)
    context |= {
        "told": told,
        "kinds": ALERT_KINDS,
        "labels": {name: Word(kind.title) for name, kind in ALERT_KINDS.items()},
        "states": STATES,
        "tones": TONES,
        "roles": people.ROLES,
        "default": DEFAULT,
        "may_edit": desk.may(_EDIT),
    }
    return desk.show("console/alerts.html", context, refusal=refusal)


async def change_routes(desk: Desk) -> Response:
    """Say who is told in the organization in force and below."""
    closed = people.closed(desk, _EDIT)
    if closed is not None:
        return closed
    told = await desk.view(ShowAlertRoutes(desk.group_id))
    if isinstance(told, Refusal):
        return desk.refuse(told)
    routes, form = told.routes, Form({"addresses": "\n".join(told.routes.addresses)})
    roles, off = list(routes.roles), list(routes.switched_off)
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        if form.value("inherit"):
            verb = SetAlertRoutes(desk.group_id, inherit=True)
        else:
            roles = await read_choices(desk.request, "roles")
            on = await read_choices(desk.request, "kinds")
            off = [name for name in ALERT_KINDS if name not in on]
            verb = SetAlertRoutes(desk.group_id, roles, form.lines("addresses"), off)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("alerts"), desk.gettext("Changes saved."))
        wrong = {each.field: "addresses" for each in outcome.fields if "addresses" in each.field}
        form = form.refused(outcome, wrong)
    return _show_form(desk, told, form, roles, off)


def _show_form(
    desk: Desk, told: RoutesAt, form: Form, roles: list[str], off: list[str]
) -> Response:
    context = {
        "form": form,
        "told": told,
        "chosen": roles,
        "off": off,
        "roles": people.ROLES,
        "kinds": ALERT_KINDS,
        "default": DEFAULT,
        "back": desk.address("alerts"),
    }
    return desk.show("console/alert_routes.html", context, refusal=form.refusal)


async def test(desk: Desk) -> Response:
    """Send a test, and on to what comes of it."""
    outcome = await desk.perform(TestAlerts(desk.group_id))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    if not outcome.value.tried:
        text = desk.gettext("Nobody is told of alerts here, so nothing was sent.")
        return desk.back(desk.address("alerts"), text)
    return desk.go(desk.address("alerts/tests", outcome.value.id))


async def show_test(desk: Desk) -> Response:
    """What came of a test; the page looks again until all of it is known."""
    found = await desk.view(ShowAlertTest(str(desk.request.path_params["id"])))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    mark = mark_of(*found.tried)
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {"test": found, "tried": TRIED, "mark": mark, "back": desk.address("alerts")}
    return desk.show("console/alert_test.html", context)


ROUTES = [
    page("alerts", show_list),
    page("alerts/routes", change_routes, methods=("GET", "POST")),
    page("alerts/test", test, methods=("POST",)),
    page("alerts/tests/{id}", show_test),
]
