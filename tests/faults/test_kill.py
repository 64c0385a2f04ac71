"""Pulling the plug at any moment loses nothing that was answered (S15, P22).

`make faults` kills twenty times on each store; by itself this kills three times.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from enlist.core.clock import MINUTE, system_clock
from enlist.delivery.worker import Worker
from enlist.settings import Settings, Smtp
from enlist.wiring.delivery import email_channel
from tests.faults.campaign import Campaign, check, kill_again_and_again
from tests.figures import Figure
from tests.installation import Enlist, SettableClock, opened_on
from tests.peers.base import DEADLINE, wait_until
from tests.peers.smtp import MailServer
from tests.serving import Server, launch_server

KILLS = int(os.environ.get("FAULT_KILLS", "3"))
SEED = int(os.environ.get("FAULT_SEED", str(time.time_ns() % 1_000_000)))
TOKENS = 40 * KILLS


def opened(server: Server, *, later: int = 0) -> Enlist:
    """The installation without its server, some minutes later."""
    settings = Settings(data=server.data, database=server.database, smtp=Smtp(host="unused"))
    return opened_on(settings, SettableClock(system_clock() + later * MINUTE))


def kill(server: Server) -> None:
    """End every process of the server as a power cut would."""
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(DEADLINE)


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """Where a commit takes its time, so that kills fall into them; `tmp_path` may be in memory."""
    with tempfile.TemporaryDirectory(prefix="enlist-kill-") as folder:
        yield Path(folder)


def test_nothing_that_was_answered_is_lost(
    on_disk: Path, database_url: str, smtp: MailServer, figure: Figure
) -> None:
    environment = {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(smtp.port),
        "ENLIST_SMTP_SECURITY": "none",
    }

    def restart() -> Server:
        workers = 2 if database_url else 1
        return launch_server(
            on_disk / "data", database_url, workers=workers, environment=environment
        )

    server = restart()
    key = server.api_key("operator")
    server.stop()
    enlist = opened(server)
    try:
        tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(TOKENS)]
    finally:
        enlist.close()
    tokens = {ticket.token.reveal(): ticket.enrollment_id for ticket in tickets}

    campaign = Campaign(list(tokens), key)
    with campaign.running():
        server, kills = kill_again_and_again(campaign, restart, kill, SEED, KILLS, figure)
        wait_until(lambda: not campaign.left, "the last of the clients", seconds=2 * DEADLINE)
    server.stop()
    whole(server)
    server.cli("audit", "verify")
    enlist = opened(server, later=10)
    try:
        deliver_the_rest(enlist, smtp)
        received = {str(each.message["Message-ID"]).strip("<>") for each in smtp.messages}
        check(campaign.ledger, enlist, received, tokens)
    finally:
        enlist.close()
    assert campaign.ledger.unanswered, "no client noticed anything: nothing was killed"
    assert kills[-1].left, "the last kills hit a server that had nothing to do: more tokens"


def deliver_the_rest(enlist: Enlist, smtp: MailServer) -> None:
    """What a killed process had in hand is hidden for minutes: do what a server does then."""
    settings = Settings(
        data=enlist.settings.data,
        smtp=Smtp(host="127.0.0.1", port=smtp.port, security="none"),
    )
    channel = email_channel(settings, "localhost")
    Worker(enlist.driver, {"email": channel}, "http://localhost").deliver_due()


def whole(server: Server) -> None:
    """The database file itself is sound."""
    if server.database:
        return
    with sqlite3.connect(server.data / "enlist.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
