"""Devices: what is known of each. Registering them: `registering`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device as StoredDevice
from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import documents, views_details
from enlist.verbs.devices import ChangeDevice, DeleteDevice
from enlist.verbs.documents import IDENTIFIERS
from enlist.verbs.labels import MOST_ATTRIBUTES, MOST_TAGS
from enlist.verbs.move import MoveDevice
from enlist.verbs.views import ListDevices
from enlist.verbs.views_details import ShowDevice
from enlist.web.api.bodies import Body, Page, Paging, Shown, changes, filters
from enlist.web.api.enrollments import EXAMPLE as ENROLLMENT
from enlist.web.api.enrollments import Attempt, Enrollment, Message
from enlist.web.api.operations import IfMatch, Operations, Staff, shown, version_of
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Devices")


_EXAMPLE: Final[JsonDict] = {
    "id": EXAMPLE_ID,
    "state": "registered",
    "name": "Ada's laptop",
    "platform": "linux",
    "ownership": "corporate_dedicated",
    "organization": "main",
    "organization_id": EXAMPLE_ID,
    "user": "ada",
    "user_id": EXAMPLE_ID,
    "model": "",
    "os_version": "",
    "identifiers": {"serial": "C02XK1", "imei": "", "udid": "", "sim": "", "asset_number": ""},
    "external_id": "",
    "tags": ["field sales"],
    "custom_attributes": {"cost center": "4711"},
    "handed_out": False,
    "registered_at": EXAMPLE_MOMENT,
    "enrolled_at": None,
    "last_seen_at": None,
    "version": 1,
}


class Identifiers(Shown):
    """Numbers that tell one device from another; empty where unknown."""

    serial: str
    imei: str
    udid: str
    sim: str
    asset_number: str


class Device(Shown):
    """Whatever enrolls and holds a credential."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    state: DeviceState
    name: str
    platform: Platform
    ownership: Ownership
    organization: str
    organization_id: str
    user: str | None
    """Null where it is nobody's, and where its user belongs to an organization out of sight."""
    user_id: str | None
    model: str
    os_version: str
    identifiers: Identifiers
    external_id: str
    """What another system calls it; unique within the organization."""
    tags: list[str]
    custom_attributes: dict[str, str]
    """What the organization keeps of it besides, by names of its own."""
    handed_out: bool
    """A staging user lent it to whoever has it now, and it comes back."""
    registered_at: Moment
    enrolled_at: Moment | None
    last_seen_at: Moment | None
    version: int
    """Counts changes; the `ETag` is made of it."""

    @classmethod
    def of(cls, found: StoredDevice) -> Device:
        """A device of the store."""
        return cls(**documents.device(found))


class Credential(Shown):
    """A certificate that the device holds."""

    id: str
    serial: str
    """Lower-case hexadecimal."""
    fingerprint: str
    certificate: str
    """PEM."""
    not_before: Moment
    not_after: Moment
    issued_at: Moment
    revoked_at: Moment | None
    revocation_reason: str


class DeviceDetail(Device):
    """A device with all that belongs to it, newest first. Its events: `/events?device=`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "enrollments": [ENROLLMENT],
                    "credentials": [],
                    "attempts": [],
                    "messages": [],
                }
            ]
        }
    )

    enrollments: list[Enrollment]
    credentials: list[Credential]
    attempts: list[Attempt]
    messages: list[Message]

    @classmethod
    def of_detail(cls, found: views_details.DeviceDetail, now: int) -> DeviceDetail:
        """A device and what belongs to it."""
        return cls(**documents.device_detail(found, now))


class DeviceQuery(Paging):
    """Sorts: `registered_at`, `name`, `user`, `platform`, `state`, `enrolled_at`,
    `last_seen_at`."""

    state: DeviceState | None = None
    platform: Platform | None = None
    ownership: Ownership | None = None
    user: Line | None = None
    """Id or user name."""
    external_id: Line | None = None


Tags = Annotated[list[Line], Field(max_length=MOST_TAGS)]
"""Words of the organization's own; each at most 40 characters, without a comma."""

