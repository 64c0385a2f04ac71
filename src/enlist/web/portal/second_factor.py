"""One's own second factor: setting it up, its recovery codes, and doing without it.

The page that shows the QR code carries its secret sealed, so that a wrong first code is asked for
once more with the same picture; the database hears of it only when the code was right. Somebody
whose role needs a second factor gets here from the sign-in, and nowhere else before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import segno
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Secret, group_code, support_code
from enlist.verbs import totp
from enlist.verbs.rights import fresh
from enlist.verbs.second_factor import NewRecoveryCodes, RemoveSecondFactor, SetUpSecondFactor
from enlist.verbs.views_details import ShowUser
from enlist.web.callers import services_of
from enlist.web.forms import read_form
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.portal.returning import asked_next, home_of, see, to_confirm, to_sign_in
from enlist.web.portal.signing_in import entering, signed_in
from enlist.web.problems import headers_of, status_of
from enlist.web.visits import Purpose, Visit, begin_visit, keep_visit, visit_of

PATH: Final = "/account/second-factor"


async def show_set_up(request: Request) -> Response:
    """The QR code and the typed key of a fresh secret, and the field for the first code."""
    caller = await entering(request)
    refused = _not_now(request, caller)
    if refused is not None or caller is None:
        return refused or to_sign_in(request)
    services = services_of(request)
    visit = visit_of(request, services) or begin_visit(services)
    return await _set_up_page(
        request, caller, visit, totp.new_secret(), asked_next(request.query_params)
    )


async def set_up(request: Request) -> Response:
    """Store it if the first code is right, and show the recovery codes.

    Refusals: `malformed`, `form_expired`, and those of SetUpSecondFactor.
    """
    form = await read_form(request)
    caller = await entering(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form, caller=caller)
    refused = _not_now(request, caller)
    if refused is not None or caller is None:
        return refused or to_sign_in(request, PATH)
    services = services_of(request)
    visit, wanted = visit_of(request, services), asked_next(form)
    sealed = visit.unseal(Purpose.SECOND_FACTOR, form.get("nonce", "")) if visit else None
    if visit is None or sealed is None or sealed["user"] != caller.id:
        expired = Refusal("form_expired", support_code=support_code())
        begun = visit or begin_visit(services)
        return await _set_up_page(request, caller, begun, totp.new_secret(), wanted, expired)
    secret = Secret(sealed["secret"])
    verb = SetUpSecondFactor(secret, form.get("code", "")[:64])
    outcome = await services.perform(verb, caller)
    if isinstance(outcome, Refusal):
        if outcome.code in ("unauthenticated", "proof_too_old"):
            return to_sign_in(request, PATH)
        return await _set_up_page(request, caller, visit, secret, wanted, outcome)
    known = await signed_in(request)
    home = home_of(known) if known else "/account"
    return await _codes_page(request, known or caller, outcome.value, wanted or home, set_up=True)


async def renew_codes(request: Request) -> Response:
    """Show ten new recovery codes; those from before end.

    Refusals: those of NewRecoveryCodes.
    """
    caller = await signed_in(request)
    if caller is None:
        return to_sign_in(request, "/account")
    outcome = await services_of(request).perform(NewRecoveryCodes(), caller)
    if isinstance(outcome, Refusal):
        return await _confirm_or(request, caller, outcome, "/account")
    return await _codes_page(request, caller, outcome.value, "/account")


async def show_remove(request: Request) -> Response:
    """What follows from doing without it, and the button."""
    caller = await signed_in(request)
    if caller is None:
        return to_sign_in(request)
    detail = await services_of(request).view(ShowUser(caller.id or ""), caller)
    if isinstance(detail, Refusal) or detail.second_factor is None:
        return see("/account")
    context = {"needed": any(held.needs_factor for held in detail.roles)}
    return await _page(request, "portal/second_factor_remove.html", context, caller, None)


async def remove(request: Request) -> Response:
    """Do without it; the other sign-ins end.

    Refusals: those of RemoveSecondFactor.
    """
    caller = await signed_in(request)
    if caller is None:
        return to_sign_in(request, "/account")
    outcome = await services_of(request).perform(RemoveSecondFactor(), caller)
    if isinstance(outcome, Refusal):
        return await _confirm_or(request, caller, outcome, f"{PATH}/remove")
    return see("/account?done=second_factor")


def _not_now(request: Request, caller: Caller | None) -> Response | None:
    """Where to go first: it takes a password of the last minutes."""
    if caller is None:
        return to_sign_in(request, PATH)
    if fresh(caller, services_of(request).tools.clock()) is None:
        return None
    # Who must set one up can do nothing else, not even confirm: he signs in again.
    return to_sign_in(request, PATH) if caller.must_set_up else to_confirm(PATH)


async def _confirm_or(request: Request, caller: Caller, refusal: Refusal, back: str) -> Response:
    if refusal.code == "proof_too_old":
        return to_confirm(back)
    return await refusal_page(request, refusal, caller=caller)


async def _set_up_page(
    request: Request,
    caller: Caller,
    visit: Visit,
    secret: Secret,
    wanted: str,
    refusal: Refusal | None = None,
) -> Response:
    services = services_of(request)
    issuer = f"Enlist {services.tools.addresses.mail_domain}"
    address = totp.address(secret, caller.name, issuer).reveal()
    kept = {"secret": secret.reveal(), "user": caller.id or ""}
    picture = segno.make(address, error="m", micro=False).png_data_uri(scale=6, border=4)
    context = {
        "qr": picture,
        "key": " ".join(group_code(secret.reveal()).split("-")),
        "nonce": visit.seal(Purpose.SECOND_FACTOR, kept),
        "next": wanted,
        "must": caller.must_set_up,
    }
    response = await _page(request, "portal/second_factor.html", context, caller, refusal)
    keep_visit(response, visit)
    return response


async def _codes_page(
    request: Request,
    caller: Caller,
    codes: tuple[Secret, ...],
    onward: str,
    *,
    set_up: bool = False,
) -> Response:
    context = {"codes": [each.reveal() for each in codes], "onward": onward, "set_up": set_up}
    return await _page(request, "portal/recovery_codes.html", context, caller, None)


async def _page(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    caller: Caller,
    refusal: Refusal | None,
) -> Response:
    wrong = {error.field for error in refusal.fields} if refusal else set()
    whole = {**context, "refusal": refusal, "wrong": wrong, "meanings": CATALOGUE}
    status = status_of(refusal) if refusal else 200
    look = await look_of(request, caller.organization_id)
    response = render(request, template, whole, caller=caller, status=status, look=look)
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    return response
