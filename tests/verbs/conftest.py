"""The world of the tests of verbs, on SQLite, or on both stores where `either` is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs import world as worlds
from tests.verbs.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an installation on SQLite, made once and copied."""
    folder = tmp_path_factory.mktemp("verbs") / "data"
    worlds.make(worlds.settings(folder))
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    """A fresh world on SQLite."""
    made = worlds.open_world(worlds.settings(worlds.copy(template, tmp_path / "data")))
    yield made
    made.installation.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))])
def either(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """A fresh world on each store in turn: for what the stores could do differently."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    cluster = request.getfixturevalue("postgres")
    keys = tmp_path_factory.getbasetemp() / "verbs-keys"
    url = cluster.clone("verbs_world", lambda url: worlds.make(worlds.settings(keys, url)))
    made = worlds.open_world(worlds.settings(keys, url))
    yield made
    made.installation.close()
    cluster.drop(url)
