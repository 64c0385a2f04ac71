"""The state directory."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from cryptography import x509

from enlist_agent.client import Patience
from enlist_agent.outcomes import UsageError
from enlist_agent.state import StateDirectory


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_directory_and_files_are_the_owners_alone(state: Path) -> None:
    folder = StateDirectory(state / "below")
    folder.prepare()
    folder.request(folder.key())

    assert mode(folder.path) == 0o700
    assert {mode(path) for path in folder.path.iterdir()} == {0o600}
    assert {path.name for path in folder.path.iterdir()} == {"key.pem", "request.pem"}


def test_an_empty_directory_that_is_open_to_others_is_closed(state: Path) -> None:
    state.mkdir(mode=0o755)
    StateDirectory(state).prepare()

    assert mode(state) == 0o700


def test_a_directory_of_somebody_else_is_left_alone(state: Path) -> None:
    state.mkdir(mode=0o755)
    (state / "letters.txt").touch()

    with pytest.raises(UsageError, match="directory of its own"):
        StateDirectory(state).prepare()
    assert mode(state) == 0o755


def test_a_file_in_the_place_of_the_directory_is_named(state: Path) -> None:
    state.touch()

    with pytest.raises(UsageError, match=f"{state} cannot be used: it is, or lies below, a file"):
        StateDirectory(state).prepare()


def test_key_and_request_are_made_once(state: Path) -> None:
    first, second = StateDirectory(state), StateDirectory(state)
    first.prepare()

    key = first.key()
    assert second.key().private_numbers() == key.private_numbers()
    assert second.request(second.key()) == first.request(key)


def test_the_request_proves_possession_and_names_nobody(state: Path) -> None:
    folder = StateDirectory(state)
    folder.prepare()
    request = x509.load_pem_x509_csr(folder.request(folder.key()).encode())

    assert request.is_signature_valid
    assert request.public_key() == folder.key().public_key()
    assert list(request.subject) == []


@pytest.mark.parametrize("junk", ["", "not a request"])
def test_a_request_that_does_not_fit_the_key_is_made_anew(state: Path, junk: str) -> None:
    folder = StateDirectory(state)
    folder.prepare()
    (state / "request.pem").write_text(junk)

    request = x509.load_pem_x509_csr(folder.request(folder.key()).encode())
    assert request.public_key() == folder.key().public_key()


@pytest.mark.parametrize("hard_links", [True, False])
def test_of_two_that_start_at_once_the_first_key_stays(
    state: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    def impossible(*_: object) -> None:
        raise PermissionError(1, "no hard links here")

    if not hard_links:
        monkeypatch.setattr(Path, "hardlink_to", impossible)
    folder = StateDirectory(state)
    folder.prepare()
    folder.write("key.pem", "first", replace=False)
    folder.write("key.pem", "second", replace=False)

    assert folder.text("key.pem") == "first"
    assert [path.name for path in state.iterdir()] == ["key.pem"]


def test_a_damaged_key_is_said_plainly(state: Path) -> None:
    folder = StateDirectory(state)
    folder.prepare()
    (state / "key.pem").write_text("half a ke")

    with pytest.raises(UsageError, match=r"key\.pem is damaged"):
        folder.key()


@pytest.mark.parametrize("junk", ["{", "[]", "7", "{}", '{"server": "x", "device": 1}', "\udcff"])
def test_a_damaged_state_is_said_plainly(state: Path, junk: str) -> None:
    folder = StateDirectory(state)
    folder.prepare()
    (state / "state.json").write_text(junk, errors="surrogateescape")

    with pytest.raises(UsageError, match=r"state\.json is damaged"):
        folder.read()


def test_a_write_that_fails_leaves_the_old_file(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder = StateDirectory(state)
    folder.prepare()
    folder.write("state.json", "{}")
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(UsageError, match="No space left"):
        folder.write("state.json", '{"new": 1}')
    assert folder.text("state.json") == "{}"
    assert [path.name for path in state.iterdir()] == ["state.json"]


def test_a_disk_that_is_full_keeps_no_half_key(state: Path) -> None:
    """A real limit of this process: the kernel cuts the file at ten bytes."""
    folder = StateDirectory(state)
    folder.prepare()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(UsageError, match=r"key\.pem cannot be used: File too large"):
            folder.key()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert list(state.iterdir()) == []
    assert folder.key().key_size == 256


def test_what_a_killed_process_left_half_written_goes(state: Path) -> None:
    """It may be a copy of a key, or the token that `enroll.sh` was about to send."""
    folder = StateDirectory(state)
    folder.prepare()
    folder.key()
    (state / ".new-abc").write_text("half a key")
    (state / ".new-4711").mkdir()
    (state / ".new-4711" / "body").write_text("a token")
    with folder.settled(Patience(0.0)):
        assert {each.name for each in state.iterdir()} == {"key.pem", "renewal.lock"}
