"""The data folder: where keys live, outside the database and readable by one user alone.

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
import pwd
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from enlist.core.faults import Unusable
from enlist.core.ids import Id, new_id
from enlist.core.secrets import Key, KeyRing, by_chance, in_order, new_key
from enlist.pki import keys
from enlist.pki.authority import Authority, load_issuer
from enlist.pki.founding import AuthorityMaterial, create_authority, create_issuer
from enlist.pki.keys import PrivateKey

PURPOSES: Final = ("lookup", "derive", "checkpoint")

LATER: Final = frozenset({"checkpoint"})
"""Purposes that older folders have no key for; it is made at the next start."""

NEVER: Final = 1 << 62

_DATABASE: Final = ("enlist.sqlite3", "enlist.sqlite3-shm", "enlist.sqlite3-wal")
"""What must be writable. A copy of it that somebody put beside it is nobody's business."""


class KeyFolderProblem(Unusable):
    """The data folder cannot be used; the message says why and what to do."""


class NotForThisUser(KeyFolderProblem):
    """It is there, and may be well, but belongs to somebody else."""


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


def make(data: Path) -> None:
    """Make the data folder where there is none.

    Raises:
        KeyFolderProblem: it cannot be made, or nothing can be written into it.
    """
    me = user_name(os.geteuid())
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Choose another one by --data."
        if isinstance(error, PermissionError):
            remedy = (
                f"Choose one that {me} may write by --data, or make it as root: "
                f"install -d -m 0700 -o {me} {data}"
            )
        raise KeyFolderProblem(
            f"the data folder {data} cannot be made: {error.strerror}. {remedy}"
        ) from error
    if os.access(data, os.R_OK | os.X_OK) and not os.access(data, os.W_OK):
        raise _unwritable(data)


def _unwritable(data: Path) -> KeyFolderProblem:
    """What to do about a folder that this user may read only."""
    me, whose = user_name(os.geteuid()), owner_name(data)
    if os.statvfs(data).f_flag & os.ST_RDONLY:
        return KeyFolderProblem(
            f"{data} can only be read here. Where systemd starts the server, run: systemctl edit "
            f"enlist, and write [Service] and, below it, ReadWritePaths={data}"
        )
    if whose == me or (data / "keys").exists():
        return not_for_this_user(data, data, "write")
    return NotForThisUser(
        f"{data} belongs to {whose}, and {me} may not write in it. "
        f"Choose another one by --data, or give it to him as root: chown {me}: {data}"
    )


def exists(data: Path) -> bool:
    """Whether the folder has keys in it."""
    return (data / "keys" / "installation.id").is_file()


def create(data: Path, *, name: str, trust_domain: str, now: int) -> KeyFolder:
    """Make every key that a new installation needs, each with mode 0600.

    Raises:
        KeyFolderProblem: the folder cannot be written.
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
        raise KeyFolderProblem(
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
        KeyFolderProblem: a key is missing, damaged, too weak, used twice, or readable by others.
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
        raise KeyFolderProblem(
            f"the certificate authority in {pki} cannot be read: {error}. "
            "Restore the folder from your key backup."
        ) from error
    ring = KeyRing(rings["lookup"], rings["derive"])
    return KeyFolder(installation_id, ring, authority, rings["checkpoint"])


def add_issuer(data: Path, starts: int, now: int) -> str:
    """Make another issuing CA, which signs what is new from `starts` on; answers its id.

    Raises:
        KeyFolderProblem: the root's key is not there, or is none.
        OSError: the folder cannot be written.
    """
    pki, root_key = data / "pki", data / "pki" / "root.key"
    if not root_key.exists():
        raise KeyFolderProblem(
            f"the root's key is not in {pki}. Put root.key there for the time of this command: "
            "only the root can sign an issuing CA."
        )
    made = new_key(starts).id
    before = load(data).authority.issuing
    try:
        certificate, key = create_issuer(
            (pki / "root.pem").read_bytes(), _read(root_key), before, made, now
        )
    except ValueError as error:
        raise KeyFolderProblem(f"no issuing CA can be made: {error}.") from error
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
        key = _read(path.with_suffix(".key"))
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
            raise KeyFolderProblem(
                f"{path} holds no key that may be used: {error}. Restore it from your key backup."
            ) from error
    if not found and purpose not in LATER:
        raise KeyFolderProblem(
            f"there is no {purpose} key in {folder}. "
            "Restore the folder from your key backup; new keys would end every live token."
        )
    return in_order(found, now)


def _key(path: Path, purpose: str) -> Key:
    """One key; `ValueError` where it is none, or none that anybody should trust."""
    key = Key(path.name.split(".")[1], bytes.fromhex(_read(path).decode().strip()))
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
                raise KeyFolderProblem(
                    f"{other} and {name} hold the same key. Restore both from your key backup."
                )


def read_private_key(path: Path) -> PrivateKey:
    """A private key (PEM) that only its owner can read.

    Raises:
        KeyFolderProblem: others can read it.
        ValueError: it is none, or too short.
    """
    return keys.from_pem(_read(path))


def _read(path: Path) -> bytes:
    """The content of a secret file that only its owner can read."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFolderProblem(
            f"{path} can be read by others (mode {mode:04o}). Run: chmod 600 {path}"
        )
    return path.read_bytes()


