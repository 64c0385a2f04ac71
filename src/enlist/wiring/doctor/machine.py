"""This machine, and the process that serves: room, limits, versions, settings that nobody reads."""

from __future__ import annotations

import difflib
import platform
import resource
import shutil
import sys
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2

from enlist import __version__
from enlist.core.clock import to_datetime
from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.settings import unknown_variables, variables
from enlist.store import inspection
from enlist.wiring.doctor.check import CannotTell, Check, Ground
from enlist.wiring.doctor.fetching import fetch
from enlist.wiring.installation import speaks_tls

_MEBIBYTE: Final = 1024 * 1024
_GIBIBYTE: Final = 1024 * _MEBIBYTE
_LEAST_FREE: Final = 256 * _MEBIBYTE
_LITTLE_FREE: Final = _GIBIBYTE
_LEAST_FILES: Final = 4096
_END_OF_LIFE: Final = {
    (3, 11): datetime(2027, 10, 31, tzinfo=UTC),
    (3, 12): datetime(2028, 10, 31, tzinfo=UTC),
    (3, 13): datetime(2029, 10, 31, tzinfo=UTC),
    (3, 14): datetime(2030, 10, 31, tzinfo=UTC),
}
"""When Python's makers stop mending a version (PEP 664, 693, 719, 745)."""


def _running(ground: Ground) -> Finding:
    url = _here(ground)
    remedy = "Run: systemctl start enlist\nIf it stops again, see why: journalctl -u enlist"
    try:
        answer = fetch(f"{url}/readyz")
    except httpx2.HTTPError:
        return problem(f"no server answers on {ground.settings.http}", remedy)
    if answer.status_code == 200:
        return fine(f"on {ground.settings.http}")
    try:
        reason = str(answer.json().get("reason", ""))
    except (ValueError, AttributeError):
        return problem(f"what answers on {ground.settings.http} is not Enlist", remedy)
    return problem(
        f"the server takes no traffic: {reason or answer.status_code}",
        "Mend what is named above; it takes traffic again by itself.",
    )


def needs_server(ground: Ground) -> None:
    """For checks that would only repeat that no server runs.

    Raises:
        CannotTell: none answers here.
    """
    try:
        fetch(f"{_here(ground)}/healthz")
    except httpx2.HTTPError as error:
        raise CannotTell("no server answers here") from error


def _here(ground: Ground) -> str:
    """The web listener, asked directly, not through whatever stands in front."""
    host, _, port = ground.settings.http.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"{'https' if speaks_tls(ground.settings) else 'http'}://{host}:{port}"


def _same_version(ground: Ground) -> Finding:
    if not ground.server.version:
        raise CannotTell("no server has started here yet")
    if ground.server.version != __version__:
        return warning(
            f"the server was started as {ground.server.version}, installed is {__version__}",
            "Run: systemctl restart enlist",
        )
    return fine(__version__)


def _user(ground: Ground) -> Finding:
    pid = _server(ground)
    if Path(f"/proc/{pid}").stat().st_uid == 0:
        return warning(
            "the server runs as root",
            "Run it as a user of its own: packaging/enlist.service does.",
        )
    return fine("a user of its own")


def _server(ground: Ground) -> int:
    """The server's process, if it lives."""
    pid = ground.server.pid
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError as error:
        raise CannotTell("no server runs on this machine") from error
    if not pid or b"enlist" not in words:
        raise CannotTell("no server runs on this machine")
    return pid


def _files(ground: Ground) -> Finding:
    try:
        soft, _ = resource.prlimit(_server(ground), resource.RLIMIT_NOFILE)
        whose = "the server"
    except (CannotTell, PermissionError):
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        whose = "this shell"
    if 0 <= soft < _LEAST_FILES:
        return warning(
            f"{whose} may have {soft} files open",
            "Set LimitNOFILE=65536 in the unit (ulimit -n 65536 in a shell), then restart.",
        )
    return fine(f"{whose} may have {soft}")


def _disk(ground: Ground) -> Finding:
    try:
        free = shutil.disk_usage(ground.settings.data).free
    except OSError as error:
        raise CannotTell(f"there is no folder {ground.settings.data}") from error
    size = f"{free // _GIBIBYTE} GiB" if free >= 10 * _GIBIBYTE else f"{free // _MEBIBYTE} MiB"
    told = f"{size} free under {ground.settings.data}"
    remedy = "Make room, or move the data folder to a larger disk."
    if free < _LEAST_FREE:
        return problem(told, remedy)
    return warning(told, remedy) if free < _LITTLE_FREE else fine(told)


def _python(ground: Ground) -> Finding:
    version, minor = platform.python_version(), (sys.version_info.major, sys.version_info.minor)
    end = _END_OF_LIFE.get(minor)
    if end is None or to_datetime(ground.now) <= end:
        return fine(version)
    return warning(
        f"Python {version} gets no security fixes since {end:%Y-%m-%d}",
        "Install a newer Python, remove .venv, then run: make install",
    )


def _zones(ground: Ground) -> Finding:
    known = zoneinfo.available_timezones()
    if not known:
        return problem("there are no time zones on this machine", "Run: apt install tzdata")
    unknown = sorted(ground.read(inspection.time_zones) - known)
    if unknown:
        return warning(
            f"not known here, but set by somebody: {', '.join(unknown[:3])}",
            "Run: apt install --only-upgrade tzdata; then choose a zone that exists.",
        )
    return fine(f"{len(known)} known")


def _unknown(ground: Ground) -> Finding:
    unknown = sorted({*unknown_variables(ground.environment), *ground.server.unknown})
    if not unknown:
        return fine("every ENLIST_… variable is a setting")
    remedies = []
    for name in unknown:
        near = difflib.get_close_matches(name, variables(), n=1)
        remedies.append(f"{name}: did you mean {near[0]}?" if near else f"{name}: remove it.")
    return warning(f"not a setting: {', '.join(unknown)}", "\n".join(remedies))


def _demo(ground: Ground) -> Finding:
    if not (ground.settings.data / "demo.json").exists():
        return fine("no sample data")
    listens = urlsplit(f"//{ground.settings.http}").hostname or ""
    public = urlsplit(ground.addresses.public_url).hostname or ""
    if {listens, public} <= {"localhost", "127.0.0.1", "::1"}:
        return warning("this is the demo", "Do not build on it: set up an installation of its own.")
    return problem(
        f"this is the demo, and others can reach it at {ground.addresses.public_url}",
        "Its people and passwords are samples. Stop it, and set up an installation of its own.",
    )


CHECKS: Final = (
    Check("server-running", "running", "Nobody can enroll or sign in.", _running),
    Check(
        "server-version",
        "version",
        "The old program goes on until the server is restarted, on a schema of the new one.",
        _same_version,
    ),
    Check(
        "server-user",
        "user",
        "A hole in any part would hand over the whole machine.",
        _user,
    ),
    Check(
        "file-descriptors",
        "open files",
        "Each connected device is an open file; at the limit nobody new gets in.",
        _files,
    ),
    Check("disk-space", "disk", "A full disk refuses every enrollment.", _disk),
    Check("python", "Python", "Holes that become known stay open.", _python),
    Check(
        "time-zones",
        "time zones",
        "Expiry is shown in a zone that people did not choose.",
        _zones,
    ),
    Check(
        "settings-known",
        "settings",
        "A mistyped setting is ignored without a word, and the default counts.",
        _unknown,
    ),
    Check("demo", "demo", "Sample people can sign in, and their data are not yours.", _demo),
)
