"""`enlist doctor` on work that really waits; and that no check goes untested."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from enlist.core.clock import DAY
from enlist.core.diagnosis import Level
from enlist.keyfolder import add_issuer, add_key
from enlist.store import outbox
from enlist.store.tx import Statement
from enlist.verbs.backups import RecordBackup
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.sealing import Sealer
from enlist.wiring.beside import ServerNotes
from enlist.wiring.doctor import CHECKS
from enlist.wiring.doctor.check import Ground
from enlist.wiring.installation import open_installation
from tests.installation import MAILED, Enlist, cheap_passwords, settings_for
from tests.wiring.doctoring import (
    ANSWERING,
    DURABILITY,
    FOLDER,
    STEPS,
    amiss,
    changed,
    left_out,
    well,
)


@pytest.fixture
def ground(enlist: Enlist) -> Iterator[Ground]:
    found = Ground(enlist.settings, ServerNotes(pid=1), clock=enlist.clock)
    yield found
    found.close()


def mail(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED))


def test_messages_that_do_not_go_out(enlist: Enlist, ground: Ground) -> None:
    mail(enlist)
    well(ground, "messages-waiting")
    enlist.clock.advance(minutes=20)
    amiss(ground, "messages-waiting", says="1 message waits, the oldest for 20 minutes")


def test_messages_that_were_given_up(enlist: Enlist, ground: Ground) -> None:
    mail(enlist)
    well(ground, "messages-failed")
    (message,) = enlist.store.read(lambda tx: outbox.due(tx, "email", 10))
    until = enlist.clock.now + 1
    (claimed,) = enlist.store.write(lambda tx: outbox.claim(tx, [message], until))
    enlist.store.write(lambda tx: outbox.failed(tx, message, claimed.tries, "550 no such user"))
    amiss(ground, "messages-failed", level=Level.WARNING, says="550 no such user")
    enlist.clock.advance(hours=25)
    well(ground, "messages-failed")


def test_nobody_who_administers(ground: Ground, tmp_path: Path) -> None:
    well(ground, "administrators")
    settings = settings_for(tmp_path / "fresh")
    open_installation(settings, passwords=cheap_passwords()).close()
    amiss(Ground(settings), "administrators", level=Level.WARNING, says="nobody")


def test_no_room_for_more(enlist: Enlist, ground: Ground) -> None:
    enlist.register("ada")
    well(ground, "room")
    amiss(changed(ground, most_live_enrollments=1), "room", says="1 of 1")


def test_a_zone_that_this_machine_does_not_know(enlist: Enlist, ground: Ground) -> None:
    well(ground, "time-zones")
    mars = Statement("test.zone", "UPDATE organization SET time_zone = 'Mars/Olympus_Mons'")
    enlist.store.write(lambda tx: tx.run(mars))
    amiss(ground, "time-zones", level=Level.WARNING, says="Mars/Olympus_Mons")


def test_events_that_wait_for_their_seal(enlist: Enlist, ground: Ground) -> None:
    Sealer(enlist.store).seal_all()
    enlist.clock.advance(minutes=2)
    well(ground, "log-sealed")
    enlist.user("ada")
    well(ground, "log-sealed")
    enlist.clock.advance(minutes=2)
    amiss(ground, "log-sealed", says="waits for 2 minutes")
    left_out(Ground(enlist.settings, clock=enlist.clock), "log-sealed")


def test_backups_that_are_missing_or_old(enlist: Enlist, ground: Ground) -> None:
    amiss(ground, "backup", level=Level.WARNING, says="no backup is recorded here")
    kept = tuple(key_id for key_id, _ in enlist.installation.folder.key_ids)
    enlist.do(RecordBackup("enlist-20260302", kept))
    well(ground, "backup")
    enlist.clock.advance(hours=8 * 24)
    amiss(ground, "backup", level=Level.WARNING, says="8 days old")
    issuer = add_issuer(enlist.settings.data, enlist.clock.now, enlist.clock.now)
    amiss(ground, "backup", says=f"issuing.{issuer}.pem is not in the last backup")
    # One that was made to begin later is in the backup, and the one made after it is not.
    later = add_key(enlist.settings.data, "lookup", enlist.clock.now + 30 * DAY)
    enlist.do(RecordBackup("enlist-20260310", (*kept, issuer, later.id)))
    well(ground, "backup")
    key = add_key(enlist.settings.data, "derive", enlist.clock.now)
    amiss(ground, "backup", says=f"derive.{key.id}.key is not in the last backup")


IN_LOOPS = {
    "well": {*FOLDER, *ANSWERING, *DURABILITY, *STEPS, "database-clock"},
    "amiss": {*DURABILITY, "disk-space", "database-clock"},
}
"""Checks that a test runs by a name from a list, again and again, or in a program of its own."""


@pytest.mark.parametrize("how", ["well", "amiss"])
def test_every_check_is_seen_fine_and_amiss(how: str) -> None:
    """A check that no test has seen find something may find nothing."""
    here = Path(__file__).parent
    beside = ("server/test_proxies*.py", "behaviour/test_syslog.py")
    files = [
        *here.glob("test_doctor*.py"),
        *(path for one in beside for path in here.parent.glob(one)),
    ]
    seen = set(IN_LOOPS[how])
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == how:
            seen |= {str(each.value) for each in node.args if isinstance(each, ast.Constant)}
    assert {check.name for check in CHECKS} - seen == set()
