"""What the holder of a secret is told: every combination, against a table in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from enlist.core.judgement import judge
from enlist.core.lifecycle import AttemptState, DeviceState, EnrollmentState
from enlist.core.model import GrantKind, Platform, Sighting
from enlist.core.outcomes import Subjects

NOW = 1_000_000
GOOD = Sighting(
    enrollment_id="e",
    organization_id="o",
    organization_path="o/",
    user_id="u",
    username="ada",
    user_active=True,
    device_id="d",
    device_name="laptop",
    device_platform=Platform.LINUX,
    device_state=DeviceState.REGISTERED,
    grant=GrantKind.REGISTRATION_TOKEN,
    state=EnrollmentState.ACTIVE,
    generation=2,
    presented_generation=2,
    replaced_at=None,
    uses=0,
    max_uses=1,
    not_before=0,
    expires_at=NOW + 1,
    used_at=None,
    ended_at=None,
    end_reason="",
    wrong_logins=0,
)
USED = replace(GOOD, state=EnrollmentState.USED, used_at=7)
ON_HOLD = replace(GOOD, state=EnrollmentState.ON_HOLD)
REVOKED = replace(GOOD, state=EnrollmentState.REVOKED, ended_at=8, end_reason="lost")


def old(sighting: Sighting) -> Sighting:
    """The same, presented with a token that was replaced."""
    return replace(sighting, presented_generation=1, replaced_at=9)


def by_code(
    sighting: Sighting, state: AttemptState = AttemptState.OPEN, expires_at: int = NOW + 1
) -> Sighting:
    """The same, presented with the code of an attempt."""
    return replace(sighting, attempt_id="a", attempt_state=state, attempt_expires_at=expires_at)


@pytest.mark.parametrize(
    ("sighting", "code", "at"),
    [
        (GOOD, None, None),
        (replace(GOOD, expires_at=NOW), "token_expired", NOW),
        (replace(GOOD, expires_at=NOW - 1), "token_expired", NOW - 1),
        (replace(GOOD, not_before=NOW), None, None),
        (replace(GOOD, not_before=NOW + 1), "token_invalid", NOW + 1),
        (USED, "token_used", 7),
        (replace(USED, max_uses=5), "token_exhausted", 7),
        (REVOKED, "token_revoked", 8),
        (replace(REVOKED, end_reason="superseded"), "token_replaced", 8),
        (ON_HOLD, "token_on_hold", None),
        (replace(ON_HOLD, expires_at=NOW), "token_expired", NOW),
        (old(ON_HOLD), "token_replaced", 9),
        (old(GOOD), "token_replaced", 9),
        (old(USED), "token_replaced", 9),
        (old(REVOKED), "token_replaced", 9),
        (replace(old(GOOD), expires_at=NOW), "token_replaced", 9),
        (replace(USED, expires_at=NOW), "token_used", 7),
        (replace(REVOKED, expires_at=NOW), "token_revoked", 8),
        (replace(GOOD, user_active=False), "user_not_allowed", None),
        (replace(GOOD, user_active=False, expires_at=NOW), "token_expired", NOW),
        (replace(GOOD, device_state=DeviceState.ENROLLED), "token_used", None),
        (replace(GOOD, device_state=DeviceState.BLOCKED), "token_used", None),
        (replace(GOOD, device_state=None, device_id=None), None, None),
        (by_code(GOOD), None, None),
        (by_code(GOOD, expires_at=NOW), "attempt_over", NOW),
        (by_code(GOOD, AttemptState.CANCELLED), "attempt_over", None),
        (by_code(USED, AttemptState.COMPLETED), "token_used", 7),
    ],
)
def test_table(sighting: Sighting, code: str | None, at: int | None) -> None:
    """A07, A28, A41, A42, X10, S19: the order of the reasons is part of it."""
    told = judge(sighting, NOW)
    if code is None:
        assert told is None
        return
    assert told is not None
    assert (told.code, told.at, told.holder) == (code, at, True)
    assert told.about == sighting.subjects
    assert told.reason


def test_only_what_is_right_in_every_way_may_be_redeemed() -> None:
    """S13: of all combinations exactly those."""
    for state, generation, end, active, device, attempt in product(
        EnrollmentState,
        (1, 2),
        (NOW, NOW + 1),
        (True, False),
        (*DeviceState, None),
        (*AttemptState, None),
    ):
        sighting = replace(
            GOOD,
            state=state,
            presented_generation=generation,
            expires_at=end,
            user_active=active,
            device_state=device,
            attempt_state=attempt,
            attempt_expires_at=NOW + 1,
        )
        right = (
            state is EnrollmentState.ACTIVE
            and generation == 2
            and end > NOW
            and active
            and device in (None, DeviceState.REGISTERED)
            and attempt in (None, AttemptState.OPEN)
        )
        assert (judge(sighting, NOW) is None) is right


def test_an_event_about_it_names_everything() -> None:
    assert replace(GOOD, attempt_id="a").subjects == Subjects("o", "u", "d", "e", "a")
