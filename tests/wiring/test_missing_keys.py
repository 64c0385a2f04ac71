"""A server on one of several machines, to which nobody has brought a key of another one yet."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from enlist.core.clock import system_clock
from enlist.core.secrets import new_key
from enlist.wiring.keys import replace_leaked, rotate
from enlist.wiring.missing_keys import MissingKeys
from tests.installation import Enlist
from tests.peers.base import DEADLINE, wait_until
from tests.serving import StartServer


@pytest.fixture
def elsewhere(enlist: Enlist, tmp_path: Path) -> Path:
    """The key folder of a second machine, as it was before the key was made."""
    return Path(shutil.copytree(enlist.settings.data, tmp_path / "elsewhere"))


@pytest.mark.parametrize("purpose", ["lookup", "derive", "checkpoint", "ca"])
def test_a_key_that_was_made_elsewhere(enlist: Enlist, elsewhere: Path, purpose: str) -> None:
    store, here = enlist.installation.store, enlist.settings.data
    other = MissingKeys(store, elsewhere, enlist.clock)
    same = MissingKeys(store, here, enlist.clock)
    made = rotate(enlist.installation, enlist.settings, purpose)
    other.look()
    assert other.why_not_ready() == "", "nothing is made with it yet"
    enlist.clock.advance(seconds=11)
    for watch in (other, same):
        watch.look()
    assert (other.why_not_ready(), same.why_not_ready()) == ("keys", "")
    for path in [*here.glob(f"keys/*{made.id}*"), *here.glob(f"pki/*{made.id}*")]:
        shutil.copy(path, elsewhere / path.relative_to(here))
    other.look()
    assert other.why_not_ready() == ""


def test_keys_that_replace_leaked_ones_elsewhere(enlist: Enlist, tmp_path: Path) -> None:
    """Here stands one yet that was made to begin later, and so sorts behind those."""
    rotate(enlist.installation, enlist.settings, "derive", minutes=60)
    elsewhere = Path(shutil.copytree(enlist.settings.data, tmp_path / "elsewhere"))
    replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    other = MissingKeys(enlist.installation.store, elsewhere, enlist.clock)
    other.look()
    assert other.why_not_ready() == "keys"
    for path in elsewhere.glob("keys/lookup.*.key"):
        path.unlink()
    for path in enlist.settings.data.glob("keys/lookup.*.key"):
        shutil.copy(path, elsewhere / "keys")
    other.look()
    assert other.why_not_ready() == "keys", "it would make tokens by what has leaked"


def test_a_key_that_was_taken_away(enlist: Enlist) -> None:
    rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(seconds=11)
    first = min(enlist.settings.data.glob("keys/lookup.*.key"))
    first.unlink()
    watch = MissingKeys(enlist.installation.store, enlist.settings.data, enlist.clock)
    watch.look()
    assert watch.why_not_ready() == ""


def test_a_server_that_lacks_a_key_takes_no_traffic(start_server: StartServer) -> None:
    """Its watch looks every five seconds, so this takes as long."""
    server = start_server()
    key = new_key(system_clock()).id
    with sqlite3.connect(server.data / "enlist.sqlite3", timeout=DEADLINE) as database:
        database.execute(
            "INSERT INTO known_key (id, purpose, known_since) VALUES (?, 'lookup', 0)", [key]
        )
    database.close()

    def away() -> bool:
        with server.client() as client:
            answer = client.get("/readyz")
        return (answer.status_code, answer.json().get("reason")) == (503, "keys")

    wait_until(away, "a server without its key", log=server.log, process=server.process)
    wait_until(lambda: key in server.output(), "the name of the key", log=server.log)
    assert "copy them from the machine where they were made" in server.output()
