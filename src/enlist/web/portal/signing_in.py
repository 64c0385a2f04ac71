"""Signing in, signing out, and proving oneself again before what is dangerous.

Whoever has a second factor gets a cookie of its own after the password, which is good for the page
that asks for the code and signs nobody in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Done, Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret
from enlist.verbs.callers import BySignIn
from enlist.verbs.channels import EMAIL
from enlist.verbs.finish_sign_in import FinishSignIn
from enlist.verbs.rights import fresh
from enlist.verbs.sign_in import ConfirmSignIn, EndSignIn, SignedIn, StartSignIn
from enlist.web.callers import (
    caller_of,
    cookie_name,
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

CODE: Final = "/sign-in/code"


async def signed_in(request: Request) -> Caller | None:
    """Who is signed in here; None for strangers and for programs."""
    caller = await caller_of(request)
    if isinstance(caller, Refusal) or caller.kind is not CallerKind.USER:
        return None
    return caller


async def entering(request: Request) -> Caller | None:
    """Who is signed in here, or would be if he had the second factor that his role needs."""
    services = services_of(request)
    cookie = request.cookies.get(cookie_name(services), "")
    if not cookie:
        return None
    verb = BySignIn(Secret(cookie[:LONGEST_PRESENTED]), setting_up=True)
    seen = await services.perform(verb, stranger(request))
    return None if isinstance(seen, Refusal) else seen.value


async def show_sign_in(request: Request) -> Response:
    """The form; whoever is signed in already goes on."""
    caller = await entering(request)
    wanted = asked_next(request.query_params)
    if caller is None or (caller.must_set_up and fresh(caller, _now(request)) is not None):
        return await _sign_in_page(request, wanted)
    return see(_onward(caller, wanted))


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
    """Give the browser its fresh sign-in, end the one that it had, and go on.

    Where the code of a second factor is to come, all that waits until it has.
    """
    services = services_of(request)
    if done.value.code_to_come:
        response = see(_with_next(CODE, wanted))
        set_cookie(response, services, done.value.cookie, step=True)
        return response
    before = await entering(request)
    if before is not None and before.sign_in_id is not None:
        await services.perform(EndSignIn(before.sign_in_id), before)
    by_cookie = BySignIn(done.value.cookie, setting_up=True)
    known = await services.perform(by_cookie, stranger(request))
    onward = wanted or "/account" if isinstance(known, Refusal) else _onward(known.value, wanted)
    response = see(onward)
    set_cookie(response, services, done.value.cookie)
    return response


def _onward(caller: Caller, wanted: str) -> str:
    """Where somebody goes who has signed in: where he wanted to, once his role is content."""
    if caller.must_set_up:
        return _with_next("/account/second-factor", wanted)
    return wanted or home_of(caller)


def _with_next(path: str, wanted: str) -> str:
    return f"{path}?{urlencode({'next': wanted})}" if wanted else path


async def show_code(request: Request) -> Response:
    """The field for the code, for whoever has just given his password."""
    services = services_of(request)
    wanted = asked_next(request.query_params)
    if not request.cookies.get(cookie_name(services, step=True), ""):
        return see(_with_next("/sign-in", wanted))
    return await _code_page(request, wanted)


async def give_code(request: Request) -> Response:
    """Finish a sign-in by the code of the second factor.

    Refusals: `malformed`, and those of FinishSignIn.
    """
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form)
    services, wanted = services_of(request), asked_next(form)
    step = Secret(request.cookies.get(cookie_name(services, step=True), "")[:LONGEST_PRESENTED])
    verb = FinishSignIn(step, form.get("code", "")[:64])
    outcome = await services.perform(verb, stranger(request))
    if isinstance(outcome, Refusal) and outcome.code != "sign_in_step_over":
        return await _code_page(request, wanted, outcome)
    if isinstance(outcome, Refusal):
        response = await _sign_in_page(request, wanted, "", outcome)
    else:
        response = await welcome(request, outcome, wanted)
    drop_cookie(response, services, step=True)
    return response


async def show_sign_out(request: Request) -> Response:
    """A button for whoever is signed in; for others, that they are not."""
    caller = await entering(request)
    look = await look_of(request, caller.organization_id if caller else None)
    return render(request, "portal/sign_out.html", caller=caller, look=look)


async def sign_out(request: Request) -> Response:
    """End this browser's sign-in."""
    services = services_of(request)
    caller = await entering(request)
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
    by_mail = EMAIL in services_of(request).tools.channels
    context = {"next": wanted, "username": username, "by_mail": by_mail}
    return await _page(request, "portal/sign_in.html", context, None, refusal)


async def _code_page(request: Request, wanted: str, refusal: Refusal | None = None) -> Response:
    return await _page(request, "portal/sign_in_code.html", {"next": wanted}, None, refusal)


def _now(request: Request) -> int:
    return services_of(request).tools.clock()


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
