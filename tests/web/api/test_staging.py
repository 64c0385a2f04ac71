"""Staging by API: who may say who stages, and a device that is handed out and comes back."""

from __future__ import annotations

from enlist.core.model import Staging
from tests.installation import done
from tests.web.api.conftest import Api, answered, refused, wrong_fields


def test_a_staged_device_is_handed_out(api: Api) -> None:
    """A63, A64: 403 without the permission; 200, and the device is somebody else's as it is."""
    operator, administrator = api.key("operator"), api.key("administrator")
    depot = {"username": "depot", "staging": "multiple_user"}
    assert refused(operator.post("/users", depot)) == (403, "forbidden")
    assert answered(administrator.post("/users", depot), 201)["staging"] == "multiple_user"
    assert wrong_fields(administrator.patch("/users/depot", {"staging": "all"})) == {"staging"}
    for staging in Staging:
        changed = administrator.patch("/users/depot", {"staging": staging})
        assert answered(changed)["staging"] == staging
    refusal = operator.patch("/users/depot", {"staging": None})
    assert refused(refusal) == (403, "forbidden")
    ticket = api.enlist.register("depot")
    done(api.enlist.redeem(ticket.token))
    path = f"/devices/{ticket.device_id}/hand-out"
    api.enlist.user("grace")
    old = {"if-match": '"1"'}
    assert refused(operator.post(path, {"user": "grace"}, headers=old)) == (
        412,
        "precondition_failed",
    )
    handed = answered(operator.post(path, {"user": "grace"}))
    told = [handed[name] for name in ("user", "state", "handed_out")]
    assert told == ["grace", "enrolled", True]
    assert refused(operator.post(path, {"user": "grace"})) == (409, "conflict")
    assert answered(operator.post(path, {"user": "depot"}))["handed_out"] is False
    assert refused(operator.post(path, {"user": "nobody"})) == (404, "not_found")
