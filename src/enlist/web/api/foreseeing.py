"""What would end: what a dry run answers, and what was confirmed with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from enlist.core.lifecycle import ShownState
from enlist.core.model import GrantKind
from enlist.verbs import documents
from enlist.verbs.consequences import Consequences as Found
from enlist.verbs.consequences import Foreseen as FoundAndBound
from enlist.web.api.bodies import Shown
from enlist.web.values import Moment

DryRunAsked = Annotated[bool, Query(description="Change nothing, and answer with what would end.")]
Preview = Annotated[str, Field(max_length=64, pattern="^[0-9a-f]*$")]
"""What a dry run answered; if anything has changed since, nothing is done."""


class EndingCredential(Shown):
    """A certificate that is revoked."""

    id: str
    serial: str
    fingerprint: str
    not_after: Moment


class EndingEnrollment(Shown):
    """An enrollment whose token, link or JWT stops working."""

    id: str
    grant: GrantKind
    state: ShownState
    expires_at: Moment


class Consequences(Shown):
    """What ends, at once."""

    credentials: list[EndingCredential]
    enrollments: list[EndingEnrollment]
    sessions: int
    """How many live sessions drop."""
    networks: list[str]
    """Where they come from: IPv4 /24, IPv6 /48."""
    sign_ins: int
    """How many sign-ins of the owner end."""

    @classmethod
    def of(cls, found: Found, now: int) -> Consequences:
        """The same, as it is shown."""
        return cls(**documents.consequences(found, now))


class Foreseen(Shown):
    """What a dry run answers."""

    consequences: Consequences
    preview: str
    """A digest of what there is. Sent with the confirmation, it refuses any other situation."""

    @classmethod
    def of(cls, found: FoundAndBound, now: int) -> Foreseen:
        """The same, as it is shown."""
        return cls(consequences=Consequences.of(found.consequences, now), preview=found.preview)
