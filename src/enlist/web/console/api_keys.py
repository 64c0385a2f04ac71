"""System > API keys: what programs sign in with. A key is shown once, when it is made.

Making one is dangerous, so it takes a fresh confirmation by password; that is asked before the
form, and if it runs out meanwhile, what was typed comes back with the form. The form carries a
nonce: sent twice, it makes one key, and the second answer says that it was shown already.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import Response

from enlist.core.access import ApiKey
from enlist.core.clock import DAY
from enlist.core.outcomes import Refusal
from enlist.core.permissions import ROLES, Permission
from enlist.core.secrets import random_secret
from enlist.verbs.api_keys import ApiKeyAgain, CreateApiKey, CreatedApiKey, RevokeApiKey
from enlist.verbs.callers import API_KEY_PREFIX
from enlist.verbs.documents import key_state
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.rights import fresh
from enlist.verbs.views import ListApiKeys
from enlist.web.console import people
from enlist.web.console.forms import Form, from_picker, read_choices, read_form, to_picker
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.permissions import PERMISSIONS
from enlist.web.console.words import Word

LEFT: Final = {
    "some": Word(N_("Active in part"), "warn"),
    "none": Word(N_("Can do nothing"), "bad"),
}
"""How an active key is shown whose maker no longer holds all of its rights."""

STATES: Final = {
    "active": Word(N_("Active"), "good"),
    "expired": Word(N_("Expired"), "warn"),
    "revoked": Word(N_("Revoked"), "gone"),
}
SOON: Final = 7 * DAY
"""A key that ends within this time is shown as ending soon."""

_USUAL_LIFE: Final = 90 * DAY
_TYPED: Final = ("name", "organization", "role", "addresses", "expires_at")


def hint(key: ApiKey) -> str:
    """The readable part of a key; the rest is nowhere."""
    return f"{API_KEY_PREFIX}_{key.public_id}_…"


async def show_list(desk: Desk) -> Response:
    """The API keys of the organization in force and below."""
    query = read_query(desk.request, ("state",))
    found = await desk.view(ListApiKeys(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        "query": query,
        "page": found,
        "items": [(key_state(key, desk.now), hint(key), key) for key in found.items],
        "left": LEFT,
        "permissions": PERMISSIONS,
        "states": STATES,
        "roles": people.ROLES,
        "soon": desk.now + SOON,
    }
    return desk.show("console/api_keys.html", context)


async def create_key(desk: Desk) -> Response:
    """Make a key: the form, and the one page that shows it."""
    if desk.request.method == "GET":
        closed = people.closed(desk, "api_keys:edit")
        stale = fresh(desk.caller, desk.now)
        if closed or stale:
            return closed or desk.refuse(stale or Refusal("proof_too_old"))
        return await _show_form(desk, _fresh_form(desk), _asked_permissions(desk))
    form, chosen = await read_form(desk.request), await read_choices(desk.request, "permissions")
    expires_at = from_picker(form.value("expires_at"), desk.zone)
    if form.value("expires_at") and expires_at is None:
        errors = {"expires_at": desk.gettext("must be a date and a time")}
        form = Form(form.values, errors, Refusal("validation_failed"))
        return await _show_form(desk, form, chosen)
    outcome = await _create(desk, form, chosen, expires_at)
    if isinstance(outcome, CreatedApiKey):
        return _show_key(desk, outcome)
    if outcome.code == "proof_too_old":
        return _to_confirm(desk, form, chosen)
    if outcome.code in ("already_shown", "idempotency_key_reused"):
        return desk.refuse(outcome)
    return await _show_form(desk, form.refused(outcome), chosen)


async def _create(
    desk: Desk, form: Form, chosen: list[str], expires_at: int | None
) -> CreatedApiKey | Refusal:
    request = json.dumps([sorted(form.values.items()), chosen]).encode()
    key = idempotency_key(desk.caller, form.value("nonce") or "-", b"console api-keys/new", request)
    if isinstance(key, Refusal):
        return key
    verb = CreateApiKey(
        form.value("name"),
        form.value("role"),
        form.value("organization") or desk.group_id,
        tuple(chosen),
        tuple(form.value("addresses").split()),
        expires_at,
    )
    made = await desk.perform(Idempotent(verb, key, ApiKeyAgain))
    return made if isinstance(made, Refusal) else made.value


async def revoke_key(desk: Desk) -> Response:
    """End a key."""
    named = str(desk.request.path_params["id"])
    found = await desk.view(ListApiKeys(desk.group_id, filters={"id": named}, limit=1))
    if isinstance(found, Refusal) or not found.items:
        return desk.refuse(found if isinstance(found, Refusal) else Refusal("not_found"))
    key, refusal = found.items[0], None
    closed = people.closed(desk, "api_keys:edit", key.organization_path)
    if closed is not None:
        return closed
    if desk.request.method == "POST":
        outcome = await desk.perform(RevokeApiKey(key.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The API key %(name)s was revoked.") % {"name": key.name}
            return desk.go(desk.address("api-keys"), text)
        refusal = outcome
    context = {"key": key, "hint": hint(key), "state": key_state(key, desk.now)}
    return desk.show("console/api_key_revoke.html", context, refusal=refusal)


def _fresh_form(desk: Desk) -> Form:
    """A form with what came back from the confirmation, else with sensible values."""
    asked = desk.request.query_params
    typed = {name: asked[name] for name in _TYPED if name in asked}
    usual = {
        "organization": desk.group_id,
        "role": "reader",
        "expires_at": to_picker(desk.now + _USUAL_LIFE, desk.zone),
    }
    return Form(typed or usual)


def _asked_permissions(desk: Desk) -> list[str]:
    return list(dict.fromkeys(desk.request.query_params.getlist("permissions")))


def _to_confirm(desk: Desk, form: Form, chosen: list[str]) -> Response:
    """To the confirmation by password, and back to the form as it was filled in."""
    typed = [(name, form.value(name)) for name in _TYPED] + [("permissions", p) for p in chosen]
    return desk.confirm(desk.address("api-keys/new"), typed)


async def _show_form(desk: Desk, form: Form, chosen: list[str]) -> Response:
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    mine = [place for place in line if desk.may("api_keys:edit", place.organization.path)]
    reveal = Permission.ENROLLMENTS_REVEAL.value
    context = {
        "form": form,
        "chosen": chosen,
        "nonce": random_secret().reveal(),
        "organizations": people.choices(mine),
        "roles": people.ROLES,
        "reveal": reveal,
        "further": {name: word for name, word in PERMISSIONS.items() if desk.may(name)},
        "rights": {role.value: sorted(held) for role, held in ROLES.items()},
    }
    return desk.show("console/api_key_new.html", context, refusal=form.refusal)


def _show_key(desk: Desk, made: CreatedApiKey) -> Response:
    context = {
        "key": made.key,
        "secret": made.secret.reveal(),
        "server": desk.services.public_url,
        "roles": people.ROLES,
        "permissions": PERMISSIONS,
    }
    return desk.show("console/api_key_made.html", context)


ROUTES = [
    page("api-keys", show_list),
    page("api-keys/new", create_key, methods=("GET", "POST")),
    page("api-keys/{id}/revoke", revoke_key, methods=("GET", "POST")),
]
