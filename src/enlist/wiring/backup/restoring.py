"""Restoring a backup into an empty machine.

Everything is read and checked beside the target before anything stands in it. The keys come last:
a database without its keys serves nobody, so a restore that was broken off cannot be mistaken for
one that was finished.

The log has lost what came after the backup. A checkpoint that is signed here says how much it has
kept; those of the log of before may stand in the target already and stay.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enlist import datafolder, keyfolder
from enlist.core.checkpoints import Restore
from enlist.core.clock import Clock, system_clock
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import copies, migrations, seals
from enlist.store.seals import LogDamaged
from enlist.verbs.backups import Held, HoldAfterRestore
from enlist.verbs.sealing import Sealer
from enlist.wiring.backend import at_this_machine
from enlist.wiring.backup import manifest as manifests
from enlist.wiring.backup.manifest import BackupProblem, Manifest
from enlist.wiring.backup.sealing import CannotUnseal, Damaged, unseal
from enlist.wiring.installation import Installation, open_installation, open_store

_NAME: Final = re.compile(r"(keys|pki)/[A-Za-z0-9][A-Za-z0-9._-]*")
_CHECKPOINTS: Final = "checkpoints"
_MAY_STAY: Final = {"lost+found", _CHECKPOINTS}


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and what it stopped.

    Attributes:
        damage: what is wrong with the audit log in the backup, so that it was not signed.
    """

    manifest: Manifest
    held: Held
    damage: str = ""


def restore(
    settings: Settings,
    backup: Path,
    passphrase: Secret,
    *,
    rehearsal: bool = False,
    clock: Clock = system_clock,
) -> Restored:
    """Make the installation of a backup anew, in an empty data folder and an empty database.

    A rehearsal signs nothing: under the key of the installation that goes on, its signature would
    explain a rollback there to whoever has both databases.

    Raises:
        BackupProblem: nothing was restored; says why and what to do.
    """
    manifest = manifests.read(backup)
    _fits(manifest, settings)
    files = _open(backup, manifest, passphrase)
    _empty(settings)
    try:
        with _beside(settings.data) as (staged, owner):
            _write(staged, files)
            _check_keys(staged, manifest)
            restored = _database(settings, backup, manifest, staged, clock, rehearsal)
            datafolder.hand_over_all(staged, owner)
            _into_place(staged, settings.data)
    except (OSError, copies.CopyFailed) as error:
        said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        again = " Make the database empty again before the next try." if settings.database else ""
        raise BackupProblem(f"nothing was restored into {settings.data}: {said}.{again}") from error
    return restored


def _fits(manifest: Manifest, settings: Settings) -> None:
    if manifest.schema not in migrations.KNOWN:
        raise BackupProblem(
            f"the backup was made by Enlist {manifest.version} with schema {manifest.schema}, "
            "which this version does not know. Restore it with that version, or a newer one."
        )
    if (manifest.store == "postgres") != bool(settings.database):
        raise BackupProblem(
            "the backup is of a PostgreSQL database. Give an empty one by --database."
            if manifest.store == "postgres"
            else "the backup is of SQLite in a data folder. Leave --database away."
        )


def _open(backup: Path, manifest: Manifest, passphrase: Secret) -> dict[str, bytes]:
    path = backup / manifests.KEYS
    try:
        files = unseal(path.read_bytes(), passphrase, manifest.bound)
    except CannotUnseal as error:
        raise BackupProblem(
            f"{path} does not open: the passphrase is wrong, or the manifest was changed."
        ) from error
    except (Damaged, ValueError, OSError) as error:
        raise BackupProblem(f"{path} cannot be read: {error}. Use another backup.") from error
    strange = [name for name in files if not _NAME.fullmatch(name)]
    if strange:
        raise BackupProblem(f"{path} holds {strange[0]!r}, which is no key.")
    return files


