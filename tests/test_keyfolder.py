"""The keys of a data folder: which ones nobody should trust, each told in one line (S64).

That such a folder starts no server is tested in `tests/store/test_belonging.py` and, on a real one,
in `tests/server/test_start.py`.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from enlist import keyfolder
from enlist.datafolder import DataFolderProblem
from enlist.keyfolder import PURPOSES
from enlist.pki.keys import PrivateKey, to_pem


@pytest.fixture
def data(template_folder: Path, tmp_path: Path) -> Path:
    """A data folder with good keys."""
    return Path(shutil.copytree(template_folder, tmp_path / "data"))


def told(data: Path) -> str:
    """The line with which the folder is refused."""
    with pytest.raises(DataFolderProblem) as caught:
        keyfolder.load(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def the(data: Path, pattern: str) -> Path:
    (found,) = data.glob(pattern)
    return found


GUESSABLE = {
    "nothing": b"",
    "short": secrets.token_bytes(31),
    "zeros": bytes(32),
    "two bytes by turns": b"\xa5\x5a" * 16,
    "counting up": bytes(range(32)),
    "counting down": bytes(range(200, 136, -2)),
    "a text": b"Change-me: our secret of 2026!!!",
}


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("material", GUESSABLE.values(), ids=GUESSABLE)
def test_a_key_that_somebody_could_guess_is_refused(
    data: Path, purpose: str, material: bytes
) -> None:
    """Short, or what stands where nobody made a key; the line names file and remedy."""
    assert len(material) in (0, 31, 32)
    path = the(data, f"keys/{purpose}.*.key")
    path.write_text(material.hex())
    line = told(data)
    assert ("others may know it" if len(material) == 32 else "shorter than 256 bits") in line
    assert line.startswith(f"{path} holds no key that may be used: ")
    assert line.endswith("Restore it from your key backup.")


def test_a_key_that_signs_the_log_has_one_length(data: Path) -> None:
    """Ed25519 takes no other, and would say so in a traceback."""
    the(data, "keys/checkpoint.*.key").write_text(secrets.token_bytes(33).hex())
    assert "no seed of 32 bytes" in told(data)
    the(data, "keys/checkpoint.*.key").write_text(secrets.token_bytes(32).hex())
    the(data, "keys/lookup.*.key").write_text(secrets.token_bytes(64).hex())
    keyfolder.load(data)


def test_one_key_for_two_purposes_is_refused(data: Path) -> None:
    """The derivation key is every live token, and must not be known with the look-up key."""
    lookup, derive = (the(data, f"keys/{each}.*.key") for each in ("lookup", "derive"))
    derive.write_bytes(lookup.read_bytes())
    assert f"{lookup.name} and {derive.name} hold the same key" in told(data)


@pytest.mark.parametrize("name", ["issuing.key", "device-listener.key"])
def test_a_short_private_key_is_refused(data: Path, name: str) -> None:
    weak: list[PrivateKey] = [
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
        ec.generate_private_key(ec.SECP224R1()),
    ]
    for key in weak:
        (data / "pki" / name).write_bytes(to_pem(key))
        assert f"the private key has {key.key_size} bits" in told(data)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
@pytest.mark.parametrize(
    "pattern",
    [*(f"keys/{purpose}.*.key" for purpose in PURPOSES), "pki/issuing.key", "pki/device-*.key"],
)
def test_a_key_that_is_open_to_others_is_refused(data: Path, pattern: str, mode: int) -> None:
    """To a group or to everybody, to read or to write; the line is the command that mends it."""
    path = the(data, pattern)
    path.chmod(mode)
    assert told(data) == (f"{path} can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    path.chmod(0o600)
    keyfolder.load(data)
