"""The one-time link of an administrator who could not sign in any more: `/recover#t=…`.

It is made at the machine (`enlist user recover`). The page asks for a new password and signs its
user in; like the set-up page it carries the link sealed where the form was not filled in right.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.recovery import UseRecoveryLink
from enlist.verbs.sign_in import StartSignIn
from enlist.web.callers import services_of, stranger
from enlist.web.forms import read_form, secret_in
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import see
from enlist.web.portal.signing_in import welcome
from enlist.web.problems import headers_of, status_of
from enlist.web.sealing import Purpose, Visit, begin_visit, keep_visit, visit_of


async def show_recovery(request: Request) -> Response:
    """The empty form."""
    services = services_of(request)
    return _page(request, visit_of(request, services) or begin_visit(services), {})


async def recover(request: Request) -> Response:
    """Set the password, and sign in.

    Refusals: `malformed`, `form_expired`, and those of UseRecoveryLink.
    """
    services = services_of(request)
    form = await read_form(request)
    if isinstance(form, Refusal):
        return refusal_page(request, form)
    visit = visit_of(request, services)
    sealed = visit.unseal(Purpose.RECOVERY, form.get("nonce", "")) if visit else None
    if visit is None or sealed is None:
        refusal = Refusal("form_expired", support_code=support_code())
        return _page(request, visit or begin_visit(services), {}, refusal)
    link = secret_in(form.get("link", "").strip())[:LONGEST_PRESENTED] or sealed.get("link", "")
    password = Secret(form.get("password", ""))
    if form.get("repeat", "") != password.reveal():
        refusal = Refusal("validation_failed", reason="repeat")
        return _page(request, visit, {"link": link}, refusal)
    outcome = await services.perform(UseRecoveryLink(Secret(link), password), stranger(request))
    if isinstance(outcome, Refusal):
        again = outcome.code in ("validation_failed", "password_too_short")
        return _page(request, visit, {"link": link} if again else {}, outcome)
    start = StartSignIn(outcome.value.username, password)
    signed_in = await services.perform(start, stranger(request))
    if isinstance(signed_in, Refusal):
        return see("/sign-in")
    return await welcome(request, signed_in, "")


def _page(
    request: Request, visit: Visit, kept: dict[str, str], refusal: Refusal | None = None
) -> Response:
    """The form, never with a secret."""
    wrong = {error.field for error in refusal.fields} if refusal else set()
    if refusal is not None and refusal.reason == "repeat":
        wrong = {"repeat"}
    context = {
        "nonce": visit.seal(Purpose.RECOVERY, kept),
        "has_link": bool(kept),
        "refusal": refusal,
        "wrong": wrong,
        "shortest": SHORTEST,
        "meanings": CATALOGUE,
    }
    status = status_of(refusal) if refusal else 200
    response = render(request, "portal/recover.html", context, status=status)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    keep_visit(response, visit)
    return response
