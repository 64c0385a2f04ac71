"""The agent as a program of its own, with a real server: what a person types, sees and is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.peers.base import DEADLINE
from tests.serving import Server, launch_server


@dataclass
class House:
    """A server, and an API key for whatever an administrator does meanwhile."""

    server: Server
    key: str
    folder: Path
    count: int = 0

    def client(self) -> httpx2.Client:
        return self.server.client(headers={"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.client() as client:
            answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def jwt(self) -> tuple[str, Path]:
        """A new device's id, and the file that enrolls it."""
        self.count += 1
        body = {
            "user": "root@example.com",
            "name": f"box-{self.count}",
            "platform": "linux",
            "grant": "one_time_jwt",
            "message": {"type": "none"},
        }
        made = self.post("/api/v1/devices", body)
        with self.client() as client:
            answer = client.get(f"/api/v1/enrollments/{made['enrollment']['id']}/jwt")
        path = self.folder / f"box-{self.count}.jwt"
        path.write_text(answer.text)
        return made["device"]["id"], path

    def agent(
        self, command: str, *words: object, stdin: str = "", expect: int = 0
    ) -> tuple[str, str]:
        """What the agent prints, and what it tells beside that."""
        ran = subprocess.run(
            [sys.executable, "-m", "enlist_agent", command, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=DEADLINE,
            check=False,
        )
        assert ran.returncode == expect, f"{ran.returncode}\n{ran.stdout}{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("agent")
    server = launch_server(folder / "data")
    yield House(server, server.api_key("administrator"), folder)
    server.stop()


def test_a_jwt_enrolls_once(house: House, state: Path, tmp_path: Path) -> None:
    """D33, D44, D19: no CA and no address is given, and none is needed; nor is one given later."""
    device_id, jwt = house.jwt()
    told, _ = house.agent("enroll", jwt, "--state", state)
    assert told.startswith(f"Enrolled at {house.server.device_url} as device {device_id}.")
    assert (state / "key.pem").stat().st_mode & 0o777 == 0o600
    told, _ = house.agent("status", "--state", state, "--json")
    seen = json.loads(told)
    assert (seen["standing"], seen["device_id"], seen["name"]) == ("enrolled", device_id, "box-1")

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
