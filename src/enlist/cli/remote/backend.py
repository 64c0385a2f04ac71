"""A server elsewhere, in the place of an installation on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from enlist.cli.backend import Opened
from enlist.cli.output import usage
from enlist.cli.remote.connection import Connection, read_key
from enlist.cli.remote.requests import Asking
from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.verbs.driver import AnyVerb, View

Value = TypeVar("Value")


def here_alone() -> NoReturn:
    """What was asked for has no place in the API."""
    usage("This works on the server's own machine alone. Leave out --server, and run it there.")


class Remote(Opened):
    """A server as a command sees it; what only an installation has ends the command."""

    def __init__(self, asking: Asking) -> None:
        object.__setattr__(self, "_asking", asking)

    def __getattribute__(self, name: str) -> Any:
        if name in ("driver", "log", "helpers", "store"):
            here_alone()
        return super().__getattribute__(name)

    @property
    def caller(self) -> Caller:
        """Whoever the key stands for; the server knows him."""
        return Caller(CallerKind.API_KEY)

    @property
    def now(self) -> int:
        """This machine's clock."""
        return time.time_ns() // 1000

    def link(self, enrollment_id: str, token: Secret | None) -> str:  # noqa: ARG002 - it has it
        """The link that a token came with."""
        return str(self._ask.links.get(enrollment_id, ""))

    def perform(self, verb: AnyVerb[Any, Any, Value]) -> Done[Value] | Refusal:
        """Do something."""
        found = self._asked(verb)
        return found if isinstance(found, Refusal) else Done(found)

    def view(self, view: View[Value]) -> Value | Refusal:
        """Look at something."""
        found: Value | Refusal = self._asked(view)
        return found

    @property
    def _ask(self) -> Asking:
        asking: Asking = super().__getattribute__("_asking")
        return asking

    def _asked(self, asked: object) -> Any:
        return self._ask(asked) if self._ask.can(asked) else here_alone()


class RemoteBackend:
    """What the command line is given where `--server` names one."""

    def __init__(self, server: str, key_file: Path, ca_file: Path | None) -> None:
        self._connection = Connection(server, read_key(key_file), ca_file)

    @contextmanager
    def opened(self, **_options: Any) -> Iterator[Opened]:
        """The server."""
        try:
            yield Remote(Asking(self._connection))
        finally:
            self._connection.close()

    def __getattr__(self, name: str) -> Any:
        here_alone()
