"""Locks: who has to wait because something was tried too often, and clearing that.

Clearing asks nothing back: it ends nothing that anybody has, and the event says what was counted.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.locks import Lock, LockCause, LockKind
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store.locks import MOST_SHOWN
from enlist.verbs.lock_list import ListLocks
from enlist.verbs.locks import ClearLock, ShowLocks
from enlist.web.console.forms import read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

CAUSES: Final = {
    LockCause.WRONG_PASSWORDS: Word(N_("Wrong passwords or codes")),
    LockCause.PASSWORD_LINKS: Word(N_("Links to set a password")),
    LockCause.WRONG_LOGINS: Word(N_("Wrong logins with the token")),
    LockCause.ATTEMPTS: Word(N_("Attempts that were begun")),
    LockCause.RENEWALS: Word(N_("Certificates asked for")),
    LockCause.API_SESSIONS: Word(N_("API sessions begun")),
    LockCause.REFUSALS: Word(N_("Refused tokens, names or passwords")),
    LockCause.WITHOUT_CERTIFICATE: Word(N_("Connections without a certificate")),
}
FOLDERS: Final = {
    LockKind.USER: "users",
    LockKind.ENROLLMENT: "enrollments",
    LockKind.DEVICE: "devices",
    LockKind.NETWORK: "networks",
}
ICONS: Final = {
    LockKind.USER: "user",
    LockKind.ENROLLMENT: "ticket",
    LockKind.DEVICE: "devices",
    LockKind.NETWORK: "world",
}
MORE: Final = {
    LockKind.USER: N_(
        "More than %(most)s users have to wait. Those that wait longest are listed; "
        "another one is cleared on his own page."
    ),
    LockKind.ENROLLMENT: N_(
        "More than %(most)s enrollments have to wait. Those that wait longest are listed; "
        "another one is cleared on its own page."
    ),
    LockKind.DEVICE: N_(
        "More than %(most)s devices have to wait. Those that wait longest are listed; "
        "another one is cleared by command or API."
    ),
    LockKind.NETWORK: N_(
        "More than %(most)s networks have to wait. Those that wait longest are listed; "
        "another one is cleared by command or API."
    ),
}
RIGHTS: Final = {
    LockKind.USER: Permission.USERS_EDIT,
    LockKind.ENROLLMENT: Permission.USERS_EDIT,
    LockKind.DEVICE: Permission.DEVICES_EDIT,
    LockKind.NETWORK: Permission.SETTINGS_EDIT,
}


async def show_list(desk: Desk) -> Response:
    """What is counted in the organization in force and below."""
    outcome = await desk.perform(ListLocks(desk.group_id))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    found = outcome.value
    more = [MORE[kind] for kind in found.more]
    context = {"locks": found.items, "more": more, "most": MOST_SHOWN}
    return desk.show("console/locks.html", {**context, **words()})


async def locks_of(desk: Desk, kind: LockKind, named: str) -> tuple[Lock, ...]:
    """What is counted of one of them."""
    outcome = await desk.perform(ShowLocks(kind=kind, named=named))
    return () if isinstance(outcome, Refusal) else outcome.value


def words() -> dict[str, object]:
    """What a template says of locks with."""
    return {"causes": CAUSES, "folders": FOLDERS, "lock_icons": ICONS, "lock_rights": RIGHTS}


async def clear_user(desk: Desk) -> Response:
    """Forget what is counted of a user."""
    return await _clear(desk, LockKind.USER, "id")


async def clear_enrollment(desk: Desk) -> Response:
    """Forget what is counted of an enrollment."""
    return await _clear(desk, LockKind.ENROLLMENT, "id")


async def clear_device(desk: Desk) -> Response:
    """Forget what is counted of a device."""
    return await _clear(desk, LockKind.DEVICE, "id")


async def clear_network(desk: Desk) -> Response:
    """Forget what is counted of a network."""
    return await _clear(desk, LockKind.NETWORK, "address")


async def _clear(desk: Desk, kind: LockKind, name: str) -> Response:
    named = str(desk.request.path_params[name])
    form = await read_form(desk.request)
    outcome = await desk.perform(ClearLock(kind, named))
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    told = desk.gettext("Cleared. Counted until then: %(count)s.") % {"count": outcome.value}
    if not outcome.value:
        told = desk.gettext("There was nothing to clear any more.")
    if form.value("back") == "page":
        return desk.go(desk.address(FOLDERS[kind], named), told)
    return desk.go(desk.address("locks"), told)


ROUTES = [
    page("locks", show_list),
    page("locks/users/{id}", clear_user, methods=("POST",)),
    page("locks/enrollments/{id}", clear_enrollment, methods=("POST",)),
    page("locks/devices/{id}", clear_device, methods=("POST",)),
    page("locks/networks/{address}", clear_network, methods=("POST",)),
]
