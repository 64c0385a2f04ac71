"""The data folder is one user's: what root makes there becomes his, and others hear whose it is."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from enlist import datafolder, keyfolder
from enlist.core.clock import system_clock, to_datetime
from enlist.core.faults import Unusable
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.verbs.verify_log import verify
from enlist.wiring.backend import LocalBackend
from enlist.wiring.backup.making import back_up
from enlist.wiring.backup.restoring import restore
from enlist.wiring.backup.sealing import Cost
from enlist.wiring.certificates import DEVICE_LISTENER, listener_certificate
from enlist.wiring.checkpoint_folder import CheckpointFolder
from enlist.wiring.doctor import diagnose
from enlist.wiring.installation import addresses, opened
from enlist.wiring.keys import rotate
from enlist.wiring.server import _only_server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")

OWNER = pwd.getpwnam("daemon")
PASSPHRASE = Secret("twelve letters and more")
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder of Enlist's user, where others can come, too."""
    around = Path(tempfile.mkdtemp(prefix="enlist-owner-"))
    around.chmod(0o755)
    data = around / "data"
    data.mkdir(mode=0o700)
    os.chown(data, OWNER.pw_uid, OWNER.pw_gid)
    yield data
    shutil.rmtree(around)


@pytest.fixture
def made(folder: Path) -> Settings:
    """An installation that root set up in it."""
    beginning = {"organization": "Example", "group_id": "example"}
    password = "correct horse battery"
    LocalBackend().init(email="a@example.com", password=password, data=folder, **beginning)
    return Settings(data=folder)


def owners(data: Path) -> set[tuple[int, int]]:
    """Users and groups of a folder and everything in it."""
    found = [path.stat() for path in (data, *data.rglob("*"))]
    return {(each.st_uid, each.st_gid) for each in found}


def as_user(uid: int, gid: int, what: Callable[[], object]) -> str:
    """What the function refuses to another user, in a process of its own; "" when nothing."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        said = "broke"
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            what()
            said = ""
        except Unusable as error:
            said = str(error)
        finally:
            os.write(into, said.encode())
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_what_root_makes_is_the_owners(made: Settings) -> None:
    with opened(made) as installation:
        for purpose in ("lookup", "derive", "checkpoint", "ca"):
            rotate(installation, made, purpose)
    CheckpointFolder(made.data / "checkpoints").keep("a\n\n— b c\n", system_clock())
    assert owners(made.data) == {(OWNER.pw_uid, OWNER.pw_gid)}


def test_what_root_restores_is_the_owners(made: Settings, folder: Path) -> None:
    backup = back_up(made, folder.parent / "shelf", PASSPHRASE, cost=CHEAP)
    empty = folder.parent / "empty"
    empty.mkdir(mode=0o700)
    os.chown(empty, OWNER.pw_uid, OWNER.pw_gid)
    restore(Settings(data=empty), backup.folder, PASSPHRASE)
    assert owners(empty) == {(OWNER.pw_uid, OWNER.pw_gid)}


def test_a_checkpoint_that_may_not_be_written(folder: Path) -> None:
    """Before there is a folder for it, and where a file in it cannot be written."""
    kept = CheckpointFolder(folder / "checkpoints")
    folder.chmod(0o500)
    for path in (folder, folder / "checkpoints" / "2020-01.txt"):
        said = as_user(OWNER.pw_uid, OWNER.pw_gid, lambda: kept.keep("a\n\n— b c\n", 0))
        assert said == f"daemon may not write {path}. Run: chmod -R u+rwX {folder}"
        folder.chmod(0o700)
        (folder / "checkpoints").mkdir(exist_ok=True)
        os.chown(folder / "checkpoints", OWNER.pw_uid, OWNER.pw_gid)
        month = folder / "checkpoints" / "2020-01.txt"
        month.touch(0o400)
        os.chown(month, OWNER.pw_uid, OWNER.pw_gid)


def test_a_link_gives_nobody_what_it_points_to(folder: Path) -> None:
    """Whose folder it is could else have root give him, or write into, any file there is."""
    other = folder.parent / "of-root"
    other.write_text("root's\n")
    for name in ("enlist.sqlite3", "key", "key.new"):
        (folder / name).symlink_to(other)
    datafolder.hand_over(folder / "enlist.sqlite3")
    datafolder.write_secret(folder / "key", b"secret")
    now = system_clock()
    months = folder / "checkpoints"
    months.mkdir()
    (months / f"{to_datetime(now):%Y-%m}.txt").symlink_to(other)
    with pytest.raises(Unusable, match="is a symbolic link"):
        CheckpointFolder(months).keep("a\n\n— b c\n", now)
    assert other.stat().st_uid == 0
    assert other.read_text() == "root's\n"
    assert (folder / "key").read_bytes() == b"secret"


def test_a_secret_is_the_owners_before_it_has_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name the owner could have put a link in between."""
    monkeypatch.setattr(datafolder, "hand_over", None)
    datafolder.write_secret(folder / "key", b"secret")
    assert owners(folder) == {(OWNER.pw_uid, OWNER.pw_gid)}


