"""Enrollments: what they look like; revoking, resending, reissuing and deleting them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import anyio.to_thread
from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core import model
from enlist.core.lifecycle import DeviceState, ShownState, TokenStatus
from enlist.core.model import GrantKind, MessageState, Ownership, Platform, Source
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.delivery.lookups import enrollment_link
from enlist.verbs import documents, views_details
from enlist.verbs.issuing import QR, Delivery, Issued
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend, Revoke
from enlist.verbs.views import ListEnrollments
from enlist.verbs.views_details import ShowEnrollment
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.foreseeing import DryRunAsked, Foreseen, Preview
from enlist.web.api.operations import Asking, Operations, Staff, shown
from enlist.web.jwts import link_picture
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment, MomentGiven

operations: Final = Operations("Enrollments")

EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "state": "active",
    "token_status": "active",
    "token_type": "single_factor",
    "source": "console",
    "device_state": "registered",
    "ownership": "corporate_dedicated",
    "grant": "registration_token",
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "user": "ada",
    "user_id": EXAMPLE_ID,
    "device": "Ada's laptop",
    "device_id": EXAMPLE_ID,
    "platform": "linux",
    "generation": 1,
    "uses": 0,
    "max_uses": 1,
    "issued_at": EXAMPLE_MOMENT,
    "issued_by": "admin@example.com",
    "expires_at": EXAMPLE_MOMENT,
    "opened_at": None,
    "used_at": None,
    "ended_at": None,
    "end_reason": "",
    "message_state": "queued",
    "message_reason": "",
    "message_to": "ada@example.com",
    "replaces_device_id": None,
}


UNSENDABLE: Final = (
    *("email_missing", "phone_missing", "no_channel"),
    *("sms_cap_reached", "recipient_cap_reached"),
)
"""Why a message cannot go to a user."""


class MessageType(Body):
    """How the token reaches the user."""

    type: Literal["email", "sms", "qr", "none", "later"] = "email"
    """`email`, `sms`; `none` or `qr`: shown once in the answer, which takes `enrollments:reveal`,
    `qr` with a picture to scan; `later`: neither, it is sent or downloaded afterwards."""
    template: Line = ""
    """Name of a message template; the default one if left out."""

    def delivery(self) -> Delivery:
        """The same, as verbs take it."""
        return Delivery(self.type, self.template)


class TokenBody(Body):
    """How a new token reaches the user, and how long it is valid."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": {"type": "email"}}]})

    message: MessageType = MessageType()
    expires_at: MomentGiven | None = None
    """Until when the token works; the organization's hours from now if left out."""


class Enrollment(Shown):
    """One authorization to enroll."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    state: ShownState
    """`expired` is an active one whose time is over, `on_hold` one to be freed after a restore."""
    grant: GrantKind
    organization: str
    organization_id: str
    user: str | None
    user_id: str | None
    device: str
    device_id: str | None
    platform: str
    generation: int
    """A reissue makes the next one; older tokens stop working."""
    uses: int
    max_uses: int
    issued_at: Moment
    issued_by: str
    expires_at: Moment
    opened_at: Moment | None
    """When a person first opened the link of this generation; mail scanners do not count."""
    used_at: Moment | None
    ended_at: Moment | None
    end_reason: str
    message_state: str
    """Of its newest message: `queued`, `sending`, `sent`, `delivered`, `failed`; empty where there
    is none."""
    message_reason: str
    message_to: str
    token_status: TokenStatus
    """As `state`, but `in_progress` while somebody is using the token, and `not_applicable` where
    there is none."""
    token_type: str
    """`single_factor` or `two_factor`, as the organization's settings say now; `not_applicable`
    for other grants."""
    source: str
    """Where it was issued: `console`, `self_service`, `api`, `command_line` or `sign_in`."""
    device_state: str
    ownership: str
    replaces_device_id: str | None
    """The device that ends when this enrollment is used."""
    token: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None
    """Only where it was asked for with `message.type` `none` or `qr`, once."""
    link: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None
    """Opens the enrollment page with the token filled in; only beside `token`."""
    qr_code: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None
    """The link as a picture to scan, a PNG in a `data:` address; only with `message.type` `qr`."""

    @classmethod
    def of(cls, found: model.Enrollment, now: int) -> Enrollment:
        """An enrollment as it stands now."""
        return cls(**documents.enrollment(found, now))


class Attempt(Shown):
    """One device's try."""

    id: str
    state: Literal["open", "completed", "cancelled", "expired"]
    started_at: Moment
    expires_at: Moment
    address: str


