"""`enlist doctor` on databases that are really wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from enlist.core.clock import SECOND, system_clock
from enlist.core.diagnosis import Level
from enlist.settings import Settings
from enlist.store.migrations import HEAD, NEXT
from enlist.store.tx import Statement
from enlist.wiring.doctor.check import CannotTell, Ground
from tests.installation import Enlist, settings_for
from tests.peers import postgres as postgres_peer
from tests.peers.base import PeerBroken, wait_until
from tests.peers.plugin import Peers
from tests.peers.postgres import Cluster
from tests.wiring.doctoring import DURABILITY, amiss, changed, find, left_out, well

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
41 22 0:38 / {folder} rw,relatime shared:21 - nfs4 files.example.com:/export rw,vers=4.2
"""


@pytest.fixture
def ground(settings: Settings) -> Iterator[Ground]:
    found = Ground(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def durable(peers: Peers) -> Iterator[Cluster]:
    """A cluster as Debian sets it up, but with few connections."""
    peers.use("postgres")
    try:
        running = postgres_peer.cluster(durable=True, settings=("max_connections=20",))
    except PeerBroken as broken:
        pytest.fail(str(broken))
    yield running
    running.stop()


def test_a_database_that_is_there(ground: Ground) -> None:
    well(ground, "database-reachable")
    well(ground, "database-schema")


def test_a_file_that_is_no_database(template_folder: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    amiss(Ground(settings), "database-reachable", says="there is no")
    left_out(Ground(settings), "database-schema")
    assert not settings.sqlite_path.exists(), "looking makes nothing"
    settings.sqlite_path.write_bytes(b"not a database" * 500)
    amiss(Ground(settings), "database-reachable", says="not a database")


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    nobody = settings_for(tmp_path, "postgresql://enlist:hidden@127.0.0.1:1/enlist")
    found = amiss(Ground(nobody), "database-reachable", says="refused")
    assert "hidden" not in found.found
    left_out(Ground(nobody), "postgres-fsync")
    misspelt = settings_for(tmp_path, "postgresql//enlist:hidden@127.0.0.1:1/enlist")
    found = amiss(Ground(misspelt), "database-reachable", says="its address")
    assert "hidden" not in found.found


def test_looking_changes_nothing(ground: Ground) -> None:
    """Also where a check is written wrongly, and for no longer than the look itself."""
    write = Statement("test.write", "DELETE FROM message")
    with pytest.raises(CannotTell, match=r"read-?only"):
        ground.read(lambda tx: tx.all(write))
    well(ground, "database-schema")


def test_a_database_that_is_not_there(postgres: Cluster, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, postgres.url_of("nowhere"))
    amiss(Ground(settings), "database-reachable", says="does not exist")


@pytest.mark.parametrize(
    ("revision", "level", "says"),
    [
        ("0001", Level.PROBLEM, "older"),
        ("9999", Level.PROBLEM, "newer"),
        (NEXT, Level.WARNING, "ahead"),
    ],
)
def test_another_schema(
    enlist: Enlist, ground: Ground, revision: str, level: Level, says: str
) -> None:
    assert revision != HEAD
    change = Statement("test.revision", f"UPDATE alembic_version SET version_num = '{revision}'")
    enlist.store.write(lambda tx: tx.run(change))
    amiss(ground, "database-schema", level=level, says=says)


def test_an_empty_database(empty_database: str, tmp_path: Path) -> None:
    ground = Ground(settings_for(tmp_path, empty_database))
    well(ground, "database-reachable")
    amiss(ground, "database-schema", says="empty")
    ground.close()


def test_clocks_that_differ(empty_database: str, tmp_path: Path) -> None:
    """Each is looked at until it is found: a busy machine lets seconds pass between two clocks."""
    settings = settings_for(tmp_path, empty_database)

    def found(level: Level, ahead: int, says: str) -> bool:
        ground = Ground(settings, clock=lambda: system_clock() + ahead * SECOND)
        finding = find(ground, "database-clock")
        ground.close()
        remedied = bool(finding.remedy) is (level is not Level.OK)
        return finding.level is level and says in finding.found and remedied

    wait_until(lambda: found(Level.OK, 0, ""), "the same time")
    wait_until(lambda: found(Level.PROBLEM, -60, "60 s ahead of"), "a minute")
    wait_until(lambda: found(Level.WARNING, 3, "behind"), "three seconds")


def test_what_a_power_cut_would_harm(postgres: Cluster, durable: Cluster, tmp_path: Path) -> None:
    """The tests' own cluster has its durability switched off, for speed."""
    careless = Ground(settings_for(tmp_path, postgres.url))
    careful = Ground(settings_for(tmp_path, durable.url))
    for name in DURABILITY:
        amiss(careless, name, says="= off")
        well(careful, name)
    for ground in (careless, careful):
        ground.close()


def test_commits_that_one_database_does_not_wait_for(durable: Cluster, tmp_path: Path) -> None:
    url = durable.create_database()
    durable.execute(
        f"ALTER DATABASE {url.partition('@/')[2].partition('?')[0]} SET synchronous_commit = off"
    )
    ground = Ground(settings_for(tmp_path, url))
    amiss(ground, "postgres-commit")
    well(ground, "postgres-fsync")
    ground.close()


def test_too_few_connections(durable: Cluster, tmp_path: Path) -> None:
    """20 connections, 3 of them kept for superusers: one process fits, two do not."""
    ground = Ground(settings_for(tmp_path, durable.url))
    well(ground, "postgres-connections")
    two = changed(ground, workers=2)
    amiss(two, "postgres-connections", says="max_connections")
    url = durable.create_database()
    name = url.partition("@/")[2].partition("?")[0]
    durable.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 5")
    small = Ground(settings_for(tmp_path, url))
    amiss(small, "postgres-connections", says="the database may have 5")
    for each in (ground, two, small):
        each.close()


@pytest.fixture
def on_sqlite(template_folder: Path, tmp_path: Path) -> Settings:
    import shutil

    return settings_for(Path(shutil.copytree(template_folder, tmp_path / "data")))


def test_a_journal_that_is_no_write_ahead_log(on_sqlite: Settings) -> None:
    right = Ground(on_sqlite)
    well(right, "sqlite-journal")
    right.close()
    connection = sqlite3.connect(on_sqlite.sqlite_path)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    amiss(Ground(on_sqlite), "sqlite-journal", says="delete")


def test_a_folder_on_a_network(on_sqlite: Settings, tmp_path: Path) -> None:
    """Nobody can mount such a thing here; the list of mounts is one from a machine that has it."""
    well(Ground(on_sqlite), "sqlite-file-system")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(folder=on_sqlite.data.resolve()))
    amiss(Ground(on_sqlite, mounts=mounts), "sqlite-file-system", says="nfs4")
    mounts.write_text(MOUNTS.format(folder=f"{on_sqlite.data.resolve()}-beside"))
    well(Ground(on_sqlite, mounts=mounts), "sqlite-file-system")


@pytest.mark.parametrize("name", ["sqlite-journal", "sqlite-file-system"])
def test_what_is_sqlites_alone(empty_database: str, tmp_path: Path, name: str) -> None:
    left_out(Ground(settings_for(tmp_path, empty_database)), name)


@pytest.mark.parametrize("name", [*DURABILITY, "postgres-connections", "database-clock"])
def test_what_is_postgresqls_alone(on_sqlite: Settings, name: str) -> None:
    left_out(Ground(on_sqlite), name)