CustomAttributes = Annotated[dict[Line, Line], Field(max_length=MOST_ATTRIBUTES)]
"""Values by names of the organization's own; a name has at most 60 characters."""


class IdentifiersGiven(Body):
    """Numbers that tell one device from another."""

    serial: Line | None = None
    imei: Line | None = None
    udid: Line | None = None
    sim: Line | None = None
    asset_number: Line | None = None


@operations.staff("GET", "/devices", Permission.DEVICES_READ, answers=Page[Device])
async def list_devices(
    asking: Staff, query: Annotated[DeviceQuery, Query()]
) -> Page[Device] | Refusal:
    """List devices, newest first."""
    found = await asking.see(ListDevices(**filters(query)))
    return shown(found, lambda page: Page.of(page, Device.of))


@operations.staff("GET", "/devices/{device_id}", Permission.DEVICES_READ, answers=DeviceDetail)
async def show_device(asking: Staff, device_id: str) -> DeviceDetail | Refusal:
    """Show a device with its enrollments, credentials, attempts and messages."""
    found = await asking.see(ShowDevice(device_id))
    if isinstance(found, Refusal):
        return found
    asking.versioned(found.device.version)
    return DeviceDetail.of_detail(found, asking.services.tools.clock())


class DeviceChanges(Body):
    """What to change; what is left out stays, null empties. Platform and user stay."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Ada's new laptop", "identifiers": {"asset_number": "4711"}}]
        }
    )

    name: Line | None = None
    ownership: Ownership | None = None
    model: Line | None = None
    os_version: Line | None = None
    identifiers: IdentifiersGiven | None = None
    external_id: Line | None = None
    tags: Tags | None = None
    """All of them: what is not named here is taken away."""
    custom_attributes: CustomAttributes | None = None
    """Likewise."""

    def named(self) -> dict[str, Any]:
        """The fields that were named, as the verb takes them."""
        found: dict[str, Any] = changes(self)
        identifiers = found.pop("identifiers", IdentifiersGiven())
        found |= dict.fromkeys(IDENTIFIERS) if identifiers is None else changes(identifiers)
        return found


@operations.staff(
    "PATCH",
    "/devices/{device_id}",
    Permission.DEVICES_EDIT,
    answers=Device,
    refuses=("precondition_failed",),
)
async def change_device(
    asking: Staff,
    device_id: str,
    body: DeviceChanges,
    if_match: IfMatch = None,
) -> Device | Refusal:
    """Change what is known of a device."""
    verb = ChangeDevice(device_id, body.named(), version_of(if_match))
    changed = await asking.do(verb)
    if isinstance(changed, Refusal):
        return changed
    asking.versioned(changed.version)
    return Device.of(changed)


class MoveBody(Body):
    """Where a device goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organization": "berlin"}]})

    organization: Annotated[Line, Field(min_length=1)]
    """Id or Group ID; its user's organization, or one below it."""


@operations.staff(
    "POST",
    "/devices/{device_id}/move",
    Permission.DEVICES_EDIT,
    answers=Device,
    refuses=("device_enrolled", "conflict"),
)
async def move_device(asking: Staff, device_id: str, body: MoveBody) -> Device | Refusal:
    """Move a registered device, with its token, to another organization.

    The token keeps its value and its own expiry, and follows the settings and restrictions of
    where it is now.
    """
    moved = await asking.do(MoveDevice(device_id, body.organization))
    return shown(moved, Device.of)


@operations.staff("DELETE", "/devices/{device_id}", Permission.DEVICES_DELETE, status=204)
async def delete_device(asking: Staff, device_id: str) -> Refusal | None:
    """Delete a device: its certificates are revoked, its tokens unknown from now on."""
    return await asking.do(DeleteDevice(device_id))
