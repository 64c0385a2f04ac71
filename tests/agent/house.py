"""A real server, and the agent as a program of its own: what a person types, sees and is told.

device_id, jwt = house.jwt()
house.agent("enroll", jwt, "--state", state)
with house.running(state) as agent:
    agent.told("Connected to")
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from enlist_agent.enrollment import Enroll
from enlist_agent.secret import Secret
from tests.peers.base import DEADLINE, finish, launch, wait_until
from tests.serving import Server


@dataclass
class House:
    """A server, and an API key for whatever an administrator does meanwhile."""

    server: Server
    key: str
    folder: Path
    count: int = 0

    def client(self) -> httpx2.Client:
        return self.server.client(headers={"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.client() as client:
            answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def registered(self, **more: Any) -> dict[str, Any]:
        """A new device that is to enroll, and its enrollment."""
        self.count += 1
        body = {
            "user": "root@example.com",
            "name": f"box-{self.count}",
            "platform": "linux",
            "message": {"type": "none"},
        }
        return self.post("/api/v1/devices", {**body, **more})

    def token(self) -> tuple[str, str]:
        """A new device's id, and the token that enrolls it."""
        made = self.registered()
        return made["device"]["id"], made["enrollment"]["token"]

    def jwt(self) -> tuple[str, Path]:
        """A new device's id, and the file that enrolls it."""
        made = self.registered(grant="one_time_jwt")
        with self.client() as client:
            answer = client.get(f"/api/v1/enrollments/{made['enrollment']['id']}/jwt")
        path = self.folder / f"box-{self.count}.jwt"
        path.write_text(answer.text)
        return made["device"]["id"], path

    def agent(
        self, command: str, *words: object, stdin: str = "", expect: int = 0
    ) -> tuple[str, str]:
        """What the agent prints, and what it tells beside that."""
        ran = subprocess.run(
            [sys.executable, "-m", "enlist_agent", command, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=DEADLINE,
            check=False,
        )
        assert ran.returncode == expect, f"{ran.returncode}\n{ran.stdout}{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran.stdout, ran.stderr

    def agent_at_terminal(self, *words: object, typed: Sequence[str], language: str) -> str:
        """What a person sees who types these lines, one whenever the agent waits for one."""
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "enlist_agent", *map(str, words)]
        env = {**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"}
        ran = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        shown, waiting, deadline = "", list(typed), time.monotonic() + DEADLINE
        try:
            while time.monotonic() < deadline:
                try:
                    shown += os.read(ours, 4096).decode(errors="replace")
                except OSError:  # a terminal whose last program has ended
                    break
                if waiting and shown.endswith(": "):
                    os.write(ours, f"{waiting.pop(0)}\n".encode())
        finally:
            ran.kill()
            ran.wait(DEADLINE)
            os.close(ours)
        assert not waiting, shown
        return shown

    def enrolled(self, state: Path) -> str:
        """Enroll a new device there; answers its id."""
        device_id, jwt = self.jwt()
        Enroll(Secret(str(jwt)), state=state).run()
        return device_id

    @contextmanager
    def running(self, state: Path, *words: object) -> Iterator[Running]:
        """The agent as a service runs it; ended at the end, if it did not end before."""
        command = ["-m", "enlist_agent", "run", "--state", str(state), *map(str, words)]
        with running(state.with_name(f"{state.name}.log"), command) as agent:
            yield agent

    def sessions(self, device_id: str) -> list[str]:
        """The live sessions of a device."""
        with self.client() as client:
            answer = client.get("/api/v1/device-sessions", params={"device": device_id})
        return [each["id"] for each in answer.json()["items"]]

    def events(self, device_id: str, kind: str) -> list[dict[str, Any]]:
        """A device's events of a kind, oldest first."""
        query = {"kind": kind, "device": device_id, "sort": "at"}
        with self.client() as client:
            items: list[dict[str, Any]] = client.get("/api/v1/events", params=query).json()["items"]
        return items


@dataclass
class Running:
    """An agent that runs, and what it tells."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def told(self, text: str, times: int = 1) -> None:
        """Wait until it has said this."""
        wait_until(
            lambda: self.said.count(text) >= times, f"{text!r}", log=self.log, process=self.process
        )

    def ends(self) -> int:
        """Its exit code, once it ends by itself."""
        code = self.process.wait(DEADLINE)
        assert "Traceback" not in self.said, self.said
        return code

    def ends_by(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.ends()


@contextmanager
def running(log: Path, words: list[str]) -> Iterator[Running]:
    """A Python program that runs beside the test, and may be interrupted as at a terminal.

    What a shell starts in the background without job control ignores SIGINT, and so do its
    children: also these tests, where continuous integration runs them so.
    """
    process = launch(["env", "--default-signal=INT", sys.executable, *words], log)
    try:
        yield Running(process, log)
    finally:
        finish(process)
