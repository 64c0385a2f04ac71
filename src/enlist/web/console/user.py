"""One user: who it is, what is his, and what can be done; each of it says first what follows.

Whoever holds a role may be touched only by those who may edit roles, and by nobody with fewer
rights. The verbs see to that; here it only decides which buttons are shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from enlist.core.lifecycle import shown_state
from enlist.core.locks import LockKind
from enlist.core.model import User, UserState
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Right, outranks
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs.channels import EMAIL, reaching
from enlist.verbs.passwords import SHORTEST
from enlist.verbs.rights import fresh
from enlist.verbs.second_factor import RemoveSecondFactor
from enlist.verbs.staff import EndSignInsOf, SendPasswordLink, SetPassword
from enlist.verbs.users import DeleteUser, SetUserState
from enlist.verbs.views import ListDevices, ListEnrollments
from enlist.verbs.views_details import ShowUser, UserDetail
from enlist.web.console import locks, people, words
from enlist.web.console.describing import describe_all
from enlist.web.console.devices import shown_attempts
from enlist.web.console.forms import Form
from enlist.web.console.layout import Desk, page
from enlist.web.console.locks import locks_of


@dataclass(frozen=True, slots=True)
class Stake:
    """What a user's end would take along. At most 500 are counted of each."""

    sign_ins: int
    waiting: int
    enrolled: int


async def find_user(desk: Desk) -> UserDetail | Response:
    """The user whom the address names, with all that belongs to him, or what to answer."""
    found = await desk.view(ShowUser(str(desk.request.path_params["id"])))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    return desk.elsewhere(found.user.organization_path, found.user.group_id) or found


def may_act(desk: Desk, detail: UserDetail) -> bool:
    """Whether the buttons that change this user are of any use."""
    path = detail.user.organization_path
    if not detail.roles:
        return desk.may("users:edit", path)
    held = [Right(each.organization_path, each.permissions) for each in detail.roles]
    may = desk.may("users:edit", path) and desk.may("roles:edit", path)
    return may and outranks(desk.caller.rights, held)


def may_be_sent(desk: Desk, user: User) -> bool:
    """Whether a link to set a password can reach this user."""
    basic = user.source == "basic" and user.state is UserState.ACTIVE
    return basic and EMAIL in reaching(user, desk.services.tools.channels)


async def show_user(desk: Desk) -> Response:
    """A user with devices, enrollments, roles, sign-ins and timeline."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    context = {
        "detail": detail,
        "user": detail.user,
        "planned": detail.offboarding,
        "himself": detail.user.id == desk.caller.id,
        "may_be_sent": may_be_sent(desk, detail.user),
        "may_act": may_act(desk, detail),
        "needs_factor": any(each.needs_factor for each in detail.roles),
        "roles": people.ROLES,
        "enrollments": [
            (shown_state(each.state, each.expires_at, desk.now), each)
            for each in detail.enrollments.items
        ],
        "attempts": shown_attempts(detail.attempts, desk.now),
        "story": describe_all(detail.timeline.items, desk.caller.language),
        "locks": await locks_of(desk, LockKind.USER, detail.user.id),
        **locks.words(),
        "words": words,
    }
    return desk.show("console/user.html", context)


async def disable_user(desk: Desk) -> Response:
    """Disable a user, which ends his sign-ins."""
    done = desk.gettext("%(name)s is disabled.")
    return await _change_state(desk, UserState.DISABLED, "console/user_disable.html", done)


async def enable_user(desk: Desk) -> Response:
    """Let a disabled user in again."""
    done = desk.gettext("%(name)s is active again.")
    return await _change_state(desk, UserState.ACTIVE, "console/user_enable.html", done)


async def _change_state(desk: Desk, state: UserState, template: str, done: str) -> Response:
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, refusal = detail.user, None
    if desk.request.method == "POST":
        outcome = await desk.perform(SetUserState(user.id, state.value))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("users", user.id), done % {"name": user.display_name})
        refusal = outcome
    return await _confirm(desk, detail, template, refusal)


async def delete_user(desk: Desk) -> Response:
    """Delete a user for good."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(DeleteUser(detail.user.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s was deleted.") % {"name": detail.user.display_name}
            return desk.go(desk.address("users"), text)
        refusal = outcome
    return await _confirm(desk, detail, "console/user_delete.html", refusal)


