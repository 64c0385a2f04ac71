"""The self-service page: an e-mail address and the company passcode, and no administrator.

`/self-service` serves every organization, `/self-service/<Group ID>` one: what is entered wrongly
there counts for that one. Whatever was entered, the answer is the same page with the same status
(ruling 40): whether anything was right tells the registered mailbox alone. Only what anybody can
see for himself is said: that a field is empty, that too much was tried from here, and, where the
address names an organization, that self-service is not available there.

`/self-service/proof#t=…` is where a message leads once self-service is shielded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from enlist.core.model import Platform
from enlist.core.outcomes import Refusal
from enlist.core.passcodes import SelfService
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret, support_code
from enlist.verbs.channels import EMAIL
from enlist.verbs.self_service import (
    AskForCredentials,
    ProveMailbox,
    SelfServicePlace,
    ShowSelfService,
)
from enlist.web.callers import services_of, stranger
from enlist.web.enroll.visitors import platform_of
from enlist.web.forms import read_form, secret_in
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.problems import headers_of, status_of
from enlist.web.visits import Purpose, Visit, begin_visit, keep_visit, visit_of

SELF_SERVICE_PATH: Final = "/self-service"
PROOF_PATH: Final = f"{SELF_SERVICE_PATH}/proof"

_TOLD: Final = ("validation_failed", "rate_limited", "malformed", "platform_not_supported")
"""What anybody may be told: it says nothing of what was right."""
_AVAILABLE: Final = (SelfService.ACTIVE, SelfService.SHIELDED)
_LONGEST_NAME: Final = 254
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class _Here:
    """Which page it is: of one organization, or of all."""

    group_id: str
    place: SelfServicePlace | None

    @property
    def available(self) -> bool:
        """Whether there is a form at all; where no organization is named, nobody can tell."""
        if not self.group_id:
            return True
        return self.place is not None and self.place.state in _AVAILABLE


async def show_self_service(request: Request) -> Response:
    """The form, or that there is none."""
    services = services_of(request)
    visit = visit_of(request, services) or begin_visit(services)
    return await _form(request, await _here(request), visit)


async def ask_for_credentials(request: Request) -> Response:
    """Take what was entered, and say what happens if it is right.

    Refusals: `malformed`, `form_expired`, `validation_failed`, `rate_limited`.
    """
    services = services_of(request)
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form)
    here = await _here(request)
    visit = visit_of(request, services)
    if visit is None or visit.unseal(Purpose.SELF_SERVICE, form.get("nonce", "")) is None:
        refusal = Refusal("form_expired", support_code=support_code())
        return await _form(request, here, visit or begin_visit(services), form, refusal)
    asked = AskForCredentials(
        form.get("email", "").strip()[:_LONGEST_NAME],
        Secret(secret_in(form.get("passcode", ""))[: LONGEST_PRESENTED + 1]),
        form.get("platform", ""),
        here.group_id,
    )
    outcome = await services.perform(asked, stranger(request))
    if isinstance(outcome, Refusal) and outcome.code in _TOLD:
        return await _form(request, here, visit, form, outcome)
    context = {"platform": asked.platform, "proved": False}
    return render(request, "enroll/asked.html", context, look=await _look(request, here))


async def show_proof(request: Request) -> Response:
    """The form behind the link that proves a mailbox."""
    services = services_of(request)
    return await _proof(request, visit_of(request, services) or begin_visit(services))


async def prove(request: Request) -> Response:
    """Compare the passcode, now that the mailbox is proved.

    Refusals: `malformed`, `form_expired`, and those of ProveMailbox.
    """
    services = services_of(request)
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form)
    visit = visit_of(request, services)
    sealed = visit.unseal(Purpose.SELF_SERVICE, form.get("nonce", "")) if visit else None
    if visit is None or sealed is None:
        refusal = Refusal("form_expired", support_code=support_code())
        return await _proof(request, visit or begin_visit(services), refusal=refusal)
    typed = secret_in(form.get("link", "").strip())[:LONGEST_PRESENTED]
    link = typed or sealed.get("link", "")
    passcode = Secret(form.get("passcode", "")[: LONGEST_PRESENTED + 1])
    outcome = await services.perform(ProveMailbox(Secret(link), passcode), stranger(request))
    if isinstance(outcome, Refusal):
        kept = {"link": link} if outcome.code == "passcode_wrong" else {}
        return await _proof(request, visit, kept, outcome)
    context = {"platform": "", "proved": True}
    return render(request, "enroll/asked.html", context, look=await look_of(request))


async def _here(request: Request) -> _Here:
    group_id = request.path_params.get("group_id", "")
    if not group_id:
        return _Here("", None)
    found = await services_of(request).view(ShowSelfService(group_id), stranger(request))
    return _Here(group_id, None if isinstance(found, Refusal) else found)


async def _look(request: Request, here: _Here) -> Any:
    return await look_of(request, here.place.organization_id if here.place else None)


def _by_mail(request: Request) -> bool:
    return EMAIL in services_of(request).tools.channels


async def _form(
    request: Request,
    here: _Here,
    visit: Visit,
    form: Mapping[str, str] = _NOTHING,
    refusal: Refusal | None = None,
) -> Response:
    """The form with what was typed, but never with the passcode."""
    guessed = platform_of(request)
    context = {
        "action": request.url.path,
        "around": here.place,
        "available": here.available and _by_mail(request),
        "nonce": visit.seal(Purpose.SELF_SERVICE),
        "typed": form.get("email", "")[:_LONGEST_NAME],
        "platform": form.get("platform", guessed.value if guessed else ""),
        "platforms": [each.value for each in Platform],
        "wrong": {error.field for error in refusal.fields} if refusal else set(),
        "refusal": refusal,
        "meanings": CATALOGUE,
    }
    status = status_of(refusal) if refusal else 200
    look = await _look(request, here)
    response = render(request, "enroll/self_service.html", context, status=status, look=look)
    return _kept(response, visit, refusal)


async def _proof(
    request: Request,
    visit: Visit,
    kept: Mapping[str, str] = _NOTHING,
    refusal: Refusal | None = None,
) -> Response:
    context = {
        "action": PROOF_PATH,
        "nonce": visit.seal(Purpose.SELF_SERVICE, kept),
        "has_link": bool(kept),
        "refusal": refusal,
        "meanings": CATALOGUE,
    }
    status = status_of(refusal) if refusal else 200
    look = await look_of(request)
    response = render(request, "enroll/proof.html", context, status=status, look=look)
    return _kept(response, visit, refusal)


def _kept(response: Response, visit: Visit, refusal: Refusal | None) -> Response:
    if refusal is not None:
        response.headers.update(headers_of(refusal))
    keep_visit(response, visit)
    return response
