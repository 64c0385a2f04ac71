"""After a restore the log says what it lost, and that it was a restore; a rollback is still one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from enlist.core.checkpoints import Restore
from enlist.pki.notes import Signer
from enlist.settings import Settings
from enlist.store.seals import LogDamaged
from enlist.verbs.backups import HoldAfterRestore
from enlist.verbs.verify_log import Verification
from enlist.wiring.backup.making import back_up
from tests.behaviour.log_tampering import Log
from tests.installation import Enlist, settings_for
from tests.store.raw import opened
from tests.wiring.conftest import CHEAP, PASSPHRASE, Elsewhere, backed_up


@dataclass
class Past:
    """A log of which a backup was made, and which went on and was signed afterwards.

    Attributes:
        early: a checkpoint of what is in the backup.
        late: one of more than that.
        kept: how many events had their place in the backup.
        size: how many there were in the end.
    """

    log: Log
    backup: Path
    early: str
    late: str
    kept: int
    size: int


@pytest.fixture
def past(enlist: Enlist, shelf: Path) -> Iterator[Past]:
    with opened(enlist.settings) as raw:
        log = Log(enlist, raw)
        log.live(1)
        early = log.sign()
        kept = len(log.order())
        enlist.register("grace")  # which nobody has sealed yet
        backup = backed_up(enlist, shelf).folder
        log.live(2)
        enlist.clock.advance(minutes=1)
        late = log.sign()
        enlist.clock.advance(minutes=1)
        yield Past(log, backup, early, late, kept, len(log.order()))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reopened(elsewhere: Elsewhere, stack: ExitStack) -> Log:
    other = elsewhere.opened()
    stack.callback(other.close)
    return Log(other, stack.enter_context(opened(elsewhere.settings)))


def keep_checkpoints(past: Past, target: Settings) -> None:
    """The old data folder is lost but for its checkpoints."""
    shutil.copytree(past.log.enlist.settings.data / "checkpoints", target.data / "checkpoints")


def what(done: Verification) -> list[str]:
    return [finding.what for finding in done.findings]


def test_what_a_restore_took_away_is_told_as_that(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """S26, ruling 34: nothing was tampered with; how much is missing, and since which restore."""
    restored = elsewhere.restore(past.backup)
    assert restored.damage == ""
    log = reopened(elsewhere, stack)
    done = log.verify(past.early, past.late)
    assert done.intact, done.findings
    (told,) = done.restores
    assert (told.epoch, told.kept, told.before) == (1, past.kept, past.size)
    assert told.checkpoints == 1
    assert told.restored_at == elsewhere.clock.now
    assert done.compared == 2  # the early one, and that of the restore
    assert log.verify().restores[0].before == 0
    log.live(3)
    elsewhere.clock.advance(minutes=1)
    log.sign()
    assert log.verify(past.early, past.late).intact
    assert len(log.order()) > past.size


def test_checkpoints_from_before_may_stay_and_are_compared(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """Ruling 34: they are in no backup; the server goes on to sign beside them."""
    keep_checkpoints(past, elsewhere.settings)
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    notes = list(log.enlist.installation.log.kept.notes())
    assert notes[:2] == [past.early, past.late]
    assert len(notes) == 3
    done = log.verify()
    assert done.intact, done.findings
    assert done.restores[0].before == past.size
    log.live(1)
    elsewhere.clock.advance(minutes=1)
    log.sign()
    # What was kept must be what it was: of that they still tell.
    log.break_in()
    event_id = log.order()[1]
    log.raw.execute("DELETE FROM checkpoint")
    log.forge_entry(event_id)
    log.write_order(log.order())
    assert what(log.verify()) == ["differs"]


def test_checkpoints_from_before_may_also_come_later(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """Copied over those of the restored folder; the database has the restore's, too."""
    elsewhere.restore(past.backup)
    shutil.rmtree(elsewhere.settings.data / "checkpoints")
    keep_checkpoints(past, elsewhere.settings)
    log = reopened(elsewhere, stack)
    assert log.verify().intact
    log.live(1)
    elsewhere.clock.advance(minutes=1)
    newest = log.sign()
    assert log.enlist.installation.log.kept.newest() == newest
    done = log.verify()
    assert done.intact, done.findings
    assert done.restores[0].before == past.size


