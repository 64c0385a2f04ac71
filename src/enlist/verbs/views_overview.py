"""The start page, the search field, and what somebody sees of himself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from enlist.core.access import SignIn
from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import DAY
from enlist.core.ids import least_id, parse_id
from enlist.core.model import (
    Device,
    Enrollment,
    EventRow,
    Message,
    Organization,
    User,
    organization_at,
)
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.secrets import group_code, parse_code
from enlist.store import (
    devices,
    enrollment_status,
    flow,
    organizations,
    outbox,
    sign_ins,
    users,
)
from enlist.store.flow import Flow
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import Reader
from enlist.verbs.clones import POSSIBLE_CLONE
from enlist.verbs.driver import View
from enlist.verbs.fields import readable
from enlist.verbs.finding import device_named, enrollment_named, organization_named, user_named
from enlist.verbs.naming import discreetly, naming
from enlist.verbs.sign_in import IDLE
from enlist.verbs.views import discreet, scope, topmost
from enlist.verbs.views_details import event_with, sure, timeline

T = TypeVar("T")

RECENT: Final = 7 * DAY
"""How far back the overview looks for what needs attention."""

FLOW: Final = 31 * DAY
"""How far back the overview counts enrollments where nobody says since when."""

UNREAD: Final = (
    "refused unread: mistyped, malformed, too large or throttled; or the same as earlier ones that "
    "have an event"
)
"""What a support code stands for when no event has it (rulings 11 and 34)."""

_FEW: Final = 5
_NEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class CloneAlarm:
    """That a renewed certificate was shown again, and the device is as it was (X50).

    The alarm is over when the device is reset, replaced, deleted or blocked. A copy that is still
    in use raises it again.

    Attributes:
        event: the newest refusal of the old certificate, of the last seven days.
    """

    device: Device
    event: EventRow


@dataclass(frozen=True, slots=True)
class OverviewDetail:
    """How an organization and what is below it stand.

    Attributes:
        devices, messages: how many, by state.
        enrollments: how many, by the state that people see, `expired` among them.
        expired: expired and never used, the newest few.
        failed_messages: given up, the newest few.
        interceptions: used tokens that came again with another key, in the last seven days; until
            the device was reset or blocked.
        clones: devices whose key somebody has a copy of, as it seems, newest first.
        newest: the newest events.
        flow: how enrollments went lately; None where he may not see it.
    """

    organization: Organization | None
    devices: Mapping[str, int]
    enrollments: Mapping[str, int]
    messages: Mapping[str, int]
    expired: tuple[Enrollment, ...]
    failed_messages: tuple[Message, ...]
    interceptions: tuple[EventRow, ...]
    clones: tuple[CloneAlarm, ...]
    newest: tuple[EventRow, ...]
    flow: Flow | None


@dataclass(frozen=True)
class Overview(View[OverviewDetail]):
    """The start page of an organization; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.

    Attributes:
        since: from when on enrollments are counted; 0 is `FLOW` ago.
    """

    organization: str = ""
    since: int = 0

    def read(self, tx: Reader, caller: Caller) -> OverviewDetail | Refusal:
        path = scope(tx, caller, self.organization, Permission.DEVICES_READ)
        if isinstance(path, Refusal):
            return path
        hidden = discreet(caller, path)
        since = least_id(tx.now - RECENT)
        flagged = {"unanswered": "possible_interception", "after": since}
        sees_enrollments = caller.may(Permission.ENROLLMENTS_READ, path)
        sees_messages = caller.may(Permission.MESSAGES_READ, path)
        named = naming(caller, path)
        expired = PageRequest(path, filters={"state": "expired", **hidden}, limit=_FEW, **named)
        failed = PageRequest(path, filters={"state": "failed", **hidden}, limit=_FEW, **named)
        return OverviewDetail(
            organizations.find(tx, organization_at(path)),
            devices.counts(tx, path),
            enrollment_status.counts(tx, path) if sees_enrollments else {},
            outbox.counts(tx, path) if sees_messages else {},
            sure(enrollment_status.page(tx, expired)).items if sees_enrollments else (),
            sure(outbox.page(tx, failed)).items if sees_messages else (),
            timeline(tx, caller, path, flagged, _FEW).items,
            tuple(_clones(tx, caller, path, since)),
            timeline(tx, caller, path, {}, _NEWEST).items,
            flow.flow(tx, path, self.since or tx.now - FLOW) if sees_enrollments else None,
        )


def _clones(tx: Reader, caller: Caller, path: str, since: str) -> Iterator[CloneAlarm]:
    wanted = {"unanswered": POSSIBLE_CLONE, "after": since}
    for event in timeline(tx, caller, path, wanted, _FEW).items:
        device = devices.find(tx, event.device_id) if event.device_id else None
        if device is not None:
            yield CloneAlarm(discreetly(tx, caller, [device])[0], event)


@dataclass(frozen=True, slots=True)
class SupportCode:
    """What a support code stands for; `answer` where no event has it."""

    code: str
    event: EventRow | None
    answer: str = ""


@dataclass(frozen=True)
class FindSupportCode(View[SupportCode]):
    """The refusal that somebody was shown this code for, as far as the caller may see it (S78).

    Refusals: `validation_failed` for what is no support code, `forbidden`.
    """

    code: str

    def read(self, tx: Reader, caller: Caller) -> SupportCode | Refusal:
        letters = parse_code(self.code)
        if letters is None:
            return invalid("code", "is no support code; check it letter by letter")
        code = group_code(letters)
        found = event_with(tx, caller, {"support_code": code})
        if isinstance(found, EventRow):
            return SupportCode(code, found)
        # Another organization's event must look like none at all.
        return found if found.code == "forbidden" else SupportCode(code, None, UNREAD)


@dataclass(frozen=True)
class MySignIns(View[tuple[SignIn, ...]]):
    """The caller's own living sign-ins, newest first.

    Refusals: `unauthenticated`.
    """

    def read(self, tx: Reader, caller: Caller) -> tuple[SignIn, ...] | Refusal:
        if caller.kind is not CallerKind.USER or caller.id is None:
            return Refusal("unauthenticated")
        return tuple(sign_ins.of_user(tx, caller.id, tx.now - IDLE))


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, a few of each."""

    devices: tuple[Device, ...] = ()
    users: tuple[User, ...] = ()
    enrollments: tuple[Enrollment, ...] = ()
    organizations: tuple[Organization, ...] = ()
    support_code: SupportCode | None = None


