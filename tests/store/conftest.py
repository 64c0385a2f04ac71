"""The database of the test, past Enlist."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enlist.settings import Settings
from tests.store.raw import Raw, opened


@pytest.fixture
def raw(settings: Settings) -> Iterator[Raw]:
    """A connection of one's own to the installation's database."""
    with opened(settings) as connection:
        yield connection
