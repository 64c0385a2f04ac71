"""How an operation is declared: its permission, what it answers, and how it may refuse.

FastAPI does the routing, the validation and the schema. What is Enlist's own is here, once:
staff is recognised before a body is even read; bodies are read strictly (see `reading`); an
endpoint returns a value or a refusal, and a refusal becomes a problem document.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Request
from fastapi.datastructures import Default
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Kind, Secret, support_code
from enlist.store.limits import IdempotencyKey
from enlist.verbs.driver import Verb, View
from enlist.verbs.idempotent import LONGEST_KEY, Idempotent, idempotency_key
from enlist.web.boundary import MOST_BYTES
from enlist.web.callers import caller_again, caller_of, services_of, stranger
from enlist.web.connections import CUT
from enlist.web.problems import BY_STATUS, MEDIA_TYPE, problem_response, status_of
from enlist.web.reading import read_json, unfit, unstorable
from enlist.web.services import Services

Value = TypeVar("Value")
Made = TypeVar("Made")
Endpoint = Callable[..., Awaitable[Any]]
Declared = TypeVar("Declared", bound=Endpoint)

ALWAYS: Final = ("validation_failed", "rate_limited", "try_later", "internal_error")
WITH_BODY: Final = ("malformed", "too_large")
STAFF: Final = ("unauthenticated", "forbidden", "not_found", "cross_site")
IDEMPOTENT: Final = ("idempotency_key_reused",)


# --- one request -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of somebody known, and what answering it takes."""

    request: Request
    response: Response
    services: Services
    caller: Caller

    async def do(self, verb: Verb[Any, Any, Value]) -> Value | Refusal:
        """Do something; the value of it, or why not."""
        outcome = await self.services.perform(verb, self.caller)
        return outcome if isinstance(outcome, Refusal) else outcome.value

    async def see(self, view: View[Value]) -> Value | Refusal:
        """Look at something."""
        return await self.services.view(view, self.caller)

    async def see_on(self, view: View[Value]) -> Value | Refusal:
        """Look further, for an answer that goes on, as whoever the caller is by now."""
        now = await self.still()
        if isinstance(now, Refusal):
            return now
        return await self.services.view(view, now.caller)

    async def still(self) -> Asking | Refusal:
        """The same request by its caller as he stands now (`caller_again`)."""
        return await anyio.to_thread.run_sync(self.now, limiter=self.services.threads)

    def now(self) -> Asking | Refusal:
        """The same in a thread."""
        caller = caller_again(self.request)
        return caller if isinstance(caller, Refusal) else replace(self, caller=caller)

    def cut(self) -> None:
        """End an answer that has begun and must not go on: its reader sees that it is not whole."""
        self.request.scope.get(CUT, _unconnected)()

    async def do_once(
        self, verb: Verb[Any, Any, Value], again: Callable[[str], Verb[Any, Any, Value]]
    ) -> Value | Refusal:
        """Make something; once, where the request carries an Idempotency-Key (ruling 25)."""
        key = await self.idempotency_key()
        if isinstance(key, Refusal):
            return key
        return await self.do(verb if key is None else Idempotent(verb, key, again))

    async def idempotency_key(self) -> IdempotencyKey | Refusal | None:
        """The request's Idempotency-Key, if it has one."""
        sent = self.request.headers.get("idempotency-key")
        if sent is None:
            return None
        return idempotency_key(self.caller, sent, await self._digest())

    async def _digest(self) -> bytes:
        """What makes two requests the same. Keyed, because there may be a password in it."""
        body = (await self.request.body()).decode("utf-8", "replace")
        text = Secret(f"{self.request.method} {self.request.url.path}\n{body}")
        return self.services.tools.keys.digest(Kind.IDEMPOTENCY, text).value

    def versioned(self, version: int) -> None:
        """Say which version of a thing the answer shows."""
        self.response.headers["etag"] = f'"{version}"'


async def _asking(request: Request, response: Response) -> Asking:
    return Asking(request, response, services_of(request), request.state.caller)


async def _anybody(request: Request, response: Response) -> Asking:
    """Cookies and API keys mean nothing here: whoever presents a token is its holder alone."""
    return Asking(request, response, services_of(request), stranger(request))


def _unconnected() -> None:
    """Where a request came over no connection of ours."""


Staff = Annotated[Asking, Depends(_asking)]
Anybody = Annotated[Asking, Depends(_anybody)]

IdempotencyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY,
        pattern="^[\\x20-\\x7e]*$",
        description="A request that is sent again with the same key is done once, for a day.",
    ),
]
"""Declared for the schema; `Asking.do_once` reads it."""

IfMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of what was edited: refuses the change if it has changed since."
    ),
]


def shown(outcome: Value | Refusal, make: Callable[[Value], Made]) -> Made | Refusal:
    """What came out, as an answer shows it; refusals pass."""
    return outcome if isinstance(outcome, Refusal) else make(outcome)


def version_of(if_match: str | None) -> int | None:
    """The version that `If-Match` names; None for any, -1 for one that no thing ever has."""
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip()
    number = tag[1:-1] if tag.startswith('"') and tag.endswith('"') else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1


# --- routes ------------------------------------------------------------------------------------


