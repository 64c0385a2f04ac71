"""Keys in the data folder: outside the database, and readable by one user alone.

    keys/lookup.<id>.key   finds secrets by their digest      (32 random bytes, hex)
    keys/derive.<id>.key   derives registration tokens        (32 random bytes, hex)
    keys/checkpoint.<id>.key   signs checkpoints of the log   (Ed25519 seed, 32 bytes, hex)
    keys/installation.id   which database these keys belong to
    pki/                   root and issuing CAs, and the device listener's pinned RSA key
    checkpoints/           what was signed (see `wiring.checkpoint_folder`)

An id says from when on its key makes what is new, so the newest key sorts last, and one that is
yet to begin is only accepted until then (see `load`). A key file that others can read, a key that
is short or no random one, and a populated database without its keys each stop the start with one
line that says what to do (rulings 32, S64).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from enlist.core.ids import Id, new_id
from enlist.core.secrets import Key, KeyRing, by_chance, in_order, new_key
from enlist.datafolder import (
    DataFolderProblem,
    hand_over,
    not_for_this_user,
    read_secret,
    write_secret,
)
from enlist.pki import keys
from enlist.pki.authority import Authority, load_issuer
from enlist.pki.founding import AuthorityMaterial, create_authority, create_issuer
from enlist.pki.keys import PrivateKey

PURPOSES: Final = ("lookup", "derive", "checkpoint")

LATER: Final = frozenset({"checkpoint"})
"""Purposes that older folders have no key for; it is made at the next start."""

NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """What the data folder holds: the ring of keys, the authority, and whose they are.

    Attributes:
        checkpoint: keys that sign checkpoints of the log, newest first.
    """

    installation_id: Id
    ring: KeyRing
    authority: Authority
    checkpoint: tuple[Key, ...] = ()

    @property
    def key_ids(self) -> tuple[tuple[str, str], ...]:
        """`(id, purpose)` of every key, for the database to name."""
        held = {
            "lookup": self.ring.lookup,
            "derive": self.ring.derive,
            "checkpoint": self.checkpoint,
        }
        keys = tuple((key.id, purpose) for purpose, keys in held.items() for key in keys)
        return keys + tuple((each.id, "ca") for each in self.authority.issuers if each.id)


def exists(data: Path) -> bool:
    """Whether the folder has keys in it."""
    return (data / "keys" / "installation.id").is_file()


def create(data: Path, *, name: str, trust_domain: str, now: int) -> KeyFolder:
    """Make every key that a new installation needs, each with mode 0600.

    Raises:
        DataFolderProblem: the folder cannot be written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (data / "keys", data / "pki"):
            folder.mkdir(mode=0o700, exist_ok=True)
            hand_over(folder)
        for purpose in PURPOSES:
            add_key(data, purpose, now)
        material = create_authority(name, trust_domain, now)
        _write_authority(data / "pki", material)
        write_secret(data / "pki" / "device-listener.key", keys.to_pem(keys.new_pinned_key()))
        # Last: a folder without it was interrupted, and is made again from the start.
        write_secret(data / "keys" / "installation.id", new_id(now).encode())
    except OSError as error:
        raise DataFolderProblem(
            f"cannot write keys into {data}: {error.strerror}. "
            "Choose a folder that this user may write with --data."
        ) from error
    return load(data)


def add_key(data: Path, purpose: str, begins: int) -> Key:
    """Make one more key for a purpose, which makes what is new from `begins` on; mode 0600.

    Raises:
        OSError: the folder cannot be written.
    """
    key = new_key(begins)
    write_secret(data / "keys" / f"{purpose}.{key.id}.key", key.material.hex().encode())
    return key


def load(data: Path, now: int | None = None) -> KeyFolder:
    """Read the keys of an installation, newest first.

    Args:
        now: the present moment: keys that are yet to begin are put last. None counts them all as
            begun.

    Raises:
        NotForThisUser: somebody else may read it.
        DataFolderProblem: a key is missing, damaged, too weak, used twice, or readable by others.
    """
    try:
        return _load(data, NEVER if now is None else now)
    except PermissionError as error:
        raise not_for_this_user(Path(error.filename), data) from error


