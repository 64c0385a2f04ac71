"""Who sent a request: an API key, a signed-in person, or a stranger."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import SECOND
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.store.tx import StoreUnavailable
from enlist.verbs.callers import ByApiKey, BySignIn
from enlist.verbs.sign_in import ABSOLUTE, STEP
from enlist.web.languages import best_language
from enlist.web.peers import header
from enlist.web.services import Services

WATCHED: Final = "watched"
"""The query parameter of a page that looks again by itself, without anybody in front of it."""


def services_of(request: HTTPConnection) -> Services:
    """The services of the application that the request came to."""
    services: Services = request.app.state.services
    return services


def cookie_name(services: Services, *, step: bool = False) -> str:
    """`__Host-` ties the cookie to this host and to HTTPS; plain localhost has neither.

    Args:
        step: of the cookie between password and code.
    """
    name = "enlist-step" if step else "enlist"
    return f"__Host-{name}" if services.secure else name


def stranger(request: HTTPConnection) -> Caller:
    """The request's sender, as long as nothing is known of him."""
    scope = request.scope
    return Caller(
        CallerKind.STRANGER,
        address=scope.get("enlist.address", ""),
        user_agent=(header(scope, b"user-agent") or "")[:300],
        language=best_language(header(scope, b"accept-language") or ""),
    )


def device(request: HTTPConnection, device_id: Id, address: str = "") -> Caller:
    """The device that the request's certificate names; whether that counts is yet to be seen.

    Args:
        address: where it is, if not where the request came from.
    """
    sender = stranger(request)
    return Caller(
        CallerKind.DEVICE,
        device_id,
        address=address or sender.address,
        user_agent=sender.user_agent,
    )


async def caller_of(request: Request, *, by_itself: bool = False) -> Caller | Refusal:
    """The sender: by API key if one is presented, else by sign-in cookie, else a stranger.

    Args:
        by_itself: nobody does anything, so a sign-in lasts no longer for it.

    Refusals: `unauthenticated`, `rate_limited` for a key that is not accepted. A cookie that is
    over makes a stranger.
    """
    sender, verb = stranger(request), _recognising(request, by_itself=by_itself)
    if verb is None:
        return sender
    return _recognised(verb, await services_of(request).perform(verb, sender), sender)


def caller_again(request: Request) -> Caller | Refusal:
    """The sender of a request that is still being answered, as he stands now; runs in a thread.

    An answer lasts as long as its reader, and he may read slowly: what was taken away from him
    meanwhile is gone (S54). Nobody does anything, so a sign-in lasts no longer for it.

    Refusals: as `caller_of`; `unauthenticated` also where his sign-in is over.
    """
    sender, verb = stranger(request), _recognising(request, by_itself=True)
    found: Caller | Refusal = sender
    if verb is not None:
        found = _recognised(verb, services_of(request).driver.perform(verb, sender), sender)
    if found is sender:
        return Refusal("unauthenticated", support_code=support_code())
    return found


def _recognising(request: Request, *, by_itself: bool) -> ByApiKey | BySignIn | None:
    """What recognises the sender by what he presents; None where that is nothing."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return ByApiKey(Secret(key.strip()[:LONGEST_PRESENTED]))
    cookie = request.cookies.get(cookie_name(services_of(request)), "")
    if not cookie:
        return None
    by_itself = by_itself or WATCHED in request.query_params
    return BySignIn(Secret(cookie[:LONGEST_PRESENTED]), by_itself=by_itself)


def _recognised(
    verb: ByApiKey | BySignIn, outcome: Done[Caller] | Refusal, sender: Caller
) -> Caller | Refusal:
    """Who that is: a cookie that is over makes a stranger, a key that is not accepted nobody."""
    if isinstance(outcome, Done):
        return outcome.value
    return sender if isinstance(verb, BySignIn) else outcome


async def person_of(request: Request) -> Caller:
    """Who looks at a page that is for everybody: a signed-in person, or a stranger.

    Not even a database that is away keeps such a page from being shown.
    """
    try:
        caller = await caller_of(request)
    except StoreUnavailable:
        return stranger(request)
    if isinstance(caller, Refusal) or caller.kind is not CallerKind.USER:
        return stranger(request)
    return caller


def set_cookie(
    response: Response, services: Services, cookie: Secret, *, step: bool = False
) -> None:
    """Give the browser its sign-in, or the step to it where a code is to come."""
    response.set_cookie(
        cookie_name(services, step=step),
        cookie.reveal(),
        max_age=(STEP if step else ABSOLUTE) // SECOND,
        path="/",
        secure=services.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, services: Services, *, step: bool = False) -> None:
    """Take the browser's sign-in away, or the step to it."""
    response.delete_cookie(
        cookie_name(services, step=step),
        path="/",
        secure=services.secure,
        httponly=True,
        samesite="lax",
    )
