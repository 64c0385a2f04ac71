"""Whose a device is, told only to those who may know him."""

from __future__ import annotations

from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from tests.installation import MAILED
from tests.web.console.conftest import Console


def test_whose_a_device_is_stays_with_his_organization(console: Console) -> None:
    """S52: staff of an organization below read that it is somebody's, and not whose."""
    enlist = console.enlist
    enlist.organization("acme")
    enlist.user("grace")
    details = DeviceDetails("lent laptop", "linux")
    lent = enlist.do(Register("acme", "grace", details, MAILED))
    desk = console.sign_in("administrator", "acme")
    message = enlist.rows("message")[0]["id"]
    event = enlist.events("device.registered")[0].id
    for address in (
        "devices",
        f"devices/{lent.device_id}",
        "enrollments",
        f"enrollments/{lent.enrollment_id}",
        f"enrollments/{lent.enrollment_id}/resend",
        f"enrollments/{lent.enrollment_id}/reissue",
        "messages",
        f"messages/{message}",
        f"events/{event}",
    ):
        page = desk.open(f"/console/acme/{address}")
        assert page.status == 200
        assert "a user of another organization" in page.text, address
        assert "grace" not in page.source, address
    for address in ("", "events", "search?q=lent"):
        assert "grace" not in desk.open(f"/console/acme/{address}").source
