"""Integrations > Webhooks: addresses that events are posted to, and what came of each post.

A webhook's page is its log; what can be done about it stands above it. The secret is shown once, on
the page that answers the form.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from enlist.core.events import KINDS
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import random_secret
from enlist.core.stages import STAGES
from enlist.core.targets import shown
from enlist.store.webhooks import Hook
from enlist.verbs.driver import Verb
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.webhooks import (
    ENROLLMENTS,
    AddWebhook,
    ChangeWebhook,
    DeleteWebhook,
    HookMade,
    ListDeliveries,
    ListWebhooks,
    RenewWebhookSecret,
    ReplayDelivery,
    SwitchWebhook,
    TestWebhook,
    WebhookAgain,
)
from enlist.web.console import people
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

STATES: Final = {
    "active": Word(N_("Active"), "good"),
    "disabled": Word(N_("Stopped"), "gone"),
}
DELIVERIES: Final = {
    "waiting": Word(N_("Waiting"), "warn"),
    "delivered": Word(N_("Delivered"), "good"),
    "failed": Word(N_("Given up"), "bad"),
}
_EDIT: Final = "integrations:edit"


async def show_list(desk: Desk) -> Response:
    """The webhooks of the organization in force and below."""
    query = read_query(desk.request, ("state",))
    found = await desk.view(ListWebhooks(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    items = [(hook, shown(hook.url)) for hook in found.items]
    context = {"query": query, "page": found, "items": items, "states": STATES}
    return desk.show("console/webhooks.html", context)


async def add(desk: Desk) -> Response:
    """Add one: the form, and the one page that shows its secret."""
    closed = people.closed(desk, _EDIT)
    if closed is not None:
        return closed
    if desk.request.method == "GET":
        usual = {"organization": desk.group_id, "kinds": "\n".join(ENROLLMENTS)}
        return await _show_form(desk, Form(usual))
    form = await read_form(desk.request)
    request = json.dumps(sorted(form.values.items())).encode()
    nonce = form.value("nonce") or "-"
    key = idempotency_key(desk.caller, nonce, b"console webhooks/new", request)
    if isinstance(key, Refusal):
        return desk.refuse(key)
    verb = AddWebhook(
        form.value("name"),
        form.value("url"),
        form.value("organization") or desk.group_id,
        tuple(form.value("kinds").split()),
    )
    outcome = await desk.perform(Idempotent(verb, key, WebhookAgain))
    if isinstance(outcome, Refusal):
        if outcome.code == "idempotency_key_reused":
            return desk.refuse(outcome)
        return await _show_form(desk, form.refused(outcome))
    return _show_secret(desk, outcome.value)


async def show_one(desk: Desk) -> Response:
    """A webhook, and what was posted to it."""
    hook = await _named(desk)
    return hook if isinstance(hook, Response) else await _show(desk, hook)


async def change(desk: Desk) -> Response:
    """Give it another name, address or other kinds of events."""
    hook = await _named(desk, edit=True)
    if isinstance(hook, Response):
        return hook
    form = Form({"name": hook.name, "url": shown(hook.url), "kinds": "\n".join(hook.kinds)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        # The query is not shown; who leaves the rest as it is keeps it.
        url = None if form.value("url") == shown(hook.url) else form.value("url")
        kinds = tuple(form.value("kinds").split())
        outcome = await desk.perform(ChangeWebhook(hook.id, form.value("name"), url, kinds))
        if not isinstance(outcome, Refusal):
            return desk.go(_address(desk, hook), desk.gettext("Saved."))
        form = form.refused(outcome)
    context = {
        "form": form,
        "hook": hook,
        "kinds": KINDS,
        "stages": STAGES,
        "hidden": "?" in hook.url,
    }
    return desk.show("console/webhook_edit.html", context, refusal=form.refusal)


async def test(desk: Desk) -> Response:
    """Have a test posted."""
    text = desk.gettext("A test is posted within a second or two; reload to see what came of it.")
    return await _act(desk, lambda hook: TestWebhook(hook.id), text)


async def stop(desk: Desk) -> Response:
    """Post nothing for now."""
    return await _act(desk, lambda hook: SwitchWebhook(hook.id, on=False), desk.gettext("Stopped."))


async def resume(desk: Desk) -> Response:
    """Go on with what has happened since."""
    return await _act(
        desk, lambda hook: SwitchWebhook(hook.id, on=True), desk.gettext("It goes on.")
    )


async def replay(desk: Desk) -> Response:
    """Post an event again."""
    delivery = str(desk.request.path_params["delivery"])
    text = desk.gettext("The event is posted again; reload to see what came of it.")
    return await _act(desk, lambda hook: ReplayDelivery(hook.id, delivery), text)


async def renew_secret(desk: Desk) -> Response:
    """Sign with a new secret: what follows, and then the one page that shows it."""
    hook = await _named(desk, edit=True)
    if isinstance(hook, Response):
        return hook
    if desk.request.method == "GET":
        return desk.show("console/webhook_secret.html", {"hook": hook})
    made = await desk.perform(RenewWebhookSecret(hook.id))
    return desk.refuse(made) if isinstance(made, Refusal) else _show_secret(desk, made.value)


async def delete(desk: Desk) -> Response:
    """Delete it, once it was said what that means."""
    hook = await _named(desk, edit=True)
    if isinstance(hook, Response):
        return hook
    if desk.request.method == "GET":
        return desk.show("console/webhook_delete.html", {"hook": hook, "url": shown(hook.url)})
    outcome = await desk.perform(DeleteWebhook(hook.id))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    text = desk.gettext("The webhook %(name)s was deleted.") % {"name": hook.name}
    return desk.go(desk.address("webhooks"), text)


async def _act(desk: Desk, verb: Callable[[Hook], Verb[Any, Any, Any]], text: str) -> Response:
    """Do something to a webhook, and show its page again."""
    hook = await _named(desk, edit=True)
    if isinstance(hook, Response):
        return hook
    outcome: Done[Any] | Refusal = await desk.perform(verb(hook))
    if isinstance(outcome, Refusal):
        return await _show(desk, hook, outcome)
    return desk.go(_address(desk, hook), text)


async def _show(desk: Desk, hook: Hook, refusal: Refusal | None = None) -> Response:
    query = read_query(desk.request, ("state",))
    asked = query.asked
    asked["filters"] = {**asked["filters"], "webhook": hook.id}
    found = await desk.view(ListDeliveries(hook.group_id, **asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "hook": hook,
        "url": shown(hook.url),
        "query": query,
        "page": found,
        "states": STATES,
        "deliveries": DELIVERIES,
        "may_edit": desk.may(_EDIT, hook.organization_path),
    }
    return desk.show("console/webhook.html", context, refusal=refusal)


async def _named(desk: Desk, *, edit: bool = False) -> Hook | Response:
    """The webhook that the address names, in the organization in force or below."""
    named = str(desk.request.path_params["id"])
    found = await desk.view(ListWebhooks(desk.group_id, filters={"id": named}, limit=1))
    if isinstance(found, Refusal):
        return desk.refuse(Refusal("not_found") if found.code == "validation_failed" else found)
    if not found.items:
        return desk.refuse(Refusal("not_found"))
    hook = found.items[0]
    closed = people.closed(desk, _EDIT, hook.organization_path) if edit else None
    return closed or hook


def _address(desk: Desk, hook: Hook) -> str:
    return desk.address("webhooks", hook.id)


async def _show_form(desk: Desk, form: Form) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    mine = [place for place in line if desk.may(_EDIT, place.organization.path)]
    context = {
        "form": form,
        "nonce": random_secret().reveal(),
        "organizations": people.choices(mine),
        "kinds": KINDS,
        "stages": STAGES,
    }
    return desk.show("console/webhook_new.html", context, refusal=form.refusal)


def _show_secret(desk: Desk, made: HookMade) -> Response:
    context = {"hook": made.hook, "secret": made.secret.reveal(), "back": _address(desk, made.hook)}
    return desk.show("console/webhook_made.html", context)


ROUTES = [
    page("webhooks", show_list),
    page("webhooks/new", add, methods=("GET", "POST")),
    page("webhooks/{id}", show_one),
    page("webhooks/{id}/edit", change, methods=("GET", "POST")),
    page("webhooks/{id}/test", test, methods=("POST",)),
    page("webhooks/{id}/stop", stop, methods=("POST",)),
    page("webhooks/{id}/resume", resume, methods=("POST",)),
    page("webhooks/{id}/secret", renew_secret, methods=("GET", "POST")),
    page("webhooks/{id}/delete", delete, methods=("GET", "POST")),
    page("webhooks/{id}/deliveries/{delivery}/replay", replay, methods=("POST",)),
]