def _load(data: Path, moment: int) -> KeyFolder:
    for folder in (data / "keys", data / "pki"):
        # What may not be listed looks empty, and keys that are there would be called missing.
        if folder.exists() and not os.access(folder, os.R_OK | os.X_OK):
            raise not_for_this_user(folder, data)
    rings = {purpose: _keys(data / "keys", purpose, moment) for purpose in PURPOSES}
    _each_is_another(rings)
    pki = data / "pki"
    try:
        authority = _authority(pki, moment)
        read_private_key(pki / "device-listener.key")
        installation_id = (data / "keys" / "installation.id").read_text().strip()
    except PermissionError:
        raise
    except (OSError, ValueError) as error:
        raise DataFolderProblem(
            f"the certificate authority in {pki} cannot be read: {error}. "
            "Restore the folder from your key backup."
        ) from error
    ring = KeyRing(rings["lookup"], rings["derive"])
    return KeyFolder(installation_id, ring, authority, rings["checkpoint"])


def add_issuer(data: Path, starts: int, now: int) -> str:
    """Make another issuing CA, which signs what is new from `starts` on; answers its id.

    Raises:
        DataFolderProblem: the root's key is not there, or is none.
        OSError: the folder cannot be written.
    """
    pki, root_key = data / "pki", data / "pki" / "root.key"
    if not root_key.exists():
        raise DataFolderProblem(
            f"the root's key is not in {pki}. Put root.key there for the time of this command: "
            "only the root can sign an issuing CA."
        )
    made = new_key(starts).id
    before = load(data).authority.issuing
    try:
        certificate, key = create_issuer(
            (pki / "root.pem").read_bytes(), read_secret(root_key), before, made, now
        )
    except ValueError as error:
        raise DataFolderProblem(f"no issuing CA can be made: {error}.") from error
    # The key first: whoever finds the certificate looks for it.
    write_secret(pki / f"issuing.{made}.key", key)
    write_secret(pki / f"issuing.{made}.pem", certificate)
    return made


def _authority(pki: Path, now: int) -> Authority:
    """The root and every issuing CA, in the order of a ring: the first of all has no id."""
    root = x509.load_pem_x509_certificate((pki / "root.pem").read_bytes())
    found = []
    for path in sorted(pki.glob("issuing*.pem")):
        issuer_id = path.name.removeprefix("issuing").removesuffix("pem").strip(".")
        key = read_secret(path.with_suffix(".key"))
        found.append(load_issuer(root, path.read_bytes(), key, issuer_id))
    if not found:
        raise ValueError("there is no issuing.pem")
    return Authority(root, in_order(found, now))


def _keys(folder: Path, purpose: str, now: int) -> tuple[Key, ...]:
    """The keys for one purpose, in the order of a ring."""
    found = []
    for path in sorted(folder.glob(f"{purpose}.*.key"), reverse=True):
        try:
            found.append(_key(path, purpose))
        except ValueError as error:
            raise DataFolderProblem(
                f"{path} holds no key that may be used: {error}. Restore it from your key backup."
            ) from error
    if not found and purpose not in LATER:
        raise DataFolderProblem(
            f"there is no {purpose} key in {folder}. "
            "Restore the folder from your key backup; new keys would end every live token."
        )
    return in_order(found, now)


def _key(path: Path, purpose: str) -> Key:
    """One key; `ValueError` where it is none, or none that anybody should trust."""
    key = Key(path.name.split(".")[1], bytes.fromhex(read_secret(path).decode().strip()))
    if purpose == "checkpoint" and len(key.material) != 32:
        raise ValueError("it is no seed of 32 bytes")
    if not by_chance(key.material):
        raise ValueError("it was not made at random, so others may know it")
    return key


def _each_is_another(rings: Mapping[str, Sequence[Key]]) -> None:
    """Else whoever learns what one purpose needs has what guards another."""
    seen: dict[bytes, str] = {}
    for purpose, held in rings.items():
        for key in held:
            name = f"{purpose}.{key.id}.key"
            other = seen.setdefault(key.material, name)
            if other != name:
                raise DataFolderProblem(
                    f"{other} and {name} hold the same key. Restore both from your key backup."
                )


def read_private_key(path: Path) -> PrivateKey:
    """A private key (PEM) that only its owner can read.

    Raises:
        DataFolderProblem: others can read it.
        ValueError: it is none, or too short.
    """
    return keys.from_pem(read_secret(path))


def _write_authority(folder: Path, material: AuthorityMaterial) -> None:
    write_secret(folder / "root.pem", material.root_certificate)
    write_secret(folder / "root.key", material.root_key)
    write_secret(folder / "issuing.pem", material.issuing_certificate)
    write_secret(folder / "issuing.key", material.issuing_key)
