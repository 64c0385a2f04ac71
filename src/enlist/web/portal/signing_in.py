"""Signing in, signing out, and proving oneself again before what is dangerous."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Done, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Secret
from enlist.verbs.callers import BySignIn
from enlist.verbs.sign_in import ConfirmSignIn, EndSignIn, SignedIn, StartSignIn
from enlist.web.callers import (
    caller_of,
    drop_cookie,
    person_of,
    services_of,
    set_cookie,
    stranger,
)
from enlist.web.forms import read_form
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import asked_next, home_of, own_path, see, to_sign_in
from enlist.web.problems import headers_of, status_of


async def signed_in(request: Request) -> Caller | None:
    """Who is signed in here; None for strangers and for programs."""
    caller = await caller_of(request)
    if isinstance(caller, Refusal) or caller.kind is not CallerKind.USER:
        return None
    return caller


async def show_sign_in(request: Request) -> Response:
    """The form; whoever is signed in already goes on."""
    caller = await signed_in(request)
    wanted = asked_next(request.query_params)
    if caller is not None:
        return see(wanted or home_of(caller))
    return await _sign_in_page(request, wanted)


async def sign_in(request: Request) -> Response:
    """Start a sign-in, and end the one that this browser had.

    Refusals: `malformed`, and those of StartSignIn.
    """
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form)
    services = services_of(request)
    username = form.get("username", "").strip()
    verb = StartSignIn(username[:254], Secret(form.get("password", "")[:1024]))
    outcome = await services.perform(verb, stranger(request))
    if isinstance(outcome, Refusal):
        return await _sign_in_page(request, asked_next(form), username, outcome)
    return await welcome(request, outcome, asked_next(form))


async def welcome(request: Request, done: Done[SignedIn], wanted: str) -> Response:
    """Give the browser its fresh sign-in, end the one that it had, and go on."""
    services = services_of(request)
    before = await signed_in(request)
    if before is not None and before.sign_in_id is not None:
        await services.perform(EndSignIn(before.sign_in_id), before)
    known = await services.perform(BySignIn(done.value.cookie), stranger(request))
    home = "/account" if isinstance(known, Refusal) else home_of(known.value)
    response = see(wanted or home)
    set_cookie(response, services, done.value.cookie)
    return response


async def show_sign_out(request: Request) -> Response:
    """A button for whoever is signed in; for others, that they are not."""
    caller = await signed_in(request)
    look = await look_of(request, caller.organization_id if caller else None)
    return render(request, "portal/sign_out.html", caller=caller, look=look)


async def sign_out(request: Request) -> Response:
    """End this browser's sign-in."""
    services = services_of(request)
    caller = await signed_in(request)
    if caller is not None and caller.sign_in_id is not None:
        await services.perform(EndSignIn(caller.sign_in_id), caller)
    response = see("/sign-out")
    drop_cookie(response, services)
    return response


async def show_confirm(request: Request) -> Response:
    """The question for the password."""
    caller = await signed_in(request)
    wanted = asked_next(request.query_params)
    if caller is None:
        return to_sign_in(request, wanted or "/account")
    return await _confirm_page(request, caller, wanted)


async def confirm(request: Request) -> Response:
    """Prove by password, then go back to what needs it.

    Refusals: `malformed`, and those of ConfirmSignIn.
    """
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form, caller=await person_of(request))
    caller = await signed_in(request)
    wanted = asked_next(form)
    if caller is None:
        return to_sign_in(request, wanted or "/account")
    verb = ConfirmSignIn(Secret(form.get("password", "")[:1024]))
    outcome = await services_of(request).perform(verb, caller)
    if isinstance(outcome, Refusal):
        if outcome.code == "unauthenticated":
            return to_sign_in(request, wanted or "/account")
        return await _confirm_page(request, caller, wanted, outcome)
    return see(wanted or home_of(caller))


async def _sign_in_page(
    request: Request, wanted: str, username: str = "", refusal: Refusal | None = None
) -> Response:
    context = {"next": wanted, "username": username}
    return await _page(request, "portal/sign_in.html", context, None, refusal)


async def _confirm_page(
    request: Request, caller: Caller, wanted: str, refusal: Refusal | None = None
) -> Response:
    context = {"next": own_path(wanted)}
    return await _page(request, "portal/confirm.html", context, caller, refusal)


async def _page(
    request: Request,
    template: str,
    context: Mapping[str, object],
    caller: Caller | None,
    refusal: Refusal | None,
) -> Response:
    status = status_of(refusal) if refusal else 200
    whole = {**context, "refusal": refusal, "meanings": CATALOGUE}
    look = await look_of(request, caller.organization_id if caller else None)
    response = render(request, template, whole, caller=caller, status=status, look=look)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    return response
