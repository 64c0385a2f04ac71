"""Is the database there, whole, fast enough to reach and safe against a power cut?"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Final

from enlist.core.clock import SECOND
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.store import inspection, migrations
from enlist.store.tx import StoreUnavailable
from enlist.wiring.doctor.check import CannotTell, Check, Ground

_MOST_SKEW: Final = 5 * SECOND
"""Beyond it a server takes no traffic (X08)."""
_BESIDE: Final = 3
"""Connections for commands, a backup and whoever looks, besides those of the server."""
_NETWORK: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "gfs2", "ocfs2"),
    }
)
"""File systems on which SQLite's locks and shared memory do not work as it needs them."""


def _reachable(ground: Ground) -> Finding:
    found = ground.database
    if isinstance(found, StoreUnavailable):
        if ground.settings.database:
            return problem(
                f"PostgreSQL cannot be used: {found}",
                "Start it (systemctl start postgresql), or mend ENLIST_DATABASE.",
            )
        return problem(
            f"the database cannot be opened: {found}",
            "Give the right folder by --data or ENLIST_DATA, and run this as Enlist's user.\n"
            "For a damaged file restore a backup.",
        )
    version = ""
    if found.dialect == "postgres":
        version = found.read(inspection.options).get("server_version", "")
    return fine(f"PostgreSQL {version}".strip() if version else str(ground.settings.sqlite_path))


def _schema(ground: Ground) -> Finding:
    ground.read(inspection.options)
    if isinstance(ground.database, StoreUnavailable):
        raise CannotTell("the database does not answer")
    found = migrations.revision(ground.database)
    match migrations.state(ground.database):
        case migrations.SchemaState.EMPTY:
            return problem("the database is empty", "Run: systemctl start enlist")
        case migrations.SchemaState.BEHIND:
            return problem(
                f"schema {found} is older than this version's {migrations.HEAD}",
                "Back up, then migrate.\n"
                "Run: systemctl stop enlist\n"
                f"Run: {ground.command('migrate')}\n"
                "Run: systemctl start enlist",
            )
        case migrations.SchemaState.UNKNOWN:
            return problem(
                f"schema {found} is of a newer version of Enlist",
                "Install the version that made it, or a newer one.",
            )
        case migrations.SchemaState.AHEAD:
            return warning(
                f"schema {found} is one version ahead", "Upgrade Enlist on this machine too."
            )
    return fine(f"schema {found}")


def _clock(ground: Ground) -> Finding:
    ground.only_on("postgres")
    skew = ground.read(lambda tx: inspection.skew(tx, ground.clock))
    seconds, side = abs(skew) / SECOND, "ahead of" if skew > 0 else "behind"
    remedy = "Synchronise both machines: timedatectl set-ntp true"
    if abs(skew) > _MOST_SKEW:
        return problem(f"the database's clock is {seconds:.0f} s {side} this machine's", remedy)
    if abs(skew) > SECOND:
        return warning(f"the database's clock is {seconds:.1f} s {side} this machine's", remedy)
    return fine("the same as here, to the second")


def _option(ground: Ground, name: str, wrong: frozenset[str]) -> Finding:
    """A setting of PostgreSQL that must not have certain values."""
    ground.only_on("postgres")
    value = ground.read(inspection.options).get(name, "")
    if value in wrong:
        return problem(
            f"{name} = {value}",
            f"In PostgreSQL, as superuser: ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();",
        )
    return fine(f"{name} = {value}")


def _fsync(ground: Ground) -> Finding:
    return _option(ground, "fsync", frozenset({"off"}))


def _commit(ground: Ground) -> Finding:
    return _option(ground, "synchronous_commit", frozenset({"off"}))


def _pages(ground: Ground) -> Finding:
    return _option(ground, "full_page_writes", frozenset({"off"}))


