"""Registering devices, for users who are there or are just being added, and what comes of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.model import GrantKind, Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.documents import IDENTIFIERS
from enlist.verbs.issuing import Issued
from enlist.verbs.register import Issue, IssuedAgain, Register
from enlist.verbs.views_details import ShowDevice
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.devices import CustomAttributes, Device, IdentifiersGiven, Tags
from enlist.web.api.enrollments import (
    UNSENDABLE,
    EnrollmentDetail,
    MessageType,
    TokenBody,
    issued_enrollment,
)
from enlist.web.api.operations import (
    IDEMPOTENT,
    Asking,
    IdempotencyHeader,
    Operations,
    Staff,
    shown,
)
from enlist.web.values import Line

operations: Final = Operations("Devices")

GrantGiven = Literal[GrantKind.REGISTRATION_TOKEN, GrantKind.ONE_TIME_JWT]

DEVICE: Final[JsonDict] = {
    "name": "Ada's laptop",
    "platform": "linux",
    "ownership": "corporate_dedicated",
    "identifiers": {"serial": "C02XK1"},
    "message": {"type": "email"},
}


class DeviceGiven(Body):
    """What is known of a device when it is registered."""

    name: Annotated[Line, Field(min_length=1)]
    platform: Platform
    ownership: Ownership = Ownership.NONE
    model: Line = ""
    os_version: Line = ""
    identifiers: IdentifiersGiven = IdentifiersGiven()
    external_id: Line = ""
    tags: Tags = Field(default_factory=list)
    custom_attributes: CustomAttributes = Field(default_factory=dict)

    def details(self) -> DeviceDetails:
        """The same, as the verb takes it."""
        numbers = {name: getattr(self.identifiers, name) or "" for name in IDENTIFIERS}
        return DeviceDetails(
            name=self.name,
            platform=self.platform.value,
            ownership=self.ownership.value,
            model=self.model,
            os_version=self.os_version,
            external_id=self.external_id,
            tags=tuple(self.tags),
            custom_attributes=self.custom_attributes,
            **numbers,
        )


class NewDevice(TokenBody, DeviceGiven):
    """A device, and how its token gets to its user."""

    model_config = ConfigDict(json_schema_extra={"examples": [DEVICE]})


class RegisterBody(NewDevice):
    """A device, for whom, and how its token gets there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"organization": "main", "user": "ada", **DEVICE}]}
    )

    organization: Line = ""
    """Id or Group ID; the user's own if left out."""
    user: Annotated[Line, Field(min_length=1)]
    """Id or user name."""
    grant: GrantGiven = GrantKind.REGISTRATION_TOKEN
    """`registration_token`, or `one_time_jwt`, a file for OpenZiti clients."""


class IssueBody(TokenBody):
    """What a registered device is to enroll with, and how it gets to its user."""

    grant: GrantGiven = GrantKind.REGISTRATION_TOKEN
    """As where a device is registered."""


class Registered(Shown):
    """A device that was registered, and its enrollment."""

    device: Device
    enrollment: EnrollmentDetail


@operations.staff(
    "POST",
    "/devices",
    Permission.DEVICES_REGISTER,
    answers=Registered,
    status=201,
    refuses=(*IDEMPOTENT, "too_many_enrollments", *UNSENDABLE),
)
async def register_device(
    asking: Staff, body: RegisterBody, _key: IdempotencyHeader = None
) -> Registered | Refusal:
    """Register a device for a user, and issue a registration token for it.

    The token goes to the user. Only with `message.type` `none`, which takes the permission
    `enrollments:reveal`, the answer holds it, once, together with the link. A one-time JWT is
    downloaded instead: `GET /enrollments/{enrollment_id}/jwt`.
    """
    delivery = body.message.delivery()
    verb = Register(
        body.organization, body.user, body.details(), delivery, body.expires_at, body.grant
    )
    issued = await asking.do_once(verb, _again(body.message))
    return issued if isinstance(issued, Refusal) else await registered(asking, issued, body.message)


@operations.staff(
    "POST",
    "/devices/{device_id}/enrollments",
    Permission.ENROLLMENTS_ISSUE,
    answers=EnrollmentDetail,
    status=201,
    refuses=(
        *IDEMPOTENT,
        "enrollment_exists",
        "device_enrolled",
        "too_many_enrollments",
        *UNSENDABLE,
    ),
)
async def issue_enrollment(
    asking: Staff,
    device_id: str,
    body: IssueBody | None = None,
    _key: IdempotencyHeader = None,
) -> EnrollmentDetail | Refusal:
    """Issue a new enrollment for a registered device that has none live."""
    asked = body or IssueBody()
    verb = Issue(device_id, asked.message.delivery(), asked.expires_at, asked.grant)
    issued = await asking.do_once(verb, _again(asked.message))
    if isinstance(issued, Refusal):
        return issued
    return await issued_enrollment(asking, issued, asked.message)


async def registered(asking: Asking, issued: Issued, message: MessageType) -> Registered | Refusal:
    """What was registered, with token, link and picture where the verb gave the token out."""
    device = await asking.see(ShowDevice(issued.device_id))
    if isinstance(device, Refusal):
        return device
    enrollment = await issued_enrollment(asking, issued, message)
    return shown(
        enrollment, lambda each: Registered(device=Device.of(device.device), enrollment=each)
    )


def _again(message: MessageType) -> Any:
    """The answer to a repeated request: a token that was shown is derived and shown again."""
    return lambda made: IssuedAgain(made, revealed=message.delivery().shown)
