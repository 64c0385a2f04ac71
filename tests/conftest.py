"""Peers and an installation for every test; what else a folder needs, its own conftest brings."""

from __future__ import annotations

pytest_plugins = ["tests.peers.plugin", "tests.installation", "tests.serving"]
