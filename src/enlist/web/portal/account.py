"""One's own account: name, addresses, language, time zone, password, where one is signed in."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Secret
from enlist.locales import LANGUAGES
from enlist.verbs.landing import LookAround
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.sign_in import EndAllSignIns, EndSignIn
from enlist.verbs.staff import SetPassword
from enlist.verbs.users import OWN, ChangeUser
from enlist.verbs.views_details import ShowUser
from enlist.verbs.views_mine import MyDevices
from enlist.verbs.views_overview import MySignIns
from enlist.web.callers import drop_cookie, person_of, services_of
from enlist.web.forms import read_form
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.portal.browsers import browser_in
from enlist.web.portal.returning import see, to_confirm, to_sign_in
from enlist.web.portal.signing_in import signed_in
from enlist.web.problems import headers_of, status_of

_DONE: Final = ("profile", "password", "ended", "second_factor")


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What was wrong with which form of the page, and what had been typed into it."""

    form: str
    refusal: Refusal
    typed: Mapping[str, str]


async def show_account(request: Request) -> Response:
    """The page, for whoever is signed in."""
    caller = await signed_in(request)
    return to_sign_in(request) if caller is None else await _page(request, caller)


async def change_profile(request: Request) -> Response:
    """Save name, address, time zone and language.

    Another e-mail address leads to the page that asks for the password first, where it was not
    asked for in the last minutes.

    Refusals: `malformed`, and those of ChangeUser.
    """
    read = await _read(request)
    if isinstance(read, Response):
        return read
    caller, form = read
    changes: dict[str, str | None] = {key: form[key] for key in OWN if key in form}
    version = form.get("version", "")
    edited = int(version) if version.isascii() and version.isdigit() else None
    verb = ChangeUser(caller.id or "", changes, edited)
    outcome = await services_of(request).perform(verb, caller)
    if isinstance(outcome, Refusal) and outcome.code == "proof_too_old":
        return to_confirm("/account")
    if isinstance(outcome, Refusal):
        return await _page(request, caller, _Trouble("profile", outcome, form))
    return see("/account?done=profile")


async def change_password(request: Request) -> Response:
    """Set a new password; every other sign-in ends.

    Refusals: `malformed`, and those of SetPassword.
    """
    read = await _read(request)
    if isinstance(read, Response):
        return read
    caller, form = read
    password = Secret(form.get("password", ""))
    if form.get("repeat", "") != password.reveal():
        trouble = _Trouble("password", Refusal("validation_failed", reason="repeat"), {})
        return await _page(request, caller, trouble)
    verb = SetPassword("", password, Secret(form.get("current", "")[:1024]))
    outcome = await services_of(request).perform(verb, caller)
    if isinstance(outcome, Refusal):
        return await _page(request, caller, _Trouble("password", outcome, {}))
    return see("/account?done=password")


async def end_sign_in(request: Request) -> Response:
    """End one of one's own sign-ins."""
    caller = await signed_in(request)
    if caller is None:
        return to_sign_in(request, "/account")
    sign_in_id = str(request.path_params["sign_in_id"])
    if sign_in_id == caller.sign_in_id:
        return see("/sign-out")
    # One that has ended meanwhile is what was wanted.
    await services_of(request).perform(EndSignIn(sign_in_id), caller)
    return see("/account?done=ended")


async def sign_out_everywhere(request: Request) -> Response:
    """End all of one's sign-ins, this one too."""
    caller = await signed_in(request)
    services = services_of(request)
    if caller is not None:
        await services.perform(EndAllSignIns(), caller)
    response = see("/sign-out")
    drop_cookie(response, services)
    return response


async def _read(request: Request) -> tuple[Caller, dict[str, str]] | Response:
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form, caller=await person_of(request))
    caller = await signed_in(request)
    return to_sign_in(request, "/account") if caller is None else (caller, form)


async def _page(request: Request, caller: Caller, trouble: _Trouble | None = None) -> Response:
    services = services_of(request)
    detail = await services.view(ShowUser(caller.id or ""), caller)
    sign_ins = await services.view(MySignIns(), caller)
    own = await services.view(MyDevices(), caller)
    if isinstance(detail, Refusal) or isinstance(sign_ins, Refusal) or isinstance(own, Refusal):
        return to_sign_in(request, "/account")
    user = detail.user
    around = await services.view(LookAround(user.organization_id, user.id), caller)
    done = request.query_params.get("done", "")
    context: dict[str, Any] = {
        "user": user,
        "roles": detail.roles,
        "second_factor": detail.second_factor,
        "factor_needed": any(held.needs_factor for held in detail.roles),
        "locked": own.locked,
        "typed": {key: getattr(user, key) for key in OWN}
        | (dict(trouble.typed) if trouble else {}),
        "sign_ins": [(found, browser_in(found.user_agent)) for found in sign_ins],
        "zones": _zones(),
        "languages": LANGUAGES,
        "shortest": SHORTEST,
        "meanings": CATALOGUE,
        "done": done if done in _DONE and trouble is None else "",
        "trouble": trouble,
        "wrong": _wrong(trouble.refusal) if trouble else set(),
    }
    response = render(
        request,
        "portal/account.html",
        context,
        caller=caller,
        status=status_of(trouble.refusal) if trouble else 200,
        zone="UTC" if isinstance(around, Refusal) else around.zone,
        look=await look_of(request, user.organization_id),
    )
    if trouble is not None:
        response.headers.update(headers_of(trouble.refusal))
    return response


def _wrong(refusal: Refusal) -> set[str]:
    return {e.field for e in refusal.fields} | (
        {"email"} if refusal.code == "email_taken" else set()
    )


@cache
def _zones() -> tuple[str, ...]:
    """Names of places, sorted; not the old abbreviations and offsets."""
    regions = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe")
    known = zoneinfo.available_timezones()
    places = {zone for zone in known if zone.startswith((*regions, "Indian/", "Pacific/"))}
    return ("UTC", *sorted(places))
