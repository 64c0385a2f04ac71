"""The agent as a program of its own, with a real server: what a person types, sees and is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from enlist_agent.client import Patience
from enlist_agent.standing import Status, status
from tests.agent.house import House
from tests.peers.base import DEADLINE

pytestmark = pytest.mark.xdist_group("agent")


def test_a_jwt_enrolls_once(house: House, state: Path, tmp_path: Path) -> None:
    """D33, D44, D19: no CA and no address is given, and none is needed; nor is one given later."""
    device_id, jwt = house.jwt()
    told, _ = house.agent("enroll", jwt, "--state", state)
    assert told.startswith(f"Enrolled at {house.server.device_url} as device {device_id}.")
    assert (state / "key.pem").stat().st_mode & 0o777 == 0o600
    seen = status(state, now=datetime.now(UTC), patience=Patience(DEADLINE))
    assert isinstance(seen, Status)
    assert (seen.standing, seen.device_id, seen.name) == ("enrolled", device_id, jwt.stem)

    other = tmp_path / "other"
    _, refused = house.agent("enroll", "-", "--state", other, stdin=jwt.read_text(), expect=1)
    assert "has already been used" in refused
    assert "support code" in refused
    assert jwt.read_text().strip() not in refused
    assert not (other / "state.json").exists()


def test_a_lost_answer_is_given_again(house: House, state: Path) -> None:
    """The process died after the server had enrolled the device: the same command goes on (X23)."""
    device_id, jwt = house.jwt()
    house.agent("enroll", jwt, "--state", state)
    certificate = (state / "certificate.pem").read_text()
    for name in ("state.json", "certificate.pem", "chain.pem"):
        (state / name).unlink()
    told, _ = house.agent("enroll", jwt, "--state", state)
    assert device_id in told
    assert (state / "certificate.pem").read_text() == certificate


def test_terms_of_use_are_accepted_by_their_id(house: House, state: Path) -> None:
    """A57: what the refusal says is what the next command takes; the script does the same."""
    draft = {"texts": [{"language": "en", "title": "Terms", "body": "Be kind."}]}
    terms = house.post("/api/v1/organizations/main/terms", draft)["id"]
    try:
        _, token = house.token()
        words = ("--server", house.server.url, "--state", state)
        _, told = house.agent("enroll", token, *words, expect=1)
        assert f"--accept-terms {terms}" in told
        assert f"{house.server.url}/enroll/terms/{terms}" in told
        _, wrong = house.agent("enroll", token, *words, "--accept-terms", "?", expect=1)
        assert "terms of use" in wrong
        out, _ = house.agent("enroll", token, *words, "--accept-terms", terms)
        assert out.startswith("Enrolled")
    finally:
        with house.client() as client:
            assert client.delete(f"/api/v1/terms/{terms}").status_code == 204


def test_questions_are_asked_at_a_terminal_in_its_language(house: House, state: Path) -> None:
    """A58: the agent asks what the server wants to know; elsewhere it says how to answer."""
    asked = {"prompt_ownership": True, "prompt_asset_number": True, "prompt_email": True}
    settings = "/api/v1/organizations/main/settings"
    with house.client() as client:
        assert client.patch(settings, json=asked).is_success
    try:
        device_id, token = house.token()
        words = ("enroll", token, "--server", house.server.url, "--state", state)
        _, told = house.agent(*words, expect=1)
        assert "--ownership (whose the device is: " in told
        typed = ["7", "2", "", "IT-0815", "ada@home.example"]
        shown = house.agent_at_terminal(*words, typed=typed, language="de_DE.UTF-8")
        assert "Wem gehört es?" in shown
        assert "Inventarnummer" in shown
        assert "Enrolled" in shown
        with house.client() as client:
            device = client.get(f"/api/v1/devices/{device_id}").json()
        assert device["ownership"] == "corporate_dedicated"
        assert device["identifiers"]["asset_number"] == "IT-0815"
    finally:
        with house.client() as client:
            assert client.patch(settings, json=dict.fromkeys(asked)).is_success
