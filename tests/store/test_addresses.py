"""An address that was mistyped is told at once, and nobody reads its password (S64)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from enlist.core.clock import system_clock
from enlist.settings import Settings
from enlist.store import postgres
from enlist.store.addresses import check_address
from enlist.store.inspection import inspect_postgres
from enlist.store.tx import StoreUnavailable
from enlist.wiring.installation import open_store

MISTYPED = [
    "postgresql://ada:canary@[::bad/enlist",
    "postgresql://ada:can%ary@db.example/enlist",
    "postgres//ada:canary@db.example/enlist",
    "mysql://ada:canary@db.example/enlist",
    "postgresql://ada:canary@db.example/enlist?nosuch=canary",
    "postgresql://ada:canary@db.example:port:5432/enlist",
    "host=db.example password='canary",
    "postgresql://ada:can@ary@db.example/enlist",
    "postgresql://ada:can/ary@db.example/enlist",
    "postgresql://ada:123/ary@db.example/enlist",
    "postgresql://ada:can ary@db.example/enlist",
    "postgresql://ada:can\udcffary@db.example/enlist",  # so the environment hands out a byte
]


def _open(url: str) -> None:
    open_store(Settings(data=Path("nowhere"), database=url), system_clock).close()


@pytest.mark.parametrize("use", [check_address, _open, lambda url: inspect_postgres(url, int)])
@pytest.mark.parametrize("url", MISTYPED)
def test_nothing_of_it_is_repeated(
    use: Callable[[str], object],
    url: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither in what is raised nor by the library's own log; and nothing is tried for long."""
    # Whoever tried would do so until this test has taken too long.
    monkeypatch.setattr(postgres, "CONNECTED_WITHIN", 3600)
    with pytest.raises(StoreUnavailable, match="its address cannot be read") as caught:
        use(url)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    printed = capfd.readouterr()
    for told in (str(caught.value), printed.out, printed.err):
        assert "can" not in told.replace("cannot", "")
        assert "ary" not in told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///enlist?host=/run/postgresql",
        "postgresql://a:%40%2F%3A@[::1]:5432/b",
        "postgresql://a@one.example:5432,two.example:5433/b?target_session_attrs=read-write",
        "postgresql://ada:can?ary@db.example/enlist",
        "dbname=x",
    ],
)
def test_what_can_be_read_is_passed(url: str) -> None:
    """Nobody has to answer there yet."""
    check_address(url)
