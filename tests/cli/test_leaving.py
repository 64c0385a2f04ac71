"""People who leave, by command."""

from __future__ import annotations

import pytest

from enlist.cli import bulk
from tests.cli.conftest import Run
from tests.installation import Enlist


def test_offboarding_by_command(enlist: Enlist, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 5: asked first, planned, cancelled, done; the answers have the API's shape."""
    enlist.register("ada")
    monkeypatch.setattr(bulk, "asks", lambda: True)
    shown = run("user", "offboard", "ada", stdin="n\n")
    assert "Tokens that end" in shown.out
    assert enlist.events("user.offboarded") == []
    run("user", "offboard", "ada", "--at", "48h", stdin="y\n")
    assert len(enlist.rows("offboarding")) == 1
    run("user", "offboard", "ada", "--cancel")
    assert enlist.rows("offboarding") == []
    assert run("user", "offboard", "ada", "--dry-run", "--json").json["at"] is None
    assert enlist.events("user.offboarded") == []
    ended = run("user", "offboard", "ada", "--yes", "--json").json
    assert set(ended) == {"at", "consequences", "preview"}
    assert len(enlist.events("user.offboarded")) == 1


def test_erasing_by_command(enlist: Enlist, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """S74: asked for the name; whoever types another one has erased nobody."""
    enlist.register("ada")
    monkeypatch.setattr(bulk, "asks", lambda: True)
    assert run("user", "erase", "ada", stdin="eve\n", expect=1).out
    assert enlist.events("user.erased") == []
    assert run("user", "erase", "ada", "--dry-run", "--json").json["consequences"]["sessions"] == 0
    assert "Erased, also from" in run("user", "erase", "ada", stdin="ada\n").out
    assert len(enlist.events("user.erased")) == 1