class _StrictRequest(Request):
    """Its body is read as `reading` reads."""

    async def json(self) -> Any:
        body = await self.body()
        if len(body) > MOST_BYTES:  # it may take a while, and others must not wait for it
            value = await anyio.to_thread.run_sync(read_json, body)
        else:
            value = read_json(body)
        if isinstance(value, Refusal):
            raise Refused(value)
        return value


class Refused(HTTPException):
    """A refusal on its way out of FastAPI's own code, which knows no other way than to raise."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(status_of(refusal))
        self.refusal = refusal


class _Route(APIRoute):
    """A route whose endpoint may return a refusal."""

    staff = False

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, _answering(endpoint, staff=self.staff), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            refusal = await self.admit(request) or _unstorable(request)
            if refusal is not None:
                return problem_response(refusal, staff=self.staff)
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle

    async def admit(self, request: Request) -> Refusal | None:  # noqa: ARG002
        """What is checked before anything of the request is read."""
        return None


class PublicRoute(_Route):
    """For whoever comes."""


class StaffRoute(_Route):
    """For callers with an API key, or signed in."""

    staff = True

    async def admit(self, request: Request) -> Refusal | None:
        caller = await caller_of(request)
        if isinstance(caller, Refusal):
            return caller
        if caller.kind is CallerKind.STRANGER:
            return Refusal("unauthenticated", support_code=support_code())
        request.state.caller = caller
        return None


def _answering(endpoint: Endpoint, *, staff: bool) -> Endpoint:
    @functools.wraps(endpoint)
    async def answering(*args: Any, **named: Any) -> Any:
        answer = await endpoint(*args, **named)
        return problem_response(answer, staff=staff) if isinstance(answer, Refusal) else answer

    return answering


def _unstorable(request: Request) -> Refusal | None:
    named = [*request.query_params.multi_items(), *request.path_params.items()]
    return unstorable([(name, name) for name, _ in named] + [(n, str(v)) for n, v in named])


class Operations:
    """The operations on one kind of thing."""

    def __init__(self, tag: str) -> None:
        self._staff = APIRouter(tags=[tag], route_class=StaffRoute)
        self._public = APIRouter(tags=[tag], route_class=PublicRoute)
        self.routers = (self._staff, self._public)

    def staff(
        self,
        method: str,
        path: str,
        permission: Permission | str,
        *,
        answers: Any = None,
        status: int = 200,
        refuses: Iterable[str] = (),
    ) -> Callable[[Declared], Declared]:
        """Declare an operation of staff. A verb enforces `permission`; the schema tells it.

        `answers` is the model of the answer, or a response class for what is not JSON.
        """
        codes = (*ALWAYS, *STAFF, *(WITH_BODY if method in _WITH_BODY else ()), *refuses)
        extra = {"x-permission": str(permission), "security": [{"api_key": []}, {"sign_in": []}]}
        return self._declare(self._staff, method, path, answers, status, codes, extra)

    def public(
        self,
        method: str,
        path: str,
        *,
        answers: Any = None,
        status: int = 200,
        refuses: Iterable[str] = (),
    ) -> Callable[[Declared], Declared]:
        """Declare an operation for whoever holds a token, a code or a login."""
        codes = (*ALWAYS, *WITH_BODY, "cross_site", *refuses)
        extra = {"x-permission": "public", "security": []}
        return self._declare(self._public, method, path, answers, status, codes, extra)

    def _declare(
        self,
        router: APIRouter,
        method: str,
        path: str,
        answers: Any,
        status: int,
        codes: Iterable[str],
        extra: dict[str, Any],
    ) -> Callable[[Declared], Declared]:
        staff = router is self._staff
        by_itself = isinstance(answers, type) and issubclass(answers, Response)
        nothing = Response if status == 204 else Default(JSONResponse)
        return router.api_route(
            path,
            methods=[method],
            response_model=None if by_itself else answers,
            status_code=status,
            response_class=answers if by_itself else nothing,
            responses=_documented(codes, staff=staff),
            openapi_extra=extra,
        )


_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def _documented(codes: Iterable[str], *, staff: bool) -> dict[int | str, dict[str, Any]]:
    """The refusals of an operation, by status, as OpenAPI tells them."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(status_of(Refusal(code), staff=staff), []).append(code)
    return {
        status: {
            "description": "\n".join(f"- `{code}`: {CATALOGUE[code].title}" for code in found),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, found in sorted(by_status.items())
    }


# --- what FastAPI refuses itself ---------------------------------------------------------------


async def refused(request: Request, error: Exception) -> Response:
    """A body that could not be read; an address or a method that is not offered."""
    if isinstance(error, Refused):
        return problem_response(error.refusal)
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = BY_STATUS.get(status, "malformed")
    response = problem_response(Refusal(code, support_code=support_code()))
    if status == 405:
        response.headers["allow"] = ", ".join(_offered(request))
    return response


def _offered(request: Request) -> list[str]:
    """Every method of this address; Starlette names those of the first route alone."""
    routes: list[APIRoute] = request.app.state.routes
    found = {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    return sorted(found | {"HEAD"} if "GET" in found else found)


async def invalid(_request: Request, error: Exception) -> Response:
    """Fields that are not as their schema says."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem_response(unfit(error.errors()))
