"""The state directory: a key pair that is made once, and what the server gave for it.

The key and the certificate request are on the disk *before* the first request leaves. Whatever
is lost afterwards, an answer or this process, the same command sends the very same request again,
and the server recognises it and gives the same answer (X23). `state.json` is written last: while
it is missing, the device is not enrolled. Every file appears whole or not at all, and two agents
that start at once end up with one key, so that neither holds a certificate for a lost one.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from enlist_agent.outcomes import UsageError

KEY: Final = "key.pem"
REQUEST: Final = "request.pem"
CERTIFICATE: Final = "certificate.pem"
CHAIN: Final = "chain.pem"
EXTRA_CA: Final = "ca.pem"
STATE: Final = "state.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an enrolled device knows of itself.

    Attributes:
        device_url: the device listener, as the server named it; empty when it did not.
    """

    server: str
    device_url: str
    device_id: str
    name: str


class StateDirectory:
    """One enrollment's directory, mode 0700, with files of mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the directory where it is missing, and close it to others.

        Raises:
            UsageError: it cannot be made, or is open to others and full of what is not the agent's:
                closing it could lock somebody else out.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                if any(self.path.iterdir()) and not (self.path / KEY).exists():
                    raise UsageError(
                        f"{self.path} is open to others and holds files that are not the agent's. "
                        "Give --state a directory of its own."
                    )
                self.path.chmod(0o700)
        except OSError as error:
            raise _unusable(self.path, error) from None

    def read(self) -> Kept | None:
        """What `state.json` says, or None while the device is not enrolled."""
        text = self.text(STATE)
        if text is None:
            return None
        with suppress(ValueError, KeyError, TypeError):
            said = json.loads(text)
            device = said["device"]
            return Kept(said["server"], said["device_url"] or "", device["id"], device["name"])
        raise self.damaged(STATE)

    def keep(self, kept: Kept) -> None:
        """Write `state.json`: from now on the device is enrolled."""
        said = {
            "server": kept.server,
            "device_url": kept.device_url or None,
            "device": {"id": kept.device_id, "name": kept.name},
        }
        self.write(STATE, json.dumps(said, indent=2) + "\n")

    def text(self, name: str) -> str | None:
        """A file's text, or None when there is none."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError:
            raise self.damaged(name) from None
        except OSError as error:
            raise _unusable(self.path / name, error) from None

    def damaged(self, name: str) -> UsageError:
        """What to say when a file is not what the agent wrote."""
        return UsageError(f"{self.path / name} is damaged. Remove {self.path} and enroll anew.")

    def key(self) -> ec.EllipticCurvePrivateKey:
        """The device's P-256 key, made and kept when there is none yet."""
        kept = self.text(KEY)
        if kept is None:
            self.write(KEY, private_text(ec.generate_private_key(ec.SECP256R1())), replace=False)
            kept = self.text(KEY) or ""
        with suppress(ValueError, TypeError):
            loaded = load_pem_private_key(kept.encode(), None)
            if isinstance(loaded, ec.EllipticCurvePrivateKey):
                return loaded
        raise self.damaged(KEY)

    def request(self, key: ec.EllipticCurvePrivateKey) -> str:
        """The certificate request, made once: ECDSA would sign the same words differently again.

        Its subject is empty, for the server alone decides whom the certificate names (S62).
        """
        kept = self.text(REQUEST)
        with suppress(ValueError):
            if kept and x509.load_pem_x509_csr(kept.encode()).public_key() == key.public_key():
                return kept
        builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
        made = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        self.write(REQUEST, made)
        return made

    def write(self, name: str, text: str, *, replace: bool = True) -> None:
        """Put a file there at once, readable by its owner alone, and safe from a power cut.

        With `replace=False` a file that is already there stays.
        """
        try:
            handle, temporary = tempfile.mkstemp(prefix=".new-", dir=self.path)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                self._put(Path(temporary), self.path / name, replace)
            finally:
                # A full disk must not keep half a key, nor fill up further with each try.
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.path / name, error) from None

    def _put(self, temporary: Path, final: Path, replace: bool) -> None:
        if replace:
            temporary.replace(final)
        else:
            try:
                final.hardlink_to(temporary)
            except FileExistsError:
                pass
            except OSError:  # Android lets no app make hard links
                if not final.exists():
                    temporary.replace(final)
        if os.name == "posix":
            folder = os.open(self.path, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


def private_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The key as PKCS #8 in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _unusable(path: Path, error: OSError) -> UsageError:
    a_file = isinstance(error, (FileExistsError, NotADirectoryError))
    reason = "it is, or lies below, a file" if a_file else error.strerror or error
    return UsageError(f"{path} cannot be used: {reason}.")
