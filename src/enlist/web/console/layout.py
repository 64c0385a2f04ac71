"""The desk: what every page of the console is given, and how a page is added.

To add a page:

1. Write `async def show(desk: Desk) -> Response` in a module of this folder. `desk` knows who is
   working (`desk.caller`), where (`desk.organization`), and does things: `await desk.view(view)`,
   `await desk.perform(verb)`. A `Refusal` goes to `desk.refuse(refusal)`, or back into the form
   that it came from (`forms.py`). A page is `desk.show("console/thing.html", {...})`; after a
   change, `desk.go(address, notice=_("Done"))`.
2. List it in the module's `ROUTES` with `page("things/{id}", show)`, and the module in
   `__init__.py`. A page that takes a form is the same address with `methods=("GET", "POST")`, so
   that whoever must prove himself first comes back to the form.
3. The template extends `console/base.html` and fills `title`, `heading`, `actions`, `content`;
   lists use `console/_lists.html` and `lists.py`, forms `console/_forms.html` and `forms.py`,
   small parts `console/_pieces.html`. `devices.py` and `console/devices.html` show it all.
4. Where it belongs on the left, it gets an entry in `navigation.py`.

Labels and notices of Python modules: `_ = desk.gettext`, then `_("…")`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from enlist.core.caller import Caller, CallerKind
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import support_code
from enlist.locales import LANGUAGES, SOURCE, locale_of, translations
from enlist.verbs.driver import Verb, View
from enlist.verbs.workplace import FindWorkplace, Workplace
from enlist.web import moments
from enlist.web.callers import WATCHED, caller_of, services_of
from enlist.web.console import navigation
from enlist.web.console.banners import Banner, banners
from enlist.web.console.forms import readable
from enlist.web.console.lists import ListQuery
from enlist.web.console.navigation import Entry, Group
from enlist.web.pages import refusal_page, render
from enlist.web.problems import headers_of, problem_response, status_of
from enlist.web.services import Services

Value = TypeVar("Value")

NOTICE: Final = "enlist-notice"
"""Cookie that carries one line to the page after a change; read once, gone after a minute."""

_LONGEST_NOTICE: Final = 600
_LONGEST_RETURN: Final = 1400
"""Letters of an address to come back to; the confirmation follows none of more than 1,500."""
_NOT_DONE: Final = "!"
"""Stands before a notice of what was not done, which must not look like a success."""

LANGUAGE: Final = SOURCE
"""The console is in English, whole, whatever its user speaks (`docs/decisions.md`)."""


@dataclass(frozen=True)
class Desk:
    """One request of somebody who works in the console, at one organization."""

    request: Request
    caller: Caller
    place: Workplace

    @property
    def services(self) -> Services:
        return services_of(self.request)

    @property
    def organization(self) -> Organization:
        """The organization in force."""
        return self.place.organization

    @property
    def group_id(self) -> str:
        return self.place.organization.group_id

    @property
    def zone(self) -> str:
        """IANA name of the time zone in which this person is shown moments."""
        return self.place.zone

    @property
    def zone_in_words(self) -> str:
        """The same, for a person who is asked for a moment in it."""
        return moments.zone_in_words(ZoneInfo(self.zone), self.now, locale_of(LANGUAGE))

    @property
    def now(self) -> int:
        return self.services.tools.clock()

    @property
    def spoken(self) -> str:
        """The language that this person chose for messages and public pages; "" for none."""
        return self.place.person.language if self.place.person else ""

    @property
    def languages(self) -> Mapping[str, str]:
        """What there is to choose from, each with its own name for itself."""
        return LANGUAGES

    def gettext(self, text: str) -> str:
        """The text in the console's language."""
        return translations(self.caller.language).gettext(text)

    def may(self, permission: str, path: str = "") -> bool:
        """Whether a permission is held, at the organization in force or at the one with `path`."""
        return self.caller.may(Permission(permission), path or self.organization.path)

    def address(self, *parts: str, at: str = "", **query: str) -> str:
        """The address of a page below the organization in force, or below the one named."""
        path = "/".join(quote(part, safe="/") for part in parts if part)
        asked = urlencode({name: value for name, value in query.items() if value})
        return f"/console/{quote(at or self.group_id)}/{path}" + (f"?{asked}" if asked else "")

    @property
    def here(self) -> str:
        """The address of this page below the organization, such as `devices/new`."""
        return "/".join(self.request.url.path.split("/")[3:])

    @property
    def section(self) -> str:
        """The list or single page that this page belongs to, which every organization has."""
        current = navigation.current(self.here)
        return "" if current == navigation.NOWHERE else current

    @property
    def alerts(self) -> list[Banner]:
        """What is amiss here and below, the gravest first; stands at the top of every page."""
        return banners(self.place.alerts)

    @property
    def person(self) -> str:
        """How the person who works here is called."""
        return self.place.person.display_name if self.place.person else self.caller.name

    @property
    def navigation(self) -> list[Group]:
        """What of the map this person may see here."""
        shown = []
        for group in navigation.MAP:
            entries = tuple(e for e in group.entries if e.listed and self.may(e.permission))
            if entries:
                shown.append(Group(group.label, entries))
        return shown

    def is_current(self, entry: Entry) -> bool:
        """Whether this page belongs to an entry of the navigation."""
        return navigation.current(self.here) == entry.address

    def closed(self, permission: Permission, path: str = "") -> Response | None:
        """The page instead of a form that this person could not send; None where he may.

        Sending it is for the verb to refuse, and to record.
        """
        if self.request.method == "POST" or self.may(permission, path):
            return None
        return self.refuse(Refusal("forbidden"))

    def elsewhere(self, path: str, group_id: str) -> Response | None:
        """To the same page in the thing's own organization, where it lies outside of this one."""
        if path.startswith(self.organization.path):
            return None
        return RedirectResponse(self.address(self.here, at=group_id), status_code=303)

    async def view(self, view: View[Value]) -> Value | Refusal:
        """Look at something."""
        return await self.services.view(view, self.caller)

    async def perform(self, verb: Verb[Any, Any, Value]) -> Done[Value] | Refusal:
        """Do something."""
        return await self.services.perform(verb, self.caller)

    def show(
        self,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        refusal: Refusal | None = None,
    ) -> Response:
        """A page of the console; a refusal stands above it as an alert and gives the status."""
        notice = unquote(self.request.cookies.get(NOTICE, ""))[:_LONGEST_NOTICE]
        response = render(
            self.request,
            template,
            {
                "desk": self,
                "notice": notice.removeprefix(_NOT_DONE),
                "not_done": notice.startswith(_NOT_DONE),
                "refusal": refusal,
                "meaning": CATALOGUE[refusal.code] if refusal else None,
                **(context or {}),
            },
            caller=self.caller,
            status=status_of(refusal, staff=True) if refusal else 200,
            zone=self.zone,
        )
        query = (context or {}).get("query")
        if isinstance(query, ListQuery) and "hx-request" in self.request.headers:
            # The form's address holds its empty fields too; the one to share does not.
            response.headers["hx-push-url"] = query.here
        if NOTICE in self.request.cookies:
            response.delete_cookie(NOTICE, path="/console", httponly=True, samesite="lax")
        return response

    def unchanged(self, mark: str) -> Response | None:
        """The answer to a page that looks again and would find what it shows already."""
        looks_again = "hx-request" in self.request.headers
        if looks_again and self.request.query_params.get(WATCHED) == mark:
            return Response(status_code=204)
        return None

    def refuse(self, refusal: Refusal) -> Response:
        """What to do about a refusal that no form of this page can show."""
        if refusal.code == "unauthenticated":
            return to_sign_in(self.request)
        if refusal.code == "proof_too_old":
            return self.confirm(_this(self.request))
        response = self.show("console/refusal.html", refusal=refusal)
        response.headers.update(headers_of(refusal))
        return response

    def confirm(self, back: str, typed: Sequence[tuple[str, str]] = ()) -> Response:
        """To the confirmation by password, and back to this address, to a form as it was filled in.

        Where that would be too long to be followed, what was typed is lost, and not the way back.
        """
        filled = f"{back}?{urlencode(typed)}" if typed else back
        if typed and len(filled) > _LONGEST_RETURN:
            filled = back
        return RedirectResponse(f"/confirm?{urlencode({'next': filled})}", status_code=303)

    def go(self, address: str, notice: str = "") -> Response:
        """On to another page after a change, which shows the notice once."""
        response = RedirectResponse(address, status_code=303)
        if notice:
            response.set_cookie(
                NOTICE,
                quote(notice[:_LONGEST_NOTICE]),
                max_age=60,
                path="/console",
                secure=self.services.secure,
                httponly=True,
                samesite="lax",
            )
        return response

    def back(self, address: str, why: str) -> Response:
        """Back to a page where something must be changed first; nothing was done."""
        return self.go(address, _NOT_DONE + why)


