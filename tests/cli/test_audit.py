"""`enlist audit verify` and what goes with it: one line for people, JSON for programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from enlist.core.checkpoints import Restore
from enlist.pki.notes import open_note, read_verifier
from tests.behaviour.log_tampering import Log
from tests.cli.conftest import Run
from tests.installation import Enlist
from tests.store.raw import Raw, opened


def signed(enlist: Enlist, raw: Raw) -> Log:
    log = Log(enlist, raw)
    log.live(1)
    log.sign()
    return log


def test_a_log_is_verified_with_what_was_kept(run: Run, enlist: Enlist, tmp_path: Path) -> None:
    """S73: printed, kept, compared; the public key alone is enough for the note."""
    with opened(enlist.settings) as raw:
        log = signed(enlist, raw)
        note = run("audit", "checkpoint").out
        assert note == log.note()
        key = read_verifier(run("audit", "key").out)
        assert str(len(log.order())) in open_note(note, [key])
        made = run("audit", "checkpoint", "--json").json
        assert (made["note"], made["size"]) == (note, len(log.order()))
        assert made["keys"] == [str(key)]

        kept = tmp_path / "kept.txt"
        kept.write_text(note)
        log.live(1)
        whole = run("audit", "verify", "--checkpoint", str(kept))
        assert f"The log is whole: {len(log.order())} events" in whole.out
        shown = run("audit", "verify", "--checkpoint", str(kept), "--json").json
        assert (shown["intact"], shown["findings"]) == (True, [])

        log.break_in()
        event_id = log.order()[2]
        log.change_entry(event_id)
        told = run("audit", "verify", "--checkpoint", str(kept), expect=1)
        (line,) = told.err.strip().splitlines()
        assert line.startswith("The log was tampered with: ")
        assert event_id in line
        assert "number 2" in line
        assert "of 2026-03-02T" in line
        found = run("audit", "verify", "--json", expect=1).json
        assert found["intact"] is False
        (finding,) = found["findings"]
        assert (finding["what"], finding["seq"], finding["event_id"]) == ("changed", 2, event_id)
        assert finding["at"].startswith("2026-03-02T")


def test_a_restore_is_told_with_what_it_took_away(run: Run, enlist: Enlist) -> None:
    """Ruling 34: no alarm, but never silently: whoever has the keys could sign one, too."""
    with opened(enlist.settings) as raw:
        log = signed(enlist, raw)
        size = len(log.order())
        before = replace(
            enlist.installation.log.read_note(log.note()),
            size=size + 5,
            made_at=enlist.clock.now - 1,
        )
        enlist.installation.log.kept.keep(
            enlist.installation.log.signers[0].sign(before.body()), enlist.clock.now
        )
        enlist.clock.advance(minutes=1)
        log.live(1)
        enlist.installation.log.sign_restored(Restore(2, size))
        told = run("audit", "verify").out
        assert "The log is whole" in told
        assert "Restore 2, of 2026-03-02 12:01 UTC, kept" in told
        assert f"number {size} to number {size + 4} of before, of which 1 checkpoint" in told
        (restored,) = run("audit", "verify", "--json").json["restores"]
    assert (restored["epoch"], restored["kept"], restored["before"]) == (2, size, size + 5)
    assert restored["restored_at"].startswith("2026-03-02T12:01")


def test_before_anything_was_signed(run: Run, enlist: Enlist) -> None:
    enlist.clock.advance(minutes=1)
    assert "signs every minute" in run("audit", "checkpoint", expect=1).err
    whole = run("audit", "verify").out
    assert "no checkpoint to compare it with" in whole
    assert "not sealed yet" in whole


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_a_file_without_a_checkpoint_is_wrong_usage(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    """Else a typing error in its name would look like a verified log."""
    path = tmp_path / "kept.txt"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in run("audit", "verify", "--checkpoint", str(path), expect=2).err


def test_a_forged_checkpoint_is_not_handed_out(run: Run, enlist: Enlist) -> None:
    with opened(enlist.settings) as raw:
        log = signed(enlist, raw)
        log.break_in()
        raw.execute("UPDATE checkpoint SET note = replace(note, 'time 2026', 'time 2027')")
        assert "changed after it was signed" in run("audit", "checkpoint", expect=1).err
