"""Waves: tokens for a group, a selection or a CSV file, issued bit by bit.

`StartWave` writes down whom a wave is for; `waving` then issues, in whichever process. A first
share may come before the others, who wait for a go-ahead or until enough of it have enrolled. What
is asked here changes the wave by one conditional statement, and so counts from the next person on.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id, in_block, new_block, new_id, parse_id
from enlist.core.model import Organization, Platform
from enlist.core.outcomes import Done, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.store import events, groups, organizations, wave_members, waves
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import Reader, Tx
from enlist.store.wave_members import Member, MemberState, NewMember
from enlist.store.waves import Phase, Plan, Wave, WaveState
from enlist.verbs import csv_file, fields
from enlist.verbs.channels import CHANNELS
from enlist.verbs.csv_file import BadFile
from enlist.verbs.devices import ownership
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.fields import Fields
from enlist.verbs.finding import group_named, organization_named, with_id
from enlist.verbs.idempotent import Again
from enlist.verbs.issuing import LONGEST_HOURS, Delivery, check_template
from enlist.verbs.makers import discreetly
from enlist.verbs.rights import lacks
from enlist.verbs.views import Listed

MOST_PEOPLE: Final = 100_000
"""Of one wave: as many enrollments as may be live where nobody says otherwise."""

MOST_PER_MINUTE: Final = 60_000
COLUMNS: Final = ("username", "device_name", "platform")
"""Of a CSV file; the first one must be there."""

USER: Final = "{user}"
"""In the name of the devices: stands for the name of each one's user."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom a wave is for: one of the three.

    Attributes:
        group: id of a group of users.
        users: ids or user names.
        csv: text of a CSV file with the columns `COLUMNS`.
    """

    group: str = ""
    users: tuple[str, ...] = ()
    csv: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where, the settings in force there, and the group's members."""

    organization: Organization
    policy: EnrollmentPolicy
    members: tuple[tuple[Id, str], ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A wave, and whom it is for."""

    wave: Wave
    members: tuple[NewMember, ...]


@dataclass(frozen=True)
class StartWave(Verb[Seen, Ready, Wave]):
    """Start a wave.

    Attributes:
        organization: id or Group ID; "" for the caller's own. People are taken from there and
            below; whoever is somewhere else, or nobody, fails when his turn comes.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `no_channel`.
    """

    organization: str
    plan: Plan
    whom: Whom

    name = "start_wave"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.DEVICES_REGISTER)
        if isinstance(place, Refusal):
            return place
        policy = organizations.policy(tx, place.path)
        refusal = _problems(self.plan, self.whom, policy)
        if refusal is not None:
            return refusal
        if self.plan.channel not in tools.channels:
            return Refusal("no_channel", about=Subjects(place.id))
        delivery = Delivery(self.plan.channel, self.plan.template)
        refusal = check_template(tx, delivery, place.path)
        if refusal is not None:
            return refusal
        if not self.whom.group:
            return Seen(place, policy, ())
        group = group_named(tx, caller, self.whom.group)
        if isinstance(group, Refusal):
            return group
        staff = caller.may(Permission.STAFF_READ, place.path)
        found = groups.members(tx, group.id, place.path, staff=staff, limit=MOST_PEOPLE + 1)
        return Seen(place, policy, tuple(found))

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        members = _members(self.whom, seen.members, tools.clock())
        if isinstance(members, Refusal):
            return members
        plan, place = self.plan, seen.organization
        plan = replace(
            plan,
            name=fields.label(plan.name),
            ownership=ownership(plan.ownership),
            device_name=fields.label(plan.device_name),
        )
        wave = Wave(
            id=new_id(tools.clock()),
            organization_id=place.id,
            organization_path=place.path,
            group_id=place.group_id,
            plan=plan,
            state=WaveState.RUNNING,
            phase=Phase.CANARY if plan.canary_percent else Phase.REST,
            people=0,
            canary=0,
            done=0,
            reason="",
            maker_kind=caller.kind.value,
            maker_id=caller.id,
            maker=caller.name,
            next_at=0,
            created_at=0,
            ended_at=None,
        )
        return Ready(wave, members)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[Wave]:
        waves.insert(tx, ready.wave)
        wave_members.insert_each(tx, ready.wave.id, ready.wave.organization_path, ready.members)
        waves.count_people(tx, ready.wave.id)
        wave = waves.find(tx, ready.wave.id)
        assert wave is not None
        record(tx, caller, "wave.started", wave, people=wave.people, canary=wave.canary)
        return Done(wave)

    def made(self, value: Wave) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class WaveAgain(Again[Wave]):
    """The answer of an earlier StartWave once more, for its Idempotency-Key."""

    wave_id: Id

    name = "wave_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Wave | Refusal:
        return wave_named(tx, caller, self.wave_id, Permission.DEVICES_REGISTER)


@dataclass(frozen=True)
class _Changing(QuickVerb[Wave, Wave]):
    """What is asked of a wave that is there. Refusals: `not_found`, `forbidden`, `conflict`."""

    wave_id: Id

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Wave | Refusal:
        return wave_named(tx, caller, self.wave_id, Permission.DEVICES_REGISTER)


class PauseWave(_Changing):
    """Hold a wave where it is: from the next person on nothing is issued or sent."""

    name = "pause_wave"

    def apply(self, tx: Tx, caller: Caller, ready: Wave) -> Done[Wave] | Refusal:
        if not waves.pause(tx, ready.id):
            return _conflict(ready, "Only a wave that goes on can be paused.")
        record(tx, caller, "wave.paused", ready)
        return _now(tx, caller, ready)


class ResumeWave(_Changing):
    """Go on with a wave where it was paused.

    Where it was paused because whoever started it may not go on, the caller takes it over.
    """

    name = "resume_wave"

    def apply(self, tx: Tx, caller: Caller, ready: Wave) -> Done[Wave] | Refusal:
        if not waves.resume(tx, ready.id, caller):
            return _conflict(ready, "Only a wave that is paused can be resumed.")
        record(tx, caller, "wave.resumed", ready)
        return _now(tx, caller, ready)


class ContinueWave(_Changing):
    """The go-ahead: after the first share, everybody else."""

    name = "continue_wave"

    def apply(self, tx: Tx, caller: Caller, ready: Wave) -> Done[Wave] | Refusal:
        if not waves.go_on(tx, ready.id):
            return _conflict(ready, "Only a wave that waits after its first share can go on.")
        enrolled = wave_members.canaries_enrolled(tx, ready.id)
        record(tx, caller, "wave.continued", ready, enrolled=enrolled, canary=ready.canary)
        return _now(tx, caller, ready)


class StopWave(_Changing):
    """End a wave early, for good: what was issued stays, nobody else gets anything."""

    name = "stop_wave"

    def apply(self, tx: Tx, caller: Caller, ready: Wave) -> Done[Wave] | Refusal:
        if not waves.stop(tx, ready.id):
            return _conflict(ready, "It is over already.")
        wave_members.stop(tx, ready.id)
        record(tx, caller, "wave.stopped", ready)
        return _now(tx, caller, ready)


class ResendWave(_Changing):
    """Send the same token again to whoever of a wave could still enroll and has not."""

    name = "resend_wave"

    def apply(self, tx: Tx, caller: Caller, ready: Wave) -> Done[Wave] | Refusal:
        if not waves.touch(tx, ready.id):
            return _conflict(ready, "Resume it first: nothing is sent while it is paused.")
        asked = wave_members.ask_to_resend(tx, ready.id)
        record(tx, caller, "wave.resent", ready, people=asked)
        return _now(tx, caller, ready)


@dataclass(frozen=True, slots=True)
class Standing:
    """A wave, how far its people are, and how many of its first share have enrolled.

    Attributes:
        resendable: how many can still enroll and have no message on its way.
    """

    wave: Wave
    counts: dict[MemberState, int]
    canaries_enrolled: int
    resendable: int = 0


class ListWaves(Listed[Wave]):
    """Waves of an organization and below, newest first. Filters: state."""

    permission = Permission.ENROLLMENTS_READ
    of_people = False

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Wave] | Refusal:
        page = waves.page(tx, request)
        if isinstance(page, Refusal):
            return page
        return Page(discreetly(tx, caller, page.items), page.next_cursor)


@dataclass(frozen=True)
class ShowWave(View[Standing]):
    """One wave. Refusals: `not_found`, `forbidden`."""

    wave_id: Id

    def read(self, tx: Reader, caller: Caller) -> Standing | Refusal:
        wave = wave_named(tx, caller, self.wave_id, Permission.ENROLLMENTS_READ)
        if isinstance(wave, Refusal):
            return wave
        enrolled = wave_members.canaries_enrolled(tx, wave.id) if wave.plan.canary_percent else 0
        resendable = wave_members.resendable(tx, wave.id)
        return Standing(wave, wave_members.counts(tx, wave.id), enrolled, resendable)


class ListWaveMembers(Listed[Member]):
    """People of waves, in the order of their turns. Filters: wave, state."""

    permission = Permission.ENROLLMENTS_READ

    def show(self, tx: Reader, caller: Caller, request: PageRequest) -> Page[Member] | Refusal:
        return wave_members.page(tx, request)


def wave_named(tx: Reader, caller: Caller, wave_id: str, permission: Permission) -> Wave | Refusal:
    """The wave with this id, where the caller may."""
    found = with_id(tx, wave_id, waves.find, "wave")
    if isinstance(found, Refusal):
        return found
    refusal = lacks(caller, permission, found.organization_path, found.subjects)
    return refusal or discreetly(tx, caller, (found,))[0]


def record(tx: Tx, caller: Caller, kind: str, wave: Wave, **data: str | int) -> None:
    """Write down what happened to a wave."""
    told = {"wave": wave.id, **data}
    events.record(tx, caller, Happening(kind, wave.subjects, told, {"name": wave.plan.name}))


def _now(tx: Tx, caller: Caller, wave: Wave) -> Done[Wave]:
    found = waves.find(tx, wave.id)
    assert found is not None
    return Done(discreetly(tx, caller, (found,))[0])


def _conflict(wave: Wave, detail: str) -> Refusal:
    return Refusal("conflict", detail=detail, about=wave.subjects)


def _problems(plan: Plan, whom: Whom, policy: EnrollmentPolicy) -> Refusal | None:
    """Everything that can be seen to be wrong with what is asked, field by field."""
    read = Fields()
    read.read("name", plan.name, fields.label)
    read.read("device_name", plan.device_name, fields.label)
    read.read("ownership", plan.ownership, ownership)
    if plan.platform not in set(Platform):
        read.errors.append(FieldError("platform", f"must be one of {', '.join(Platform)}"))
    if plan.channel not in CHANNELS:
        read.errors.append(FieldError("message.type", "must be email or sms"))
    hours = plan.hours or policy.token_expiration_hours
    for name, value, least, most in (
        ("expires_in_hours", plan.hours, 0, LONGEST_HOURS),
        ("per_minute", plan.per_minute, 0, MOST_PER_MINUTE),
        ("canary_percent", plan.canary_percent, 0, 99),
        ("canary_needs", plan.canary_needs, 0, 100),
    ):
        if not least <= value <= most:
            read.errors.append(FieldError(name, f"must be from {least} to {most}"))
    if not 0 <= plan.remind_hours < hours:
        problem = f"must be fewer than the {hours} hours that a token works here"
        read.errors.append(FieldError("remind_hours", problem))
    if plan.canary_needs and not plan.canary_percent:
        problem = "counts for a first share: give canary_percent too"
        read.errors.append(FieldError("canary_needs", problem))
    if sum(map(bool, (whom.group, whom.users, whom.csv))) != 1:
        problem = "say whom it is for: by a group, by names, or by a CSV file"
        read.errors.append(FieldError("users", problem))
    return read.refusal


def _members(
    whom: Whom, members: tuple[tuple[Id, str], ...], now: int
) -> tuple[NewMember, ...] | Refusal:
    """Whom a wave is for, each once, in the order given."""
    field = "group" if whom.group else "users" if whom.users else "csv"
    try:
        rows = list(_rows(whom, members))
    except BadFile as problem:
        return invalid(field, str(problem))
    if not rows:
        return invalid(field, "there is nobody in it who belongs here")
    if len(rows) > MOST_PEOPLE:
        return invalid(field, f"has more than {MOST_PEOPLE:,} people: divide it into several waves")
    once: dict[str, NewMember] = {}
    for row in rows:
        once.setdefault(row.user_id or row.folded, row)
    first = new_block(now, len(once))
    return tuple(replace(row, id=in_block(first, n)) for n, row in enumerate(once.values()))


def _rows(whom: Whom, members: tuple[tuple[Id, str], ...]) -> Iterator[NewMember]:
    if whom.group:
        yield from (NewMember("", username, user_id, "") for user_id, username in members)
    elif whom.users:
        yield from (_named(each) for each in whom.users if each.strip())
    else:
        sheet = csv_file.opened(io.BytesIO(whom.csv.encode()), COLUMNS, COLUMNS[:1])
        csv_file.counted(sheet)
        for line in sheet.lines():
            cells = dict(zip(sheet.columns, line.cells, strict=False))
            row = {name: _kept(cells.get(name, "")) for name in COLUMNS}
            device, platform = row["device_name"], row["platform"].lower()
            yield replace(_named(row["username"]), device_name=device, platform=platform)


def _named(text: str) -> NewMember:
    """Somebody by id or user name; whether there is such a one shows when his turn comes."""
    name = _kept(text)
    by_id = parse_id(name)
    return NewMember("", name, by_id, "" if by_id else name.casefold())


def _kept(text: str) -> str:
    """A name as it can be stored; what is wrong with it is told when its turn comes."""
    cut = text.strip()[: fields.MOST_LETTERS + 1]
    return "".join(letter if fields.readable(letter) else "\ufffd" for letter in cut)
