"""Peers and an installation for every test; what else a folder needs, its own conftest brings."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from tests.fuzzing import FUZZ
from tests.peers.base import memory

pytest_plugins = ["tests.figures", "tests.peers.plugin", "tests.installation", "tests.serving"]

# A busy machine is no counterexample, and no fault of what makes examples.
settings.register_profile(
    "enlist",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=FUZZ == 0,
)
settings.load_profile("enlist")


def pytest_configure() -> None:
    """Keep what tests write in memory: SQLite forces each commit to the disk, thousands in all."""
    if (found := memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(found))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: a fifth of their time, tests wait for servers that they started."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep on one worker who share what is made once per module, mostly a server with data in it.

    Each worker would make one of its own: with three workers, a fifth of the time of such tests.
    """
    for item in items:
        info = getattr(item, "_fixtureinfo", None)
        used = info.name2fixturedefs.values() if info else ()
        shared = any(defined[-1].scope == "module" for defined in used)
        if shared and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
        if config.getoption("loadgroup", default=False):
            _name_group(item)


def _name_group(item: pytest.Item) -> None:
    """Write the group behind the test's name, where xdist looks for it.

    pytest-xdist 3.8 does so by an attribute that pytest 9.2 no longer has: without a word, it
    kept no group together.
    """
    mark = item.get_closest_marker("xdist_group")
    if mark is not None:
        named = type(item.id).parse(f"{item.nodeid}@{mark.args[0]}")
        setattr(item, "_id", named)  # noqa: B010 - private, as all of this


def pytest_collection_finish() -> None:
    """Look for garbage seldom, as a server does, and never in what is loaded by now.

    All tests and all that they import are a million objects: looking them through again and again
    was a good part of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
