"""What `enlist doctor` finds: one finding for each check, and what a monitoring system makes of it.

A finding says what is, and where something is amiss, the remedy: a command to run or a setting to
change. Why it matters belongs to the check, not to the finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How a check ended. `SKIPPED` is for what does not apply here, or cannot be told from here."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, in words for an operator; `remedy` is what to do, one step a line."""

    level: Level
    found: str
    remedy: str = ""


def fine(found: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, found)


def warning(found: str, remedy: str) -> Finding:
    """It works today; somebody should look at it this week."""
    return Finding(Level.WARNING, found, remedy)


def problem(found: str, remedy: str) -> Finding:
    """Somebody is harmed, or will be soon."""
    return Finding(Level.PROBLEM, found, remedy)


def skipped(why: str) -> Finding:
    """There is nothing to judge."""
    return Finding(Level.SKIPPED, why)


@dataclass(frozen=True, slots=True)
class Examined:
    """One check and its finding.

    Attributes:
        section: what the check is about, a heading.
        name: stable; monitoring may refer to it.
        why: what goes wrong for people where this is wrong.
    """

    section: str
    name: str
    title: str
    why: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, in the order of the checks; `subject` is what was examined, in a few words."""

    subject: str
    examined: Sequence[Examined]

    def count(self, level: Level) -> int:
        """How many checks ended so."""
        return sum(each.finding.level is level for each in self.examined)

    @property
    def worst(self) -> Level:
        """The worst that was found."""
        if self.count(Level.PROBLEM):
            return Level.PROBLEM
        return Level.WARNING if self.count(Level.WARNING) else Level.OK
