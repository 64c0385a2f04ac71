"""Waves: tokens for a group, a selection or a CSV file, issued bit by bit."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import waves as stored
from enlist.store.wave_members import Member, MemberState
from enlist.store.waves import Plan, WaveState
from enlist.verbs import documents
from enlist.verbs.driver import QuickVerb
from enlist.verbs.waves import (
    MOST_PEOPLE,
    ContinueWave,
    ListWaveMembers,
    ListWaves,
    PauseWave,
    ResendWave,
    ResumeWave,
    ShowWave,
    Standing,
    StartWave,
    StopWave,
    WaveAgain,
    Whom,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.operations import IDEMPOTENT, IdempotencyHeader, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Waves")

_LONGEST_CSV: Final = 8_000_000
_READ, _ACT = Permission.ENROLLMENTS_READ, Permission.DEVICES_REGISTER


class WaveMessage(Body):
    """How tokens get to their users."""

    type: Literal["email", "sms"] = "email"
    template: Line = ""
    """Name of a message template; the default one if left out."""


_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "state": "running",
    "name": "Autumn",
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "platform": "ios",
    "ownership": "corporate_dedicated",
    "device_name": "{user}'s phone",
    "message": {"type": "email", "template": ""},
    "expires_in_hours": 48,
    "per_minute": 600,
    "canary_percent": 10,
    "canary_needs": 80,
    "remind_hours": 6,
    "people": 250,
    "canary": 25,
    "done": 120,
    "reason": "",
    "created_by": "admin@example.com",
    "created_at": EXAMPLE_MOMENT,
    "ended_at": None,
}


class WaveSummary(Shown):
    """A wave, and how many of its people had their turn."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    state: WaveState
    """`waiting`: its first share is issued, and the others are not yet."""
    name: str
    organization: str
    organization_id: str
    platform: Platform
    ownership: Ownership
    device_name: str
    message: WaveMessage
    expires_in_hours: int
    """0 for as long as the organization says."""
    per_minute: int
    """0 for as fast as they can be sent."""
    canary_percent: int
    canary_needs: int
    remind_hours: int
    people: int
    canary: int
    """How many come first."""
    done: int
    """How many had their turn."""
    reason: str
    """Why it was paused or put off: the code of a refusal, or empty."""
    created_by: str
    """Empty where the caller may not know who it was."""
    created_at: Moment
    ended_at: Moment | None


class Wave(WaveSummary):
    """A wave, and how far its people are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "counts": {
                        "queued": 130,
                        "sent": 15,
                        "delivered": 20,
                        "opened": 10,
                        "redeemed": 74,
                        "failed": 1,
                    },
                    "canaries_enrolled": 23,
                }
            ]
        }
    )

    counts: dict[MemberState, int]
    """How many are how far."""
    canaries_enrolled: int
    """How many of those who came first have enrolled."""

    @classmethod
    def of(cls, found: Standing) -> Wave:
        """A wave of the store."""
        return cls(**documents.wave_standing(found))


class WaveMember(Shown):
    """Somebody whom a wave is for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "user": "ada",
                    "user_id": EXAMPLE_ID,
                    "state": "opened",
                    "reason": "",
                    "canary": False,
                    "reminded": False,
                    "recipient": "ada@example.com",
                    "enrollment_id": EXAMPLE_ID,
                    "device_id": EXAMPLE_ID,
                    "opened_at": EXAMPLE_MOMENT,
                    "used_at": None,
                    "expires_at": EXAMPLE_MOMENT,
                }
            ]
        }
    )

    id: str
    user: str
    """As he was named, where nobody of that name is there."""
    user_id: str | None
    state: MemberState
    reason: str
    """Why he failed: the code of a refusal, or what was said of his message."""
    canary: bool
    """He was in the share that came first."""
    reminded: bool
    recipient: str
    enrollment_id: str | None
    device_id: str | None
    opened_at: Moment | None
    used_at: Moment | None
    expires_at: Moment | None

    @classmethod
    def of(cls, found: Member) -> WaveMember:
        """Somebody of the store."""
        return cls(**documents.wave_member(found))


class WaveQuery(Paging):
    """Sorts: `created_at`, `name`, `state`."""

    state: WaveState | None = None


class WaveMemberQuery(Paging):
    """Sorts: `turn`."""

    state: MemberState | None = None


