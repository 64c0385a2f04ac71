"""A state directory that others could have written, or read the key of, is not used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from enlist_agent.cli import WRONG_USAGE, main
from enlist_agent.enrollment import Enrolled
from enlist_agent.outcomes import Refusal
from tests.agent.peer import Peer

COMMANDS = ["enroll", "status", "run"]


@pytest.fixture
def enrolled(enrolling: Callable[[], Enrolled | Refusal], peer: Peer, state: Path) -> Path:
    """The state directory of a device that is in order, until a test spoils it."""
    assert isinstance(enrolling(), Enrolled)
    peer.seen.clear()
    return state


@pytest.fixture
def refused(peer: Peer, capsys: pytest.CaptureFixture[str]) -> Callable[[str, Path], str]:
    """What a command says that does not use a directory; nobody is asked anything."""

    def run(command: str, state: Path) -> str:
        words = ["GoodToken1", "--server", peer.address] if command == "enroll" else []
        capsys.readouterr()
        assert main([command, *words, "--state", str(state)]) == WRONG_USAGE
        assert peer.seen == []
        told = capsys.readouterr()
        assert told.out == ""
        return told.err

    return run


Refused = Callable[[str, Path], str]


@pytest.mark.parametrize("command", COMMANDS)
def test_another_users_directory(
    enrolled: Path, refused: Refused, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where root comes, who could write there."""
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 54321)
    told = refused(command, enrolled)
    assert f"{enrolled} belongs to " in told
    assert f"and you are user {me + 54321}. Run the command as its owner" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_that_others_may_change(enrolled: Path, refused: Refused, command: str) -> None:
    """Its key may be theirs, so it is not just closed."""
    for mode in (0o770, 0o702, 0o1777):
        enrolled.chmod(mode)
        told = refused(command, enrolled)
        assert f"can be changed by other users (its mode is {mode:04o})" in told
        assert f"chmod 700 {enrolled}" in told
        assert enrolled.stat().st_mode & 0o7777 == mode


@pytest.mark.parametrize("command", COMMANDS)
def test_a_symbolic_link(enrolled: Path, refused: Refused, command: str) -> None:
    """Also one that leads to nothing yet."""
    nothing = enrolled.with_name("nothing")
    for number, leads_to in enumerate((enrolled, nothing)):
        link = enrolled.with_name(f"link-{number}")
        link.symlink_to(leads_to)
        told = refused(command, link)
        assert f"{link} is a symbolic link" in told
        assert f"the directory itself: {leads_to}" in told
    assert not nothing.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_where_everybody_may_rename(
    enrolled: Path, refused: Refused, command: str, tmp_path: Path
) -> None:
    """Also where the way there is a link."""
    shared = tmp_path / "shared"
    (shared / "below").mkdir(parents=True)
    inside = enrolled.rename(shared / "below" / "agent")
    shared.chmod(0o777)
    assert f"{shared} can be changed by every user" in refused(command, inside)
    link = tmp_path / "link"
    link.symlink_to(inside.parent)
    assert f"{shared} can be changed by every user" in refused(command, link / "agent")


def test_a_shared_place_where_each_renames_only_his_own(
    enrolled: Path, tmp_path: Path, peer: Peer, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in /tmp: with the sticky bit, and behind a link as on macOS."""
    tmp_path.chmod(0o1777)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for place in (enrolled, link / enrolled.name):
        assert main(["status", "--state", str(place)]) != WRONG_USAGE
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_key_that_others_may_read_or_change(
    enrolled: Path, refused: Refused, command: str
) -> None:
    key = enrolled / "key.pem"
    for mode in (0o640, 0o604, 0o620):
        key.chmod(mode)
        told = refused(command, enrolled)
        assert f"{key} can be read or changed by other users (its mode is {mode:04o})" in told
        assert f"chmod 600 {key}" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_a_key_that_lies_elsewhere(enrolled: Path, refused: Refused, command: str) -> None:
    key = enrolled / "key.pem"
    key.symlink_to(key.rename(enrolled / "other.pem"))
    assert f"{key} is a link" in refused(command, enrolled)


def test_an_empty_directory_that_others_may_change_is_closed(
    state: Path, peer: Peer, enrolling: Callable[[], Enrolled | Refusal]
) -> None:
    """As `mkdir` makes it where the umask is 002."""
    state.mkdir()
    state.chmod(0o775)
    assert isinstance(enrolling(), Enrolled)
    assert state.stat().st_mode & 0o777 == 0o700
