"""A server with much to send has a process for that, which ends with it and not before."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from tests.peers.base import DEADLINE, wait_until
from tests.peers.smtp import MailServer
from tests.serving import StartServer

LETTERS = 25


def test_a_server_that_is_stopped_while_it_sends_loses_nothing_and_sends_nothing_twice(
    start_server: StartServer, database_url: str, smtp: MailServer, tmp_path: Path
) -> None:
    """Systemd and terminals send their signal to all processes of a server at once."""
    environment = {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(smtp.port),
        "ENLIST_SMTP_SECURITY": "none",
        "ENLIST_SMTP_CONNECTIONS": "3",
    }
    server = start_server(database_url, data=tmp_path / "data", environment=environment)
    key = server.api_key("operator")
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    smtp.slow_after = 1
    rows = [{"user": "ada", "name": f"laptop {n}", "platform": "linux"} for n in range(LETTERS)]
    with server.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        answer = client.post("/api/v1/devices/bulk", json={"rows": rows}, headers=headers)
    assert answer.status_code == 200, answer.text
    wait_until(lambda: smtp.under_way == 3, "letters at the same moment", log=server.log)
    (helper,) = [pid for pid in _children(server.process.pid) if _is_post(pid)]
    os.killpg(server.process.pid, signal.SIGTERM)
    smtp.let_go()
    assert server.process.wait(DEADLINE) == 0, server.output()
    wait_until(lambda: not Path(f"/proc/{helper}").exists(), "the end of its process")
    assert "a process that sends messages ended" not in server.output()
    start_server(database_url, data=tmp_path / "data", environment=environment)
    smtp.wait_for(LETTERS)
    found = Counter(str(each.message["Message-ID"]) for each in smtp.messages)
    assert (len(found), set(found.values())) == (LETTERS, {1})


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _is_post(pid: int) -> bool:
    return b"post_helper" in Path(f"/proc/{pid}/cmdline").read_bytes()
