"""A page of a device whose certificate is renewed, and what stands on it."""

from __future__ import annotations

from enlist.core.model import GrantKind
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.issuing import LATER, Issued
from enlist.verbs.register import Register
from tests.installation import Enlist, code
from tests.web.console.conftest import Desk

UNTIL = "2026-03-05T08:00"


def registered(
    enlist: Enlist, grant: GrantKind = GrantKind.ONE_TIME_JWT, user: str = "ada", **of: str
) -> Issued:
    """A device with an unused enrollment."""
    if not enlist.rows("app_user", username=user):
        enlist.user(user, **of)
    details = DeviceDetails("laptop", "linux")
    return enlist.do(Register("", user, details, LATER, None, grant))


def section(desk: Desk, device_id: str) -> str:
    """The source of the enrollment section."""
    source = desk.open(f"/console/main/devices/{device_id}").source
    return source.partition('id="enrollment"')[2].partition("</section>")[0]


def standing(enlist: Enlist, device_id: str, serial: str) -> str:
    return code(enlist.perform(DeviceStatus(device_id, serial), enlist.stranger()))
