"""What a checkpoint says, and what is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.checkpoints import Checkpoint, Restore, origin, parse, tells_of_restore
from enlist.core.merkle import leaf_hash

MADE = Checkpoint("enlist/one", 4711, leaf_hash(b"x"), 1_780_000_000_123_456)


def test_a_checkpoint_reads_back_as_it_was_written() -> None:
    """Ruling 34: C2SP tlog-checkpoint, and a line with the moment."""
    name, size, _root, moment, end = MADE.body().split("\n")
    assert (name, size, end) == ("enlist/one", "4711", "")
    assert moment == "time 2026-05-28T20:26:40.123456Z"
    assert parse(MADE.body()) == MADE


def test_the_first_after_a_restore_says_what_was_kept() -> None:
    """In a fifth line, under the same signature; as tools of others allow."""
    restored = replace(MADE, restore=Restore(epoch=2, kept=0))
    assert restored.body() == f"{MADE.body()}restore 2 kept 0\n"
    assert parse(restored.body()) == restored
    assert tells_of_restore(restored.body())
    assert not tells_of_restore(MADE.body())


def test_those_that_follow_say_the_epoch() -> None:
    """What is after a restore is told by what is signed, not by a clock; none is before any."""
    later = replace(MADE, epoch=2)
    assert later.body() == f"{MADE.body()}epoch 2\n"
    assert parse(later.body()) == later
    assert replace(MADE, restore=Restore(epoch=2, kept=0)).epoch == 2
    assert parse(MADE.body()).epoch == 0
    assert not tells_of_restore(later.body())


def test_a_log_is_named_after_its_installation() -> None:
    assert origin("0198") == "enlist/0198"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4711", "04711"),
        ("4711", "-1"),
        ("4711", "²"),
        ("4711", ""),
        ("4711", "4711\n1"),
        ("time ", "at "),
        ("time 2026-05-28T20:26:40.123456Z", "time 2026-05-28T20:26:40"),
        ("time 2026-05-28T20:26:40.123456Z", "time soon"),
        ("enlist/one\n", ""),
        ("=\n", "\n"),
        ("=\n", "AAAA\n"),
        ("Z\n", "Z\nepoch 0\n"),
        ("Z\n", "Z\nepoch 1\nrestore 1 kept 1\n"),
        ("Z\n", "Z\nrestore 1\n"),
        ("Z\n", "Z\nrestore 0 kept 1\n"),
        ("Z\n", "Z\nrestore 1 kept 01\n"),
        ("Z\n", "Z\nrestore 1 kept 1\nrestore 2 kept 1\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which words it says is not promised
        parse(MADE.body().replace(old, new, 1))
