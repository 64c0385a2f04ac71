"""The company passcode of an organization: generate, disable, reveal, and see how it stands."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.passcodes import Lockout, SelfService
from enlist.core.permissions import Permission
from enlist.verbs import documents
from enlist.verbs.passcodes import (
    LONGEST_OVERLAP,
    DisablePasscode,
    GeneratePasscode,
    PasscodeAgain,
    PasscodeMade,
    PasscodeStatus,
    RevealPasscode,
    ShowPasscode,
    grouped,
)
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.operations import (
    IDEMPOTENT,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Moment

operations: Final = Operations("Organizations")

_PATH: Final = "/organizations/{organization}/passcode"


class WrongSource(Shown):
    """Where wrong entries came from."""

    source: str
    """An IPv4 address, or an IPv6 network of /64."""
    failed: int
    last_at: Moment


class OlderPasscode(Shown):
    """A passcode that is good for a while beside the one that replaced it."""

    generated_at: Moment
    ends_at: Moment
    accepted: int
    uses: int
    last_used_at: Moment | None
    last_used_by: str


class Passcode(Shown):
    """How an organization's self-service stands; never the passcode itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organization": "main",
                    "state": "active",
                    "governed_by": "main",
                    "generated_at": EXAMPLE_MOMENT,
                    "generated_by": "admin@example.com",
                    "generated_by_email": "admin@example.com",
                    "failed_in_a_row": 2,
                    "failed": 7,
                    "last_failed_at": EXAMPLE_MOMENT,
                    "last_failed_from": "192.0.2.7",
                    "threshold": 100,
                    "lockout": "disable",
                    "sources": [{"source": "192.0.2.7", "failed": 7, "last_at": EXAMPLE_MOMENT}],
                    "source_count": 1,
                    "accepted": 40,
                    "uses": 38,
                    "last_used_at": EXAMPLE_MOMENT,
                    "last_used_by": "ada",
                    "last_used_device_id": EXAMPLE_ID,
                    "may_be_revealed": False,
                    "older": None,
                }
            ]
        }
    )

    organization: str
    state: SelfService
    governed_by: str
    """Group ID of the organization whose passcode counts here; empty where there is none."""
    generated_at: Moment | None
    generated_by: str
    generated_by_email: str
    failed_in_a_row: int
    """Wrong entries since the last right one; at `threshold` it is locked, or shielded."""
    failed: int
    """Wrong entries since it was generated."""
    last_failed_at: Moment | None
    last_failed_from: str
    threshold: int
    lockout: Lockout
    sources: list[WrongSource]
    """Where most wrong entries came from, of `source_count` networks."""
    source_count: int
    accepted: int
    """Right entries of somebody known."""
    uses: int
    """Devices that were enrolled by it."""
    last_used_at: Moment | None
    last_used_by: str
    last_used_device_id: str | None
    may_be_revealed: bool
    older: OlderPasscode | None

    @classmethod
    def of(cls, found: PasscodeStatus) -> Passcode:
        """How self-service stands in the store."""
        return cls(**documents.passcode(found))


class PasscodeShown(Shown):
    """A passcode, readable this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "passcode": "8fKm-Qz3R-hT7w",
                    "generated_at": EXAMPLE_MOMENT,
                    "generated_by": "admin@example.com",
                }
            ]
        }
    )

    passcode: str
    """In groups, as people read it; hyphens may be left out where it is typed."""
    generated_at: Moment
    generated_by: str

    @classmethod
    def of(cls, made: PasscodeMade) -> PasscodeShown:
        """A passcode that was generated, or is revealed."""
        return cls(
            passcode=grouped(made.secret),
            generated_at=made.passcode.generated_at,
            generated_by=made.passcode.generated_by,
        )


class GenerateBody(Body):
    """How the passcode before goes on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP, strict=True)] = 0
    """How long the one before stays good; 0 ends it at once. Only while it is active."""


class DisableQuery(Body):
    """What is ended."""

    old: bool = False
    """End only the older one of two that overlap."""


@operations.staff("GET", _PATH, Permission.PASSCODE_READ, answers=Passcode)
async def show_passcode(asking: Staff, organization: str) -> Passcode | Refusal:
    """Show how an organization's self-service stands, and what was entered wrongly."""
    found = await asking.see(ShowPasscode(organization))
    return shown(found, Passcode.of)


@operations.staff(
    "POST",
    _PATH,
    Permission.PASSCODE_EDIT,
    answers=PasscodeShown,
    status=201,
    refuses=(*IDEMPOTENT, "already_shown"),
)
async def generate_passcode(
    asking: Staff,
    organization: str,
    body: GenerateBody | None = None,
    _key: IdempotencyHeader = None,
) -> PasscodeShown | Refusal:
    """Generate a passcode, which switches self-service on. The answer holds it, once.

    A repeated request hears `already_shown`.
    """
    verb = GeneratePasscode(organization, body.overlap_hours if body else 0)
    made = await asking.do_once(verb, PasscodeAgain)
    return shown(made, PasscodeShown.of)


@operations.staff(
    "DELETE",
    _PATH,
    Permission.PASSCODE_EDIT,
    status=204,
    refuses=("passcode_not_active",),
)
async def disable_passcode(
    asking: Staff, organization: str, query: Annotated[DisableQuery, Query()]
) -> Refusal | None:
    """Switch self-service off until a passcode is generated; other ways to enroll go on."""
    outcome = await asking.do(DisablePasscode(organization, query.old))
    return outcome if isinstance(outcome, Refusal) else None


@operations.staff(
    "POST",
    f"{_PATH}/reveal",
    Permission.PASSCODE_EDIT,
    answers=PasscodeShown,
    refuses=("passcode_not_active", "passcode_not_shown_again"),
)
async def reveal_passcode(asking: Staff, organization: str) -> PasscodeShown | Refusal:
    """Show the passcode once more, where the organization's settings allow that; it is an event."""
    made = await asking.do(RevealPasscode(organization))
    return shown(made, PasscodeShown.of)
