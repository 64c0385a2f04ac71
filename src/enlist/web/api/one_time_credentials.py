"""One-time credentials that staff has sent: to one user, or to many."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StrictInt

from enlist.core.clock import rfc3339
from enlist.core.model import Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.policy import SETTINGS
from enlist.verbs.issuing import Issued
from enlist.verbs.many import MOST_AT_ONCE
from enlist.verbs.one_time_credentials import IssueCredentials
from enlist.verbs.register import IssuedAgain
from enlist.web.api.bodies import Body
from enlist.web.api.devices import Tags
from enlist.web.api.enrollments import (
    UNSENDABLE,
    EnrollmentDetail,
    MessageType,
    issued_enrollment,
)
from enlist.web.api.events import JsonLines
from enlist.web.api.many import each_of
from enlist.web.api.operations import IDEMPOTENT, IdempotencyHeader, Operations, Staff
from enlist.web.values import EXAMPLE_ID, Line

operations: Final = Operations("Users")

_HOURS: Final = SETTINGS["passcode_credential_hours"]


class CredentialsBody(Body):
    """For which device, how long, and how they reach the user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"platform": "windows"}]})

    platform: Platform
    organization: Line = ""
    """Id or Group ID of where the device will be; where the user's devices go if left out."""
    hours: Annotated[StrictInt, Field(ge=_HOURS.least, le=_HOURS.most)] | None = None
    """How long they live; the setting `passcode_credential_hours` if left out."""
    tags: Tags = Field(default_factory=list)
    """Of the device."""
    type: Literal["email", "sms"] = "email"

    def verb(self, user: str) -> IssueCredentials:
        """The same for one user."""
        return IssueCredentials(
            user,
            self.platform.value,
            self.organization,
            hours=self.hours,
            tags=tuple(self.tags),
            message=self.type,
        )


class ManyCredentials(CredentialsBody):
    """For which users, and what their credentials have in common."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": [EXAMPLE_ID], "platform": "windows"}]}
    )

    ids: Annotated[list[Line], Field(min_length=1, max_length=MOST_AT_ONCE)]
    """Of the users, or their user names."""


@operations.staff(
    "POST",
    "/users/{user}/enrollment-credentials",
    Permission.ENROLLMENTS_ISSUE,
    answers=EnrollmentDetail,
    status=201,
    refuses=(
        *IDEMPOTENT,
        "user_not_allowed",
        "too_many_enrollments",
        "phone_invalid",
        *UNSENDABLE,
    ),
)
async def issue_credentials(
    asking: Staff, user: str, body: CredentialsBody, _key: IdempotencyHeader = None
) -> EnrollmentDetail | Refusal:
    """Register a device of a platform for a user, and send him what enrolls it, once.

    The message brings a link, and a user name and password to be typed instead. It goes to the
    address on record, at most once in 30 seconds and five times an hour; no answer holds any of it.
    """
    issued = await asking.do_once(body.verb(user), lambda made: IssuedAgain(made, revealed=False))
    if isinstance(issued, Refusal):
        return issued
    return await issued_enrollment(asking, issued, MessageType(type=body.type))


@operations.staff(
    "POST", "/users/enrollment-credentials", Permission.ENROLLMENTS_ISSUE, answers=JsonLines
)
async def issue_many_credentials(asking: Staff, body: ManyCredentials) -> JsonLines | Refusal:
    """The same for up to 1,000 users; answered as `/enrollments/bulk/resend` is.

    The line of whoever was sent something also names the `device_id`, the `enrollment_id`, and
    until when it works, `expires_at`.
    """
    return await each_of(asking, Permission.ENROLLMENTS_ISSUE, body.ids, body.verb, _line)


def _line(issued: Issued) -> dict[str, Any]:
    return {
        "device_id": issued.device_id,
        "enrollment_id": issued.enrollment_id,
        "expires_at": rfc3339(issued.expires_at),
    }
