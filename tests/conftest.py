"""Peers and an installation for every test; what else a folder needs, its own conftest brings."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.figures", "tests.peers.plugin", "tests.installation", "tests.serving"]

# A busy machine is no counterexample.
settings.register_profile("enlist", deadline=None)
settings.load_profile("enlist")