class StartWaveBody(Body):
    """What each gets, how fast, and whom it is for: `group`, `users` or `csv`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Autumn",
                    "group": EXAMPLE_ID,
                    "platform": "ios",
                    "canary_percent": 10,
                    "canary_needs": 80,
                    "remind_hours": 6,
                }
            ]
        }
    )

    name: Annotated[Line, Field(min_length=1)]
    organization: Line = ""
    """Id or Group ID; your own if left out. People are taken from there and below."""
    group: Line = ""
    """Id of a group of users."""
    users: Annotated[tuple[Line, ...], Field(max_length=MOST_PEOPLE)] = ()
    """Ids or user names."""
    csv: Annotated[str, Field(max_length=_LONGEST_CSV)] = ""
    """Text of a CSV file with the column `username`, and perhaps `device_name` and `platform`."""
    platform: Platform
    ownership: Ownership = Ownership.NONE
    device_name: Annotated[Line, Field(min_length=1)] = "{user}'s device"
    """Name of each device; `{user}` stands for its user's name."""
    message: WaveMessage = WaveMessage()
    expires_in_hours: Annotated[int, Field(ge=0, le=8760)] = 0
    """How long each token works; 0 for as long as the organization says."""
    per_minute: Annotated[int, Field(ge=0, le=60_000)] = 600
    """How many messages go out in a minute at most; 0 for as fast as they can be sent."""
    canary_percent: Annotated[int, Field(ge=0, le=99)] = 0
    """The share that comes first; the others wait for `continue`."""
    canary_needs: Annotated[int, Field(ge=0, le=100)] = 0
    """Go on without `continue` once so many percent of that share have enrolled."""
    remind_hours: Annotated[int, Field(ge=0, le=8759)] = 0
    """Remind each once, so long before his token expires; 0 for never."""

    def plan(self) -> Plan:
        """The same, as the verb takes it."""
        return Plan(
            name=self.name,
            platform=self.platform.value,
            ownership=self.ownership.value,
            device_name=self.device_name,
            channel=self.message.type,
            template=self.message.template,
            hours=self.expires_in_hours,
            per_minute=self.per_minute,
            canary_percent=self.canary_percent,
            canary_needs=self.canary_needs,
            remind_hours=self.remind_hours,
        )


@operations.staff("GET", "/waves", _READ, answers=Page[WaveSummary])
async def list_waves(
    asking: Staff, query: Annotated[WaveQuery, Query()]
) -> Page[WaveSummary] | Refusal:
    """List waves, newest first."""
    found = await asking.see(ListWaves(**filters(query)))
    return shown(
        found, lambda page: Page.of(page, lambda each: WaveSummary(**documents.wave(each)))
    )


@operations.staff(
    "POST", "/waves", _ACT, answers=Wave, status=201, refuses=("no_channel", *IDEMPOTENT)
)
async def start_wave(
    asking: Staff, body: StartWaveBody, _key: IdempotencyHeader = None
) -> Wave | Refusal:
    """Register a device for each of many people and send them its token, bit by bit.

    Reading a group also takes the permission `users:read`. A person who is unknown, or cannot be
    reached, fails when his turn comes, and stops nobody else. 100,000 people at most.
    """
    whom = Whom(body.group, body.users, body.csv)
    verb = StartWave(body.organization, body.plan(), whom)
    started = await asking.do_once(verb, WaveAgain)
    return started if isinstance(started, Refusal) else await show_wave(asking, started.id)


@operations.staff("GET", "/waves/{wave_id}", _READ, answers=Wave)
async def show_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """Show a wave, and how far its people are."""
    found = await asking.see(ShowWave(wave_id))
    return shown(found, Wave.of)


@operations.staff("GET", "/waves/{wave_id}/people", _READ, answers=Page[WaveMember])
async def list_wave_members(
    asking: Staff, wave_id: str, query: Annotated[WaveMemberQuery, Query()]
) -> Page[WaveMember] | Refusal:
    """List whom a wave is for, in the order of their turns; by `state`, if given."""
    known = await asking.see(ShowWave(wave_id))
    if isinstance(known, Refusal):
        return known
    asked = filters(query)
    place = asked.pop("organization") or known.wave.organization_id
    asked["filters"]["wave"] = wave_id
    found = await asking.see(ListWaveMembers(place, **asked))
    return shown(found, lambda page: Page.of(page, WaveMember.of))


@operations.staff("POST", "/waves/{wave_id}/pause", _ACT, answers=Wave, refuses=("conflict",))
async def pause_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """Hold a wave where it is; nothing more is issued or sent."""
    return await _then_show(asking, PauseWave(wave_id), wave_id)


@operations.staff("POST", "/waves/{wave_id}/resume", _ACT, answers=Wave, refuses=("conflict",))
async def resume_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """Go on where it was paused."""
    return await _then_show(asking, ResumeWave(wave_id), wave_id)


@operations.staff("POST", "/waves/{wave_id}/continue", _ACT, answers=Wave, refuses=("conflict",))
async def continue_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """The go-ahead: after the first share, everybody else."""
    return await _then_show(asking, ContinueWave(wave_id), wave_id)


@operations.staff("POST", "/waves/{wave_id}/stop", _ACT, answers=Wave, refuses=("conflict",))
async def stop_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """End a wave early, for good; what was issued stays."""
    return await _then_show(asking, StopWave(wave_id), wave_id)


@operations.staff("POST", "/waves/{wave_id}/resend", _ACT, answers=Wave, refuses=("conflict",))
async def resend_wave(asking: Staff, wave_id: str) -> Wave | Refusal:
    """Send the same token again to whoever could still enroll and has not.

    Whoever started the wave must have the permission `enrollments:resend`.
    """
    return await _then_show(asking, ResendWave(wave_id), wave_id)


async def _then_show(
    asking: Staff, verb: QuickVerb[stored.Wave, stored.Wave], wave_id: str
) -> Wave | Refusal:
    outcome = await asking.do(verb)
    return outcome if isinstance(outcome, Refusal) else await show_wave(asking, wave_id)