def _connections(ground: Ground) -> Finding:
    ground.only_on("postgres")
    options = ground.read(inspection.options)
    limits = ground.read(inspection.connection_limits)
    each = _pool_size()
    needed = ground.settings.workers * each + _BESIDE
    server = int(options["max_connections"]) - int(options["superuser_reserved_connections"])
    room = {"max_connections leaves": server - limits.others}
    if limits.of_role >= 0:
        room["the role may have"] = limits.of_role
    if limits.of_database >= 0:
        room["the database may have"] = limits.of_database
    what, least = min(room.items(), key=lambda item: item[1])
    processes = counted(ground.settings.workers, "process", "processes")
    told = f"{processes} of {each} connections: {needed} are needed, {what} "
    if least < needed:
        return problem(
            f"{told}{least}",
            "Raise the limit (max_connections, ALTER ROLE … CONNECTION LIMIT), "
            "or lower ENLIST_WORKERS.",
        )
    return fine(f"{told}{least}")


def _pool_size() -> int:
    """How many connections a process opens at most: as the store says where it is made."""
    from enlist.store.postgres import PostgresStore

    return int(inspect.signature(PostgresStore).parameters["size"].default)


def _journal(ground: Ground) -> Finding:
    ground.only_on("sqlite")
    mode = ground.read(inspection.options).get("journal_mode", "")
    if mode != "wal":
        return problem(
            f"journal mode is {mode}, not WAL",
            "Restart the server, which sets it. If it stays so, the file system cannot do it: "
            "move the data folder to a local disk.",
        )
    return fine("write-ahead log")


def _file_system(ground: Ground) -> Finding:
    ground.only_on("sqlite")
    kind = _kind_of(ground.settings.data, ground.mounts)
    if not kind:
        raise CannotTell(f"{ground.mounts} does not say what {ground.settings.data} is on")
    if kind in _NETWORK:
        return problem(
            f"{ground.settings.data} is on a network file system ({kind})",
            "Move the data folder to a local disk, or use PostgreSQL (ENLIST_DATABASE).",
        )
    return fine(f"on {kind}")


def _kind_of(folder: Path, mounts: Path) -> str:
    """The file system that a folder is on: of all that are mounted above it, the nearest."""
    here, nearest, kind = str(folder.resolve()), "", ""
    try:
        lines = mounts.read_text().splitlines()
    except OSError as error:
        raise CannotTell(f"{mounts} cannot be read: {error.strerror}") from error
    for line in lines:
        before, _, after = line.partition(" - ")
        place = before.split()[4].encode().decode("unicode_escape")
        inside = here == place or here.startswith(place.rstrip(os.sep) + os.sep)
        if inside and len(place) >= len(nearest):
            nearest, kind = place, after.split()[0]
    return kind


CHECKS: Final = (
    Check(
        "database-reachable",
        "reachable",
        "Without its database Enlist answers nobody.",
        _reachable,
    ),
    Check(
        "database-schema",
        "schema",
        "A server refuses to start on a schema that is not its own.",
        _schema,
    ),
    Check(
        "database-clock",
        "clock",
        "Expiry is judged by both clocks. Where they differ by more than 5 seconds, the server "
        "takes no traffic.",
        _clock,
    ),
    Check(
        "postgres-fsync",
        "fsync",
        "After a power cut the database may be damaged beyond repair.",
        _fsync,
    ),
    Check(
        "postgres-commit",
        "commits",
        "A device is told that it is enrolled before that is safe on disk; after a power cut its "
        "used token works again.",
        _commit,
    ),
    Check(
        "postgres-pages",
        "page writes",
        "A page that is half written at a power cut stays so, and nobody notices.",
        _pages,
    ),
    Check(
        "postgres-connections",
        "connections",
        "At the busiest moment requests are answered 503 because PostgreSQL refuses connections.",
        _connections,
    ),
    Check(
        "sqlite-journal",
        "journal",
        "Without the write-ahead log every reader waits for every writer.",
        _journal,
    ),
    Check(
        "sqlite-file-system",
        "file system",
        "SQLite's locks do not hold over a network: the database will be damaged.",
        _file_system,
    ),
)
