"""Device sessions: who is connected now, and ending it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.sessions import DeviceSession as StoredSession
from enlist.core.sessions import ProvedBy
from enlist.verbs import documents
from enlist.verbs.device_sessions import Disconnect, ListDeviceSessions, ShowDeviceSession
from enlist.web.api.bodies import Page, Paging, Shown, filters
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, IdGiven, Line, Moment

operations: Final = Operations("Device sessions")


class DeviceSession(Shown):
    """A live connection that a device proved with its credential."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "device": "Ada's laptop",
                    "device_id": EXAMPLE_ID,
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "user": "ada",
                    "user_id": EXAMPLE_ID,
                    "credential_id": EXAMPLE_ID,
                    "credential_serial": "5f3a9c",
                    "proved_by": "certificate",
                    "opened_at": EXAMPLE_MOMENT,
                    "address": "192.0.2.7",
                    "user_agent": "enlist-agent/0.1.0",
                }
            ]
        }
    )

    id: str
    device: str
    device_id: str
    organization: str
    organization_id: str
    user: str | None
    """Null where the device is nobody's, and where its user belongs to an organization out of
    sight."""
    user_id: str | None
    credential_id: str
    credential_serial: str
    proved_by: ProvedBy
    opened_at: Moment
    address: str
    user_agent: str

    @classmethod
    def of(cls, found: StoredSession) -> DeviceSession:
        """A session of the store."""
        return cls(**documents.device_session(found))


class DeviceSessionQuery(Paging):
    """Sorts: `opened_at`, `device`, `address`."""

    device: IdGiven | None = None
    user: Line | None = None
    """Id or user name."""


@operations.staff("GET", "/device-sessions", Permission.DEVICES_READ, answers=Page[DeviceSession])
async def list_device_sessions(
    asking: Staff, query: Annotated[DeviceSessionQuery, Query()]
) -> Page[DeviceSession] | Refusal:
    """List the devices that are connected now, newest first, whichever process holds them."""
    found = await asking.see(ListDeviceSessions(**filters(query)))
    return shown(found, lambda page: Page.of(page, DeviceSession.of))


@operations.staff(
    "GET", "/device-sessions/{session_id}", Permission.DEVICES_READ, answers=DeviceSession
)
async def show_device_session(asking: Staff, session_id: str) -> DeviceSession | Refusal:
    """Show a live session."""
    found = await asking.see(ShowDeviceSession(session_id))
    return shown(found, DeviceSession.of)


@operations.staff("DELETE", "/device-sessions/{session_id}", Permission.DEVICES_RESET, status=204)
async def disconnect(asking: Staff, session_id: str) -> Refusal | None:
    """End a live session at once. The device may come back: its credential stays as it is."""
    return await asking.do(Disconnect(session_id))
