"""The table of moves."""

from __future__ import annotations

import pytest

from enlist.core.lifecycle import (
    MOVES,
    AttemptState,
    EnrollmentState,
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
