"""Requests of the hot lane: two halves that never wait, and two ways through them.

A thousand devices may redeem at once, and what stands between a socket and the verb then costs as
much as the verb: uvicorn's task for each request, the wrappers of `boundary` one in the other, an
answer in two messages. So what such a request asks, and how it is answered, are plain functions
(`Hot`), and its connection calls them itself where nothing about the request is unusual (`Direct`).
Whatever is unusual, be it a longer body, a page of another site or a request behind another, goes
the ordinary way, as an ASGI application, to the same two functions.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import support_code
from enlist.verbs.driver import HotVerb
from enlist.verbs.together import Outcome
from enlist.web.boundary import MOST_BYTES, Edge, SameSite
from enlist.web.callers import services_of, stranger
from enlist.web.peers import header

HotRoutes = Mapping[tuple[str, str], "Hot"]
"""By method and path."""

_BEGAN: Final = "enlist.began"
"""In a request's scope: when its head had come."""

Write = Callable[[int, bytes, bytes], None]
"""Takes an answer: status, headers (each with the end of its line), body."""


@dataclass(frozen=True, slots=True)
class Hot:
    """One such request, as a stranger sends it.

    Attributes:
        ask: reads the body; a response where it is not good.
        answer: what is told of the outcome.
    """

    ask: Callable[[Request, bytes], HotVerb[Any, Any, Any, Any] | Response]
    answer: Callable[[Request, Done[Any] | Refusal], Response]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ordinary way, with nothing around it."""
        message = await receive()  # `Capped` has read it: the body is in one piece
        request = Request(scope)
        asked = self.ask(request, message["body"])
        if isinstance(asked, Response):
            response = asked
        else:
            outcome = await services_of(request).perform(asked, stranger(request))
            response = self.answer(request, outcome)
        await response(scope, receive, send)


class Direct:
    """The short way, for the connections of one listener."""

    def __init__(self, app: Starlette, edge: Edge, same_site: SameSite, hot: HotRoutes) -> None:
        self._app = app
        self._edge = edge
        self._same_site = same_site
        self._hot = hot
        self._tasks: set[asyncio.Task[Any]] = set()

    def takes(self, scope: Scope) -> Hot | None:
        """Which of them a request is whose head has come; None sends it the ordinary way."""
        hot = self._hot.get((scope["method"], scope["path"]))
        if hot is None:
            return None
        declared = header(scope, b"content-length") or ""
        fits = declared.isdigit() and int(declared) <= MOST_BYTES
        if not fits or self._same_site.refuses(scope):
            return None
        scope[_BEGAN] = time.perf_counter()
        return hot

    def left(self, scope: Scope) -> None:
        """Note down a request that was taken, and whose sender went before all of it had come."""
        self._edge.enter(scope)
        self._observe(scope, 0)

    def ask(self, hot: Hot, scope: Scope, body: bytes, write: Write) -> None:
        """Have it done; `write` is called once, now or later, in the event loop's thread."""
        self._edge.enter(scope)
        scope["app"] = self._app
        request = Request(scope)

        def finish(response: Response) -> None:
            write(response.status_code, self._edge.head(scope, response), bytes(response.body))
            self._observe(scope, response.status_code)

        def answer(outcome: Outcome) -> None:
            try:
                if isinstance(outcome, Exception):
                    outcome = self._edge.told(scope, outcome)
                response = hot.answer(request, outcome)
            except Exception:  # noqa: BLE001 - the last line before the client
                fault = Refusal("internal_error", support_code=support_code())
                response = hot.answer(request, fault)
            finish(response)

        try:
            asked = hot.ask(request, body)
            if not isinstance(asked, Response):
                self._perform(request, asked, answer)
                return
        except Exception as error:  # noqa: BLE001 - likewise
            answer(error)
        else:
            finish(asked)

    def _observe(self, scope: Scope, status: int) -> None:
        with contextlib.suppress(OSError):  # a log that cannot be written
            self._edge.observe(scope, status, time.perf_counter() - scope[_BEGAN])

    def _perform(
        self,
        request: Request,
        verb: HotVerb[Any, Any, Any, Any],
        answer: Callable[[Outcome], None],
    ) -> None:
        services, caller = services_of(request), stranger(request)
        if not verb.hashes:
            services.begin(verb, caller, answer)
            return
        task = asyncio.create_task(services.perform(verb, caller))
        self._tasks.add(task)  # the loop itself would let go of it
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: answer(_came_of(done)))


def _came_of(done: asyncio.Task[Done[Any] | Refusal]) -> Outcome:
    error = None if done.cancelled() else done.exception()
    if done.cancelled() or (error is not None and not isinstance(error, Exception)):
        return RuntimeError(type(error).__name__)
    return done.result() if error is None else error
