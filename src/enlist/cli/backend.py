"""What the command line is given: functions, and an open installation to run verbs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

from enlist.core.caller import Caller
from enlist.core.diagnosis import Diagnosis
from enlist.core.faults import Unusable
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.store.lanes import Store
from enlist.verbs.checkpoints import SealedLog
from enlist.verbs.driver import AnyVerb, Driver, View
from enlist.verbs.verify_log import Check

if TYPE_CHECKING:
    from enlist.store.imports import ImportJob
    from enlist.verbs.exporting import ExportEnrollments

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Opened:
    """An installation, who is at the command line, and the sealed log.

    Attributes:
        helpers: processes beside this one that check events, where they are of use.
    """

    driver: Driver
    caller: Caller
    log: SealedLog
    helpers: Callable[[], AbstractContextManager[Check | None]] = nullcontext

    @property
    def store(self) -> Store:
        """The database, for what reads and writes more than a verb may at once."""
        return self.driver.store

    @property
    def now(self) -> int:
        """The installation's clock, microseconds UTC."""
        return self.driver.tools.clock()

    def link(self, enrollment_id: Id, token: Secret | None) -> str:
        """The link that a token goes out with."""
        from enlist.delivery.lookups import enrollment_link

        public_url = self.driver.tools.addresses.public_url
        return enrollment_link(public_url, enrollment_id, token.reveal() if token else "")

    def perform(self, verb: AnyVerb[Any, Any, Value]) -> Done[Value] | Refusal:
        """Do something."""
        return self.driver.perform(verb, self.caller)

    def view(self, view: View[Value]) -> Value | Refusal:
        """Look at something."""
        return self.driver.view(view, self.caller)

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
        """Read a file that is to be imported."""
        from enlist.verbs.imports import bring

        return bring(
            self.driver,
            self.store,
            self.caller,
            file,
            organization=organization,
            kind=kind,
            name=name,
            description=description,
            preview=preview,
        )

    def work_on_import(self, job_id: Id, tell: Callable[[int], None]) -> bool:
        """Go on with an import to its end; False where somebody else is at it."""
        from enlist.verbs.importing import Importing

        importing = Importing(self.driver, self.store)
        return importing.work(job_id, tell=lambda job: tell(job.done))

    def work_on_wave(self, wave_id: Id) -> bool:
        """Go on with a wave for a while; False where there is nothing to do yet."""
        from enlist.verbs.waving import Waving

        waving = Waving(self.driver, self.store)
        try:
            return waving.work(wave_id)
        except KeyboardInterrupt:
            waving.let_go(wave_id)  # else the server would wait for a claim that nobody holds
            raise

    def export(self, view: ExportEnrollments) -> Iterator[str] | Refusal:
        """All of a list as CSV, page after page; an event tells of it before the first."""
        from enlist.verbs.exporting import BeginExport

        begun = self.perform(BeginExport(view))
        return begun if isinstance(begun, Refusal) else self._pages(view)

    def _pages(self, view: ExportEnrollments) -> Iterator[str]:
        from enlist.verbs.exporting import heading, lines

        yield heading()
        cursor: str | None = ""
        while cursor is not None:
            page = self.view(replace(view, cursor=cursor))
            if isinstance(page, Refusal):
                raise Unusable("The right to export ended while exporting.")
            yield lines(page.items, self.now)
            cursor = page.next_cursor


class Backend(Protocol):
    """What `wiring` hands over. Options are settings by name; None means not given."""

    def serve(self, **options: Any) -> None: ...
    def demo(self, **options: Any) -> None: ...
    def init(
        self, *, email: str, password: str, organization: str, group_id: str, **options: Any
    ) -> None: ...
    def migrate(self, *, check: bool, **options: Any) -> bool: ...
    def backup(self, folder: Path, passphrase: str, **options: Any) -> dict[str, Any]: ...
    def restore(
        self, folder: Path, passphrase: str, *, rehearsal: bool, **options: Any
    ) -> dict[str, Any]: ...
    def list_keys(self, **options: Any) -> list[dict[str, Any]]: ...
    def rotate_key(self, purpose: str, *, minutes: int, **options: Any) -> dict[str, Any]: ...
    def replace_leaked_keys(self, **options: Any) -> dict[str, Any]: ...
    def doctor(self, **options: Any) -> Diagnosis: ...
    def opened(self, **options: Any) -> AbstractContextManager[Opened]: ...