def test_a_restore_follows_no_link_to_the_checkpoints(made: Settings, folder: Path) -> None:
    backup = back_up(made, folder.parent / "shelf", PASSPHRASE, cost=CHEAP)
    elsewhere, empty = folder.parent / "elsewhere", folder.parent / "empty"
    elsewhere.mkdir()
    empty.mkdir()
    (empty / "checkpoints").symlink_to(elsewhere)
    with pytest.raises(Unusable, match="checkpoints is a symbolic link, which a restore"):
        restore(Settings(data=empty), backup.folder, PASSPHRASE)
    assert list(elsewhere.iterdir()) == []


def test_a_restore_lets_the_owner_put_no_link_in_its_way(made: Settings, folder: Path) -> None:
    """He may rename what stands in his folder; root would write through what he puts there."""
    backup = back_up(made, folder.parent / "shelf", PASSPHRASE, cost=CHEAP)
    empty = folder.parent / "empty"
    empty.mkdir(mode=0o750)
    os.chown(empty, OWNER.pw_uid, OWNER.pw_gid)
    tried: list[str] = []

    def swap() -> None:
        (staged,) = empty.glob(".restoring-*")
        staged.rename(empty / "away")

    def clock() -> int:
        if any(empty.glob(".restoring-*")) and not tried:
            tried.append(as_user(OWNER.pw_uid, OWNER.pw_gid, swap))
        return system_clock()

    restore(Settings(data=empty), backup.folder, PASSPHRASE, clock=clock)
    assert tried == ["broke"]
    assert owners(empty) == {(OWNER.pw_uid, OWNER.pw_gid)}
    assert empty.stat().st_mode & 0o777 == 0o750


def test_kept_checkpoints_stay_the_owners(made: Settings, folder: Path) -> None:
    """Those of older months, too; and he is given no copy of what a link points to."""
    backup = back_up(made, folder.parent / "shelf", PASSPHRASE, cost=CHEAP)
    others = folder.parent / "of-root"
    others.write_text("root's\n")
    empty = folder.parent / "empty"
    kept = empty / "checkpoints"
    kept.mkdir(parents=True)
    (kept / "2020-01.txt").write_text("a\n\n— b c\n\n")
    for path in (empty, kept, kept / "2020-01.txt"):
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)
    (kept / "2020-02.txt").symlink_to(others)
    os.chown(kept / "2020-02.txt", OWNER.pw_uid, OWNER.pw_gid, follow_symlinks=False)
    restore(Settings(data=empty), backup.folder, PASSPHRASE)
    assert (kept / "2020-02.txt").is_symlink()
    assert others.stat().st_uid == 0
    (kept / "2020-02.txt").unlink()
    assert (kept / "2020-01.txt").read_text() == "a\n\n— b c\n\n"
    assert len(list(kept.iterdir())) == 2, "the restore signs a checkpoint of its own"
    assert owners(empty) == {(OWNER.pw_uid, OWNER.pw_gid)}


def test_who_may_not_read_a_month_is_told_so(made: Settings) -> None:
    """Verifying without it could not see what it tells of; a traceback says nothing."""
    folder = CheckpointFolder(made.data / "checkpoints")
    folder.keep("a\n\n— b c\n", system_clock())
    (month,) = (made.data / "checkpoints").iterdir()

    def read() -> None:
        with opened(made) as installation:
            verify(installation.log)

    assert as_user(OWNER.pw_uid, OWNER.pw_gid, read) == ""
    for path in (month, month.parent):
        os.chown(path, 0, 0)
        said = as_user(OWNER.pw_uid, OWNER.pw_gid, read)
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)
        assert said.startswith(f"{path} belongs to root, the folder to daemon. Run as root: chown")


@pytest.mark.parametrize("where", [".", "keys", "pki"])
def test_another_user_is_told_who_may(made: Settings, where: str) -> None:
    for each in (made.data, made.data / "keys", made.data / "pki"):
        each.chmod(0o755)
    (made.data / where).chmod(0o700)
    for what in (lambda: datafolder.refuse_strangers(made.data), lambda: keyfolder.load(made.data)):
        said = as_user(65534, 65534, what)
        assert "may not read" in said
        assert said.endswith("Run this as daemon: sudo -u daemon enlist …")


def test_the_doctor_tells_another_user_once(made: Settings) -> None:
    def diagnosed() -> None:
        found = {each.name: each.finding for each in diagnose(made, {}).examined}
        broken = [each.found for each in found.values() if "broke" in each.found]
        assert not broken, broken
        raise datafolder.NotForThisUser(found["data-readable"].remedy)

    said = as_user(65534, 65534, diagnosed)
    assert said == f"Run: sudo -u daemon enlist doctor --data {made.data}"


