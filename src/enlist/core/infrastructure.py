"""How each part of an installation does: from what is known of it to a state, and what to do.

The rules are pure, and nowhere else: what the console draws, what raises an alert and what a test
expects cannot come apart. What `enlist doctor` finds of a part counts as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from enlist.core.clock import MINUTE, SECOND
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, Level, fine, problem, warning
from enlist.core.passcodes import SelfService

GRACE: Final = 5 * MINUTE
"""How long a channel may be away before anybody is told: servers restart."""
REFUSED: Final = 5
"""How many messages in a row a channel refuses before it is the channel."""
PATIENCE: Final = 15 * MINUTE
"""How long a message may wait while its channel works."""
SEALED_SOON: Final = 10 * SECOND
"""After which time an event should be sealed; usually it takes one second."""
SEALED_WITHIN: Final = 60 * SECOND
"""After which time the sealer must have stopped."""


class State(StrEnum):
    """How a part does: green, amber, red, or not there at all."""

    WORKS = "works"
    ATTENTION = "attention"
    PROBLEM = "problem"
    OFF = "off"


class Part(StrEnum):
    """What an installation is made of, and who comes to it."""

    PEOPLE = "people"
    DEVICES = "devices"
    WEB = "web"
    DEVICE = "device"
    SELF_SERVICE = "self-service"
    ENLIST = "enlist"
    LOG = "log"
    DATABASE = "database"
    AUTHORITY = "authority"
    EMAIL = "email"
    SMS = "sms"
    DIRECTORIES = "directories"


CHECKED: Final[Mapping[Part, Sequence[str]]] = {
    Part.WEB: ("web-certificate",),
    Part.DEVICE: ("device-certificate", "device-names", "file-descriptors"),
    Part.ENLIST: ("room", "backup"),
    Part.DATABASE: ("database-clock", "postgres-fsync", "postgres-commit", "disk-space"),
    Part.AUTHORITY: ("authority-certificate",),
}
"""The doctor's checks that tell of a part: those that ask nobody outside of this machine but the
database."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a part does.

    Attributes:
        findings: what is amiss, the gravest first; one that says so where nothing is.
    """

    state: State
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of a way to send messages.

    Attributes:
        failing_since: since when nobody is there; None where somebody is.
        refused: how many messages in a row were refused for good.
        reason: of the last trouble; "" where it is nothing for whoever looks.
        waiting, oldest: how many messages wait, and since when the first of them.
        at_limit: as many were sent today as may be.
    """

    failing_since: int | None = None
    refused: int = 0
    reason: str = ""
    waiting: int = 0
    oldest: int = 0
    at_limit: bool = False

    def failing(self, now: int) -> bool:
        """Whether it is the channel, and no short trouble of one message or one minute."""
        away = self.failing_since is not None and self.failing_since <= now - GRACE
        return away or self.refused >= REFUSED


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process knows of itself and its machine; nothing of it stands in the database.

    Attributes:
        web, device: where the two listen.
        web_speaks: what the web listener speaks.
        database, email, sms: where these are.
        processes: how many serve on this machine.
        findings: of the doctor's checks in `CHECKED`, by name.
    """

    web: str = ""
    web_speaks: str = ""
    device: str = ""
    database: str = ""
    email: str = ""
    sms: str = ""
    processes: int = 1
    findings: Mapping[str, Finding] = field(default_factory=dict)

    def of(self, part: Part) -> tuple[Finding, ...]:
        """What the doctor found of a part."""
        found = (self.findings.get(name) for name in CHECKED.get(part, ()))
        return tuple(each for each in found if each is not None)


_STATES: Final = {Level.WARNING: State.ATTENTION, Level.PROBLEM: State.PROBLEM}
_GRAVEST: Final = (State.PROBLEM, State.ATTENTION, State.WORKS, State.OFF)


def judged(findings: Iterable[Finding], well: str) -> Standing:
    """As grave as the worst of what was found; `well` is said where nothing is amiss."""
    amiss = sorted(
        (each for each in findings if each.level in _STATES),
        key=lambda each: each.level is not Level.PROBLEM,
    )
    if not amiss:
        return Standing(State.WORKS, (fine(well),))
    return Standing(_STATES[amiss[0].level], tuple(amiss))


def off(why: str, remedy: str = "") -> Standing:
    """It is not there, and is missed by nobody."""
    return Standing(State.OFF, (Finding(Level.SKIPPED, why, remedy),))


def channel(
    known: Channel, now: int, *, set_up: bool, away: str, remedy: str, missing: Finding
) -> Standing:
    """How messages get out.

    Args:
        set_up: whether there is such a channel at all.
        away: what is said where it fails.
        remedy: what to do then.
        missing: what is said where none is set up.
    """
    if not set_up:
        return Standing(State.OFF, (missing,))
    return judged(_of_channel(known, now, away, remedy), "Messages go out.")


def _of_channel(known: Channel, now: int, away: str, remedy: str) -> Iterable[Finding]:
    why = f"{away}: {known.reason}" if known.reason else f"{away}."
    if known.failing(now):
        yield problem(why, remedy)
    elif known.failing_since is not None:
        yield warning(why, "It is tried again by itself; if that does not help, see below.")
    if known.at_limit:
        yield warning(
            "As many were sent today as may be.",
            "Further ones are refused until midnight UTC. Raise the number a day in the settings "
            "if that is not a misuse.",
        )
    if known.waiting and known.oldest <= now - PATIENCE:
        waits = counted(known.waiting, "message waits", "messages wait")
        minutes = counted((now - known.oldest) // MINUTE, "minute")
        yield warning(f"{waits}, the first for {minutes}.", "They go out by themselves.")


def sealed_log(unsealed_since: int | None, now: int) -> Standing:
    """Whether the audit log is sealed as it grows.

    Args:
        unsealed_since: when the newest event of some age happened that is not sealed.
    """
    waits = 0 if unsealed_since is None else now - unsealed_since
    remedy = "See what the server says of it (journalctl -u enlist), then restart it."
    found = []
    if waits > SEALED_WITHIN:
        found = [problem(f"Events wait for {counted(waits // SECOND, 'second')}.", remedy)]
    elif waits > SEALED_SOON:
        found = [warning(f"Events wait for {counted(waits // SECOND, 'second')}.", remedy)]
    return judged(found, "Every event is sealed.")


def self_service(service: SelfService, failed: int, most: int) -> Standing:
    """Whether people can enroll devices by themselves.

    Args:
        failed: how often in a row the passcode was entered wrongly.
        most: after how many times that has consequences.
    """
    entries = counted(failed, "wrong entry", "wrong entries")
    if service is SelfService.NONE:
        return off("No company passcode has been generated.", "Generate one to switch it on.")
    if service is SelfService.DISABLED:
        return off("It was switched off.", "Generate a new passcode to switch it on again.")
    if service is SelfService.LOCKED:
        remedy = (
            "See in the events where they came from. Only generating a new passcode switches it on "
            "again."
        )
        why = f"Switched off after {entries} of the passcode in a row."
        return judged([problem(why, remedy)], "")
    found = []
    if service is SelfService.SHIELDED:
        why = f"It asks for an extra proof since {entries} of the passcode in a row."
        found = [warning(why, "See in the events where they come from, and generate a new one.")]
    elif failed * 2 >= most > 0:
        why = f"{entries} of the passcode in a row; {most} of them have consequences."
        found = [warning(why, "See in the events where they come from.")]
    return judged(found, "People enroll their devices with the company passcode.")


def gravest(states: Iterable[State]) -> State:
    """How the whole does: as the part that does worst."""
    found = frozenset(states)
    return next((each for each in _GRAVEST if each in found), State.OFF)
