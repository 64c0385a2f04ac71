"""How each part of an installation is judged, state by state."""

from __future__ import annotations

import pytest

from enlist.core.clock import MINUTE, SECOND
from enlist.core.diagnosis import Finding, Level, fine, problem, skipped, warning
from enlist.core.infrastructure import (
    CHECKED,
    GRACE,
    PATIENCE,
    REFUSED,
    SEALED_SOON,
    SEALED_WITHIN,
    Channel,
    Part,
    State,
    Surroundings,
    channel,
    gravest,
    judged,
    off,
    sealed_log,
    self_service,
)
from enlist.core.passcodes import SelfService

NOW = 1_000_000 * MINUTE
MISSING = Finding(Level.SKIPPED, "none", "set one up")


def state(known: Channel, *, set_up: bool = True) -> State:
    found = channel(known, NOW, set_up=set_up, away="it is away", remedy="mend it", missing=MISSING)
    return found.state


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Channel(), State.WORKS),
        (Channel(failing_since=NOW), State.ATTENTION),
        (Channel(failing_since=NOW - GRACE + 1), State.ATTENTION),
        (Channel(failing_since=NOW - GRACE), State.PROBLEM),
        (Channel(refused=REFUSED - 1), State.WORKS),
        (Channel(refused=REFUSED), State.PROBLEM),
        (Channel(waiting=5, oldest=NOW - PATIENCE + 1), State.WORKS),
        (Channel(waiting=5, oldest=NOW - PATIENCE), State.ATTENTION),
        (Channel(at_limit=True), State.ATTENTION),
        (Channel(at_limit=True, failing_since=NOW - GRACE), State.PROBLEM),
    ],
)
def test_a_channel(known: Channel, expected: State) -> None:
    assert state(known) is expected
    assert state(known, set_up=False) is State.OFF


def test_a_channel_says_what_is_wrong_and_what_to_do() -> None:
    known = Channel(
        failing_since=NOW - GRACE, reason="refused", waiting=2, oldest=NOW - PATIENCE, at_limit=True
    )
    found = channel(known, NOW, set_up=True, away="it is away", remedy="mend it", missing=MISSING)
    assert found.findings[0] == problem("it is away: refused", "mend it")
    assert found.findings[2].found == "2 messages wait, the first for 15 minutes."
    assert all(each.remedy for each in found.findings)
    nothing = channel(known, NOW, set_up=False, away="", remedy="", missing=MISSING)
    assert nothing.findings == (MISSING,)


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        (None, State.WORKS),
        (SEALED_SOON, State.WORKS),
        (SEALED_SOON + 1, State.ATTENTION),
        (SEALED_WITHIN, State.ATTENTION),
        (SEALED_WITHIN + 1, State.PROBLEM),
    ],
)
def test_the_sealed_log(waits: int | None, expected: State) -> None:
    found = sealed_log(None if waits is None else NOW - waits, NOW)
    assert found.state is expected
    assert (found.findings[0].remedy == "") == (expected is State.WORKS)


def test_the_lag_is_told_in_seconds() -> None:
    assert sealed_log(NOW - 75 * SECOND, NOW).findings[0].found == "Events wait for 75 seconds."


@pytest.mark.parametrize(
    ("service", "failed", "expected"),
    [
        (SelfService.NONE, 0, State.OFF),
        (SelfService.DISABLED, 3, State.OFF),
        (SelfService.LOCKED, 100, State.PROBLEM),
        (SelfService.SHIELDED, 100, State.ATTENTION),
        (SelfService.ACTIVE, 0, State.WORKS),
        (SelfService.ACTIVE, 49, State.WORKS),
        (SelfService.ACTIVE, 50, State.ATTENTION),
    ],
)
def test_self_service(service: SelfService, failed: int, expected: State) -> None:
    found = self_service(service, failed, 100)
    assert found.state is expected
    assert (found.findings[0].remedy == "") == (expected is State.WORKS)


def test_a_part_does_as_the_worst_that_was_found_of_it() -> None:
    good, worse, worst = fine("g"), warning("w", "r"), problem("p", "r")
    assert judged((), "well") == judged((good, skipped("s")), "well")
    assert judged((good,), "well").state is State.WORKS
    assert judged((good,), "well").findings == (fine("well"),)
    assert judged((good, worse), "well").state is State.ATTENTION
    found = judged((worse, good, worst), "well")
    assert (found.state, found.findings) == (State.PROBLEM, (worst, worse))


def test_the_whole_does_as_its_worst_part() -> None:
    assert gravest([State.OFF, State.WORKS]) is State.WORKS
    assert gravest([State.WORKS, State.ATTENTION, State.OFF]) is State.ATTENTION
    assert gravest([State.ATTENTION, State.PROBLEM]) is State.PROBLEM
    assert gravest([State.OFF]) is gravest([]) is State.OFF


def test_what_is_off_says_why() -> None:
    assert off("not set up", "later").state is State.OFF
    assert off("not set up", "later").findings[0].remedy == "later"


def test_the_doctor_is_heard_for_each_part_and_for_no_other() -> None:
    full = problem("full", "make room")
    around = Surroundings(findings={"disk-space": full, "unheard": full})
    assert around.of(Part.DATABASE) == (full,)
    assert around.of(Part.WEB) == around.of(Part.PEOPLE) == ()


def test_each_check_that_is_named_is_one_of_the_doctors() -> None:
    from enlist.web.console.popups import CHECKS as WORDS
    from enlist.wiring.doctor import CHECKS

    named = {name for names in CHECKED.values() for name in names}
    assert named <= {each.name for each in CHECKS}
    assert named == set(WORDS)
