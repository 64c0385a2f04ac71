"""Where a backup is put, and the empty machine that it is restored into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import copies
from enlist.wiring import shown
from enlist.wiring.backup.making import Backup, back_up
from enlist.wiring.backup.restoring import Restored, restore
from enlist.wiring.backup.sealing import Cost
from enlist.wiring.doctor import fetching
from tests.installation import Enlist, SettableClock, opened_on, settings_for
from tests.peers.base import DEADLINE
from tests.peers.postgres import Cluster

PASSPHRASE = Secret("twelve letters and more")
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)


@pytest.fixture(autouse=True)
def patient_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor's own five seconds for an answer are too few where the machine is busy."""
    for each in (fetching, shown):
        monkeypatch.setattr(each, "PATIENCE", DEADLINE)


@dataclass
class Elsewhere:
    """An empty machine: a data folder that is not there yet, and an empty database."""

    settings: Settings
    clock: SettableClock

    def restore(
        self, backup: Path, passphrase: Secret = PASSPHRASE, *, rehearsal: bool = False
    ) -> Restored:
        return restore(self.settings, backup, passphrase, rehearsal=rehearsal, clock=self.clock)

    def opened(self) -> Enlist:
        return opened_on(self.settings, self.clock)

    def is_empty(self) -> bool:
        if self.settings.data.exists() and any(self.settings.data.iterdir()):
            return False
        return not self.settings.database or _holds_nothing(self.settings)


def _holds_nothing(settings: Settings) -> bool:
    from enlist.core.clock import system_clock
    from enlist.wiring.installation import open_store

    store = open_store(settings, system_clock)
    try:
        return copies.holds_nothing(store)
    finally:
        store.close()


@pytest.fixture
def elsewhere(
    store_kind: str, tmp_path: Path, clock: SettableClock, request: pytest.FixtureRequest
) -> Iterator[Elsewhere]:
    folder = tmp_path / "elsewhere"
    if store_kind == "sqlite":
        yield Elsewhere(settings_for(folder), clock)
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.create_database()
    yield Elsewhere(settings_for(folder, url), clock)
    cluster.drop(url)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Where backups are put."""
    return tmp_path / "shelf"


def backed_up(enlist: Enlist, shelf: Path) -> Backup:
    return back_up(enlist.settings, shelf, PASSPHRASE, clock=enlist.clock, cost=CHEAP)


@pytest.fixture
def other(enlist: Enlist) -> Enlist:
    """A second process on the same folder."""
    return enlist.again()
