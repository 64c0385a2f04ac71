"""Resetting, reassigning and replacing devices; what would end is shown by a dry run first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.model import GrantKind, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.afresh import BegunAgain, NewBeginning
from enlist.verbs.consequences import Foreseen
from enlist.verbs.driver import Verb
from enlist.verbs.reassign import Reassign
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.replace import Replace
from enlist.verbs.reset import Reset, ResetReason
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.enrollments import EXAMPLE as ENROLLMENT
from enlist.web.api.enrollments import (
    UNSENDABLE,
    EnrollmentDetail,
    MessageType,
    issued_enrollment,
)
from enlist.web.api.foreseeing import Consequences, DryRunAsked, Preview
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    IfMatch,
    Operations,
    Staff,
    version_of,
)
from enlist.web.values import Line, MomentGiven

operations: Final = Operations("Devices")

NewGrant = Literal[GrantKind.REGISTRATION_TOKEN, GrantKind.ONE_TIME_JWT]

_REFUSES: Final = (*IDEMPOTENT, "precondition_failed", "preview_outdated", "conflict")


_EXAMPLE: Final[JsonDict] = {
    "enrollment": {**ENROLLMENT, "attempts": [], "messages": []},
    "consequences": {
        "credentials": [],
        "enrollments": [],
        "sessions": 2,
        "networks": ["192.0.2.0/24"],
        "sign_ins": 0,
    },
    "preview": "9f2b",
}


class Afresh(Shown):
    """A device that begins anew, or would."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    enrollment: EnrollmentDetail | None
    """The new enrollment; null in a dry run."""
    consequences: Consequences
    """What ended, or would; empty in the answer to a repeated request."""
    preview: str
    """A digest of what there was. Sent with a confirmation, it refuses any other situation."""


class _Token(Body):
    """How the new token gets to the user, and how long it is valid."""

    message: MessageType = MessageType(type="later")
    expires_at: MomentGiven | None = None
    """Until when the token works; the organization's hours from now if left out."""
    grant: NewGrant | None = None
    """By what the device enrolls again; as it did the last time if left out."""
    preview: Preview = ""
    """What a dry run answered; if anything has changed since, nothing is done."""


class ResetBody(_Token):
    """Why a device is reset, and how it goes on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "lost", "message": {"type": "email"}}]}
    )

    reason: ResetReason | None = None
    """It becomes the reason in the revocation list, and in the audit log."""
    end_sign_ins: bool = False
    """End the owner's sign-ins as well; only where the reason is `compromised`."""


@operations.staff(
    "POST",
    "/devices/{device_id}/reset",
    Permission.DEVICES_RESET,
    answers=Afresh,
    refuses=(*_REFUSES, *UNSENDABLE),
)
async def reset_device(
    asking: Staff,
    device_id: str,
    body: ResetBody | None = None,
    dry_run: DryRunAsked = False,
    if_match: IfMatch = None,
    _key: IdempotencyHeader = None,
) -> Afresh | Refusal:
    """End what a device holds, at once, and issue a new enrollment for it.

    Its certificates are revoked, its live sessions drop, tokens that are outstanding stop working.
    The new token is not sent unless `message` says so: send or download it afterwards.
    """
    asked = body or ResetBody()
    verb = Reset(
        device_id,
        asked.reason or "",
        asked.message.delivery(),
        asked.expires_at,
        asked.grant,
        asked.end_sign_ins,
        asked.preview,
        version_of(if_match),
    )
    return await _afresh(asking, verb, asked.message, dry_run=dry_run)


class ReassignBody(_Token):
    """Whose the device is from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user": "grace"}]})

    user: Annotated[Line, Field(min_length=1)]
    """Id or user name."""
    organization: Line = ""
    """Id or Group ID; if left out, where the device is, or where devices of the user go."""


@operations.staff(
    "POST",
    "/devices/{device_id}/reassign",
    Permission.DEVICES_REASSIGN,
    answers=Afresh,
    refuses=(*_REFUSES, *UNSENDABLE),
)
async def reassign_device(
    asking: Staff,
    device_id: str,
    body: ReassignBody,
    dry_run: DryRunAsked = False,
    if_match: IfMatch = None,
    _key: IdempotencyHeader = None,
) -> Afresh | Refusal:
    """Give a device to another user: what it holds ends, and it gets an enrollment for him.

    Events and enrollments of the time before stay those of the user before.
    """
    verb = Reassign(
        device_id,
        body.user,
        body.organization,
        body.message.delivery(),
        body.expires_at,
        body.grant,
        body.preview,
        version_of(if_match),
    )
    return await _afresh(asking, verb, body.message, dry_run=dry_run)


class ReplaceBody(_Token):
    """The device that takes the place of another."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ada's new laptop", "message": {"type": "email"}}]}
    )

    name: Line = ""
    """What it is called; as the old one if left out."""
    platform: Platform | None = None
    """The old one's if left out."""
    serial: Line = ""


@operations.staff(
    "POST",
    "/devices/{device_id}/replace",
    Permission.DEVICES_REPLACE,
    answers=Afresh,
    status=201,
    refuses=(*_REFUSES, *UNSENDABLE, "too_many_enrollments"),
)
async def replace_device(
    asking: Staff,
    device_id: str,
    body: ReplaceBody | None = None,
    dry_run: DryRunAsked = False,
    if_match: IfMatch = None,
    _key: IdempotencyHeader = None,
) -> Afresh | Refusal:
    """Register a device that takes the place of this one, for the same user.

    Nothing ends yet: this one goes on working until the new one is enrolled.
    """
    asked = body or ReplaceBody()
    verb = Replace(
        device_id,
        asked.name,
        asked.platform or "",
        asked.serial,
        asked.message.delivery(),
        asked.expires_at,
        asked.grant,
        asked.preview,
        version_of(if_match),
    )
    if dry_run:
        asking.response.status_code = 200
    return await _afresh(asking, verb, asked.message, dry_run=dry_run)


async def _afresh(
    asking: Asking, verb: Verb[Any, Any, NewBeginning], message: MessageType, *, dry_run: bool
) -> Afresh | Refusal:
    now = asking.services.tools.clock()
    if dry_run:
        foreseen = await asking.do(DryRun(verb))
        if isinstance(foreseen, Refusal):
            return foreseen
        return _shown(None, foreseen, now)
    begun = await asking.do_once(verb, _again(message))
    if isinstance(begun, Refusal):
        return begun
    enrollment = await issued_enrollment(asking, begun.issued, message)
    if isinstance(enrollment, Refusal):
        return enrollment
    return _shown(enrollment, begun.ended, now)


def _shown(enrollment: EnrollmentDetail | None, found: Foreseen, now: int) -> Afresh:
    return Afresh(
        enrollment=enrollment,
        consequences=Consequences.of(found.consequences, now),
        preview=found.preview,
    )


def _again(message: MessageType) -> Callable[[str], BegunAgain]:
    """The answer to a repeated request: a token that was shown is derived and shown again."""
    return lambda made: BegunAgain(made, revealed=message.delivery().shown)
