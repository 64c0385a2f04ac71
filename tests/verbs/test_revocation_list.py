"""The revocation list: made once for all who ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import pytest

from enlist.pki.revocation import build_crl
from enlist.store import credentials
from enlist.store.lanes import Store
from enlist.store.tx import Reader
from enlist.verbs import revocation_list
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.revocation_list import RevocationList
from tests.connections import enrolled
from tests.installation import Enlist
from tests.peers.base import DEADLINE

T = TypeVar("T")


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


class Meeting:
    """A store where two first learn, each for himself, that something was revoked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._both = threading.Barrier(2)
        self._met = threading.local()

    def read(self, function: Callable[[Reader], T]) -> T:
        found = self._store.read(function)
        if function is credentials.revoked_mark and not hasattr(self._met, "once"):
            self._met.once = True
            self._both.wait(DEADLINE)
        return found


def test_two_who_ask_at_once_get_the_list_that_was_made_for_one(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else strangers could keep every thread busy with it (S46)."""
    enlist.do(DeleteDevice(enrolled(enlist).device_id))
    made: list[bytes] = []

    def build(*given: Any) -> bytes:
        made.append(build_crl(*given))
        return made[-1]

    monkeypatch.setattr(revocation_list, "build_crl", build)
    lists = RevocationList(cast("Store", Meeting(enlist.store)), enlist.driver.tools)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(lists.current) for _ in range(2))
        assert [first.result(), second.result()] == made * 2
    assert len(made) == 1
