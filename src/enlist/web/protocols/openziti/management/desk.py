"""Who manages, and what he asks for: an API key of Enlist's, and the verbs that it may use.

A sign-in's cookie counts for nothing here. The device listener has another address than the
console, and a browser sends the cookie to both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.verbs.callers import ByApiKey
from enlist.verbs.driver import AnyVerb, View
from enlist.web.callers import services_of, stranger
from enlist.web.protocols.openziti.envelopes import accepts_json, answered, refused_as
from enlist.web.protocols.openziti.management.refusals import refused
from enlist.web.protocols.openziti.paths import Endpoint
from enlist.web.protocols.openziti.sessions import SESSION

Value = TypeVar("Value")


@dataclass(frozen=True)
class Desk:
    """A request of somebody whom an API key stands for."""

    request: Request
    caller: Caller

    @property
    def named(self) -> str:
        """The id in the address."""
        found: str = self.request.path_params["id"]
        return found

    @property
    def idle(self) -> int:
        """After which time without use an API session ends, in microseconds."""
        return services_of(self.request).tools.api_session_idle

    @property
    def now(self) -> int:
        """The present moment, microseconds UTC."""
        return services_of(self.request).tools.clock()

    async def do(self, verb: AnyVerb[Any, Any, Value]) -> Value | Refusal:
        """What came of a verb."""
        outcome = await services_of(self.request).perform(verb, self.caller)
        return outcome if isinstance(outcome, Refusal) else outcome.value

    async def done(self, verb: AnyVerb[Any, Any, Any]) -> Response | Refusal:
        """The answer to a verb that has nothing to tell but that it is done."""
        return told(await self.do(verb), lambda _: answered({}))

    async def see(self, view: View[Value]) -> Value | Refusal:
        """What there is to see."""
        return await services_of(self.request).view(view, self.caller)


def told(found: Value | Refusal, make: Callable[[Value], Response]) -> Response | Refusal:
    """The answer that is made of what was found or done."""
    return found if isinstance(found, Refusal) else make(found)


Answering = Callable[[Desk], Awaitable[Response | Refusal]]

Offered = tuple[str, str, Answering]
"""A path below the API's prefix, a method, and what answers. Its docstring is in the reference."""


def managed(answer: Answering) -> Endpoint:
    """An endpoint for whoever shows an API key."""

    async def endpoint(request: Request) -> Response:
        if not accepts_json(request):
            return refused_as("UNSUPPORTED_MEDIA", "The answer is JSON: accept application/json.")
        caller = await _caller(request)
        if isinstance(caller, Refusal):
            return refused(caller)
        outcome = await answer(Desk(request, caller))
        return refused(outcome) if isinstance(outcome, Refusal) else outcome

    return endpoint


async def _caller(request: Request) -> Caller | Refusal:
    """Whom the key stands for, sent as programs send it, or where OpenZiti's send a session."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    shown = key.strip() if scheme.lower() == "bearer" else request.headers.get(SESSION, "")
    if not shown:
        return Refusal("unauthenticated", support_code=support_code())
    verb = ByApiKey(Secret(shown[:LONGEST_PRESENTED]))
    known = await services_of(request).perform(verb, stranger(request))
    return known if isinstance(known, Refusal) else known.value
