"""What the command line is given: functions, and an open installation to run verbs in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from enlist.core.caller import Caller
from enlist.core.diagnosis import Diagnosis
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.store.lanes import Store
from enlist.verbs.checkpoints import SealedLog
from enlist.verbs.driver import AnyVerb, Driver, View
from enlist.verbs.verify_log import Check

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
