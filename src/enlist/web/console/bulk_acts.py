"""What can be done with many devices or enrollments at once; how it is done is in `bulk.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from enlist.core.ids import Id
from enlist.core.lifecycle import shown_state
from enlist.core.model import Enrollment, UserState
from enlist.core.outcomes import Refusal, invalid
from enlist.core.policy import SETTINGS
from enlist.verbs import labels
from enlist.verbs.cards import PrintCard
from enlist.verbs.channels import reaching
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.fields import Unfit
from enlist.verbs.move import MoveDevice
from enlist.verbs.one_time_credentials import IssueCredentials
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend, Revoke
from enlist.verbs.reset import Reset
from enlist.verbs.views_details import ShowDevice, ShowEnrollment, ShowUser
from enlist.web.console.bulk import Act, Find, Row, Said, run
from enlist.web.console.cards import show_cards
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.offering import NEEDS, of_device, of_enrollment, of_its_device, on_paper
from enlist.web.console.sending import send_at_first, unsendable, ways


def _reset(row: Row, said: Said) -> Reset:
    return Reset(
        row.id,
        said.reason,
        said.delivery,
        said.until,
        end_sign_ins=said.end_sign_ins,
        preview=said.preview,
    )


def _reissue(row: Row, said: Said) -> Reissue:
    return Reissue(row.id, said.delivery, said.until, said.reason, said.preview)


def _move(row: Row, said: Said) -> MoveDevice:
    return MoveDevice(_device_of(row), said.organization)


def _own(row: Row, said: Said) -> ChangeDevice:
    return ChangeDevice(_device_of(row), {"ownership": said.ownership})


def _device_of(row: Row) -> Id:
    """Its device; it is offered where there is one."""
    return (row.item.device_id or "") if isinstance(row.item, Enrollment) else row.id


def _send_credentials(row: Row, said: Said) -> IssueCredentials:
    return IssueCredentials(
        row.id,
        said.platform,
        hours=int(said.hours) if said.hours else None,
        tags=labels.tags(said.tags),
        message=said.message_type or row.way,
    )


def _fit(desk: Desk, form: Form) -> Form:
    """What is wrong with how long credentials live, and with the tags."""
    hours = form.value("hours").strip()
    number = int(hours) if hours.isdecimal() and len(hours) < _LONGEST_NUMBER else -1
    problem = SETTINGS["passcode_credential_hours"].problem(number) if hours else None
    if problem is not None:
        return form.refused(invalid("hours", desk.gettext(problem)))
    try:
        labels.tags(form.value("tags"))
    except Unfit as unfit:
        return form.refused(invalid("tags", str(unfit)))
    return form


_LONGEST_NUMBER: Final = 10
_ALL: Final = (
    Act("reset", "devices", _reset, dated=True, ends_sign_ins=True),
    Act("resend", "enrollments", lambda row, _said: Resend(row.id), mails=True),
    Act("reissue", "enrollments", _reissue, dated=True, first=lambda one: send_at_first(one.grant)),
    Act("revoke", "enrollments", lambda row, said: Revoke(row.id, said.reason)),
    Act("delete", "enrollments", lambda row, _said: DeleteEnrollment(row.id)),
    # It begins with no organization: the present one would move nobody, and look like a choice.
    Act("move", "enrollments", _move, asks="organization"),
    Act(
        "own",
        "enrollments",
        _own,
        asks="ownership",
        first=lambda one: {"ownership": one.ownership},
    ),
    Act(
        "credentials",
        "users",
        _send_credentials,
        mails=True,
        asks="platform",
        fit=_fit,
    ),
    Act("print", "enrollments", lambda row, _said: PrintCard(row.id), sheet=show_cards),
)


def acts_of(desk: Desk, section: str) -> list[str]:
    """What this person may do with many things of a list, by name."""
    return [act.name for act in _of(section).values() if desk.may(NEEDS[act.name])]


def _of(section: str) -> Mapping[str, Act]:
    return {act.name: act for act in _ALL if act.section == section}


async def _device(desk: Desk, named: str) -> Row | None:
    detail = await desk.view(ShowDevice(named))
    if isinstance(detail, Refusal):
        return None
    found = detail.device
    offers, why = of_device(detail), unsendable(desk, found, detail.user)
    way = "" if why else ways(desk, found, detail.user)[0][0]
    return Row(found.id, found.name, found, found.state.value, offers, why, way, detail.user)


async def _enrollment(desk: Desk, named: str) -> Row | None:
    detail = await desk.view(ShowEnrollment(named))
    if isinstance(detail, Refusal):
        return None
    found = detail.enrollment
    state = shown_state(found.state, found.expires_at, desk.now)
    offers = of_enrollment(found.grant, state) | of_its_device(found) | on_paper(found, state)
    why = unsendable(desk, found, detail.user)
    way = "" if why else ways(desk, found, detail.user)[0][0]
    return Row(found.id, found.device_name, found, state, offers, why, way)


async def _user(desk: Desk, named: str) -> Row | None:
    detail = await desk.view(ShowUser(named))
    if isinstance(detail, Refusal):
        return None
    found = detail.user
    offers = frozenset({"credentials"} if found.state is UserState.ACTIVE else ())
    possible = reaching(found, desk.services.tools.channels)
    why = "" if possible else desk.gettext("neither e-mail address nor phone to send it to")
    way = possible[0] if possible else ""
    return Row(found.id, found.display_name, found, found.state.value, offers, why, way, found)


async def devices(desk: Desk) -> Response:
    """Many devices."""
    return await _run(desk, "devices", _device)


async def enrollments(desk: Desk) -> Response:
    """Many enrollments."""
    return await _run(desk, "enrollments", _enrollment)


async def users(desk: Desk) -> Response:
    """Many users."""
    return await _run(desk, "users", _user)


async def _run(desk: Desk, section: str, find: Find) -> Response:
    return await run(desk, section, _of(section), find, await read_form(desk.request))


ROUTES = [
    page("devices/bulk", devices, methods=("POST",)),
    page("enrollments/bulk", enrollments, methods=("POST",)),
    page("users/bulk", users, methods=("POST",)),
]
