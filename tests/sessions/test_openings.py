"""Who opens sessions without end with a certificate has to wait, and nobody with another one."""

from __future__ import annotations

from enlist.sessions.openings import OFTEN, WINDOW, Openings


def test_who_opens_too_many_sessions_has_to_wait() -> None:
    openings = Openings(most=2)
    for _ in range(2 * OFTEN):
        assert openings.wait("a", 100.0) is None
    assert openings.wait("a", 100.0) == WINDOW + 1
    assert openings.wait("a", 100.0 + WINDOW - 0.5) == 1
    assert openings.wait("b", 100.0 + WINDOW - 0.5) is None, "it is nobody else's business"
    for _ in range(2 * OFTEN):
        assert openings.wait("a", 100.0 + WINDOW) is None
    assert openings.wait("a", 100.0 + WINDOW) is not None
