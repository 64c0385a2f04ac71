"""The pages that a one-time link leads to: `/setup#t=…`, `/recover#t=…`, `/set-password#t=…`.

The first is printed by the server for the first administrator, the next made at the machine
(`enlist user recover`) for one who cannot sign in any more, the last sent to its user by e-mail.
All ask for a password and sign in who has set it. The secret comes in the fragment and a POST body
like every other one (X60), or is pasted; a form that was not filled in right carries it sealed, so
that nobody must look for the link again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.model import User
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.verbs.driver import Verb
from enlist.verbs.password_links import UsePasswordLink
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.recovery import UseRecoveryLink
from enlist.verbs.setup import Administrator, UseSetupLink
from enlist.verbs.sign_in import StartSignIn
from enlist.web.callers import services_of, stranger
from enlist.web.forms import read_form, secret_in
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import see
from enlist.web.portal.signing_in import welcome
from enlist.web.problems import headers_of, status_of
from enlist.web.visits import Purpose, Visit, begin_visit, keep_visit, visit_of

_LINK_IS_GOOD: Final = ("validation_failed", "password_too_short")
"""Refusals of what was typed, not of the link."""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """One of these pages.

    Attributes:
        use: what the link is used for: of the form, the link and the password.
        typed: fields that are shown again as they were typed.
    """

    purpose: Purpose
    template: str
    use: Callable[[Mapping[str, str], Secret, Secret], Verb[Any, Any, User]]
    typed: tuple[str, ...] = ()

    async def show(self, request: Request) -> Response:
        """The empty form."""
        services = services_of(request)
        return await self._page(
            request, visit_of(request, services) or begin_visit(services), {}, {}
        )

    async def submit(self, request: Request) -> Response:
        """Use the link, and sign in.

        Refusals: `malformed`, `form_expired`, and those of the verb.
        """
        services = services_of(request)
        form = await read_form(request)
        if isinstance(form, Refusal):
            return await refusal_page(request, form)
        visit = visit_of(request, services)
        sealed = visit.unseal(self.purpose, form.get("nonce", "")) if visit else None
        if visit is None or sealed is None:
            refusal = Refusal("form_expired", support_code=support_code())
            return await self._page(request, visit or begin_visit(services), form, {}, refusal)
        link = secret_in(form.get("link", "").strip())[:LONGEST_PRESENTED] or sealed.get("link", "")
        password = Secret(form.get("password", ""))
        if form.get("repeat", "") != password.reveal():
            refusal = Refusal("validation_failed", reason="repeat")
            return await self._page(request, visit, form, {"link": link}, refusal)
        outcome = await services.perform(self.use(form, Secret(link), password), stranger(request))
        if isinstance(outcome, Refusal):
            kept = {"link": link} if outcome.code in _LINK_IS_GOOD else {}
            return await self._page(request, visit, form, kept, outcome)
        start = StartSignIn(outcome.value.username, password)
        signed_in = await services.perform(start, stranger(request))
        if isinstance(signed_in, Refusal):
            return see("/sign-in")
        return await welcome(request, signed_in, "")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        form: Mapping[str, str],
        kept: dict[str, str],
        refusal: Refusal | None = None,
    ) -> Response:
        """The form with what was typed, but never with a secret."""
        wrong = {error.field for error in refusal.fields} if refusal else set()
        if refusal is not None and refusal.reason == "repeat":
            wrong = {"repeat"}
        context = {
            "action": request.url.path,
            "typed": {name: form.get(name, "")[:254] for name in self.typed},
            "nonce": visit.seal(self.purpose, kept),
            "has_link": bool(kept),
            "refusal": refusal,
            "wrong": wrong,
            "shortest": SHORTEST,
            "meanings": CATALOGUE,
        }
        status = status_of(refusal) if refusal else 200
        look = await look_of(request)
        response = render(request, self.template, context, status=status, look=look)
        if refusal is not None:
            response.headers.update(headers_of(refusal))
        keep_visit(response, visit)
        return response


def _set_up(form: Mapping[str, str], link: Secret, password: Secret) -> UseSetupLink:
    administrator = Administrator(form.get("email", "").strip(), password)
    return UseSetupLink(link, administrator, form.get("organization", "").strip()[:200])


def _recover(_form: Mapping[str, str], link: Secret, password: Secret) -> UseRecoveryLink:
    return UseRecoveryLink(link, password)


def _set_password(_form: Mapping[str, str], link: Secret, password: Secret) -> UsePasswordLink:
    return UsePasswordLink(link, password)


SETUP: Final = LinkPage(Purpose.SETUP, "portal/setup.html", _set_up, ("organization", "email"))
RECOVERY: Final = LinkPage(Purpose.RECOVERY, "portal/recover.html", _recover)
PASSWORD: Final = LinkPage(Purpose.PASSWORD, "portal/set_password.html", _set_password)
