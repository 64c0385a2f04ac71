"""From nothing to an enrolled machine by commands alone: no browser, no questions (X43)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.verbs.setup import Administrator, Beginning
from enlist.wiring.backend import LocalBackend
from enlist.wiring.installation import CannotStart, open_installation
from tests.peers.base import DEADLINE
from tests.serving import ADMINISTRATOR, PASSWORD, Server, StartServer


def init(data: Path, database: str, *words: str) -> subprocess.CompletedProcess[str]:
    place = ("--data", str(data), *(("--database", database) if database else ()))
    who = ("--admin", ADMINISTRATOR, "--password-stdin")
    return subprocess.run(
        [sys.executable, "-m", "enlist", "init", *who, *place, *words],
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def told(server: Server, *words: str) -> Any:
    return json.loads(server.cli(*words, "--json"))


def test_first_administrator_and_first_enrollment_need_no_browser(
    start_server: StartServer, database_url: str, tmp_path: Path
) -> None:
    """X43, rulings 33 and 37: as a script for a new machine does it."""
    data = tmp_path / "data"
    made = init(data, database_url, "--organization", "Nordlicht")
    assert made.returncode == 0, made.stderr
    assert init(data, database_url).returncode == 3, "an installation is set up once"

    server = start_server(database_url, data=data)
    (place,) = told(server, "organization", "list")["items"]
    assert (place["group_id"], place["name"]) == ("main", "Nordlicht")
    (administrator,) = told(server, "user", "list")["items"]
    assert (administrator["username"], administrator["email"]) == (ADMINISTRATOR, ADMINISTRATOR)
    first = ("--user", ADMINISTRATOR, "--name", "box", "--platform", "linux", "--message", "none")
    link = told(server, "device", "register", *first)["enrollment"]["link"]

    state = tmp_path / "state"
    server.cli("agent", "enroll", "-", "--state", str(state), stdin=f"{link}\n")
    (device,) = told(server, "device", "list")["items"]
    assert (device["name"], device["state"]) == ("box", "enrolled")
    assert server.cli("agent", "status", "--state", str(state)).startswith("ENROLLED: ")
    with server.client() as client:
        login = {"username": ADMINISTRATOR, "password": PASSWORD}
        signed_in = client.post("/sign-in", data=login, headers={"origin": server.url})
    assert signed_in.headers["location"] == "/console"


def test_what_cannot_begin_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """All of it at once; there is no log yet that a refusal could stand in."""
    data = tmp_path / "data"
    with pytest.raises(CannotStart) as told:
        LocalBackend().init(
            email="nobody", password="short", organization="", group_id="two words", data=data
        )
    for words in ("group_id ", "email must be an e-mail address", "password must have at least"):
        assert words in str(told.value)
    assert not (data / "keys").exists()
    beginning = Beginning(administrator=Administrator("nobody", Secret("short")))
    with pytest.raises(CannotStart, match="email must be an e-mail address"):
        open_installation(Settings(data=data), beginning=beginning)
