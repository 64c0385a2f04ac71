"""Waves: tokens for many people bit by bit, how far each of them is, and starting another one.

The form goes to the API, by the page's script: it may bring a file that is larger than forms may
be, and what is wrong comes back at its field.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.store.listing import MOST_PER_PAGE
from enlist.store.waves import Wave, WaveState
from enlist.verbs.channels import enabled
from enlist.verbs.driver import QuickVerb
from enlist.verbs.groups import ListGroups
from enlist.verbs.waves import (
    ContinueWave,
    ListWaveMembers,
    ListWaves,
    PauseWave,
    ResendWave,
    ResumeWave,
    ShowWave,
    StopWave,
)
from enlist.web.console import people, words
from enlist.web.console.forms import Form
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.lists import read_query
from enlist.web.console.navigation import N_
from enlist.web.console.offering import NEEDS

_ACT: Final = "devices:register"
_REASONS: Final = {
    "stopped": N_("The wave was stopped before."),
    "not_found": N_("There is nobody of this name here."),
    "forbidden": N_("Whoever started it may not do this to this person."),
}
_DISOWNED: Final = N_("Whoever started it may not go on any more. Who resumes it takes it over.")
_LONGEST_FILE: Final = 7_000_000


async def show_list(desk: Desk) -> Response:
    """The waves of the organization in force and below, newest first."""
    query = read_query(desk.request, ("state",))
    found = await desk.view(ListWaves(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    mark = mark_of(*((wave.id, wave.state, wave.done) for wave in found.items))
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "query": query,
        "page": found,
        "mark": mark,
        "waiting": any(wave.state is WaveState.RUNNING for wave in found.items),
        "words": words,
    }
    return desk.show("console/waves.html", context)


async def add(desk: Desk) -> Response:
    """The form for another one."""
    closed = people.closed(desk, _ACT)
    if closed is not None:
        return closed
    groups = await desk.view(ListGroups(desk.group_id, limit=MOST_PER_PAGE))
    channels = enabled(desk.services.tools.channels)
    usual = {
        "device_name": "{user}'s device",
        "ownership": "none",
        "per_minute": "600",
        "canary_percent": "0",
        "canary_needs": "0",
        "remind_hours": "0",
        "expires_in_hours": "0",
    }
    context = {
        "form": Form(usual),
        "groups": () if isinstance(groups, Refusal) else groups.items,
        "channels": {name: words.CHANNELS[name] for name in channels},
        "words": words,
        "longest": _LONGEST_FILE,
    }
    return desk.show("console/wave_new.html", context)


async def show_one(desk: Desk) -> Response:
    """One wave: how far it is, what can be done with it, and how far each person is."""
    standing = await desk.view(ShowWave(_named(desk)))
    if isinstance(standing, Refusal):
        return desk.refuse(standing)
    wave = standing.wave
    query = read_query(desk.request, ("state",))
    asked = query.asked
    asked["filters"]["wave"] = wave.id
    found = await desk.view(ListWaveMembers(wave.organization_id, **asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    shown = ((each.id, each.state, each.reminded) for each in found.items)
    mark = mark_of(wave.state, wave.done, wave.reason, *standing.counts.items(), *shown)
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "wave": wave,
        "standing": standing,
        "held": _why_held(desk, wave),
        "reasons": {each.reason: _reason(desk, each.reason) for each in found.items},
        "query": query,
        "page": found,
        "mark": mark,
        "may_act": desk.may(_ACT, wave.organization_path),
        "may_print": desk.may(NEEDS["print"], wave.organization_path),
        "words": words,
    }
    return desk.show("console/wave.html", context)


def _reason(desk: Desk, reason: str) -> str:
    """Why somebody failed, in words; what was said of his message stands as it was said."""
    if reason in _REASONS:
        return desk.gettext(_REASONS[reason])
    return desk.gettext(CATALOGUE[reason].title) if reason in CATALOGUE else reason


def _why_held(desk: Desk, wave: Wave) -> str:
    """Why a wave was held, and what to do; "" where somebody did it, or nobody."""
    if wave.reason == "forbidden":
        return desk.gettext(_DISOWNED)
    meaning = CATALOGUE.get(wave.reason)
    return f"{desk.gettext(meaning.title)}. {desk.gettext(meaning.remedy)}" if meaning else ""


async def pause(desk: Desk) -> Response:
    """Hold it where it is."""
    return await _act(desk, PauseWave(_named(desk)), desk.gettext("It is paused."))


async def resume(desk: Desk) -> Response:
    """Go on where it was paused."""
    return await _act(desk, ResumeWave(_named(desk)), desk.gettext("It goes on."))


async def go_on(desk: Desk) -> Response:
    """The go-ahead for everybody else."""
    said = desk.gettext("It goes on with the others.")
    return await _act(desk, ContinueWave(_named(desk)), said)


async def stop(desk: Desk) -> Response:
    """End it early."""
    return await _act(desk, StopWave(_named(desk)), desk.gettext("It was stopped."))


async def resend(desk: Desk) -> Response:
    """Send it again to whoever has not enrolled."""
    said = desk.gettext("Who has not enrolled is sent the token again.")
    return await _act(desk, ResendWave(_named(desk)), said)


def _named(desk: Desk) -> str:
    return str(desk.request.path_params["id"])


async def _act(desk: Desk, verb: QuickVerb[Wave, Wave], said: str) -> Response:
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    return desk.go(desk.address("waves", outcome.value.id), said)


ROUTES = [
    page("waves", show_list),
    page("waves/new", add),
    page("waves/{id}", show_one),
    page("waves/{id}/pause", pause, methods=("POST",)),
    page("waves/{id}/resume", resume, methods=("POST",)),
    page("waves/{id}/continue", go_on, methods=("POST",)),
    page("waves/{id}/stop", stop, methods=("POST",)),
    page("waves/{id}/resend", resend, methods=("POST",)),
]
