"""A fresh laptop meets a server whose certificate only Enlist's own CA vouches for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.peers.base import DEADLINE
from tests.serving import Server, StartServer

FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """Reached as by another machine: not over localhost."""
    return start_server(host="127.0.0.2")


def _shown_command(browser: Browser, server: Server) -> Page:
    """The page with the command, for somebody who went on past his browser's warning."""
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("--user", "ada", "--name", "laptop", "--platform", "linux", "--message", "none")
    made = json.loads(server.cli("device", "register", *words, "--json"))
    page = browser.new_context(
        ignore_https_errors=True, viewport={"width": 360, "height": 740}
    ).new_page()
    page.goto(made["enrollment"]["link"])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start enrolling").click()
    expect(page.locator("#command")).to_be_visible()
    return page


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What is pasted into a terminal, in which the agent is installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_the_shown_command_is_all_that_a_fresh_laptop_needs(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    page = _shown_command(browser, server)
    command = page.locator("#command").text_content()
    assert command is not None
    expect(page.get_by_text("compare the number")).to_be_visible()

    elsewhere = FINGERPRINT.sub(f"sha256:{'0' * 64}", command)
    stopped = _run(elsewhere.replace("enlist-device", "other"), tmp_path)
    assert stopped.returncode == 3
    assert "shows another CA" in stopped.stderr

    enrolled = _run(command, tmp_path)
    assert (enrolled.returncode, enrolled.stderr) == (0, "")
    assert "Enrolled laptop" in enrolled.stdout
    asked = _run("enlist-agent status --state enlist-device", tmp_path)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("ENROLLED")


def test_the_administrator_can_tell_the_fingerprint(server: Server) -> None:
    """It stands in the server's first lines, and is the one that openssl computes."""
    told = FINGERPRINT.search(server.output())
    assert told is not None, server.output()
    words = ["openssl", "x509", "-in", str(server.authority), "-noout", "-fingerprint", "-sha256"]
    computed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    digits = computed.strip().partition("=")[2].replace(":", "").lower()
    assert told[0] == f"sha256:{digits}"