def test_the_owner_is_told_what_was_taken_from_him(made: Settings) -> None:
    (key,) = made.data.glob("keys/lookup.*.key")
    os.chown(key, 0, 0)
    for what in (lambda: datafolder.refuse_strangers(made.data), lambda: keyfolder.load(made.data)):
        said = as_user(OWNER.pw_uid, OWNER.pw_gid, what)
        assert said == (
            f"{key} belongs to root, the folder to daemon. "
            f"Run as root: chown -R daemon: {made.data}"
        )


def test_a_copy_of_the_database_stops_nobody(made: Settings) -> None:
    """As root makes one before he tries something; the database itself must be writable."""

    def look() -> None:
        datafolder.refuse_strangers(made.data)

    copy = made.data / "enlist.sqlite3.before"
    shutil.copyfile(made.sqlite_path, copy)
    copy.chmod(0o600)
    assert as_user(OWNER.pw_uid, OWNER.pw_gid, look) == ""
    for end in ("", "-wal", "-shm"):
        path = made.data / f"enlist.sqlite3{end}"
        path.touch()
        os.chown(path, 0, 0)
        path.chmod(0o644)
        said = as_user(OWNER.pw_uid, OWNER.pw_gid, look)
        assert said.startswith(f"{path} belongs to root")
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)


def test_who_may_is_let_in(made: Settings) -> None:
    assert as_user(OWNER.pw_uid, OWNER.pw_gid, lambda: keyfolder.load(made.data)) == ""
    datafolder.refuse_strangers(made.data)
    datafolder.refuse_strangers(made.data / "not" / "there")


def test_a_server_says_why_it_cannot_have_its_folder(folder: Path) -> None:
    """As a user, where root must make it or has made it; a traceback says nothing to do."""
    around, occupied = folder.parent, folder.parent / "file"
    occupied.touch()
    made_by_root = around / "by-root"
    made_by_root.mkdir(mode=0o755)
    told = {
        around / "new": "cannot be made: Permission denied. Choose one that daemon may write by",
        occupied: "is a file. Give Enlist's data folder by --data.",
        made_by_root: f"or give it to him as root: chown daemon: {made_by_root}",
    }
    for data, words in told.items():
        for start in (lambda at: _only_server(Settings(data=at)), init_at):
            said = as_user(OWNER.pw_uid, OWNER.pw_gid, functools.partial(start, data))
            assert f"{data} " in said
            assert words in said
            assert not (around / "new").exists()


def init_at(data: Path) -> None:
    LocalBackend().init(
        email="a@example.com", password="x" * 12, organization="A", group_id="a", data=data
    )


def test_what_root_has_started_once_does_not_lock_the_owner_out(made: Settings) -> None:
    """`sudo enlist serve`, before there is a unit, leaves the lock's file."""
    _only_server(made).close()
    assert owners(made.data) == {(OWNER.pw_uid, OWNER.pw_gid)}
    lock = made.data / "server.lock"
    os.chown(lock, 0, 0)
    said = as_user(OWNER.pw_uid, OWNER.pw_gid, lambda: _only_server(made))
    assert said.startswith(f"{lock} belongs to root, the folder to daemon. Run as root: chown -R")


def test_a_folder_that_is_read_only_here_is_named_to_systemd(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ProtectSystem=strict` of our unit makes every folder but its own one."""
    real = os.statvfs(folder)
    flags = SimpleNamespace(f_flag=real.f_flag | os.ST_RDONLY)
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    monkeypatch.setattr(os, "statvfs", lambda _path: flags)
    with pytest.raises(Unusable, match=f"ReadWritePaths={folder}$"):
        datafolder.make(folder)


def test_a_listener_says_why_it_cannot_have_a_certificate(made: Settings) -> None:
    where = addresses(made)
    made.data.joinpath("pki").chmod(0o500)
    make = functools.partial(listener_certificate, made.data, where, system_clock, DEVICE_LISTENER)
    said = as_user(OWNER.pw_uid, OWNER.pw_gid, make)
    assert said == f"daemon may not write {made.data}/pki. Run: chmod -R u+rwX {made.data}"


def test_a_file_that_is_no_database_is_told_so(made: Settings) -> None:
    """What remains after a disk has failed; a traceback does not say to restore a backup."""
    made.sqlite_path.write_bytes(b"not a database" * 1000)
    for name in ("enlist.sqlite3-wal", "enlist.sqlite3-shm"):
        (made.data / name).unlink(missing_ok=True)
    with (
        pytest.raises(Unusable, match="sqlite3 cannot be used: file is not a database"),
        opened(made),
    ):
        pass
