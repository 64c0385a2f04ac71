"""Handing over what a device enrolls with: as the grant allows, and while it counts (D26-D30)."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from enlist.core.model import GrantKind
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER, Issued
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from tests.installation import Enlist
from tests.peers.base import find_program
from tests.web.console.conftest import Console


def registered(enlist: Enlist, email: str | None = None, name: str = "Ada's laptop") -> Issued:
    """A device that is to enroll with a JWT."""
    if not enlist.rows("app_user", username="ada"):
        enlist.user("ada", email=email)
    verb = Register("", "ada", DeviceDetails(name, "linux"), LATER, None, GrantKind.ONE_TIME_JWT)
    return enlist.do(verb)


def enrollment(issued: Issued, way: str) -> str:
    return f"/console/main/enrollments/{issued.enrollment_id}/{way}"


def device(issued: Issued) -> str:
    return f"/console/main/devices/{issued.device_id}"


def jwt(enlist: Enlist, issued: Issued) -> str:
    return enlist.do(ShowJwt(issued.enrollment_id)).jwt.reveal()


def test_the_file_is_the_jwt(console: Console, enlist: Enlist) -> None:
    """D26."""
    issued = registered(enlist)
    file = console.sign_in("operator").send(enrollment(issued, "jwt"))
    assert file.source == jwt(enlist, issued)
    assert file.headers["content-type"] == "application/jwt"
    assert file.headers["content-disposition"] == 'attachment; filename="Ada-s-laptop.jwt"'
    assert file.headers["cache-control"] == "no-store"


@pytest.mark.peer("zbar")
def test_the_code_is_the_jwt(console: Console, enlist: Enlist, tmp_path: Path) -> None:
    """D27."""
    issued = registered(enlist)
    page = console.sign_in("operator").send(enrollment(issued, "qr"))
    assert page.headers["cache-control"] == "no-store"
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page.source)
    assert found is not None
    picture = tmp_path / "code.png"
    picture.write_bytes(b64decode(found[1]))
    zbar = find_program("zbarimg") or ""
    asked = [zbar, "-q", "--raw", str(picture)]
    read = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert read.stdout.strip() == jwt(enlist, issued)


def test_what_to_do_where_it_does_not_work_is_a_link_away(console: Console, enlist: Enlist) -> None:
    """D74: the client that hangs, the empty file, the proxy, the clock, the umask."""
    desk = console.sign_in("operator")
    page = desk.open(device(registered(enlist)))
    assert "or run enlist-agent enroll FILE.jwt" in " ".join(page.main.split())
    assert page.leads_to("/console/main/help/jwt")
    told = desk.open("/console/main/help/jwt").main
    for what in ("never ends", "is empty", "a proxy", "clocks", "umask 077", "enlist doctor"):
        assert what in told
    assert enlist.installation.tools.addresses.device_url in told


def test_opening_a_link_shows_nothing(console: Console, enlist: Enlist) -> None:
    """Ruling 6: each time is an event, so it takes a press of a button."""
    issued = registered(enlist)
    desk = console.sign_in("operator")
    page = desk.open(enrollment(issued, "qr"))
    assert "data:image" not in page.source
    assert "Show QR code" in page.main
    assert desk.open(enrollment(issued, "jwt")).status in (404, 405)
    assert enlist.events("enrollment.revealed") == []
    desk.send(enrollment(issued, "qr"))
    (event,) = enlist.events("enrollment.revealed")
    assert event.data["form"] == "qr"


def test_the_open_page_tells_what_became_of_it(console: Console, enlist: Enlist) -> None:
    issued = registered(enlist)
    desk = console.sign_in("operator")
    address = enrollment(issued, "qr")
    mark = desk.send(address).source.partition("watched=")[2].partition('"')[0]
    again = f"{address}?watched={mark}"
    assert desk.open(again, hx_request="true").status == 204, "to be shown is no news"
    enlist.revoke(issued.enrollment_id)
    page = desk.open(again, hx_request="true")
    assert page.status == 200
    assert "Revoked" in page.main
    assert "data:image" not in page.source


@pytest.mark.parametrize("over", ["expired", "revoked"])
def test_what_is_over_is_not_handed_out(console: Console, enlist: Enlist, over: str) -> None:
    """D29: the ways refuse, and are not offered."""
    issued = registered(enlist)
    if over == "revoked":
        enlist.revoke(issued.enrollment_id)
    else:
        enlist.clock.now = issued.expires_at
    desk = console.sign_in("operator")
    page = desk.open(device(issued))
    for way in ("jwt", "qr", "resend"):
        assert not page.leads_to(enrollment(issued, way)), way
        assert desk.send(enrollment(issued, way)).status == 409, way
    assert not enlist.rows("message")


def test_a_registration_token_is_only_ever_sent(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in()
    page = desk.open(f"/console/main/devices/{ticket.device_id}")
    address = f"/console/main/enrollments/{ticket.enrollment_id}"
    assert page.leads_to(f"{address}/resend")
    assert not page.leads_to(f"{address}/jwt")
    assert desk.send(f"{address}/jwt").status == 409
    shown = desk.send(f"{address}/qr")
    assert shown.status == 409
    assert "data:image" not in shown.source


@pytest.mark.parametrize("role", ["helpdesk", "reader"])
def test_it_takes_the_right_to_download(console: Console, enlist: Enlist, role: str) -> None:
    issued = registered(enlist)
    desk = console.sign_in(role)
    page = desk.open(device(issued))
    for way in ("jwt", "qr"):
        assert not page.leads_to(enrollment(issued, way))
        assert desk.send(enrollment(issued, way)).status == 403
    assert desk.open(enrollment(issued, "qr")).status == 403
    assert enlist.events("enrollment.revealed") == []


def test_it_is_sent_attached(console: Console, enlist: Enlist) -> None:
    """D28: one message; its text and file are looked at where it is made."""
    issued = registered(enlist)
    desk = console.sign_in("helpdesk")
    question = desk.open(enrollment(issued, "resend"))
    assert "attached as a file" in question.main
    page = desk.follow(desk.send(enrollment(issued, "resend")))
    assert "The message is on its way to ada@example.com." in page.main
    assert [row["purpose"] for row in enlist.rows("message")] == ["one_time_jwt"]


def test_without_an_address_it_says_why_not(console: Console, enlist: Enlist) -> None:
    """D30: and where to add one."""
    issued = registered(enlist, email="")
    desk = console.sign_in("operator")
    page = desk.open(device(issued))
    assert not page.leads_to(enrollment(issued, "resend"))
    assert "It cannot be sent by e-mail: ada has no e-mail address." in page.main
    user_id = enlist.rows("app_user", username="ada")[0]["id"]
    assert page.leads_to(f"/console/main/users/{user_id}/edit")
    assert desk.send(enrollment(issued, "resend")).status == 422
    assert not enlist.rows("message")
    reset = desk.open(f"{device(issued)}/reset")
    assert "It cannot be sent by e-mail" in reset.main
    assert "send" not in reset.fields