@dataclass(frozen=True)
class SearchEverything(View[Hits]):
    """Up to five of each kind for a text: part of a name, an id, or a support code.

    Refusals: `validation_failed`.
    """

    text: str

    def read(self, tx: Reader, caller: Caller) -> Hits | Refusal:
        text = self.text.strip()
        if not readable(text):
            return invalid("text", "must not hold control characters")
        by_id = parse_id(text)
        if by_id is not None:
            return _by_id(tx, caller, by_id)
        if not text:
            return Hits()
        places = _search(tx, caller, Permission.ORGANIZATIONS_READ, organizations.page, text)
        code = self._support_code(tx, caller, text)
        # What contains the text is looked for where nothing is called so: it takes longer.
        found = Hits()
        for begins in (True, False):
            found = Hits(
                _search(tx, caller, Permission.DEVICES_READ, devices.page, text, begins=begins),
                _search(tx, caller, Permission.USERS_READ, users.page, text, begins=begins),
                (),
                places,
                code,
            )
            if found != Hits():
                break
        return found

    def _support_code(self, tx: Reader, caller: Caller, text: str) -> SupportCode | None:
        found = FindSupportCode(text).read(tx, caller)
        return found if isinstance(found, SupportCode) else None


def _search(
    tx: Reader,
    caller: Caller,
    permission: Permission,
    page: Callable[[Reader, PageRequest], Page[T] | Refusal],
    text: str,
    *,
    begins: bool = False,
) -> tuple[T, ...]:
    """The first few that match, from everywhere the caller may look."""
    found: list[T] = []
    for path in topmost(caller, permission):
        people = permission is not Permission.ORGANIZATIONS_READ
        filters = discreet(caller, path) if people else {}
        names = naming(caller, path)
        request = PageRequest(path, text, filters, limit=_FEW, begins=begins, **names)
        found += sure(page(tx, request)).items
    return tuple(found[:_FEW])


def _by_id(tx: Reader, caller: Caller, text: str) -> Hits:
    device = device_named(tx, caller, text, Permission.DEVICES_READ)
    user = user_named(tx, caller, text)
    enrollment = enrollment_named(tx, caller, text, Permission.ENROLLMENTS_READ)
    organization = organization_named(tx, caller, text)
    return Hits(
        () if isinstance(device, Refusal) else discreetly(tx, caller, [device]),
        () if isinstance(user, Refusal) else (user,),
        () if isinstance(enrollment, Refusal) else discreetly(tx, caller, [enrollment]),
        () if isinstance(organization, Refusal) else (organization,),
    )
