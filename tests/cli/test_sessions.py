"""`enlist session …`."""

from __future__ import annotations

from tests.cli.conftest import Run
from tests.connections import Process, enrolled
from tests.installation import Enlist


def test_sessions_are_listed_and_ended(enlist: Enlist, run: Run) -> None:
    assert "No device is connected." in run("session", "list").out
    device, process = enrolled(enlist), Process.of(enlist)
    session_id = process.open(device)
    assert "laptop-0" in run("session", "list").out
    listed = run("session", "list", "--device", device.device_id, "--json").json
    assert [each["id"] for each in listed["items"]] == [session_id]
    assert "Disconnected." in run("session", "disconnect", session_id).out
    assert set(process.beat(session_id)) == {session_id}
    run("session", "disconnect", session_id, expect=1)
