"""`enlist doctor`: many small checks of one shape, each for a mistake that is really made.

A check looks at one thing, changes nothing, and answers with what it found and, where that is
amiss, with what to do. It examines the settings that the server runs with, which the server wrote
down (`beside`), as far as none are given here. A new check is a function and a line in its
module's `CHECKS`; the reference page and the output follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from enlist.core.diagnosis import Diagnosis, Examined, Finding, problem, skipped
from enlist.settings import Settings
from enlist.wiring.beside import as_served
from enlist.wiring.doctor import (
    certificates,
    database,
    folder,
    machine,
    mail,
    public,
    sms,
    syslog,
    work,
)
from enlist.wiring.doctor.check import CannotTell, Check, Ground

SECTIONS: Final[tuple[tuple[str, tuple[Check, ...]], ...]] = (
    ("Server", machine.CHECKS),
    ("Database", database.CHECKS),
    ("Keys", folder.CHECKS),
    ("Certificates", certificates.CHECKS),
    ("Addresses", public.CHECKS),
    ("Mail", mail.CHECKS),
    ("SMS", sms.CHECKS),
    ("Syslog", syslog.CHECKS),
    ("Work", work.CHECKS),
)
CHECKS: Final = tuple(check for _, checks in SECTIONS for check in checks)

_AT_ONCE: Final = 8


def diagnose(settings: Settings, environment: Mapping[str, str]) -> Diagnosis:
    """Run every check against the installation that the settings name.

    Its folder is named whole: a remedy is carried out where somebody happens to be by then.
    """
    served, notes = as_served(settings.model_copy(update={"data": settings.data.absolute()}))
    ground = Ground(served, notes, environment)
    try:
        return examine(ground)
    finally:
        ground.close()


def examine(ground: Ground) -> Diagnosis:
    """Run every check, several at once: most of them wait for somebody's answer."""
    settings = ground.settings
    kind = "PostgreSQL" if settings.database else "SQLite"
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="doctor") as pool:
        findings = dict(
            zip(CHECKS, pool.map(lambda check: run(check, ground), CHECKS), strict=True)
        )
    examined = tuple(
        Examined(section, check.name, check.title, check.why, findings[check])
        for section, checks in SECTIONS
        for check in checks
    )
    return Diagnosis(f"{settings.data}, {kind}", examined)


def run(check: Check, ground: Ground) -> Finding:
    """One check. One that breaks is a finding itself, and keeps no other from being made."""
    try:
        return check.run(ground)
    except CannotTell as why:
        return skipped(str(why))
    except PermissionError as error:
        # One check of its own says so, and as whom to run this.
        return skipped(f"{error.filename} may not be read by this user")
    except Exception as error:  # noqa: BLE001 - a broken check must not hide what others found
        return problem(
            f"this check broke: {type(error).__name__}: {error}", "Report this line as a defect."
        )