async def end_sign_ins(desk: Desk) -> Response:
    """End every sign-in of a user."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(EndSignInsOf(detail.user.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("Sign-ins ended: %(count)s.") % {"count": outcome.value}
            return desk.go(desk.address("users", detail.user.id), text)
        refusal = outcome
    return await _confirm(desk, detail, "console/user_sign_ins.html", refusal)


async def remove_second_factor(desk: Desk) -> Response:
    """Take away a second factor that was lost. One's own is removed in the profile."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    if detail.user.id == desk.caller.id:
        return desk.go("/account")
    stale, refusal = fresh(desk.caller, desk.now), None
    if desk.request.method == "POST":
        outcome = await desk.perform(RemoveSecondFactor(detail.user.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext(
                "The second factor of %(name)s was taken away. Sign-ins ended: %(n)s."
            )
            told = text % {"name": detail.user.display_name, "n": outcome.value}
            return desk.go(desk.address("users", detail.user.id), told)
        refusal = outcome
    elif may_act(desk, detail) and stale is not None:
        return desk.refuse(stale)
    if refusal is not None and refusal.code == "proof_too_old":
        return desk.refuse(refusal)
    return await _confirm(desk, detail, "console/user_second_factor.html", refusal)


async def set_password(desk: Desk) -> Response:
    """Set somebody's password. One's own is changed in the profile, by the present one."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, form = detail.user, Form()
    if user.id == desk.caller.id:
        return desk.go("/account")
    if desk.request.method == "POST":
        outcome = await _set_password(desk, user)
        if isinstance(outcome, Response):
            return outcome
        form = form.refused(outcome)
    elif not may_act(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    elif detail.roles and (stale := fresh(desk.caller, desk.now)) is not None:
        # Asked before anything is typed: a password must not travel through another page.
        return desk.refuse(stale)
    context = {"user": user, "form": form, "sign_ins": detail.sign_ins, "shortest": SHORTEST}
    return desk.show("console/user_password.html", context, refusal=form.refusal)


async def _set_password(desk: Desk, user: User) -> Response | Refusal:
    password = await people.typed_password(desk)
    if password is None:
        return invalid("password", desk.gettext("Enter a password."))
    outcome = await desk.perform(SetPassword(user.id, password))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome) if outcome.code == "proof_too_old" else outcome
    text = desk.gettext("The password of %(name)s was set. Sign-ins ended: %(count)s.")
    told = text % {"name": user.display_name, "count": outcome.value}
    return desk.go(desk.address("users", user.id), told)


async def send_password_link(desk: Desk) -> Response:
    """Send a link by which the user sets his password himself."""
    detail = await find_user(desk)
    if isinstance(detail, Response):
        return detail
    user, refusal = detail.user, None
    if user.id == desk.caller.id:
        return desk.go("/account")
    if desk.request.method == "POST":
        outcome = await desk.perform(SendPasswordLink(user.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("A link to set a password is on its way to %(to)s.")
            return desk.go(desk.address("users", user.id), text % {"to": outcome.value.user.email})
        refusal = outcome
    if refusal is not None and refusal.code == "proof_too_old":
        return desk.refuse(refusal)
    return await _confirm(desk, detail, "console/user_password_link.html", refusal)


async def _confirm(
    desk: Desk, detail: UserDetail, template: str, refusal: Refusal | None
) -> Response:
    """The page before a change of a user: what it will do."""
    if refusal is not None and refusal.code in ("unauthenticated", "not_found"):
        return desk.refuse(refusal)
    if desk.request.method == "GET" and not may_act(desk, detail):
        return desk.refuse(Refusal("forbidden"))
    user = detail.user
    context = {
        "user": user,
        "roles": detail.roles,
        "needed": any(each.needs_factor for each in detail.roles),
        "stake": await _stake(desk, detail),
        "himself": user.id == desk.caller.id,
    }
    return desk.show(template, context, refusal=refusal)


async def _stake(desk: Desk, detail: UserDetail) -> Stake:
    user = detail.user
    live = {"user": user.id, "state": "active"}
    waiting = await desk.view(ListEnrollments(user.group_id, filters=live, limit=MOST_PER_PAGE))
    bound = {"user": user.id, "state": "enrolled"}
    enrolled = await desk.view(ListDevices(user.group_id, filters=bound, limit=MOST_PER_PAGE))
    return Stake(
        detail.sign_ins,
        0 if isinstance(waiting, Refusal) else len(waiting.items),
        0 if isinstance(enrolled, Refusal) else len(enrolled.items),
    )


ROUTES = [
    page("users/{id}", show_user),
    page("users/{id}/password", set_password, methods=("GET", "POST")),
    page("users/{id}/password-link", send_password_link, methods=("GET", "POST")),
    page("users/{id}/second-factor", remove_second_factor, methods=("GET", "POST")),
    page("users/{id}/sign-ins", end_sign_ins, methods=("GET", "POST")),
    page("users/{id}/delete", delete_user, methods=("GET", "POST")),
    page("users/{id}/disable", disable_user, methods=("GET", "POST")),
    page("users/{id}/enable", enable_user, methods=("GET", "POST")),
]