class Message(Shown):
    """A message to a person, without its text."""

    id: str
    state: MessageState
    reason: str
    """Why it is not sent yet, or was given up."""
    purpose: str
    channel: str
    template: str
    to: str
    user: str | None
    user_id: str | None
    enrollment_id: str | None
    generation: int
    tries: int
    queued_at: Moment
    next_try_at: Moment | None
    """Null once it was sent or given up."""
    sent_at: Moment | None
    provider_id: str
    """What the SMS gateway calls it; empty where it says nothing."""
    delivered_at: Moment | None
    """When the SMS gateway reported that it arrived."""

    @classmethod
    def of(cls, found: model.Message) -> Message:
        """A message of the outbox."""
        return cls(**documents.message(found))


class EnrollmentDetail(Enrollment):
    """An enrollment with what happened around it. Its events: `/events?enrollment=`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**EXAMPLE, "attempts": [], "messages": []}]}
    )

    attempts: list[Attempt]
    messages: list[Message]

    @classmethod
    def of_detail(cls, found: views_details.EnrollmentDetail, now: int) -> EnrollmentDetail:
        """An enrollment, its attempts and its messages."""
        return cls(**documents.enrollment_detail(found, now))


TokenTypeGiven = Literal["single_factor", "two_factor", "not_applicable"]
FirstSeen = Literal["never", "day", "week", "month", "earlier"]


class EnrollmentQuery(Paging):
    """Sorts: `issued_at`, `expires_at`, `user`, `device`, `state`."""

    state: ShownState | None = None
    platform: Platform | None = None
    grant: GrantKind | None = None
    user: Line | None = None
    """Id or user name."""
    device: IdGiven | None = None
    message_state: MessageState | None = None
    device_state: DeviceState | None = None
    """The enrollment status of its device."""
    ownership: Ownership | None = None
    token_status: TokenStatus | None = None
    token_type: TokenTypeGiven | None = None
    source: Source | None = None
    first_seen: FirstSeen | None = None
    """When its device first came with it: within the last day, week or 30 days, or earlier."""


@operations.staff("GET", "/enrollments", Permission.ENROLLMENTS_READ, answers=Page[Enrollment])
async def list_enrollments(
    asking: Staff, query: Annotated[EnrollmentQuery, Query()]
) -> Page[Enrollment] | Refusal:
    """List enrollments, newest first."""
    now = asking.services.tools.clock()
    found = await asking.see(ListEnrollments(**filters(query)))
    return shown(found, lambda page: Page.of(page, lambda each: Enrollment.of(each, now)))


@operations.staff(
    "GET",
    "/enrollments/{enrollment_id}",
    Permission.ENROLLMENTS_READ,
    answers=EnrollmentDetail,
)
async def show_enrollment(asking: Staff, enrollment_id: str) -> EnrollmentDetail | Refusal:
    """Show an enrollment. Its token is never shown."""
    now = asking.services.tools.clock()
    found = await asking.see(ShowEnrollment(enrollment_id))
    return shown(found, lambda detail: EnrollmentDetail.of_detail(detail, now))


class RevokeBody(Body):
    """Why an enrollment is revoked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the laptop was lost"}]})

    reason: Line = ""
    """For the audit log and the console; whoever holds the token does not see it."""


@operations.staff(
    "POST",
    "/enrollments/{enrollment_id}/revoke",
    Permission.ENROLLMENTS_REVOKE,
    answers=EnrollmentDetail,
    refuses=("token_used", "token_revoked"),
)
async def revoke_enrollment(
    asking: Staff, enrollment_id: str, body: RevokeBody | None = None
) -> EnrollmentDetail | Refusal:
    """Revoke an enrollment. Its token tells its holder so; that cannot be undone."""
    reason = body.reason if body else ""
    done = await asking.do(Revoke(enrollment_id, reason))
    return done if isinstance(done, Refusal) else await show_enrollment(asking, enrollment_id)


