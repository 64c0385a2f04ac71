"""The first administrator's one-time link: `/setup#t=…`, or its secret pasted.

The secret comes in the fragment and a POST body like every other one (X60). A form that was not
filled in right carries it sealed, so that nobody must look for the link again.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.setup import Administrator, UseSetupLink
from enlist.verbs.sign_in import StartSignIn
from enlist.web.callers import services_of, stranger
from enlist.web.forms import read_form, secret_in
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import see
from enlist.web.portal.signing_in import welcome
from enlist.web.problems import headers_of, status_of
from enlist.web.sealing import Purpose, Visit, begin_visit, keep_visit, visit_of

_TYPED = ("organization", "email")


async def show_setup(request: Request) -> Response:
    """The empty form."""
    services = services_of(request)
    return _page(request, visit_of(request, services) or begin_visit(services), {}, {})


async def set_up(request: Request) -> Response:
    """Make the first administrator, and sign him in.

    Refusals: `malformed`, `form_expired`, and those of UseSetupLink.
    """
    services = services_of(request)
    form = await read_form(request)
    if isinstance(form, Refusal):
        return refusal_page(request, form)
    visit = visit_of(request, services)
    sealed = visit.unseal(Purpose.SETUP, form.get("nonce", "")) if visit else None
    if visit is None or sealed is None:
        refusal = Refusal("form_expired", support_code=support_code())
        return _page(request, visit or begin_visit(services), form, {}, refusal)
    link = secret_in(form.get("link", "").strip())[:LONGEST_PRESENTED] or sealed.get("link", "")
    password = Secret(form.get("password", ""))
    if form.get("repeat", "") != password.reveal():
        refusal = Refusal("validation_failed", reason="repeat")
        return _page(request, visit, form, {"link": link}, refusal)
    verb = UseSetupLink(
        Secret(link),
        Administrator(form.get("email", "").strip(), password),
        form.get("organization", "").strip()[:200],
    )
    outcome = await services.perform(verb, stranger(request))
    if isinstance(outcome, Refusal):
        kept = {"link": link} if outcome.code == "validation_failed" else {}
        return _page(request, visit, form, kept, outcome)
    again = StartSignIn(outcome.value.username, password)
    signed_in = await services.perform(again, stranger(request))
    if isinstance(signed_in, Refusal):
        return see("/sign-in")
    return await welcome(request, signed_in, "")


def _page(
    request: Request,
    visit: Visit,
    form: dict[str, str],
    kept: dict[str, str],
    refusal: Refusal | None = None,
) -> Response:
    """The form with what was typed, but never with a secret."""
    wrong = {error.field for error in refusal.fields} if refusal else set()
    if refusal is not None and refusal.reason == "repeat":
        wrong = {"repeat"}
    context = {
        "typed": {name: form.get(name, "")[:254] for name in _TYPED},
        "nonce": visit.seal(Purpose.SETUP, kept),
        "has_link": bool(kept),
        "refusal": refusal,
        "wrong": wrong,
        "shortest": SHORTEST,
        "meanings": CATALOGUE,
    }
    status = status_of(refusal) if refusal else 200
    response = render(request, "portal/setup.html", context, status=status)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    keep_visit(response, visit)
    return response
