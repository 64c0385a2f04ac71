"""One's own devices: what the portal does, for a program that comes with somebody's sign-in.

Nothing here answers with a token, or takes an address to send one to: it goes to the user's own.
"""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

from enlist.core.lifecycle import DeviceState, shown_state
from enlist.core.model import MessageState, Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.delivery.rendering import Rendered, render_preview
from enlist.verbs.channels import usual
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.mine import AddedAgain, AddMine, DeleteMine, RenewMine, ResendMine
from enlist.verbs.users import CONTACT
from enlist.verbs.views_mine import Mine, MyDevices, ShowMyDevice, ShowMyMessage
from enlist.web.api.bodies import Body, Shown, changes
from enlist.web.api.enrollments import UNSENDABLE
from enlist.web.api.myself import SIGNED_IN
from enlist.web.api.operations import IdempotencyHeader, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment

operations: Final = Operations("My devices")


class MyDevice(Shown):
    """A device of one's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "name": "Ada's laptop",
                    "platform": "linux",
                    "tags": ["laptop"],
                    "state": "registered",
                    "enrollment_state": "active",
                    "expires_at": EXAMPLE_MOMENT,
                    "message_state": "sent",
                    "message_to": "ada@example.com",
                    "registered_at": EXAMPLE_MOMENT,
                }
            ]
        }
    )

    id: str
    name: str
    platform: Platform
    tags: list[str]
    """What staff sorts it by."""
    state: DeviceState
    enrollment_state: str | None
    """Of the newest enrollment: `active`, `expired`, `on_hold`, `used` or `revoked`."""
    expires_at: Moment | None
    message_state: str
    message_to: str
    registered_at: Moment

    @classmethod
    def of(cls, mine: Mine, now: int) -> MyDevice:
        """A device of the store."""
        device, found = mine.device, mine.enrollment
        return cls(
            id=device.id,
            name=device.name,
            platform=device.platform,
            tags=list(device.tags),
            state=device.state,
            enrollment_state=shown_state(found.state, found.expires_at, now) if found else None,
            expires_at=found.expires_at if found else None,
            message_state=found.message_state if found else "",
            message_to=found.message_to if found else "",
            registered_at=device.registered_at,
        )


class MyDeviceList(Shown):
    """One's own devices, newest first."""

    items: list[MyDevice]
    contact_locked: bool
    """Whether e-mail address and phone number are read-only: a token enrolled a device."""
    message_type: str
    """What a form chooses already for the message of another one: `email` or `sms`."""
    questions: list[str]
    """What the organization asks of a device that is added: `ownership`, `asset_number`."""


@operations.staff("GET", "/me/devices", SIGNED_IN, answers=MyDeviceList)
async def list_my_devices(asking: Staff) -> MyDeviceList | Refusal:
    """List one's own devices. API keys have none."""
    tools = asking.services.tools
    now = tools.clock()
    found = await asking.see(MyDevices())
    return shown(
        found,
        lambda own: MyDeviceList(
            items=[MyDevice.of(each, now) for each in own.devices],
            contact_locked=own.locked,
            message_type=usual(own.user, tools.channels),
            questions=list(own.questions),
        ),
    )


@operations.staff("GET", "/me/devices/{device_id}", SIGNED_IN, answers=MyDevice)
async def show_my_device(asking: Staff, device_id: IdGiven) -> MyDevice | Refusal:
    """Show a device of one's own."""
    now = asking.services.tools.clock()
    found = await asking.see(ShowMyDevice(device_id))
    return shown(found, lambda own: MyDevice.of(own.mine, now))


class NewDevice(Body):
    """A device to add. Its token is sent to one's own address."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ada's laptop", "platform": "linux"}]}
    )

    name: Line
    platform: Platform
    ownership: Ownership = Ownership.NONE
    model: Line = ""
    serial: Line = ""
    imei: Line = ""
    asset_number: Line = ""
    message_type: Line = "email"
    """`email` or `sms`."""
    email: Line | None = None
    """One's own address; only before a device of one's was enrolled with a token."""
    phone: Line | None = None


class Added(Shown):
    """A device that was added; its token is in the message alone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": EXAMPLE_ID, "expires_at": EXAMPLE_MOMENT}]}
    )

    id: str
    expires_at: Moment


