"""The command line over an installation that a test opened, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from enlist.cli.application import build
from enlist.cli.backend import Opened
from tests.installation import Enlist


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

    def ran(*words: str, stdin: str = "", expect: int = 0) -> Ran:
        result = CliRunner().invoke(build(), list(words), input=stdin, obj=OpenBackend(enlist))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == expect, f"{words}\n{result.output}{result.stderr}"
        return Ran(result.exit_code, result.stdout, result.stderr)

    return ran
