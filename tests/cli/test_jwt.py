"""`enlist enrollment jwt`: as text, as a file, as a QR code, for programs (D26, D27, D29)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ADA = ("user", "add", "--username", "ada", "--email", "ada@example.com")
BOX = ("--user", "ada", "--name", "box", "--platform", "linux", "--grant", "one_time_jwt")


@pytest.fixture
def enrollment(run: Run) -> str:
    """An enrollment by JWT; nothing of it is shown when it is made."""
    run(*ADA)
    made = run("device", "register", *BOX, "--message", "none", "--json").json
    assert "token" not in made["enrollment"]
    found: str = made["enrollment"]["id"]
    return found


def test_it_is_printed_alone(run: Run, enrollment: str) -> None:
    printed = run("enrollment", "jwt", enrollment).out
    assert printed.strip().count(".") == 2
    told = run("enrollment", "jwt", enrollment, "--json").json
    assert told["jwt"] == printed.strip()
    assert told["enrollment_id"] == enrollment
    kinds = [event["kind"] for event in run("audit", "list", "--json").json["items"]]
    assert kinds.count("enrollment.revealed") == 2
    assert printed.strip() not in run("audit", "list", "--json").out


def test_it_is_written_for_its_owner_alone(run: Run, enrollment: str, tmp_path: Path) -> None:
    file = tmp_path / "box.jwt"
    assert run("enrollment", "jwt", enrollment, "--output", str(file)).out == ""
    assert file.read_text() == run("enrollment", "jwt", enrollment).out.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    told = run("enrollment", "jwt", enrollment, "--output", str(file), expect=2)
    assert "cannot be written" in told.err
    assert file.read_text() == before


def test_it_is_drawn(run: Run, enrollment: str, capfd: pytest.CaptureFixture[str]) -> None:
    drawn = run("enrollment", "jwt", enrollment, "--qr").out or capfd.readouterr().out
    assert len(drawn.splitlines()) > 40
    assert "eyJ" not in drawn


def test_whoever_registers_is_told_how_to_get_it(run: Run) -> None:
    run(*ADA)
    told = run("device", "register", *BOX, "--message", "none").out
    assert "enlist enrollment jwt" in told
    assert "on its way" not in told


def test_what_has_none_says_so(run: Run, enrollment: str) -> None:
    run("enrollment", "revoke", enrollment)
    assert "token_revoked" in run("enrollment", "jwt", enrollment, expect=1).err
    words = ("--user", "ada", "--name", "other", "--platform", "linux", "--message", "none")
    other = run("device", "register", *words, "--json").json["enrollment"]["id"]
    assert "conflict" in run("enrollment", "jwt", other, expect=1).err
    run("device", "register", *words, "--grant", "nonsense", expect=2)