def _empty(settings: Settings) -> None:
    """Refuse a target in which anything stands: it might be another installation."""
    data = settings.data
    datafolder.refuse_strangers(data)
    there = sorted(path.name for path in data.iterdir()) if data.is_dir() else []
    if set(there) - _MAY_STAY:
        raise BackupProblem(
            f"{data} is not empty: {', '.join(there[:5])}. A backup is restored into an empty "
            "folder; give one by --data, or move away what is there."
        )
    if not settings.database:
        return
    store = open_store(settings, system_clock)
    try:
        if not copies.holds_nothing(store):
            raise BackupProblem(
                "the database is not empty. A backup is restored into an empty one: "
                "make it by createdb, and name it by --database."
            )
    finally:
        store.close()


@contextmanager
def _beside(data: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """A hidden folder within the target, so that moving into place is renaming; and whose it is.

    Where root restores, both are root's while anything is written there, so that the target's
    owner can put no link in their place.
    """
    made = not data.exists()
    datafolder.make(data)
    with datafolder.closed(data) as owner:
        staged = data / f".restoring-{secrets.token_hex(4)}"
        staged.mkdir(mode=0o700)
        try:
            yield staged, owner
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            if made and not any(data.iterdir()):
                data.rmdir()


def _write(staged: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = staged / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        datafolder.write_secret(path, content)


def _check_keys(staged: Path, manifest: Manifest) -> None:
    folder = keyfolder.load(staged)
    missing = set(manifest.key_ids) - {key_id for key_id, _ in folder.key_ids}
    if missing or folder.installation_id != manifest.installation:
        raise BackupProblem("the keys in the backup are not those of its database.")


def _database(
    settings: Settings,
    backup: Path,
    manifest: Manifest,
    staged: Path,
    clock: Clock,
    rehearsal: bool,
) -> Restored:
    """The database as it was, brought to this version's schema, with everything on hold."""
    _copy_checkpoints(settings.data / _CHECKPOINTS, staged / _CHECKPOINTS)
    here = settings.model_copy(update={"data": staged})
    source = backup / manifest.database.name
    if settings.database:
        copies.fill_postgres(settings.database, source)
    else:
        shutil.copyfile(source, here.sqlite_path)
        here.sqlite_path.chmod(0o600)
        copies.check_sqlite(here.sqlite_path)
    if manifest.schema != migrations.HEAD:
        migrations.migrate(here.database_url)
    installation = open_installation(here, clock=clock, beginning=None)
    try:
        kept = installation.store.read(seals.size)
        verb = HoldAfterRestore(manifest.made_at, installation.log.epoch())
        held = installation.driver.perform(verb, at_this_machine(installation))
        if isinstance(held, Refusal):
            raise BackupProblem(f"the database of the backup cannot be used: {held.code}.")
        restore = Restore(held.value.epoch, kept)
        damage = "" if rehearsal else _sign(installation, restore)
    finally:
        installation.close()
    return Restored(manifest, held.value, damage)


def _copy_checkpoints(kept: Path, into: Path) -> None:
    """Copy files, and nothing that a link points to.

    The copies become the folder's owner's. Where root restores, he must not be given by a link
    what he may not read.
    """
    if not kept.is_dir():
        return
    if kept.is_symlink():
        raise BackupProblem(
            f"{kept} is a symbolic link, which a restore does not follow. "
            "Put the folder itself in its place, or move the link away."
        )
    into.mkdir(mode=0o700)
    folder = os.open(kept, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(folder) as entries:
            files = [each.name for each in entries if each.is_file(follow_symlinks=False)]
        for name in files:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # it may be another by now
            with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as source:
                datafolder.write_secret(into / name, source.read())
    finally:
        os.close(folder)


def _sign(installation: Installation, restore: Restore) -> str:
    """Say under the log's own key that it goes on from here; else why that was not possible."""
    if not installation.log.signers:
        return ""  # from before logs were signed
    try:
        Sealer(installation.store).seal_all()
        installation.log.sign_restored(restore)
    except LogDamaged as error:
        return str(error)
    return ""


def _into_place(staged: Path, data: Path) -> None:
    """Database, certificate authority, keys: in this order, so that the keys make it whole."""
    last = ("pki", "keys")
    names = sorted(path.name for path in staged.iterdir() if path.name not in last)
    for name in (*names, *last):
        if name == _CHECKPOINTS and (data / name).is_dir():
            for path in (staged / name).iterdir():  # each holds what the one in its place does
                path.replace(data / name / path.name)
        else:
            (staged / name).rename(data / name)
