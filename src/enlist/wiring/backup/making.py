"""Making a backup, beside a running server or without one.

Database first, keys second: a key that came in between is then in the backup and merely not
needed, never needed and missing.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from enlist import __version__, datafolder, keyfolder
from enlist.core.clock import Clock, rfc3339, system_clock, to_datetime
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import copies, key_use, migrations
from enlist.verbs.backups import RecordBackup
from enlist.wiring.backend import at_this_machine
from enlist.wiring.backup import manifest as manifests
from enlist.wiring.backup.manifest import BackupProblem, Manifest
from enlist.wiring.backup.sealing import Cost, seal, unseal
from enlist.wiring.beside import as_told
from enlist.wiring.installation import Installation, opened

SHORTEST: Final = 12
"""Characters that a passphrase must have at least."""

FOLDERS: Final = ("keys", "pki")
"""What of the data folder the encrypted part holds. Checkpoints are kept elsewhere on purpose:
they are what a restored database is compared with."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole: where it is, and what it says of itself."""

    folder: Path
    manifest: Manifest


def back_up(
    settings: Settings,
    target: Path,
    passphrase: Secret,
    *,
    clock: Clock = system_clock,
    cost: Cost = Cost(),  # noqa: B008 - a frozen value
) -> Backup:
    """Make a backup in a folder of its own below `target`, and record that it was made.

    Raises:
        BackupProblem: nothing was left behind that looks like a backup.
        CannotStart: the installation cannot be opened.
    """
    if len(passphrase.reveal()) < SHORTEST:
        raise BackupProblem(
            f"the passphrase is shorter than {SHORTEST} characters. Whoever guesses it has every "
            "key: use one that no person chose, such as the output of: openssl rand -base64 24"
        )
    told, _channels = as_told(settings)
    # Also between an upgrade and its migration, which asks for a backup first.
    with opened(settings, older=True) as installation:
        now = clock()
        name = f"enlist-{to_datetime(now):%Y%m%dT%H%M%SZ}"
        try:
            with _whole_or_nothing(target, name) as folder:
                manifest = _fill(folder, told, installation, passphrase, cost, rfc3339(now))
        except (OSError, copies.CopyFailed) as error:
            raise BackupProblem(
                f"no backup was made in {target}: {_words(error)}. What was begun is removed."
            ) from error
        if manifest.schema not in (migrations.HEAD, migrations.NEXT):
            return Backup(target / name, manifest)  # its log is not this version's to write
        record = RecordBackup(name, manifest.key_ids)
        recorded = installation.driver.perform(record, at_this_machine(installation))
        if isinstance(recorded, Refusal):
            raise BackupProblem(f"{target / name} was made, but not recorded: {recorded.code}.")
    return Backup(target / name, manifest)


def _fill(
    folder: Path,
    settings: Settings,
    installation: Installation,
    passphrase: Secret,
    cost: Cost,
    made_at: str,
) -> Manifest:
    store = installation.store
    schema = migrations.revision(store) or ""
    database = folder / manifests.DATABASES[store.dialect]
    if settings.database:
        copies.dump_postgres(settings.database, database)
    else:
        copies.copy_sqlite(settings.sqlite_path, database)
        copies.check_sqlite(database)
    _onto_the_disk(database)
    folder_now = keyfolder.load(settings.data)
    held = {key_id for key_id, _ in folder_now.key_ids}
    lost = store.read(lambda tx: key_use.lost(tx, held))
    if lost:
        names = ", ".join(key.id for key in lost)
        raise BackupProblem(f"keys {names} are missing in {settings.data}.")
    manifest = Manifest(
        made_at=made_at,
        version=__version__,
        schema=schema,
        store=store.dialect,
        installation=folder_now.installation_id,
        key_ids=tuple(sorted(key_id for key_id, _ in folder_now.key_ids)),
        database=manifests.part(database),
    )
    sealed = seal(_secret_files(settings.data), passphrase, manifest.bound, cost)
    path = folder / manifests.KEYS
    datafolder.write_secret(path, sealed)
    manifest = replace(manifest, keys=manifests.part(path))
    datafolder.write_secret(folder / manifests.NAME, manifest.text().encode())
    # What cannot be read back is no backup; better found now than on the day it is needed.
    unseal(path.read_bytes(), passphrase, manifests.read(folder).bound)
    return manifest


def _secret_files(data: Path) -> dict[str, bytes]:
    """Every file of the key folders by its name; those half written are not there yet."""
    return {
        f"{folder}/{path.name}": path.read_bytes()
        for folder in FOLDERS
        for path in sorted((data / folder).iterdir())
        if path.is_file() and path.suffix != ".new"
    }


@contextmanager
def _whole_or_nothing(target: Path, name: str) -> Iterator[Path]:
    """A folder under a hidden name, which becomes `target/name` when all went well."""
    if (target / name).exists():
        raise BackupProblem(f"{target / name} is there already. Try again in a second.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = target / f".{name}.{secrets.token_hex(4)}.partial"
    begun.mkdir(mode=0o700)
    try:
        yield begun
        _onto_the_disk(begun)
        begun.rename(target / name)
        _onto_the_disk(target)
    except BaseException:
        shutil.rmtree(begun, ignore_errors=True)
        raise


def _onto_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
