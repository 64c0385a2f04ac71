"""A server elsewhere, in the place of an installation on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

from enlist.cli.backend import Opened
from enlist.cli.output import usage
from enlist.cli.remote.api import Api
from enlist.cli.remote.connection import Connection, read_key
from enlist.cli.remote.requests import HERE_ALONE, way_of
from enlist.cli.remote.reviving import revived
from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.store.imports import ImportJob
from enlist.verbs.driver import AnyVerb, View
from enlist.verbs.exporting import ExportEnrollments

Value = TypeVar("Value")


def here_alone() -> NoReturn:
    """What was asked for has no place in the API."""
    usage("This works on the server's own machine alone. Leave out --server, and run it there.")


def may_run(command: str) -> None:
    """End a command that no server elsewhere can be asked for, and say why."""
    if command in HERE_ALONE:
        usage(
            f"enlist {command} works on the server's own machine alone: {HERE_ALONE[command]}. "
            "Leave out --server, and run it there."
        )


class Remote(Opened):
    """A server as a command sees it; what only an installation has ends the command."""

    def __init__(self, api: Api) -> None:
        object.__setattr__(self, "_kept_api", api)

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
        return str(self._api.links.get(enrollment_id, ""))

    def perform(self, verb: AnyVerb[Any, Any, Value]) -> Done[Value] | Refusal:
        """Do something."""
        found = self._asked(verb)
        return found if isinstance(found, Refusal) else Done(found)

    def view(self, view: View[Value]) -> Value | Refusal:
        """Look at something."""
        found: Value | Refusal = self._asked(view)
        return found

    def bring(
        self,
        file: BinaryIO,
        *,
        organization: str,
        kind: str,
        name: str,
        description: str,
        preview: bool,
    ) -> ImportJob | Refusal:
        """Send a file to be imported."""
        what = {"kind": kind, "name": name, "description": description}
        asked = {**what, "organization": organization, "dry_run": "true" if preview else ""}
        given = {key: text for key, text in asked.items() if text}
        found = self._api.bring("/imports", file, **given)
        return found if isinstance(found, Refusal) else revived(ImportJob, found)

    def work_on_import(self, job_id: Id, tell: Callable[[int], None]) -> bool:  # noqa: ARG002
        """The server does it."""
        return False

    def work_on_wave(self, wave_id: Id) -> bool:  # noqa: ARG002 - likewise
        """The server does it."""
        return False

    def export(self, view: ExportEnrollments) -> Iterator[str] | Refusal:
        """The server's own file."""
        asked = {"organization": view.organization, "search": view.search, **view.filters}
        given = {key: text for key, text in asked.items() if text}
        return self._api.take("/enrollments/export", **given)

    @property
    def _api(self) -> Api:
        api: Api = super().__getattribute__("_kept_api")
        return api

    def _asked(self, asked: object) -> Any:
        way = way_of(asked)
        return here_alone() if way is None else way(self._api, asked)


class RemoteBackend:
    """What the command line is given where `--server` names one."""

    def __init__(self, server: str, key_file: Path, ca_file: Path | None) -> None:
        self._connection = Connection(server, read_key(key_file), ca_file)

    @contextmanager
    def opened(self, **_options: Any) -> Iterator[Opened]:
        """The server."""
        try:
            yield Remote(Api(self._connection))
        finally:
            self._connection.close()

    def __getattr__(self, name: str) -> Any:
        here_alone()