def test_a_rollback_after_a_restore_is_still_found(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """K6: the restore explains what came before it, and nothing since."""
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    size = len(log.order())
    log.live(1)
    elsewhere.clock.advance(minutes=1)
    log.sign()
    log.break_in()
    for event_id in log.order()[size:]:
        log.delete("event_seal", f"event_id = '{event_id}'")
        log.delete("event", f"id = '{event_id}'")
    log.delete("checkpoint", f"size > {size}")
    done = log.verify(past.late)
    assert what(done) == ["too_short"]
    assert done.findings[0].seq == size
    with pytest.raises(LogDamaged, match="in the data folder"):
        log.sign()


def test_whoever_owns_the_database_cannot_call_a_rollback_a_restore(past: Past) -> None:
    """K6, K7: not by an event that says so, nor under a key of his own."""
    log = past.log
    log.break_in()
    for event_id in log.order()[past.kept :]:
        log.delete("event_seal", f"event_id = '{event_id}'")
        log.delete("event", f"id = '{event_id}'")
    log.delete("checkpoint", f"size > {past.kept}")
    log.enlist.do(HoldAfterRestore("2026-03-02T12:00:00Z"))
    log.seal()
    name = log.enlist.installation.log.origin
    honest = log.enlist.installation.log.read_note(past.late)
    forged = replace(
        honest, made_at=log.enlist.clock.now, size=past.kept, restore=Restore(1, past.kept)
    )
    signer = Signer.of_seed(name, "forged", secrets.token_bytes(32))
    log.put_checkpoint(signer.sign(forged.body()), past.kept)
    done = log.verify()
    assert done.restores == []
    assert sorted(what(done)) == ["not_signed", "too_short"]


def test_a_backup_that_is_restored_twice_explains_both_pasts(
    past: Past, elsewhere: Elsewhere, stack: ExitStack, tmp_path: Path
) -> None:
    """The second restore is another epoch, though the backup knows of none."""
    if past.log.enlist.settings.database:
        pytest.skip("one store says it")
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    log.live(1)
    elsewhere.clock.advance(minutes=1)
    between = log.sign()
    elsewhere.clock.advance(minutes=1)
    third = Elsewhere(settings_for(tmp_path / "third"), log.enlist.clock)
    keep_checkpoints(replace(past, log=log), third.settings)
    assert third.restore(past.backup).held.epoch == 2
    done = reopened(third, stack).verify(between, past.late)
    assert done.intact, done.findings
    (told,) = done.restores
    assert (told.epoch, told.kept) == (2, past.kept)
    assert told.before == past.size


def test_the_epoch_is_known_from_the_last_month_alone(
    past: Past, elsewhere: Elsewhere, stack: ExitStack, tmp_path: Path
) -> None:
    """Else the second restore has the epoch of what it takes away, and looks like a rollback."""
    if past.log.enlist.settings.database:
        pytest.skip("one store says it")
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    elsewhere.clock.advance(minutes=40 * 24 * 60)
    log.live(1)
    log.sign()
    third = Elsewhere(settings_for(tmp_path / "third"), elsewhere.clock)
    month = max((elsewhere.settings.data / "checkpoints").iterdir())
    kept = third.settings.data / "checkpoints"
    kept.mkdir(parents=True)
    shutil.copy(month, kept)
    assert "restore" not in month.read_text()
    assert third.restore(past.backup).held.epoch == 2
    done = reopened(third, stack).verify()
    assert done.intact, done.findings


def test_a_damaged_log_is_restored_and_said(
    past: Past, elsewhere: Elsewhere, shelf: Path, stack: ExitStack
) -> None:
    """A company must be able to go on; nothing that is damaged is signed."""
    log = past.log
    log.break_in()
    log.write_order(log.order()[::-1])
    made = back_up(
        log.enlist.settings, shelf / "late", PASSPHRASE, clock=log.enlist.clock, cost=CHEAP
    )
    restored = elsewhere.restore(made.folder)
    assert "are not those of the checkpoint" in restored.damage
    assert "differs" in what(reopened(elsewhere, stack).verify())


@pytest.mark.parametrize("wrong", [5 * 365 * 24, -72], ids=["ahead", "behind"])
def test_a_clock_that_was_wrong_at_the_restore_explains_nothing_and_hides_nothing(
    past: Past, elsewhere: Elsewhere, stack: ExitStack, wrong: int
) -> None:
    """K6: what was before the restore is said by the epoch, not by the moment."""
    keep_checkpoints(past, elsewhere.settings)
    elsewhere.clock.advance(hours=wrong)
    elsewhere.restore(past.backup)
    elsewhere.clock.advance(hours=-wrong, minutes=1)
    log = reopened(elsewhere, stack)
    size = len(log.order())
    newest = ""
    for _ in range(2):
        log.live(1)
        newest = log.sign()
        elsewhere.clock.advance(minutes=1)
        assert log.enlist.installation.log.kept.newest() == newest
    done = log.verify(past.early, past.late)
    assert done.intact, done.findings
    assert (done.restores[0].epoch, done.restores[0].before) == (1, past.size)
    assert log.enlist.installation.log.read_note(newest).epoch == 1
    log.break_in()
    for event_id in log.order()[size:]:
        log.delete("event_seal", f"event_id = '{event_id}'")
        log.delete("event", f"id = '{event_id}'")
    log.delete("checkpoint", f"size > {size}")
    assert what(log.verify()) == ["too_short"]
    with pytest.raises(LogDamaged, match="in the data folder"):
        log.sign()


def test_a_restore_is_a_new_epoch_though_the_log_counts_fewer(
    past: Past, elsewhere: Elsewhere, stack: ExitStack, tmp_path: Path
) -> None:
    """Else what followed the restore before it would have the same epoch, and contradict it."""
    if past.log.enlist.settings.database:
        pytest.skip("one store says it")
    keep_checkpoints(past, elsewhere.settings)
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    third = Elsewhere(settings_for(tmp_path / "third"), log.enlist.clock)
    keep_checkpoints(replace(past, log=log), third.settings)
    third.restore(past.backup)
    log = reopened(third, stack)
    again = backed_up(log.enlist, tmp_path / "again").folder
    log.live(1)
    late = log.sign()
    fourth = Elsewhere(settings_for(tmp_path / "fourth"), log.enlist.clock)
    assert fourth.restore(again).held.epoch == 3
    done = reopened(fourth, stack).verify(late)
    assert done.intact, done.findings


def test_a_line_that_is_no_checkpoint_takes_no_restore_back(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """Else the next restore would be taken for the first, and its past for one without it."""
    elsewhere.restore(past.backup)
    log = reopened(elsewhere, stack)
    assert log.enlist.installation.log.epoch() == 1
    with (elsewhere.settings.data / "checkpoints" / "2000-01.txt").open("w") as file:
        file.write("somebody\nrestore 7 kept 0\n\n— somebody else\n\n")
    assert log.enlist.installation.log.epoch() == 1


def test_a_rehearsal_signs_nothing_that_would_explain_a_rollback(
    past: Past, elsewhere: Elsewhere, stack: ExitStack
) -> None:
    """K6: it has the key and the name of the installation that goes on."""
    elsewhere.restore(past.backup, rehearsal=True)
    log = reopened(elsewhere, stack)
    assert log.note() == past.early
    assert list(log.enlist.installation.log.kept.notes()) == []
    log.seal()
    done = log.verify(past.late)
    assert what(done) == ["too_short"]
    assert done.restores == []
