"""Waves by command: beside the server, on a terminal and in a pipe, and left to it with Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from enlist.core.clock import SECOND, system_clock
from enlist.verbs.waving import Waving
from tests.cli.conftest import Run
from tests.installation import Enlist
from tests.peers.base import DEADLINE

START = ("wave", "start", "Autumn", "--platform", "ios")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_waves_by_command(enlist: Enlist, run: Run) -> None:
    """In a pipe there is no bar; who failed is told, and is the exit code."""
    for name in ("ada", "bob"):
        enlist.user(name, password="")
    users = ("--user", "ada", "--user", "bob", "--user", "nobody", "--per-minute", "0")
    begun = run(*START, *users, "--canary", "40")
    assert begun.err == ""
    wave = re.findall(r"Wave +(\S+)", begun.out)[0]
    assert "To let the others follow: enlist wave continue" in begun.out
    assert re.findall(r"(Queued|Failed) +(\d)", begun.out) == [("Queued", "3"), ("Failed", "0")]
    run("wave", "pause", wave)
    assert run("wave", "show", wave, "--json").json["state"] == "paused"
    run("wave", "resume", wave)
    ended = run("wave", "continue", wave, "--json", expect=1)
    assert (ended.json["state"], ended.json["counts"]["failed"], ended.err) == ("done", 1, "")
    failed = run("wave", "show", wave, "--state", "failed")
    assert re.search(r"nobody +not_found", failed.out)
    run("wave", "resend", wave)
    (listed,) = run("wave", "list", "--json").json["items"]
    assert (listed["id"], listed["done"]) == (wave, 3)
    left = run(*START, "--user", "ada", "--no-wait", "--json").json
    assert (left["state"], left["done"]) == ("running", 0)
    run("wave", "stop", left["id"])
    assert "users: say whom it is for" in run(*START, expect=1).err


class Terminal:
    """A command that believes that somebody looks on."""

    def __init__(self, enlist: Enlist, *words: str) -> None:
        self._end, other = pty.openpty()
        data = {"ENLIST_DATA": str(enlist.settings.data), "ENLIST_SMTP_HOST": "mail.example.com"}
        surroundings = {**os.environ, **data, "COLUMNS": "100", "TERM": "xterm-256color"}
        # Whoever runs the tests in the background ignores Ctrl-C, and hands that on.
        self.process = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "enlist", *words],
            stdin=other, stdout=other, stderr=other, env=surroundings,
        )  # fmt: skip
        os.close(other)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until it shows this."""
        until = time.monotonic() + DEADLINE
        while not re.search(text, self.shown):
            assert time.monotonic() < until, self.shown
            if select.select([self._end], [], [], 0.1)[0]:
                try:
                    read = os.read(self._end, 4096)
                except OSError:
                    raise AssertionError(f"it ended without {text!r}: {self.shown}") from None
                self.shown += ANSI.sub("", read.decode(errors="replace"))

    def close(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self._end)


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_ctrl_c_leaves_the_wave_going(enlist: Enlist) -> None:
    """A bar counts the people; the command ends, and a server goes on at once, with each once."""
    names = [f"user{number}" for number in range(30)]
    for name in names:
        enlist.user(name, password="")
    users = [word for name in names for word in ("--user", name)]
    terminal = Terminal(enlist, *START, *users, "--per-minute", "120")
    try:
        terminal.wait_for(r"Issuing .*━.* [1-9]\d?/30")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for(r"A running server goes on.*\r\n.*\r\n.*enlist wave pause (\S+)")
        assert terminal.process.wait(DEADLINE) == 130
    finally:
        terminal.close()
    (wave,) = enlist.rows("wave")
    so_far = wave["done"]
    assert (wave["state"], 0 < so_far < 30) == ("running", True)
    enlist.clock.now = system_clock() + SECOND
    assert Waving(enlist.driver, enlist.store).work()
    assert len(enlist.rows("enrollment")) == enlist.rows("wave")[0]["done"] > so_far