@operations.staff(
    "POST",
    "/me/devices",
    SIGNED_IN,
    status=201,
    answers=Added,
    refuses=("contact_locked", "email_taken", "too_many_enrollments", *UNSENDABLE),
)
async def add_my_device(
    asking: Staff, body: NewDevice, _key: IdempotencyHeader = None
) -> Added | Refusal:
    """Add a device of one's own, and be sent its token."""
    given = changes(body)
    contact: dict[str, str] = {key: str(given.pop(key) or "") for key in CONTACT if key in given}
    by = Delivery(str(given.pop("message_type", "email")))
    verb = AddMine(DeviceDetails(**given), by, contact)
    added = await asking.do_once(verb, AddedAgain)
    return shown(added, lambda made: Added(id=made.device_id, expires_at=made.expires_at))


@operations.staff(
    "POST",
    "/me/devices/{device_id}/resend",
    SIGNED_IN,
    status=204,
    refuses=("not_resendable", "token_on_hold", *UNSENDABLE),
)
async def resend_my_message(asking: Staff, device_id: IdGiven) -> Refusal | None:
    """Have the same token sent again."""
    done = await asking.do(ResendMine(device_id))
    return done if isinstance(done, Refusal) else None


class RenewBody(Body):
    """How the new token shall come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message_type": "sms"}]})

    message_type: Line = "email"
    """`email` or `sms`."""


@operations.staff(
    "POST",
    "/me/devices/{device_id}/renew",
    SIGNED_IN,
    status=204,
    refuses=("not_resendable", "token_on_hold", "token_used", "token_revoked", *UNSENDABLE),
)
async def renew_my_token(
    asking: Staff, device_id: IdGiven, body: RenewBody | None = None
) -> Refusal | None:
    """Have a new token sent, in the place of the last one."""
    by = Delivery(body.message_type if body else "email")
    done = await asking.do(RenewMine(device_id, by))
    return done if isinstance(done, Refusal) else None


class MyMessage(Shown):
    """The message of a device of one's own; dots stand where its token was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "email",
                    "recipient": "ada@example.com",
                    "state": "sent",
                    "sent_at": EXAMPLE_MOMENT,
                    "subject": "Enroll Ada's laptop",
                    "text": "Open https://enroll.example.com/enroll/…#t=••••••••••",
                }
            ]
        }
    )

    channel: str
    recipient: str
    state: MessageState
    sent_at: Moment | None
    subject: str
    text: str
    """Empty where it can no longer be written."""


@operations.staff("GET", "/me/devices/{device_id}/message", SIGNED_IN, answers=MyMessage)
async def show_my_message(asking: Staff, device_id: IdGiven) -> MyMessage | Refusal:
    """Show the enrollment message of a device of one's own; gone after a token enrollment."""
    found = await asking.see(ShowMyMessage(device_id))
    if isinstance(found, Refusal):
        return found
    rendered = render_preview(found.letter, asking.services.public_url)
    readable = rendered if isinstance(rendered, Rendered) else None
    return MyMessage(
        channel=found.message.channel,
        recipient=found.message.recipient,
        state=found.message.state,
        sent_at=found.message.sent_at,
        subject=readable.subject if readable else "",
        text=readable.text if readable else "",
    )


@operations.staff(
    "DELETE", "/me/devices/{device_id}", SIGNED_IN, status=204, refuses=("device_blocked",)
)
async def delete_my_device(asking: Staff, device_id: IdGiven) -> Refusal | None:
    """Cancel a registration, or delete a device of one's own."""
    return await asking.do(DeleteMine(device_id))
