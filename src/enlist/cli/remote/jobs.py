"""Imports and waves on a server elsewhere, which works on them by itself."""

from __future__ import annotations

import csv
import io
from typing import Final

from enlist.cli.remote.api import Api, Document, Way, Ways, acted, listed, part, some
from enlist.cli.remote.reviving import revived
from enlist.core.outcomes import Refusal
from enlist.store.imports import ImportJob, RowError
from enlist.store.wave_members import Member, MemberState
from enlist.store.waves import Wave
from enlist.verbs import imports, waves


def _errors(api: Api, view: imports.ReadImportErrors) -> list[RowError] | Refusal:
    """All of them at once: the API gives them as one file."""
    if view.after:
        return []
    found = api.take(f"/imports/{part(view.job_id)}/errors")
    if isinstance(found, Refusal):
        return found
    text = "".join(found).removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(text, newline=""))
    next(rows)
    return [RowError(int(line), column, said, ()) for line, column, said, *_ in rows]


def _planned(found: Document) -> Document:
    """A wave with what was asked of it in a part of its own."""
    message = found["message"]
    named = {"channel": message["type"], "template": message["template"]}
    return {**found, "plan": {**found, **named, "hours": found["expires_in_hours"]}}


def _wave(found: Document) -> Wave:
    return revived(Wave, _planned(found))


def _start_wave(api: Api, verb: waves.StartWave) -> Wave | Refusal:
    plan, whom = verb.plan, verb.whom
    body = {
        "name": plan.name,
        "platform": plan.platform,
        "ownership": plan.ownership,
        "device_name": plan.device_name,
        "message": {"type": plan.channel, "template": plan.template},
        "expires_in_hours": plan.hours,
        "per_minute": plan.per_minute,
        "canary_percent": plan.canary_percent,
        "canary_needs": plan.canary_needs,
        "remind_hours": plan.remind_hours,
        "users": list(whom.users),
    }
    body |= some(organization=verb.organization, group=whom.group, csv=whom.csv)
    found = api.do("POST", "/waves", body)
    return found if isinstance(found, Refusal) else _wave(found)


def _show_wave(api: Api, view: waves.ShowWave) -> waves.Standing | Refusal:
    found = api.get(f"/waves/{part(view.wave_id)}")
    if isinstance(found, Refusal):
        return found
    counts = {state: found["counts"][state.value] for state in MemberState}
    return waves.Standing(_wave(found), counts, found["canaries_enrolled"])


def _told(act: str) -> Way:
    """Something that is asked of a wave that is there."""
    return acted("POST", f"/waves/{{wave_id}}/{act}", Wave, _planned)


JOBS: Final[Ways] = {
    imports.ListImports: listed("/imports", ImportJob),
    imports.ShowImport: acted("GET", "/imports/{job_id}", ImportJob),
    imports.StartImport: acted("POST", "/imports/{job_id}/start", ImportJob),
    imports.ReadImportErrors: _errors,
    waves.ListWaves: listed("/waves", Wave, _planned),
    waves.ListWaveMembers: listed("/waves/{wave}/people", Member),
    waves.ShowWave: _show_wave,
    waves.StartWave: _start_wave,
    waves.PauseWave: _told("pause"),
    waves.ResumeWave: _told("resume"),
    waves.ContinueWave: _told("continue"),
    waves.StopWave: _told("stop"),
    waves.ResendWave: _told("resend"),
}
