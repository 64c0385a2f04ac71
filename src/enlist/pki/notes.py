"""Signed notes (C2SP signed-note): a text, an empty line, and a line for each signature.

    enlist/0198…
    4711
    NvlH5O4Vh0e…=
    time 2026-11-21T16:00:00.000000Z

    — enlist/0198… s6Q2xCN…=

A signature line names its key and begins, in base64, with four bytes that tell keys of one name
apart. Who verifies needs nothing but the public key, written `name+hash+key`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ED25519: Final = b"\x01"
_DASH: Final = "— "


class NotSigned(Exception):
    """The text is no note, or none of the keys has signed it; the message says which."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and its name."""

    name: str
    public: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes that tell this key from others of its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """The key as it is handed out."""
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.hash.hex()}+{key}"

    def verifies(self, body: str, made: bytes) -> bool:
        """Whether this key signed `body`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(made, body.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its name.

    Attributes:
        key_id: what the key is called in the key folder.
    """

    name: str
    key_id: str
    _key: Ed25519PrivateKey

    @classmethod
    def of_seed(cls, name: str, key_id: str, seed: bytes) -> Signer:
        """The key that 32 random bytes stand for."""
        return cls(name, key_id, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> Verifier:
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Verifier(self.name, public)

    def sign(self, body: str) -> str:
        """The note of a body, which ends with a line break and has no empty line."""
        made = self.verifier.hash + self._key.sign(body.encode())
        return f"{body}\n{_DASH}{self.name} {base64.b64encode(made).decode()}\n"


def read_verifier(text: str) -> Verifier:
    """The key that was handed out as `text`.

    Raises:
        ValueError: it is none.
    """
    name, _, rest = text.strip().partition("+")
    known, _, encoded = rest.partition("+")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError("this is no verifier key: its last part is no base64") from error
    if len(key) != 33 or key[:1] != _ED25519:
        raise ValueError("this is no verifier key for Ed25519")
    found = Verifier(name, key[1:])
    if found.hash.hex() != known:
        raise ValueError("this verifier key is damaged: its parts do not fit each other")
    return found


def open_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """The body of a note that at least one of the keys has signed.

    Raises:
        NotSigned: see there.
    """
    body, separator, lines = note.partition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise NotSigned("it is no signed note")
    body += "\n"
    known = {(key.name, key.hash): key for key in verifiers}
    for name, made in _signatures(lines):
        key = known.get((name, made[:4]))
        if key is None:
            continue
        if not key.verifies(body, made[4:]):
            raise NotSigned("its signature is wrong: it was changed after it was signed")
        return body
    raise NotSigned("it is signed by a key that is none of this installation's")


def _signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    for line in lines.removesuffix("\n").split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH):
            raise NotSigned("it is no signed note")
        try:
            yield name, base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise NotSigned("it is no signed note") from error


def split_notes(text: str) -> Iterator[str]:
    """The notes that stand one after the other in a text, with or without empty lines between.

    What is no note is handed out as it stands; `open_note` then says so.
    """
    lines: list[str] = []
    signed = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if signed and not line.startswith(_DASH):
            yield "\n".join(lines) + "\n"
            lines, signed = [], False
        if line or lines:
            lines.append(line)
        signed = line.startswith(_DASH)
    rest = "\n".join(lines).strip("\n")
    if rest:
        yield rest + "\n"
