"""What a backup says of itself, and whether its files are still what it says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from enlist.core.events import canonical
from enlist.core.faults import Unusable
from enlist.core.ids import Id

NAME: Final = "manifest.json"
KEYS: Final = "keys.enlist"
DATABASES: Final = {"sqlite": "database.sqlite3", "postgres": "database.pgdump"}
FORMAT: Final = "enlist-backup/1"
_LONGEST: Final = 1 << 20


class BackupProblem(Unusable):
    """A backup cannot be made or used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the backup: its size in bytes and its SHA-256, lower-case hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is.

    Attributes:
        made_at: RFC 3339.
        version, schema: of the Enlist that made it.
        store: `sqlite` or `postgres`.
        key_ids: the keys that the database needs.
        keys: None until the keys are sealed, which binds them to all the rest.
    """

    made_at: str
    version: str
    schema: str
    store: str
    installation: Id
    key_ids: tuple[str, ...]
    database: Part
    keys: Part | None = None

    @property
    def bound(self) -> bytes:
        """What the sealed keys are bound to: all but themselves."""
        return canonical({**asdict(self), "keys": None}).encode()

    def text(self) -> str:
        """As it is written."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def part(path: Path) -> Part:
    """A file as it is now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(path.name, path.stat().st_size, digest)


def read(folder: Path) -> Manifest:
    """The manifest of a whole backup; each file is as long as it was and has its digest.

    Raises:
        BackupProblem: something is missing or changed.
    """
    try:
        with (folder / NAME).open("rb") as file:
            found = json.loads(file.read(_LONGEST))
    except OSError as error:
        raise BackupProblem(
            f"{folder} is no backup: {NAME} cannot be read ({error.strerror})."
        ) from error
    except ValueError as error:
        raise BackupProblem(f"{folder / NAME} is damaged. Use another backup.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BackupProblem(
            f"{folder / NAME} is of a form that this version of Enlist does not know. "
            "Use the version that made it, or a newer one."
        )
    try:
        manifest = _manifest(found)
    except (KeyError, TypeError, ValueError) as error:
        raise BackupProblem(f"{folder / NAME} is damaged. Use another backup.") from error
    for each in (manifest.database, manifest.keys):
        if each is not None:
            _check(folder / each.name, each)
    return manifest


def _manifest(found: dict[str, Any]) -> Manifest:
    database, keys = Part(**found["database"]), Part(**found["keys"])
    if (database.name, keys.name) != (DATABASES[found["store"]], KEYS):
        raise ValueError("other files than there are")
    texts = {name: str(found[name]) for name in ("made_at", "version", "schema", "store")}
    ids = tuple(str(each) for each in found["key_ids"])
    return Manifest(
        **texts,
        installation=str(found["installation"]),
        key_ids=ids,
        database=database,
        keys=keys,
    )


def _check(path: Path, expected: Part) -> None:
    try:
        found = part(path)
    except OSError as error:
        raise BackupProblem(
            f"{path} cannot be read ({error.strerror}). Database and keys are restored together "
            "or not at all: put both files beside the manifest."
        ) from error
    if found != expected:
        raise BackupProblem(
            f"{path} is not the file that was backed up: its size or SHA-256 differs from the "
            "manifest. Use another backup."
        )
