"""Peers that tests of faults may break."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.peers.postgres import Cluster, cluster


@pytest.fixture
def mortal(afterwards: ExitStack) -> Cluster:
    """A PostgreSQL of this test's own, to be killed."""
    running = cluster(durable=True)
    afterwards.callback(running.stop)
    return running
