"""The guide to backups, followed word for word beside a running server, onto an empty machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage, as_reader
from tests.peers.base import DEADLINE
from tests.requests import request_pem
from tests.serving import Server, StartServer

GUIDE = ROOT / "docs" / "how-to" / "backup.md"


def follow(guide: DocsPage, server: Server, folder: Path) -> str:
    """Run every block of a guide in one shell; its folders are below `folder`."""
    script = as_reader(guide.blocks)
    made, restored = script.split("\nbackup=$(", 1)
    made = made.replace("/var/lib/enlist", str(server.data))
    script = f"{made}\nbackup=$({restored}"
    rehearsal = "/var/tmp/rehearsal"  # noqa: S108 - it is replaced
    for name in ("/var/lib/enlist", rehearsal, "/srv/backups", "/etc/enlist"):
        assert name in script
        script = script.replace(name, f"{folder}{name}")
    (folder / "etc" / "enlist").mkdir(parents=True)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def test_the_guide_to_backups_works_word_for_word(
    start_server: StartServer, tmp_path: Path
) -> None:
    """S26: the restored server knows its devices, keys and tokens, and no token works twice."""
    server = start_server()
    key = server.api_key("operator", "enrollments:reveal")
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    used, waiting = (_register(server, key, name) for name in ("used", "waiting"))
    redeemed = {"token": used, "csr": request_pem(1).decode()}
    with server.client() as client:
        assert client.post("/api/v1/redeem", json=redeemed).status_code == 201
    folder = tmp_path / "reader"
    folder.mkdir()
    printed = follow(DocsPage(GUIDE), server, folder)
    assert "On hold: 1 enrollment." in printed
    assert "Reactivated: 1." in printed
    assert "counts again" in printed
    server.stop()
    restored = start_server(data=folder / "var" / "lib" / "enlist", initialise=False)
    with restored.client() as client:
        again = client.post("/api/v1/redeem", json={"token": used, "csr": request_pem(2).decode()})
        assert (again.status_code, again.json()["code"]) == (410, "token_used")
        first = client.post(
            "/api/v1/redeem", json={"token": waiting, "csr": request_pem(3).decode()}
        )
        assert first.status_code == 201
        me = client.get("/api/v1/me", headers={"authorization": f"Bearer {key}"})
        assert me.status_code == 200


def _register(server: Server, key: str, name: str) -> str:
    asked = {"user": "ada", "name": name, "platform": "linux"}
    with server.client(headers={"authorization": f"Bearer {key}"}) as client:
        answer = client.post("/api/v1/devices", json={**asked, "message": {"type": "none"}})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["enrollment"]["token"]
    return token
