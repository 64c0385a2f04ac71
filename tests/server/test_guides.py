"""Guides that can be followed by a machine are: each command as it stands there, in one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage
from tests.peers.base import DEADLINE
from tests.serving import StartServer

NEW = "an entirely new password"


@pytest.mark.peer("curl")
def test_the_guide_to_api_keys_works_word_for_word(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    server.cli("organization", "add", "--group-id", "engineering", "--name", "Engineering")
    add = ("user", "add", "--username", "ada", "--email", "ada@example.com")
    server.cli(*add, "--organization", "engineering")
    guide = DocsPage(ROOT / "docs" / "how-to" / "api-keys.md")
    script = "\n".join(guide.blocks)
    script = script.replace("http://localhost:8000", server.url)
    script = script.replace("https://localhost:8443", server.device_url)
    folder = tmp_path / "reader"
    folder.mkdir()
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "ENLIST_DATA": str(server.data), "PATH": programs},
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert "token_invalid" in ran.stdout
    assert ran.stdout.rstrip().endswith("Revoked.")
    assert '"enrolled"' in (folder / "enrolled.json").read_text()
    for secret in ("key.json", "authorization", "device.key"):
        assert (folder / secret).stat().st_mode & 0o077 == 0
    ended = subprocess.run(
        ["curl", "-sS", "-H", "@authorization", f"{server.url}/api/v1/me"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert '"unauthenticated"' in ended.stdout


def test_the_guide_to_recovering_works_word_for_word(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    guide = DocsPage(ROOT / "docs" / "how-to" / "recover-administrator.md")
    words, *_ = guide.commands("enlist")
    at = words.index("/var/lib/enlist")
    printed = server.cli(*words[:at], str(server.data), *words[at + 1 :])
    (link,) = re.findall(rf"{re.escape(server.url)}/recover#t=(\S+)", printed)
    with server.client() as client:
        nonce = re.search(r'name="nonce" value="([^"]+)"', client.get("/recover").text)
        assert nonce is not None
        form = {"nonce": nonce[1], "link": link, "password": NEW, "repeat": NEW}
        answer = client.post("/recover", data=form, headers={"origin": server.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert "user.recovered" in server.cli("audit", "list", "--kind", "user.recovered")
