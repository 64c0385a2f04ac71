"""Devices that a staging user enrolled are handed out, and come back."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.staging import HandOut
from enlist.web.api.bodies import Body
from enlist.web.api.devices import Device
from enlist.web.api.operations import IfMatch, Operations, Staff, version_of
from enlist.web.values import Line

operations: Final = Operations("Devices")


class HandOutBody(Body):
    """Who has the device from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user": "grace"}]})

    user: Annotated[Line, Field(min_length=1)]
    """Id or user name; the staging user's own takes it back."""
    organization: Line = ""
    """Id or Group ID; if left out, where the device is, or where devices of the user go."""
    for_good: bool = False
    """It does not come back; only where the staging user's type allows both."""


@operations.staff(
    "POST",
    "/devices/{device_id}/hand-out",
    Permission.DEVICES_REASSIGN,
    answers=Device,
    refuses=(
        *("precondition_failed", "conflict", "user_not_allowed", "device_denied"),
        *("device_not_approved", "device_revoked", "device_limit_reached", "os_version_too_old"),
        "wrong_user",
    ),
)
async def hand_out_device(
    asking: Staff, device_id: str, body: HandOutBody, if_match: IfMatch = None
) -> Device | Refusal:
    """Give a device that a staging user enrolled to another user, as it is.

    It stays enrolled and connected. What its user may have enrolled is restricted as if he
    enrolled it himself.
    """
    verb = HandOut(device_id, body.user, body.organization, body.for_good, version_of(if_match))
    handed = await asking.do(verb)
    if isinstance(handed, Refusal):
        return handed
    asking.versioned(handed.version)
    return Device.of(handed)
