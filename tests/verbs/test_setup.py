"""The first administrator's details; setting up itself is in tests/store and tests/web/enroll."""

from __future__ import annotations

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.setup import Administrator


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("x" * 11, "must have at least 12 characters"),
        ("x" * 12, None),
        ("x" * 256, None),
        ("x" * 257, "must have at most 256 characters"),
    ],
)
def test_a_password_is_judged_as_every_other(password: str, problem: str | None) -> None:
    found = Administrator("ada@example.com", Secret(password)).problems()
    assert [error.message for error in found] == ([] if problem is None else [problem])
