"""Live sessions over the API: listed, shown, ended; by whom, the verbs' tests say."""

from __future__ import annotations

from enlist.core.clock import rfc3339
from tests.connections import Process, enrolled
from tests.installation import Enlist
from tests.web.api.conftest import Api, answered


def test_a_session_is_listed_shown_and_ended(api: Api, enlist: Enlist) -> None:
    device, process = enrolled(enlist), Process.of(enlist)
    session_id = process.open(device)
    operator = api.key("operator")
    (listed,) = answered(operator.get("/device-sessions"), 200)["items"]
    assert listed == {
        "id": session_id,
        "device": "laptop-0",
        "device_id": device.device_id,
        "organization": "main",
        "organization_id": enlist.root.id,
        "user": "ada",
        "user_id": enlist.device(device.device_id).user_id,
        "credential_id": listed["credential_id"],
        "credential_serial": device.serial,
        "proved_by": "certificate",
        "opened_at": rfc3339(enlist.clock.now),
        "address": "192.0.2.7",
        "user_agent": "agent",
    }
    assert answered(operator.get(f"/device-sessions/{session_id}"), 200) == listed
    found = operator.get(f"/device-sessions?device={enlist.root.id}")
    assert answered(found, 200)["items"] == []
    assert operator.delete(f"/device-sessions/{session_id}").status_code == 204
    answered(operator.get(f"/device-sessions/{session_id}"), 404)
    answered(operator.delete(f"/device-sessions/{session_id}"), 404)
    assert answered(operator.get("/device-sessions"), 200)["items"] == []
    assert set(process.beat(session_id)) == {session_id}


def test_whoever_only_looks_ends_nothing(api: Api, enlist: Enlist) -> None:
    session_id = Process.of(enlist).open(enrolled(enlist))
    reader = api.key("reader")
    assert len(answered(reader.get("/device-sessions"), 200)["items"]) == 1
    answered(reader.delete(f"/device-sessions/{session_id}"), 403)