def write_secret(path: Path, content: bytes) -> None:
    """Write a secret file so that it is whole or absent, and never readable by others."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        hand_over_open(file.fileno(), path.parent)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def hand_over(path: Path) -> None:
    """Give what root has made to whom the folder around it belongs.

    Else the server, which runs as that user, could not read the key that `sudo enlist …` made.
    A symbolic link is given itself, never what it points to: that user may have put it there, and
    would be given any file of the machine.
    """
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def hand_over_open(descriptor: int, folder: Path) -> None:
    """The same for an open file in a folder, whatever stands under its name by now."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def hand_over_all(folder: Path, owner: os.stat_result) -> None:
    """Give a folder that root has made, and everything in it, to whom the one around it belonged.

    Nobody else may come near it meanwhile, see `closed`.
    """
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def closed(folder: Path) -> Iterator[os.stat_result]:
    """Keep everybody else out of a folder while root works in it; hands out whose it was.

    Its owner could rename whatever stands in it, also what is root's, and put a link in its place.
    """
    was = folder.stat()
    if os.geteuid() != 0:
        yield was
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fchmod(descriptor, 0o700)
        os.fchown(descriptor, 0, 0)
        yield was
    finally:
        os.fchown(descriptor, was.st_uid, was.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
        os.close(descriptor)


def refuse_strangers(data: Path) -> None:
    """Refuse whoever may not use what is in the folder; one that is not there is nobody's.

    Raises:
        NotForThisUser: says as whom to run this, or what to give back to the folder's owner.
        KeyFolderProblem: it is no folder.
    """
    with suppress(PermissionError):  # who may not look there hears so below
        if data.is_file():
            raise KeyFolderProblem(f"{data} is a file. Give Enlist's data folder by --data.")
    for folder in (data, data / "keys", data / "pki"):
        try:
            refused = folder.exists() and not os.access(folder, os.R_OK | os.X_OK)
        except PermissionError:
            refused = True
        if refused:
            raise not_for_this_user(folder, data)
    database = [path for path in (data / name for name in _DATABASE) if path.exists()]
    for path in sorted([*database, *data.glob("keys/*"), *data.glob("pki/*")]):
        if not os.access(path, os.R_OK | (os.W_OK if path in database else 0)):
            raise not_for_this_user(path, data)


def not_for_this_user(path: Path, data: Path, what: str = "read") -> NotForThisUser:
    """What to do about a file in the data folder that this user may not read, or write."""
    me, whose = user_name(os.geteuid()), owner_name(data)
    if whose == me and owner_name(path) != me:
        return NotForThisUser(
            f"{path} belongs to {owner_name(path)}, the folder to {me}. "
            f"Run as root: chown -R {me}: {data}"
        )
    if whose == me:
        return NotForThisUser(f"{me} may not {what} {path}. Run: chmod -R u+rwX {data}")
    return NotForThisUser(
        f"{data} belongs to {whose}, and {me} may not {what} {path.name} in it. "
        f"Run this as {whose}: sudo -u {whose} enlist …"
        if path != data
        else f"{me} may not {what} {data}. Run this as {whose}: sudo -u {whose} enlist …"
    )


def user_name(number: int) -> str:
    """The name of an operating system's user, or his number where he has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def owner_name(path: Path) -> str:
    """Whose a file is; where that cannot be seen, the user of the guides."""
    try:
        return user_name(path.stat().st_uid)
    except OSError:
        return "enlist"


def _write_authority(folder: Path, material: AuthorityMaterial) -> None:
    write_secret(folder / "root.pem", material.root_certificate)
    write_secret(folder / "root.key", material.root_key)
    write_secret(folder / "issuing.pem", material.issuing_certificate)
    write_secret(folder / "issuing.key", material.issuing_key)
