"""The guide to keys, followed word for word while devices enroll: nothing is restarted (S06)."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from enlist.pki.keys import to_pem
from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage, as_reader
from tests.peers.base import DEADLINE, wait_until
from tests.requests import device_key, request_pem
from tests.serving import Server, StartServer

GUIDE = ROOT / "docs" / "how-to" / "rotate-keys.md"


@dataclass
class Campaign:
    """Devices that enroll one after the other; each must be let in."""

    server: Server
    key: str
    folder: Path
    enrolled: list[tuple[int, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def register(self) -> str:
        """A fresh token."""
        asked = {"user": "ada", "name": f"device-{next(self.numbers)}", "platform": "linux"}
        asked_for = {**asked, "message": {"type": "none"}}
        with self.server.client(headers={"authorization": f"Bearer {self.key}"}) as client:
            answer = client.post("/api/v1/devices", json=asked_for)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["enrollment"]["token"]
        return token

    def redeem(self, token: str) -> tuple[int, str]:
        """On a connection of its own, so that any process may answer."""
        number = next(self.numbers)
        body = {"token": token, "csr": request_pem(number).decode()}
        with self.server.client() as client:
            answer = client.post("/api/v1/redeem", json=body)
        if answer.status_code == 201:
            self.enrolled.append((number, answer.json()["certificate"]))
        return answer.status_code, answer.json().get("code", "")

    def proves_itself(self, place: int) -> None:
        """A device that enrolled shows its certificate, on connections to any process."""
        number, certificate = self.enrolled[place]
        files = self.folder / "device.pem", self.folder / "device.key"
        files[0].write_text(certificate)
        files[1].write_bytes(to_pem(device_key(number)))
        for _ in range(4):
            with self.server.device_client(*files) as client:
                assert client.get("/device").status_code == 200

    @property
    def newest_issuer(self) -> str:
        """Who signed the last certificate."""
        found = x509.load_pem_x509_certificate(self.enrolled[-1][1].encode())
        return found.issuer.rfc4514_string()

    def needed(self) -> dict[str, int]:
        """How much that is alive needs each key."""
        items = json.loads(self.server.cli("keys", "list", "--json"))["items"]
        return {item["id"]: item["live"] for item in items}


def follow(guide: DocsPage, server: Server, folder: Path) -> Iterator[str]:
    """Run the blocks of a guide one after the other, its folders below `folder`."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (folder / "etc" / "enlist").mkdir(parents=True)
    passphrase = folder / "etc" / "enlist" / "backup-passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("a passphrase of the test\n")
    for block in guide.blocks:
        if "other.example.com" in block:
            continue  # for a second machine: tests/wiring/test_missing_keys.py
        if " WEBHOOK " in block:
            continue  # for whoever has one: tests/cli/test_leaked_keys.py
        if " ENROLLMENT " in block:
            continue  # where the listener has another key: tests/behaviour/test_listener_key.py
        script = as_reader([block]).replace("/var/lib/enlist", str(server.data))
        script = script.replace("/srv/", f"{folder}/srv/").replace("/etc/", f"{folder}/etc/")
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={**os.environ, **server.environment, "PATH": programs},
            capture_output=True,
            text=True,
            timeout=3 * DEADLINE,
            check=False,
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}\n{ran.stderr}"
        yield ran.stdout


def put_back(server: Server) -> None:
    """Kill every worker, and wait until others have taken their places."""

    def workers() -> set[str]:
        pid = server.process.pid
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    before = workers()
    for pid in before:
        os.kill(int(pid), signal.SIGKILL)

    def serve() -> bool:
        if len(workers() - before) < len(before):
            return False
        with server.client() as client:
            return client.get("/readyz").status_code == 200

    wait_until(serve, "the new workers", log=server.log, process=server.process)


@pytest.mark.peer("postgres")
def test_keys_rotate_while_devices_enroll(
    start_server: StartServer, empty_database: str, tmp_path: Path
) -> None:
    """Ten seconds are stated, so this takes as long; no process refuses anybody meanwhile."""
    server = start_server(empty_database, workers=2)
    server.cli("user", "add", "--username", "ada")
    devices = Campaign(server, server.api_key("operator", "enrollments:reveal"), tmp_path)
    assert devices.redeem(devices.register()) == (201, "")
    old, waiting = devices.needed(), devices.register()
    steps = follow(DocsPage(GUIDE), server, tmp_path / "reader")
    next(steps)
    next(steps)
    new = set(devices.needed()) - set(old)
    assert len(new) == 4

    def in_use() -> bool:
        assert devices.redeem(devices.register()) == (201, "")
        devices.register()
        needed = devices.needed()
        signed = any(key in devices.newest_issuer for key in new)
        return signed and sum(needed[key] > 0 for key in new) == 2  # those of tokens

    wait_until(in_use, "use of the new keys", log=server.log, process=server.process)
    assert devices.redeem(waiting) == (201, "")
    devices.proves_itself(0)
    devices.proves_itself(-1)
    put_back(server)
    devices.proves_itself(-1)
    later = devices.register()
    assert "Backed up" in next(steps)
    assert "Revoked, because nobody can be sent a new one" in next(steps)
    assert devices.redeem(later) == (410, "token_revoked")
    for _ in range(6):
        assert devices.redeem(devices.register()) == (201, "")
    assert "Made the lookup key" in next(steps)
    assert next(steps, None) is None
