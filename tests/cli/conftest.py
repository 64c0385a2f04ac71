"""The command line over an installation that a test opened, in this process: here, and by its API
as from elsewhere."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer.testing
from structlog.testing import capture_logs
from typer.testing import CliRunner

from enlist.cli.application import build
from enlist.cli.backend import Opened
from enlist.cli.remote import backend
from enlist.cli.remote.backend import Remote
from enlist.cli.remote.connection import Connection
from enlist.verbs.api_keys import CreateApiKey
from tests.installation import Enlist
from tests.web.api.conftest import served_api

HERE = "http://localhost:8000"
COMMANDS = build()


@dataclass
class Ran:
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(scope="session", autouse=True)
def put_together_once() -> Iterator[None]:
    """Typer's runner puts all commands together for each one that it runs, 170 of them."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(typer.main.get_command)
        patch.setattr(typer.testing, "_get_command", once)
        yield


class OpenBackend:
    """Hands out the installation that is open already."""

    def __init__(self, enlist: Enlist) -> None:
        self._enlist = enlist

    @contextmanager
    def opened(self, **_options: Any) -> Iterator[Opened]:
        yield Opened(self._enlist.driver, self._enlist.host, self._enlist.installation.log)


@pytest.fixture
def run(enlist: Enlist) -> Run:
    """Run a command: `run("device", "list", "--json").json`."""
    return near(enlist)


def near(enlist: Enlist) -> Run:
    """Runs commands on an installation."""

    def ran(*words: str, stdin: str = "", expect: int = 0) -> Ran:
        result = CliRunner().invoke(COMMANDS, list(words), input=stdin, obj=OpenBackend(enlist))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == expect, f"{words}\n{result.output}{result.stderr}"
        return Ran(result.exit_code, result.stdout, result.stderr)

    return ran


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def remote(enlist: Enlist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command against the installation's own API, as an administrator's key."""
    permissions = ("enrollments:reveal",)
    made = enlist.do(CreateApiKey("far", "administrator", enlist.root.id, permissions))
    path = key_file(tmp_path, made.secret.reveal())
    monkeypatch.setattr(Remote, "now", property(lambda _self: enlist.clock.now))
    with capture_logs(), served_api(enlist) as api:  # the server's, beside what is printed
        connection = partial(Connection, transport=api.http._transport)
        monkeypatch.setattr(backend, "Connection", connection)

        def ran(*words: str, stdin: str = "", expect: int = 0) -> Ran:
            start = ["--server", HERE, "--api-key-file", str(path)]
            result = CliRunner().invoke(COMMANDS, [*start, *words], input=stdin)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            assert result.exit_code == expect, f"{words}\n{result.output}{result.stderr}"
            return Ran(result.exit_code, result.stdout, result.stderr)

        yield ran