@operations.staff(
    "POST",
    "/enrollments/{enrollment_id}/reactivate",
    Permission.ENROLLMENTS_REISSUE,
    answers=EnrollmentDetail,
    refuses=("conflict", "key_leaked", "enrollment_exists", "device_enrolled"),
)
async def reactivate_enrollment(asking: Staff, enrollment_id: str) -> EnrollmentDetail | Refusal:
    """Free an enrollment that is on hold since a backup was restored; its token works again."""
    done = await asking.do(Reactivate(enrollment_id))
    return done if isinstance(done, Refusal) else await show_enrollment(asking, enrollment_id)


class ResendBody(Body):
    """How to send the same token once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"template": ""}]})

    type: Literal["", "email", "sms"] = ""
    """`email` or `sms`; the way that its last message went if left out, else by e-mail."""
    template: Line = ""


@operations.staff(
    "POST",
    "/enrollments/{enrollment_id}/resend",
    Permission.ENROLLMENTS_RESEND,
    answers=EnrollmentDetail,
    refuses=("not_resendable", *UNSENDABLE),
)
async def resend_enrollment(
    asking: Staff, enrollment_id: str, body: ResendBody | None = None
) -> EnrollmentDetail | Refusal:
    """Send the same token again: same value, same expiry."""
    asked = body or ResendBody()
    done = await asking.do(Resend(enrollment_id, asked.template, asked.type))
    return done if isinstance(done, Refusal) else await show_enrollment(asking, enrollment_id)


class ReissueBody(Body):
    """How a new token reaches the user, how long it is valid, and why it is made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": {"type": "email"}}]})

    message: MessageType | None = None
    """By e-mail if left out; a one-time JWT is downloaded."""
    expires_at: MomentGiven | None = None
    """Until when the token works; the organization's hours from now if left out."""
    reason: Line = ""
    """For the audit log."""
    preview: Preview = ""
    """What a dry run answered; if anything has changed since, nothing is done."""


@operations.staff(
    "POST",
    "/enrollments/{enrollment_id}/reissue",
    Permission.ENROLLMENTS_REISSUE,
    answers=EnrollmentDetail | Foreseen,
    refuses=(
        *("token_used", "token_revoked", "conflict", "enrollment_exists", "device_enrolled"),
        *("preview_outdated", *UNSENDABLE),
    ),
)
async def reissue_enrollment(
    asking: Staff,
    enrollment_id: str,
    body: ReissueBody | None = None,
    dry_run: DryRunAsked = False,
) -> EnrollmentDetail | Foreseen | Refusal:
    """Make a new token for an enrollment that nobody used; the old one ends.

    Works on an expired one as well. Whoever still holds the old token is told that a newer one
    was sent, and when.
    """
    asked = body or ReissueBody()
    delivery = asked.message.delivery() if asked.message else None
    verb = Reissue(enrollment_id, delivery, asked.expires_at, asked.reason, asked.preview)
    if dry_run:
        now = asking.services.tools.clock()
        foreseen = await asking.do(DryRun(verb))
        return shown(foreseen, lambda found: Foreseen.of(found, now))
    issued = await asking.do(verb)
    if isinstance(issued, Refusal):
        return issued
    return await issued_enrollment(asking, issued, asked.message)


@operations.staff(
    "DELETE",
    "/enrollments/{enrollment_id}",
    Permission.ENROLLMENTS_DELETE,
    status=204,
    refuses=("token_used", "token_revoked"),
)
async def delete_enrollment(asking: Staff, enrollment_id: str) -> Refusal | None:
    """Delete an enrollment that nobody used. Its token is unknown from now on.

    Nothing brings it back; the device and what it holds stay as they are.
    """
    return await asking.do(DeleteEnrollment(enrollment_id))


async def issued_enrollment(
    asking: Asking, issued: Issued, message: MessageType | None = None
) -> EnrollmentDetail | Refusal:
    """What was issued, with token, link and picture where the verb gave the token out."""
    found = await show_enrollment(asking, issued.enrollment_id)
    if isinstance(found, Refusal) or issued.token is None:
        return found
    token = issued.token.reveal()
    link = enrollment_link(asking.services.public_url, found.id, token)
    update = {"token": token, "link": link}
    if message is not None and message.type == QR:
        update["qr_code"] = await anyio.to_thread.run_sync(link_picture, link)
    return found.model_copy(update=update)
