"""`enlist demo`: the README's first command, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx2

from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until


def started(folder: Path) -> tuple[subprocess.Popen[bytes], Path, str]:
    """The demo, started in a folder; its process, its output, and its address."""
    port, log = free_port(), folder / "output.log"
    ports = ("--http", f"127.0.0.1:{port}", "--device", f"127.0.0.1:{free_port()}")
    # The demo is where it is started: nothing says which folder to use.
    program = "import os, sys; os.chdir(sys.argv.pop(1)); from enlist.wiring import main; main()"
    process = launch([sys.executable, "-c", program, str(folder), "demo", *ports], log)
    wait_until(lambda: "Stop it with Ctrl-C" in log.read_text(), "the demo", log=log)
    return process, log, f"http://localhost:{port}"


def register_by_jwt(data: Path) -> None:
    words = ("--user", "ada", "--name", "tablet", "--platform", "linux", "--grant", "one_time_jwt")
    command = (sys.executable, "-m", "enlist", "device", "register", *words, "--data", str(data))
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)


def test_the_demo_keeps_its_data(tmp_path: Path) -> None:
    """Ruling 33: in `.demo/`; the mailbox is a page and JSON; a second start goes on."""
    first, log, url = started(tmp_path)
    try:
        with httpx2.Client(base_url=url, timeout=DEADLINE, trust_env=False) as client:
            wait_until(lambda: len(client.get("/demo/mailbox.json").json()["items"]) == 3, "mails")
            assert "ada@example.com" in client.get("/demo/mailbox").text
            register_by_jwt(tmp_path / ".demo")
            wait_until(lambda: len(client.get("/demo/mailbox.json").json()["items"]) == 4, "a JWT")
            assert "/demo/mailbox/4/attachment" in client.get("/demo/mailbox/4").text
            file = client.get("/demo/mailbox/4/attachment")
            assert file.headers["content-disposition"] == 'attachment; filename="tablet.jwt"'
            assert file.text.count(".") == 2
            assert client.get("/demo/mailbox/1/attachment").status_code == 404
    finally:
        finish(first)
    told = [line for line in log.read_text().splitlines() if "admin@example.com" in line]
    key = next((tmp_path / ".demo" / "keys").glob("lookup.*.key"))
    before = key.read_bytes()
    log.unlink()
    second, log, url = started(tmp_path)
    finish(second)
    assert [line for line in log.read_text().splitlines() if "admin@example.com" in line] == told
    assert key.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {".demo", "output.log"}
