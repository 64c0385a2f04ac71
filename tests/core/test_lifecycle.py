"""The table of moves."""

from __future__ import annotations

from itertools import product

import pytest

from enlist.core.lifecycle import (
    MOVES,
    AttemptState,
    DeviceState,
    EnrollmentState,
    may_move,
    shown_state,
)


def test_used_and_revoked_are_the_end() -> None:
    """Ruling 29: nothing leads away from them, nor from a finished attempt."""
    for state in (
        EnrollmentState.USED,
        EnrollmentState.REVOKED,
        AttemptState.COMPLETED,
        AttemptState.CANCELLED,
    ):
        assert not any(move.origin is state for move in MOVES)


def test_every_move_stays_within_its_kind() -> None:
    assert all(type(move.origin) is type(move.goal) for move in MOVES)
    assert len({(move.origin, move.goal, move.trigger) for move in MOVES}) == len(MOVES)


def test_what_is_not_in_the_table_may_not_happen() -> None:
    for kind in (EnrollmentState, AttemptState, DeviceState):
        for origin, goal in product(kind, kind):
            listed = any((move.origin, move.goal) == (origin, goal) for move in MOVES)
            assert may_move(origin, goal) is listed
    assert not may_move(AttemptState.OPEN, EnrollmentState.USED)


@pytest.mark.parametrize(
    ("state", "expires_at", "shown"),
    [
        (EnrollmentState.ACTIVE, 11, "active"),
        (EnrollmentState.ACTIVE, 10, "expired"),
        (EnrollmentState.USED, 10, "used"),
        (EnrollmentState.REVOKED, 10, "revoked"),
    ],
)
def test_expired_is_shown_and_never_stored(
    state: EnrollmentState, expires_at: int, shown: str
) -> None:
    """A07, ruling 29: valid while now < expires_at."""
    assert shown_state(state, expires_at, now=10) == shown
    assert "expired" not in set(EnrollmentState)
