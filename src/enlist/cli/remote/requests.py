"""Verbs and views as requests: for each one, what is asked of the API, and what its answer is.

A new command works from elsewhere once its verb has a line in the module of its subject. One that
cannot is named here with the reason; a test looks that every command is one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enlist.cli.remote.accounts import ACCOUNTS
from enlist.cli.remote.alerting import ALERTING
from enlist.cli.remote.api import Way, Ways
from enlist.cli.remote.ending import ENDING, REHEARSED
from enlist.cli.remote.enrolling import ENROLLING
from enlist.cli.remote.jobs import JOBS
from enlist.cli.remote.places import PLACES
from enlist.cli.remote.roles import ROLES
from enlist.cli.remote.webhooks import WEBHOOKS
from enlist.verbs.rehearsing import DryRun

ASKED: Final[Ways] = {
    **ACCOUNTS,
    **ALERTING,
    **ENDING,
    **ENROLLING,
    **JOBS,
    **PLACES,
    **ROLES,
    **WEBHOOKS,
}
"""By verb or view, how it is asked of the API."""

_RUNS_IT: Final = "it runs or sets up the server itself"
_KEYS: Final = "keys never leave the machine that holds them"
_LOG: Final = "whoever checks the log has to read it himself, and not believe the server"

HERE_ALONE: Final[Mapping[str, str]] = {
    "serve": _RUNS_IT,
    "demo": _RUNS_IT,
    "init": _RUNS_IT,
    "migrate": _RUNS_IT,
    "doctor": "it looks at the machine, its files and its settings",
    "backup": _KEYS,
    "restore": _KEYS,
    "keys list": _KEYS,
    "keys rotate": _KEYS,
    "keys compromised": _KEYS,
    "audit checkpoint": _LOG,
    "audit key": _LOG,
    "audit verify": _LOG,
    "user recover": "it lets in whoever asks, and an API key must not be able to",
    "agent": "it enrolls the machine that it runs on, and has a --server of its own",
}
"""Commands that no server elsewhere can be asked for, and why."""


def way_of(asked: object) -> Way | None:
    """How this is asked of the API; None where it has no place there."""
    if isinstance(asked, DryRun):
        rehearsed = REHEARSED.get(type(asked.verb))
        return None if rehearsed is None else lambda api, dry: rehearsed(api, dry.verb)
    return ASKED.get(type(asked))
