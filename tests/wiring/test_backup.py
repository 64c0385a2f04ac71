"""Backup and restore: whole or nothing, while devices redeem, into an empty machine (S26)."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from enlist import datafolder, keyfolder
from enlist.core.secrets import Secret, new_key
from enlist.store import copies
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey, BySignIn
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.sign_in import StartSignIn
from enlist.wiring.backup import making
from enlist.wiring.backup.making import back_up
from enlist.wiring.backup.manifest import BackupProblem
from enlist.wiring.backup.restoring import restore
from tests.installation import (
    ADMINISTRATOR,
    PASSWORD,
    Enlist,
    Ticket,
    code,
    done,
    settings_for,
)
from tests.peers.base import DEADLINE
from tests.wiring.conftest import CHEAP, PASSPHRASE, Elsewhere, backed_up

CLIENTS = 8


def files(folder: Path) -> dict[str, int]:
    """Every file below a folder, with its mode."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(each.relative_to(folder)): stat.S_IMODE(each.stat().st_mode) for each in found}


# --- the way there and back ---------------------------------------------------------------------


def test_a_restored_installation_is_the_same(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """S26, ruling 35: certificates, API keys and tokens as before; what was active waits."""
    used, waiting, begun = (enlist.register(name) for name in ("ada", "ben", "cyd"))
    enrolled = done(enlist.redeem(used.token))
    attempt = done(enlist.begin(begun.token))
    key = enlist.do(CreateApiKey("nightly", "reader", enlist.root.id))
    cookie = done(
        enlist.perform(StartSignIn(ADMINISTRATOR, Secret(PASSWORD)), enlist.stranger())
    ).cookie
    made = backed_up(enlist, shelf)
    restored = elsewhere.restore(made.folder)
    assert (restored.held.enrollments, restored.held.epoch) == (2, 1)
    other = elsewhere.opened()
    try:
        assert other.root == enlist.root
        assert code(other.redeem(used.token, key=9)) == "token_used"
        assert code(other.redeem(waiting.token, key=1)) == "token_on_hold"
        assert code(other.redeem(attempt.code, key=2)) != "done"
        other.do(Reactivate(waiting.enrollment_id))
        assert code(other.redeem(waiting.token, key=1)) == "done"
        assert code(other.redeem(waiting.token, key=3)) == "token_used"
        known = other.perform(ByApiKey(key.secret), other.stranger())
        assert done(known).name == "nightly"
        assert code(other.perform(BySignIn(cookie), other.stranger())) == "unauthenticated"
        serial = enlist.credentials_of(enrolled.device_id)[0].serial
        assert [each.serial for each in other.credentials_of(enrolled.device_id)] == [serial]
        authority = other.installation.folder.authority
        assert authority.root_pem == enlist.installation.folder.authority.root_pem
        (event,) = other.events("installation.restored")
        assert event.data["held"] == 2
    finally:
        other.close()


def test_the_backup_is_told_in_the_log(enlist: Enlist, shelf: Path) -> None:
    """Ruling 20: doctor looks for keys that are in no backup."""
    made = backed_up(enlist, shelf)
    (event,) = enlist.events("installation.backed_up")
    kept = " ".join(sorted(key_id for key_id, _ in enlist.installation.folder.key_ids))
    assert event.data == {"backup": made.folder.name, "keys": kept}


def test_a_second_restore_is_another_epoch(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path, tmp_path: Path
) -> None:
    if enlist.settings.database:
        pytest.skip("one store says it")
    elsewhere.restore(backed_up(enlist, shelf).folder)
    again = back_up(elsewhere.settings, shelf / "2", PASSPHRASE, clock=enlist.clock, cost=CHEAP)
    third = settings_for(tmp_path / "third")
    assert restore(third, again.folder, PASSPHRASE, clock=enlist.clock).held.epoch == 2


def test_devices_redeem_while_the_backup_is_made(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """S15, S26: of each token the backup knows all or nothing, and none works twice."""
    tickets = [enlist.register(f"user-{number}") for number in range(120)]
    answered: set[str] = set()
    waiting = iter(enumerate(tickets))
    turn, under_way, beginning = threading.Lock(), threading.Event(), threading.Event()

    def client() -> None:
        while True:
            with turn:
                number, ticket = next(waiting, (0, None))
            if ticket is None:
                return
            if number >= len(tickets) // 2:
                assert beginning.wait(DEADLINE)  # else they could be done before it begins
            assert code(enlist.redeem(ticket.token, key=number)) == "done"
            answered.add(ticket.enrollment_id)
            if len(answered) >= 10:
                under_way.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        assert under_way.wait(DEADLINE)
        before = set(answered)
        assert len(before) < len(tickets), "the backup is made while they redeem"
        beginning.set()
        made = backed_up(enlist, shelf)
        for each in clients:
            each.result(DEADLINE)
    assert len(answered) == len(tickets)
    elsewhere.restore(made.folder)
    other = elsewhere.opened()
    try:
        used = {ticket.enrollment_id for ticket in tickets if _is_used(other, ticket)}
        assert before <= used, "what was answered before the backup began is in it"
        for number, ticket in enumerate(tickets):
            if ticket.enrollment_id in used:
                assert code(other.redeem(ticket.token, key=500 + number)) == "token_used"
                continue
            assert code(other.redeem(ticket.token, key=number)) == "token_on_hold"
            other.do(Reactivate(ticket.enrollment_id))
            assert code(other.redeem(ticket.token, key=number)) == "done"
    finally:
        other.close()


def _is_used(enlist: Enlist, ticket: Ticket) -> bool:
    """Whether a token is used, and all that follows from it is there; the test fails on a half."""
    (row,) = enlist.rows("enrollment", id=ticket.enrollment_id)
    redeemed = enlist.rows("event", kind="enrollment.redeemed", enrollment_id=row["id"])
    (device,) = enlist.rows("device", id=ticket.device_id)
    credentials = enlist.rows("credential", device_id=ticket.device_id)
    whole = (row["uses"], len(redeemed), len(credentials), device["state"])
    assert whole in ((1, 1, 1, "enrolled"), (0, 0, 0, "registered"))
    assert row["state"] == ("used" if row["uses"] else "on_hold")
    return bool(row["uses"])


def test_what_was_spent_after_the_backup_is_spent(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """S26: to the restored database it looks unused, or not yet revoked; nobody is let in by it."""
    used, revoked = enlist.register("ada"), enlist.register("ben")
    made = backed_up(enlist, shelf)
    assert code(enlist.redeem(used.token, key=1)) == "done"
    assert code(enlist.revoke(revoked.enrollment_id)) == "done"
    assert elsewhere.restore(made.folder).held.enrollments == 2
    other = elsewhere.opened()
    try:
        for number, ticket in enumerate((used, revoked), 1):
            # Also by the device that was let in, which repeats its very request.
            for present in (other.check, other.begin, partial(other.redeem, key=number)):
                assert code(present(ticket.token)) == "token_on_hold"
            assert other.device(ticket.device_id).state == "registered"
            assert other.credentials_of(ticket.device_id) == []
    finally:
        other.close()


# --- what it looks like ---------------------------------------------------------------------------


def test_nobody_else_can_read_it_and_nothing_in_the_keys_is_readable(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """S64: files 0600, also after the restore; no key stands in any of them."""
    ticket = enlist.register("ada")
    made = backed_up(enlist, shelf)
    assert set(files(made.folder).values()) == {0o600}
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    whole = b"".join(path.read_bytes() for path in made.folder.iterdir())
    folder = enlist.installation.folder
    for key in (*folder.ring.lookup, *folder.ring.derive):
        assert key.material not in whole
        assert key.material.hex().encode() not in whole
    assert b"PRIVATE KEY" not in whole
    assert ticket.token.reveal().encode() not in whole
    assert PASSPHRASE.reveal().encode() not in whole
    elsewhere.restore(made.folder)
    secret = files(elsewhere.settings.data)
    assert set(secret.values()) == {0o600}
    assert {path.name for path in elsewhere.settings.data.iterdir()} <= {
        "checkpoints",
        "keys",
        "pki",
        "enlist.sqlite3",
    }


def test_the_manifest_says_what_it_is(enlist: Enlist, shelf: Path) -> None:
    made = backed_up(enlist, shelf)
    told = json.loads((made.folder / "manifest.json").read_text())
    assert told["installation"] == enlist.installation.folder.installation_id
    assert told["store"] == enlist.store.dialect
    assert told["schema"] == enlist.rows("alembic_version")[0]["version_num"]
    assert told["key_ids"] == sorted(key_id for key_id, _ in enlist.installation.folder.key_ids)


# --- what is refused ------------------------------------------------------------------------------


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def test_a_damaged_backup_is_refused_before_anything_is_touched(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """Ruling 20: neither without the other, and none that is not what was written."""
    whole = backed_up(enlist, shelf).folder
    for path in sorted(whole.iterdir()):
        for harm in (damaged, cut_short, Path.unlink):
            broken = shelf / f"{path.name}-{harm.__name__}"
            shutil.copytree(whole, broken)
            harm(broken / path.name)
            with pytest.raises(BackupProblem):
                elsewhere.restore(broken)
            assert elsewhere.is_empty()
    elsewhere.restore(whole)


def test_a_database_of_other_keys_is_refused(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    """The keys are bound to the manifest, and the manifest to the database."""
    first = backed_up(enlist, shelf)
    enlist.clock.advance(seconds=1)
    second = backed_up(enlist, shelf)
    assert first.manifest.keys is not None
    manifest = json.loads((second.folder / "manifest.json").read_text())
    manifest["keys"] = json.loads((first.folder / "manifest.json").read_text())["keys"]
    (second.folder / "manifest.json").write_text(json.dumps(manifest))
    shutil.copy(first.folder / "keys.enlist", second.folder / "keys.enlist")
    with pytest.raises(BackupProblem, match="does not open"):
        elsewhere.restore(second.folder)
    assert elsewhere.is_empty()


def test_a_wrong_passphrase_restores_nothing(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    made = backed_up(enlist, shelf)
    with pytest.raises(BackupProblem, match="the passphrase is wrong"):
        elsewhere.restore(made.folder, Secret("some other passphrase"))
    assert elsewhere.is_empty()


def test_a_short_passphrase_makes_no_backup(enlist: Enlist, shelf: Path) -> None:
    with pytest.raises(BackupProblem, match="shorter than 12"):
        back_up(enlist.settings, shelf, Secret("eleven char"), cost=CHEAP)
    assert not shelf.exists()


def test_a_populated_target_is_left_alone(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    made = backed_up(enlist, shelf)
    before = files(enlist.settings.data)
    with pytest.raises(BackupProblem, match="not empty"):
        restore(enlist.settings, made.folder, PASSPHRASE, clock=enlist.clock)
    assert files(enlist.settings.data) == before
    elsewhere.restore(made.folder)
    with pytest.raises(BackupProblem, match="not empty"):
        elsewhere.restore(made.folder)


def test_a_populated_database_is_left_alone(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path
) -> None:
    if not enlist.settings.database:
        pytest.skip("SQLite is in the data folder")
    made = backed_up(enlist, shelf)
    fresh = elsewhere.settings.model_copy(update={"database": enlist.settings.database})
    with pytest.raises(BackupProblem, match="the database is not empty"):
        restore(fresh, made.folder, PASSPHRASE, clock=enlist.clock)
    assert not fresh.data.exists()


def test_what_an_extension_brought_does_not_count(elsewhere: Elsewhere) -> None:
    """Many servers come with views of pg_stat_statements in each new database."""
    if not elsewhere.settings.database:
        pytest.skip("SQLite has none")
    import psycopg

    with psycopg.connect(elsewhere.settings.database, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        assert elsewhere.is_empty()
        connection.execute("CREATE TABLE somebodys (id integer)")
        assert not elsewhere.is_empty()


def test_the_other_store_is_refused(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path, tmp_path: Path
) -> None:
    made = backed_up(enlist, shelf)
    database = "" if enlist.settings.database else "postgresql://nowhere/enlist"
    with pytest.raises(BackupProblem, match="--database"):
        restore(settings_for(tmp_path / "wrong", database), made.folder, PASSPHRASE)
    assert not (tmp_path / "wrong").exists()


# --- what goes wrong halfway ----------------------------------------------------------------------


def test_what_is_begun_leaves_nothing_that_looks_like_a_backup(
    enlist: Enlist, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys cannot be written any more; the database had been copied."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datafolder, "write_secret", full)
    with pytest.raises(BackupProblem, match="No space left on device"):
        backed_up(enlist, shelf)
    assert not list(shelf.iterdir())
    assert not enlist.events("installation.backed_up")


def test_a_database_that_does_not_fit_leaves_nothing(enlist: Enlist, shelf: Path) -> None:
    """A file that may not grow past 8 KiB is as good as a full disk."""
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from enlist.core.secrets import Secret; from enlist.settings import Settings\n"
        "from enlist.wiring.backup.making import back_up\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "settings = Settings(data=Path(sys.argv[1]), database=sys.argv[2])\n"
        "back_up(settings, Path(sys.argv[3]), Secret('twelve letters and more'))\n"
    )
    data, database = str(enlist.settings.data), enlist.settings.database
    ran = subprocess.run(
        [sys.executable, "-c", script, data, database, str(shelf)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert "BackupProblem: no backup was made" in ran.stderr
    assert not shelf.exists() or not list(shelf.iterdir())


def test_without_pg_dump_the_line_says_what_to_install(
    enlist: Enlist, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not enlist.settings.database:
        pytest.skip("SQLite needs no program")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(BackupProblem, match="postgresql-client"):
        backed_up(enlist, shelf)
    assert not list(shelf.iterdir())


def test_the_password_of_the_database_is_on_no_command_line() -> None:
    """S64: anybody on the machine can read the process list."""
    told = copies._environment("postgresql://ada:canary@db.example/enlist?sslmode=require")
    assert told == {
        "PGUSER": "ada",
        "PGPASSWORD": "canary",
        "PGHOST": "db.example",
        "PGDATABASE": "enlist",
        "PGSSLMODE": "require",
    }


def test_a_key_that_comes_while_the_database_is_copied_is_in_the_backup(
    enlist: Enlist, elsewhere: Elsewhere, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Database first, keys second: never a row whose key the backup lacks."""
    key = new_key(enlist.clock.now)

    def rotated_meanwhile(path: Path) -> None:
        if path.name.startswith("database"):
            name = enlist.settings.data / "keys" / f"lookup.{key.id}.key"
            datafolder.write_secret(name, key.material.hex().encode())

    monkeypatch.setattr(making, "_onto_the_disk", rotated_meanwhile)
    made = backed_up(enlist, shelf)
    monkeypatch.undo()
    assert key.id in made.manifest.key_ids
    elsewhere.restore(made.folder)
    restored = keyfolder.load(elsewhere.settings.data)
    assert key.id in [each.id for each in restored.ring.lookup]


def test_the_copy_of_sqlite_is_a_whole_database(enlist: Enlist, shelf: Path) -> None:
    if enlist.settings.database:
        pytest.skip("PostgreSQL's own program sees to it")
    made = backed_up(enlist, shelf)
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "database.sqlite3",
        "keys.enlist",
        "manifest.json",
    ]
    copy = made.folder / "database.sqlite3"
    copies.check_sqlite(copy)
    damaged(copy)
    content = bytearray(copy.read_bytes())
    content[4096:8192] = b"\x55" * 4096
    copy.write_bytes(content)
    with pytest.raises(copies.CopyFailed):
        copies.check_sqlite(copy)
