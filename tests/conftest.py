"""Peers and an installation for every test; what else a folder needs, its own conftest brings."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.fuzzing import FUZZ

pytest_plugins = ["tests.figures", "tests.peers.plugin", "tests.installation", "tests.serving"]

# A busy machine is no counterexample, and no fault of what makes examples.
settings.register_profile(
    "enlist",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=FUZZ == 0,
)
settings.load_profile("enlist")