def mark_of(*shown: object) -> str:
    """Another text for everything else that a page could show."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


Handler = Callable[[Desk], Awaitable[Response]]


def page(address: str, handler: Handler, *, methods: Sequence[str] = ("GET",)) -> Route:
    """A route below `/console/<group_id>/` whose handler gets a desk.

    Whoever is not signed in is sent to do so and comes back; an organization that he may not see
    is a page that does not exist.
    """

    async def endpoint(request: Request) -> Response:
        if request.method == "HEAD":
            # A handler that asks whether it is GET must not take HEAD for a form (S30).
            request = Request({**request.scope, "method": "GET"}, request.receive)
        desk = await desk_of(request)
        if isinstance(desk, Response):
            return desk
        if request.method == "POST" and not await readable(request):
            return desk.refuse(Refusal("malformed", support_code=support_code()))
        return await handler(desk)

    return Route(f"/console/{{group_id}}/{address}", endpoint, methods=list(methods))


async def desk_of(request: Request) -> Desk | Response:
    """The desk of whoever sent the request, or what to answer instead."""
    caller = await caller_of(request)
    if isinstance(caller, Refusal):
        return problem_response(caller, staff=True)
    if caller.kind is not CallerKind.USER:
        return to_sign_in(request)
    services = services_of(request)
    asked = str(request.path_params.get("group_id", ""))
    # No store takes a NUL, and no Group ID is a question mark.
    place = await services.view(FindWorkplace(asked if asked.isprintable() else "?"), caller)
    worker = replace(caller, language=LANGUAGE)
    if not isinstance(place, Refusal):
        return Desk(request, worker, place)
    # The answer keeps the console around it, so that a mistyped address is no dead end.
    home = await services.view(FindWorkplace(), caller)
    if isinstance(home, Refusal):
        return await refusal_page(request, home, caller=caller, staff=True)
    return Desk(request, worker, home).refuse(place)


def to_sign_in(request: Request) -> Response:
    """To the sign-in page, and back here afterwards."""
    if "hx-request" in request.headers:
        # A part of a page cannot become the sign-in page; the whole page must go there.
        back = urlencode({"next": _shown(request)})
        return Response(status_code=200, headers={"hx-redirect": f"/sign-in?{back}"})
    return RedirectResponse(f"/sign-in?{urlencode({'next': _this(request)})}", status_code=303)


def _this(request: Request) -> str:
    """The address of the request, to come back to."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _shown(request: Request) -> str:
    """The page that an htmx request was sent from, as a path of ours."""
    shown = request.headers.get("hx-current-url", "")
    _, _, rest = shown.partition("://")
    path = "/" + rest.partition("/")[2]
    return path if path.startswith("/console") else "/console"
