"""How each part of the installation does, as the infrastructure diagram draws it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict

from enlist.core.diagnosis import Level
from enlist.core.infrastructure import Part, State
from enlist.core.outcomes import Refusal
from enlist.verbs.infrastructure import PERMISSION
from enlist.web.api.bodies import Shown
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.standings import Standings, standings
from enlist.web.values import Line

operations: Final = Operations("Alerts")


class FoundOut(Shown):
    """What was found of a part."""

    level: Level
    """`ok`, `warning`, `problem`; `skipped` where it is off."""
    found: str
    remedy: str
    """What to do, one step a line; empty where nothing is amiss."""


class PartStanding(Shown):
    """How a part does."""

    part: Part
    state: State
    findings: list[FoundOut]
    """What is amiss, the gravest first; one that says so where nothing is."""


class Infrastructure(Shown):
    """An installation, or an organization's part of it, as it is right now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization": "main",
                    "state": "attention",
                    "parts": [
                        {
                            "part": "email",
                            "state": "attention",
                            "findings": [
                                {
                                    "level": "warning",
                                    "found": "5 messages wait, the first for 20 minutes.",
                                    "remedy": "They go out by themselves.",
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )

    organization: str
    state: State
    """As the part that does worst."""
    parts: list[PartStanding]

    @classmethod
    def of(cls, found: Standings) -> Infrastructure:
        """What was looked at, in words."""
        parts = [
            PartStanding(
                part=part,
                state=standing.state,
                findings=[
                    FoundOut(level=each.level, found=each.found, remedy=each.remedy)
                    for each in standing.findings
                ],
            )
            for part, standing in sorted(
                found.parts.items(), key=lambda each: list(Part).index(each[0])
            )
        ]
        return cls(organization=found.found.organization.group_id, state=found.overall, parts=parts)


@operations.staff("GET", "/infrastructure", PERMISSION, answers=Infrastructure)
async def show_infrastructure(
    asking: Staff, organization: Annotated[Line, Query()] = ""
) -> Infrastructure | Refusal:
    """Show how each part does: listeners, database, certificate authority, channels, audit log.

    Whoever administers the topmost organization sees the whole installation, others how messages of
    theirs get out and how their self-service enrollment stands, and no addresses.
    """
    found = await standings(asking.services, asking.caller, organization)
    return shown(found, Infrastructure.of)
