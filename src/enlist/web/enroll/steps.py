"""The second and third step: what would happen, and how to go on.

What would happen is shown by a GET after the POST, so that Back and Reload find it again; the
browser carries it sealed, and the GET asks nobody. The code is a secret, and no GET gives one out
(X02): it answers the POST itself, and a repeat of that POST finds the same attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from enlist.core.caller import Caller
from enlist.core.model import Platform
from enlist.core.outcomes import Done, Refusal
from enlist.core.prompts import Question
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import LONGEST_PRESENTED, Secret, parse_locator, support_code
from enlist.store.redemptions import DeviceReport
from enlist.verbs.begin import Begin, Begun, Check, Next, Purpose
from enlist.verbs.landing import LookAround, Surroundings, WhichGroupId
from enlist.verbs.passwords import LONGEST
from enlist.verbs.presenting import Presented
from enlist.web import visits
from enlist.web.callers import person_of, services_of, stranger
from enlist.web.enroll.landing import form_page
from enlist.web.enroll.next_step import next_step
from enlist.web.enroll.progress import progress_address
from enlist.web.enroll.terms import terms_shown
from enlist.web.enroll.visitors import platform_of
from enlist.web.forms import read_form, secret_in
from enlist.web.look import look_of
from enlist.web.pages import refusal_page, render
from enlist.web.problems import headers_of, status_of
from enlist.web.services import Services
from enlist.web.visits import Visit, begin_visit, fingerprint

_UNIFORM: Final = ("token_invalid", "credentials_invalid")
_UNREADY: Final = ("terms_required", "answers_required", "validation_failed")
_NOTHING: Final[Mapping[str, str]] = {}
_PRESENTED: Final = ("field", "username", "password", "is")
_LONGEST_NAME: Final = 254
CHECKED_PATH: Final = "/enroll/check"


@dataclass(frozen=True, slots=True)
class _Step:
    """One POST of the form, read as far as every step needs it."""

    request: Request
    services: Services
    sender: Caller
    visit: Visit
    form: dict[str, str]

    @property
    def platform(self) -> str:
        """What the person chose, else what his browser tells; "" where neither is known."""
        chosen = self.form.get("platform")
        if chosen in ("", *Platform):
            return str(chosen)
        found = platform_of(self.request)
        return found.value if found else ""

    @property
    def answers(self) -> dict[str, str]:
        """What the person said of the device; only what is asked counts."""
        return {each.value: self.form.get(each, "").strip()[:_LONGEST_NAME] for each in Question}


async def submit(request: Request) -> Response:
    """Either button of the page.

    Refusals: `malformed`, `form_expired` without a living nonce of this browser (X03), and those
    of Check and Begin.
    """
    services = services_of(request)
    form = await read_form(request)
    if isinstance(form, Refusal):
        return await refusal_page(request, form, caller=await person_of(request))
    visit = visits.visit_of(request, services)
    if visit is None:
        return await _expired(request, begin_visit(services))
    step = _Step(request, services, stranger(request), visit, form)
    return await (_begin(step) if form.get("step") == "begin" else _check(step))


async def _check(step: _Step) -> Response:
    """*Continue*: show what would happen. Changes nothing."""
    nonce = step.form.get("nonce", "")
    if step.visit.unseal(visits.Purpose.FORM, nonce) is None:
        return await _expired(step.request, step.visit)
    values = {
        "field": secret_in(step.form.get("field", ""))[: LONGEST_PRESENTED + 1],
        "username": step.form.get("username", "").strip()[:_LONGEST_NAME],
        "password": step.form.get("password", "")[: LONGEST + 1],
    }
    if _by_login(values):
        values["field"] = ""
    elif values["username"] or values["password"]:
        asked = WhichGroupId(Secret(values["field"]), values["username"])
        found = await step.services.view(asked, step.sender)
        if isinstance(found, str) and found:
            values |= {"field": found, "is": "group_id"}
    return await _find_out(step, values, nonce)


async def _checked(step: _Step, purpose: Purpose, values: dict[str, str]) -> Response:
    """Let the browser carry what was found, and send it to look."""
    around = await _around(step, _of(purpose))
    shown = {
        "organization": purpose.organization.name,
        "organization_id": purpose.organization.id,
        "username": purpose.username,
        "person": around.person or purpose.username,
        "device": purpose.device_name,
        "platform": purpose.platform,
        "expires_at": "" if purpose.expires_at is None else str(purpose.expires_at),
        "elsewhere": "yes" if purpose.next is Next.OTHER_DEVICE else "",
        "here": step.platform,
        "zone": around.zone,
        "terms": purpose.terms_id,
        "questions": " ".join(purpose.questions),
    }
    # What was typed beside whose it is: of one-time credentials these are two names.
    typed = {**values, "typed": values["username"]}
    sealed = step.visit.seal(visits.Purpose.CHECKED, {**typed, **shown})
    if len(sealed) > visits.MOST_CARRIED:
        # Names and a password of absurd length: then a reload repeats the POST.
        return await check_page(step.request, sealed, shown)
    response = RedirectResponse(CHECKED_PATH, status_code=303)
    visits.carry(response, step.visit, visits.Purpose.CHECKED, sealed)
    return response


async def show_checked(request: Request) -> Response:
    """What the last check in this browser found. Changes nothing."""
    services = services_of(request)
    visit = visits.visit_of(request, services)
    sealed = visits.carried(request, visit, visits.Purpose.CHECKED) if visit else ""
    shown = visit.unseal(visits.Purpose.CHECKED, sealed) if visit else None
    if shown is None:
        return RedirectResponse("/enroll", status_code=303)
    return await check_page(request, sealed, shown)


async def check_page(
    request: Request,
    sealed: str,
    shown: Mapping[str, str],
    *,
    wrong: Sequence[str] = (),
    typed: Mapping[str, str] = _NOTHING,
) -> Response:
    """Is this right? `sealed` is for the second button, whatever other windows do meanwhile.

    Args:
        wrong: the fields that were left empty or cannot be used; `accept` is the box under the
            terms of use.
        typed: what was typed into the form.
    """
    expires_at = int(shown["expires_at"]) if shown["expires_at"] else None
    terms = await terms_shown(request, shown["terms"]) if shown["terms"] else None
    context = {
        "shown": shown,
        "expires_at": expires_at,
        "sealed": sealed,
        "action": CHECKED_PATH,
        "terms": None if isinstance(terms, Refusal) else terms,
        "questions": shown["questions"].split(),
        "wrong": wrong,
        "typed": typed,
    }
    look = await look_of(request, shown["organization_id"])
    status = 422 if wrong else 200
    return render(
        request, "enroll/check.html", context, status=status, zone=shown["zone"], look=look
    )


async def _begin(step: _Step) -> Response:
    """*Start enrolling*: open an attempt, or show the one that this browser has opened."""
    sealed = step.form.get("sealed", "")
    shown = step.visit.unseal(visits.Purpose.CHECKED, sealed)
    if shown is None:
        return await _expired(step.request, step.visit)
    values: dict[str, str] = {key: shown[key] for key in _PRESENTED if key in shown}
    values["username"] = shown["typed"]
    said = {"platform": step.platform, **step.answers}
    print_of = fingerprint(step.services.tools.keys, {**values, **said})
    begun = await _begun_before(step, print_of)
    if begun is None and shown["terms"] != step.form.get("accept", ""):
        return await check_page(step.request, sealed, shown, wrong=["accept"], typed=step.form)
    begun = begun or await _begun_now(step, values, shown["terms"])
    if isinstance(begun, Refusal) and begun.code in _UNREADY:
        unanswered = _unanswered(begun)
        if unanswered and unanswered <= set(shown["questions"].split()):
            wrong = sorted(unanswered)
            return await check_page(step.request, sealed, shown, wrong=wrong, typed=step.form)
        # Other terms came into force meanwhile, or other questions: show those.
        return await _find_out(step, values, step.visit.seal(visits.Purpose.FORM))
    if isinstance(begun, Refusal):
        return await _refused(step, begun, step.visit.seal(visits.Purpose.FORM))
    around = await _around(step, _of(begun.purpose))
    progress = progress_address(step.visit, begun.attempt_id)
    look = await look_of(step.request, begun.purpose.organization.id)
    response = next_step(step.request, begun, around, step.platform, progress, look)
    kept = {
        "of": print_of,
        "id": begun.attempt_id,
        "code": begun.code.reveal(),
        "expires_at": str(begun.expires_at),
    }
    sealed = step.visit.seal(visits.Purpose.ATTEMPT, kept)
    visits.carry(response, step.visit, visits.Purpose.ATTEMPT, sealed)
    return response


async def _find_out(step: _Step, values: dict[str, str], nonce: str) -> Response:
    """Ask what would happen."""
    verb = Check(_presented(values), DeviceReport(platform=step.platform))
    outcome = await step.services.perform(verb, step.sender)
    if isinstance(outcome, Refusal):
        return await _refused(step, outcome, nonce)
    return await _checked(step, outcome.value, values)


def _unanswered(refusal: Refusal) -> set[str]:
    """The questions without an answer that can be used."""
    asked = str(refusal.data.get("questions", "")).split()
    return {*asked, *(each.field.removeprefix("device.") for each in refusal.fields)}


async def _begun_now(step: _Step, values: dict[str, str], accepts: str) -> Begun | Refusal:
    presented = replace(_presented(values), accepts=accepts)
    verb = Begin(presented, DeviceReport(platform=step.platform, **step.answers))
    # Begin shares its first two parts with Check, so its type is Check's.
    outcome = await step.services.perform(verb, step.sender)
    return outcome if isinstance(outcome, Refusal) else outcome.value


async def _begun_before(step: _Step, print_of: str) -> Begun | Refusal | None:
    """The attempt begun here with the same secret, after Back or Reload (ruling 23).

    It is checked by its own code, so that a token used or withdrawn meanwhile says so.
    """
    sealed = visits.carried(step.request, step.visit, visits.Purpose.ATTEMPT)
    kept = step.visit.unseal(visits.Purpose.ATTEMPT, sealed)
    if kept is None or kept["of"] != print_of:
        return None
    code = Secret(kept["code"])
    report = DeviceReport(platform=step.platform)
    outcome = await step.services.perform(Check(Presented(token=code), report), step.sender)
    if isinstance(outcome, Done):
        return Begun(kept["id"], code, int(kept["expires_at"]), outcome.value)
    return None if outcome.code in ("attempt_over", *_UNIFORM) else outcome


def _by_login(values: Mapping[str, str]) -> bool:
    """Whether one-time credentials were typed, by their shape; with their Group ID, at most."""
    typed, of_group = values["field"].strip(), values["username"].strip().rpartition("@")[2]
    alone = not typed or typed.casefold() == of_group.casefold()
    return alone and parse_locator(values["username"]) is not None


def _presented(values: dict[str, str]) -> Presented:
    given = Presented(
        username=values["username"],
        password=Secret(values["password"]) if values["password"] else None,
    )
    if _by_login(values):
        return given
    if "is" in values:
        return replace(given, group_id=values["field"].strip())
    return replace(given, token=Secret(values["field"]))


def _of(purpose: Purpose) -> LookAround:
    return LookAround(purpose.organization.id, username=purpose.username)


async def _around(step: _Step, view: LookAround) -> Surroundings:
    found = await step.services.view(view, step.sender)
    return Surroundings() if isinstance(found, Refusal) else found


async def _refused(step: _Step, refusal: Refusal, nonce: str) -> Response:
    """One answer for every stranger; for a holder exactly what is wrong (X13)."""
    if refusal.code in _UNIFORM:
        look = await look_of(step.request)
        return form_page(step.request, step.visit, nonce, look, refusal=refusal)
    about = refusal.about
    around = await _around(step, LookAround(about.organization_id, user_id=about.user_id))
    context = {
        "refusal": refusal,
        "meaning": CATALOGUE[refusal.code],
        "around": around,
        "action": step.request.url.path,
    }
    status = status_of(refusal)
    look = await look_of(step.request, about.organization_id)
    response = render(
        step.request, "enroll/refused.html", context, status=status, zone=around.zone, look=look
    )
    response.headers.update(headers_of(refusal))
    return response


async def _expired(request: Request, visit: Visit) -> Response:
    """The form once more, fresh: what came was not from a page of ours in this browser."""
    refusal = Refusal("form_expired", support_code=support_code())
    look = await look_of(request)
    return form_page(request, visit, visit.seal(visits.Purpose.FORM), look, refusal=refusal)
