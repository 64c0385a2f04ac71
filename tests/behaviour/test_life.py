"""The life of an enrollment, lived two hundred times at random beside a model of it."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from enlist.verbs import caps
from tests.behaviour.life import Life
from tests.behaviour.life_resets import LifeWithResets
from tests.installation import Enlist

RUNS = int(os.environ.get("ENLIST_LIVES", "200"))
STEPS = 40

PROFILE = settings(
    max_examples=RUNS + RUNS // 4 + 10,  # the first few are short on purpose
    stateful_step_count=STEPS,
    # The same lives each time: what is found is found again. More of them with ENLIST_LIVES.
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

EXPECTED = {
    *("redeem: done", "redeem: token_used", "redeem: token_replaced", "redeem: token_expired"),
    *("redeem: token_revoked", "redeem: user_not_allowed", "redeem: token_invalid"),
    *("complete: done", "complete: attempt_over", "repeat: done", "repeat: token_used"),
    *("reissue: done", "reissue: token_used", "reissue: token_revoked", "issue: done"),
    *("issue: enrollment_exists", "issue: device_enrolled", "resend: not_resendable"),
    *("cancel: done", "cancel: attempt_over", "delete device: done", "delete user: done"),
    *("revoke: done", "at its end: done", "at its end: token_expired"),
}
"""What two hundred lives must have come across, or they show less than they seem to."""


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often a message is sent again has a test of its own; here the states alone answer."""
    monkeypatch.setattr(caps, "AGAIN_AFTER", 0)
    monkeypatch.setattr(caps, "MOST_RESENT", 1_000)


@pytest.mark.timeout(900)
def test_every_life_ends_as_it_must(enlist: Enlist) -> None:
    """A26-A29, A41-A42, X22, X25, X31, S13, S24: whatever is done in whatever order.

    One winner at most per enrollment, no way back from an end, one live secret, and a log that
    alone tells how everything stands.
    """
    Life.enlist, Life.runs, Life.seen = enlist, [], Counter()
    run_state_machine_as_test(Life, settings=PROFILE)
    assert sum(steps >= 30 for steps in Life.runs) >= RUNS, sorted(Life.runs)
    if RUNS >= 200:
        assert set(Life.seen) >= EXPECTED, EXPECTED - set(Life.seen)


RESET = {"reset: done", "redeem: done", "redeem: token_replaced", "delete enrollment: done"}
"""What the lives with resets must have come across."""


@pytest.mark.timeout(900)
def test_every_life_with_resets_ends_as_it_must(enlist: Enlist) -> None:
    """D07, D17, D21, X22: no credential from before a reset counts, one token at most is live, and
    what was deleted stays so; a quarter as many lives."""
    LifeWithResets.enlist, LifeWithResets.runs, LifeWithResets.seen = enlist, [], Counter()
    fewer = settings(PROFILE, max_examples=RUNS // 4 + 10)
    run_state_machine_as_test(LifeWithResets, settings=fewer)
    if RUNS >= 200:
        assert set(LifeWithResets.seen) >= RESET, RESET - set(LifeWithResets.seen)
