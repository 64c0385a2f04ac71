"""The key of the device listener's certificate, changed under devices that believe in it."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from enlist.core.secrets import Secret
from enlist.datafolder import write_secret
from enlist.pki import keys
from tests.behaviour.jwts import parts
from tests.installation import Enlist


def believed(enlist: Enlist, jwt: Secret) -> bool:
    """Whether a client believes a JWT by what the listener shows now."""
    *_, signed, signature = parts(jwt)
    key = enlist.installation.tools.listener().certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def put_another_key(folder: Path) -> None:
    """As somebody does who restores the wrong file."""
    write_secret(folder / "pki" / "device-listener.key", keys.to_pem(keys.new_pinned_key()))
