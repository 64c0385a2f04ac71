"""`enlist doctor` on SMS gateways that are really asked; nothing is ever sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from enlist.core.diagnosis import Level
from enlist.settings import Settings, Sms
from enlist.wiring.beside import ServerNotes, as_served, tell
from enlist.wiring.doctor.check import Ground
from tests.delivery.gateways import Gateway, gateway
from tests.peers.base import free_port
from tests.peers.pki import Pki
from tests.wiring.doctoring import amiss, left_out, site, well

ALL = ("sms-set", "sms-secure", "sms-reachable", "sms-login", "sms-reports")
TEMPLATE = "/?to={To}&text={Text}&report={ReportUrl}"


@pytest.fixture
def peer() -> Iterator[Gateway]:
    with gateway() as listening:
        yield listening


def ground(folder: Path, url: str, driver: str = "http", **given: Any) -> Ground:
    values = {"user": "AC1", "password": SecretStr("right"), "sender": "Enlist", **given}
    public = "https://enroll.example.com"
    sms = Sms.model_validate({"driver": driver, "url": url, **values})
    return Ground(Settings(data=folder, public_url=public, sms=sms))


def test_no_gateway_is_nothing_amiss(tmp_path: Path) -> None:
    for name in ALL:
        left_out(Ground(Settings(data=tmp_path)), name)
        demo = ground(tmp_path, "https://sms.example.com" + TEMPLATE).settings
        left_out(Ground(demo, ServerNotes(mailbox=True)), name)


def test_a_gateway_that_takes_us(tmp_path: Path, peer: Gateway) -> None:
    here = ground(tmp_path, peer.url + TEMPLATE)
    well(here, "sms-set")
    well(here, "sms-secure")
    well(here, "sms-reachable")
    well(here, "sms-reports")
    left_out(here, "sms-login")
    assert peer.asked == []


def test_a_login_that_is_refused(tmp_path: Path, peer: Gateway) -> None:
    here = ground(tmp_path, peer.url, "twilio")
    peer.answer(401, "{}")
    found = amiss(here, "sms-login", says="refused the login of AC1")
    assert "right" not in found.found
    peer.answer(200, "{}")
    well(here, "sms-login")
    assert {(each.method, each.path) for each in peer.asked} == {
        ("GET", "/2010-04-01/Accounts/AC1.json")
    }
    peer.answer(500)
    left_out(here, "sms-login")


def test_what_is_amiss(tmp_path: Path, throwaway_pki: Pki) -> None:
    away = ground(tmp_path, f"http://127.0.0.1:{free_port()}{TEMPLATE}")
    amiss(away, "sms-reachable", says="cannot be reached")
    plain = ground(tmp_path, "http://sms.example.com/?text={Text}")
    amiss(plain, "sms-secure", says="without protection")
    amiss(plain, "sms-reports", level=Level.WARNING, says="told nowhere")
    amiss(ground(tmp_path, "https://sms.example.com/?{Txt}"), "sms-set", says="{Txt} is none of")
    with site({}, throwaway_pki.server) as url:
        amiss(ground(tmp_path, url + TEMPLATE), "sms-reachable", says="cannot be trusted")
        trusting = ground(tmp_path, url + TEMPLATE, ca_file=throwaway_pki.authority)
        well(trusting, "sms-reachable")
    local = ground(tmp_path, "https://sms.example.com" + TEMPLATE).settings
    nearby = Ground(local.model_copy(update={"public_url": "http://localhost:8000"}))
    amiss(nearby, "sms-reports", level=Level.WARNING, says="another machine")


def test_it_examines_what_the_server_runs_with(tmp_path: Path, peer: Gateway) -> None:
    """The server's own settings but for its password, which it tells nobody."""
    server = ground(tmp_path, peer.url, "twilio")
    tell(server.settings, server.addresses, server.settings.channels)
    assert "right" not in (tmp_path / "server.json").read_text()
    beside = Ground(*as_served(Settings(data=tmp_path)))
    well(beside, "sms-set")
    left_out(beside, "sms-login")
    kept = tmp_path / "password"
    kept.write_text("right\n")
    with_file = ground(tmp_path, peer.url, "twilio", password_file=kept)
    tell(with_file.settings, server.addresses, server.settings.channels)
    well(Ground(*as_served(Settings(data=tmp_path))), "sms-login")
