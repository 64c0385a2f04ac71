"""A device that belongs to nobody, as OpenZiti's management API makes them (ruling 13)."""

from __future__ import annotations

from enlist.core.model import GrantKind
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER
from enlist.verbs.register_identity import RegisterAlone, RegisterIdentity
from tests.web.console.conftest import Console


def test_it_is_shown_wherever_devices_are(console: Console) -> None:
    details = DeviceDetails("nobodys box", "linux")
    verb = RegisterIdentity("", "", details, LATER, None, GrantKind.ONE_TIME_JWT)
    waiting = console.enlist.do(verb)
    alone = console.enlist.do(RegisterAlone(verb))
    desk = console.sign_in("administrator")
    device, enrollment = f"devices/{waiting.device_id}", f"enrollments/{waiting.enrollment_id}"
    for path in ("devices", "enrollments", "events", device, enrollment, f"devices/{alone.id}"):
        page = desk.open(f"/console/main/{path}")
        assert "nobodys box" in page.text, path
        assert "for somebody" not in page.text, path
