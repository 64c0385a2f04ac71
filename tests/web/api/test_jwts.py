"""One-time JWTs over the API: registered, downloaded, shown as a QR code (D26, D27, D29)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from enlist.verbs.one_time_jwt import jwt_file_name
from tests.behaviour.jwts import jti, redeem
from tests.installation import code
from tests.peers.base import find_program
from tests.web.api.conftest import Api, Client, answered, refused

BODY = {
    "user": "ada",
    "name": "Ada's laptop",
    "platform": "linux",
    "grant": "one_time_jwt",
    "message": {"type": "none"},
}


def registered(api: Api, asker: Client) -> str:
    """The enrollment of a device that is to enroll with a JWT."""
    if not api.enlist.rows("app_user", username="ada"):
        api.enlist.user("ada")
    answer = answered(asker.post("/devices", BODY), 201)
    assert "token" not in answer["enrollment"]
    assert answer["enrollment"]["grant"] == "one_time_jwt"
    found: str = answer["enrollment"]["id"]
    return found


def test_the_file_is_the_jwt_and_nothing_else(api: Api) -> None:
    """D26."""
    operator = api.key("operator")
    found = operator.get(f"/enrollments/{registered(api, operator)}/jwt")
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/jwt"
    assert found.headers["content-disposition"] == 'attachment; filename="Ada-s-laptop.jwt"'
    assert found.headers["cache-control"] == "no-store"
    assert found.text.count(".") == 2
    assert found.text.strip() == found.text


@pytest.mark.peer("zbar")
def test_the_qr_code_is_the_same_jwt(api: Api, tmp_path: Path) -> None:
    """D27: at least 400 pixels wide, and on white."""
    operator = api.key("operator")
    enrollment_id = registered(api, operator)
    picture = operator.get(f"/enrollments/{enrollment_id}/qr")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["cache-control"] == "no-store"
    assert int.from_bytes(picture.content[16:20]) >= 400
    file = tmp_path / "code.png"
    file.write_bytes(picture.content)
    zbar = find_program("zbarimg") or ""
    read = subprocess.run([zbar, "-q", "--raw", file], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == operator.get(f"/enrollments/{enrollment_id}/jwt").text


@pytest.mark.parametrize("form", ["jwt", "qr"])
def test_what_is_over_is_not_handed_out(api: Api, form: str) -> None:
    """D29: used, deleted, revoked, expired, unknown; and a registration token never."""
    operator = api.key("operator")
    used, deleted = (registered(api, operator) for _ in range(2))
    assert code(redeem(api.enlist, jti(api.enlist, used))) == "done"
    assert refused(operator.get(f"/enrollments/{used}/{form}")) == (409, "token_used")
    answered(operator.delete(f"/enrollments/{deleted}"), 204)
    assert refused(operator.get(f"/enrollments/{deleted}/{form}")) == (404, "not_found")
    enrollment_id = registered(api, operator)
    answered(operator.post(f"/enrollments/{enrollment_id}/revoke", {}))
    assert refused(operator.get(f"/enrollments/{enrollment_id}/{form}")) == (409, "token_revoked")
    late = registered(api, operator)
    api.enlist.clock.advance(hours=25)
    assert refused(operator.get(f"/enrollments/{late}/{form}")) == (409, "token_expired")
    ticket = api.enlist.register("ada")
    assert refused(operator.get(f"/enrollments/{ticket.enrollment_id}/{form}")) == (409, "conflict")
    assert refused(operator.get(f"/enrollments/{ticket.device_id}/{form}")) == (404, "not_found")


@pytest.mark.parametrize("form", ["jwt", "qr"])
def test_it_takes_the_right_to_download(api: Api, form: str) -> None:
    """Ruling 6: administrator and operator; each time is an event."""
    enrollment_id = registered(api, api.key("operator"))
    for role in ("helpdesk", "reader"):
        answer = api.key(role).get(f"/enrollments/{enrollment_id}/{form}")
        assert refused(answer) == (403, "forbidden")
    assert api.enlist.events("enrollment.revealed") == []
    assert api.key("administrator").get(f"/enrollments/{enrollment_id}/{form}").status_code == 200
    assert len(api.enlist.events("enrollment.revealed")) == 1


def test_a_registered_device_gets_another_jwt(api: Api) -> None:
    operator = api.key("operator")
    enrollment_id = registered(api, operator)
    answered(operator.post(f"/enrollments/{enrollment_id}/revoke", {}))
    device_id = api.enlist.enrollment(enrollment_id).device_id
    body = {"grant": "one_time_jwt", "message": {"type": "none"}}
    made = answered(operator.post(f"/devices/{device_id}/enrollments", body), 201)
    assert operator.get(f"/enrollments/{made['id']}/jwt").status_code == 200


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada's laptop", "Ada-s-laptop.jwt"),
        ("../../etc/passwd", "etc-passwd.jwt"),
        ('a"; filename="b', "a-filename-b.jwt"),
        ("…", "device.jwt"),
        (".hidden", "hidden.jwt"),
        ("Größe", "Gr-e.jwt"),
    ],
)
def test_its_name_is_safe_for_a_file(name: str, expected: str) -> None:
    """D26."""
    assert jwt_file_name(name) == expected
