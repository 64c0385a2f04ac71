"""The encrypted part of a backup: Argon2id of a passphrase, then AES-256-GCM.

    enlist keys 1
    {"cipher":"aes-256-gcm","kdf":"argon2id","lanes":4,"memory_kib":65536,…,"salt":"…"}
    <ciphertext>

Parameters are those of RFC 9106 section 4 for a machine with little memory. Everything before the
ciphertext, and what the caller binds to it, is authenticated along: a changed header, or a
database that belongs to other keys, looks like a wrong passphrase.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from enlist.core.secrets import Secret

MAGIC: Final = b"enlist keys 1\n"
_MOST: Final = {"memory_kib": 4 << 20, "passes": 64, "lanes": 64}
"""A forged header must not be able to ask for more (S45)."""


class CannotUnseal(Exception):
    """The passphrase is wrong, or the file was changed; nobody can tell which."""


class Damaged(Exception):
    """The file is not of the form that `seal` writes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at the passphrase costs."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


def seal(files: Mapping[str, bytes], passphrase: Secret, bound: bytes, cost: Cost) -> bytes:
    """Files by name, encrypted; opens only together with `bound`."""
    header = {
        "kdf": "argon2id",
        "memory_kib": cost.memory_kib,
        "passes": cost.passes,
        "lanes": cost.lanes,
        "salt": secrets.token_hex(16),
        "cipher": "aes-256-gcm",
        "nonce": secrets.token_hex(12),
    }
    before = MAGIC + json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    held = {name: base64.b64encode(content).decode() for name, content in files.items()}
    key = _key(passphrase, header)
    nonce = bytes.fromhex(str(header["nonce"]))
    return before + AESGCM(key).encrypt(nonce, json.dumps(held).encode(), before + bound)


def unseal(content: bytes, passphrase: Secret, bound: bytes) -> dict[str, bytes]:
    """The files that were sealed.

    Raises:
        CannotUnseal: the passphrase is wrong, or something was changed.
        Damaged: this is no sealed file.
    """
    if not content.startswith(MAGIC):
        raise Damaged("it does not begin as it must")
    line, separator, ciphertext = content[len(MAGIC) :].partition(b"\n")
    try:
        header = json.loads(line)
        nonce, key = bytes.fromhex(header["nonce"]), _key(passphrase, header)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("its header cannot be read") from error
    if not separator or len(nonce) != 12:
        raise Damaged("its header cannot be read")
    try:
        plain = AESGCM(key).decrypt(nonce, ciphertext, MAGIC + line + separator + bound)
    except InvalidTag as error:
        raise CannotUnseal from error
    held = json.loads(plain)
    return {name: base64.b64decode(text) for name, text in held.items()}


def _key(passphrase: Secret, header: Mapping[str, Any]) -> bytes:
    cost = {name: int(header[name]) for name in _MOST}
    if any(not 1 <= cost[name] <= most for name, most in _MOST.items()):
        raise ValueError("parameters out of bounds")
    derivation = Argon2id(
        salt=bytes.fromhex(str(header["salt"])),
        length=32,
        iterations=cost["passes"],
        memory_cost=cost["memory_kib"],
        lanes=cost["lanes"],
    )
    return derivation.derive(passphrase.reveal().encode())
