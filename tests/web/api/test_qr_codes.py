"""Tokens handed over as a picture that a phone scans (A70)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from enlist.core.secrets import Secret
from tests.installation import code
from tests.pictures import qr_text
from tests.web.api.conftest import Api, answered, refused

BY_QR: dict[str, Any] = {"message": {"type": "qr"}}
DEVICE: dict[str, Any] = {"user": "ada", "name": "laptop", "platform": "linux", **BY_QR}


def scanned(enrollment: dict[str, str]) -> str:
    """What a phone reads in the picture."""
    kind, _, packed = enrollment["qr_code"].partition(",")
    assert kind == "data:image/png;base64"
    return qr_text(base64.b64decode(packed))


@pytest.mark.parametrize("way", ["register", "reissue", "reset", "issue"])
def test_the_picture_is_the_enrollment_link_and_shown_once(api: Api, way: str) -> None:
    """A70: it takes `enrollments:reveal`, the log tells who, and its token enrolls."""
    revealing, operator = api.key("operator", "enrollments:reveal"), api.key("operator")
    api.enlist.user("ada")
    if way == "register":
        path, body = "/devices", DEVICE
    else:
        ticket = api.enlist.register("ada")
        if way == "issue":
            api.enlist.revoke(ticket.enrollment_id)
        path = {
            "reissue": f"/enrollments/{ticket.enrollment_id}/reissue",
            "reset": f"/devices/{ticket.device_id}/reset",
            "issue": f"/devices/{ticket.device_id}/enrollments",
        }[way]
        body = BY_QR
    before = len(api.enlist.events("enrollment.revealed"))
    assert refused(operator.post(path, body)) == (403, "forbidden")
    assert len(api.enlist.events("enrollment.revealed")) == before
    made = answered(revealing.post(path, body), 200 if way in ("reissue", "reset") else 201)
    found = made.get("enrollment", made)
    assert scanned(found) == found["link"]
    assert found["link"].endswith(f"/enroll/{found['id']}#t={found['token']}")
    told = api.enlist.events("enrollment.revealed")[-1]
    assert (told.enrollment_id, told.actor_kind) == (found["id"], "api_key")
    assert len(api.enlist.events("enrollment.revealed")) == before + 1
    shown = revealing.get(f"/enrollments/{found['id']}")
    assert not {"qr_code", "token", "link"} & set(answered(shown))
    assert code(api.enlist.redeem(Secret(found["token"]))) == "done"


def test_without_qr_there_is_no_picture_and_nothing_is_sent(api: Api) -> None:
    revealing = api.key("operator", "enrollments:reveal")
    api.enlist.user("ada", email="")
    plain = answered(revealing.post("/devices", {**DEVICE, "message": {"type": "none"}}), 201)
    assert "qr_code" not in plain["enrollment"]
    answered(revealing.post("/devices", DEVICE), 201)
    assert api.enlist.rows("message") == []
