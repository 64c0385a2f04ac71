"""The state directory: a key pair that is made once, and what the server gave for it.

The key and the certificate request are on the disk *before* the first request leaves. Whatever
is lost afterwards, an answer or this process, the same command sends the very same request again,
and the server recognises it and gives the same answer (X23). `state.json` is written last: while
it is missing, the device is not enrolled. A renewal puts the next key and certificate beside those
in use, and lets them take over one after the other; the server is told last.

Every file appears whole or not at all, and two agents that start at once end up with one key, so
that neither holds a certificate for a lost one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
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

from enlist_agent.client import Patience
from enlist_agent.locking import locked
from enlist_agent.outcomes import UnusableError, UsageError
from enlist_agent.ownership import (
    require_closed_directory,
    require_own_directory,
    require_own_key,
)
from enlist_agent.unreadable import UNREADABLE

KEY: Final = "key.pem"
REQUEST: Final = "request.pem"
CERTIFICATE: Final = "certificate.pem"
CHAIN: Final = "chain.pem"
EXTRA_CA: Final = "ca.pem"
STATE: Final = "state.json"
NEXT_KEY: Final = "next-key.pem"
NEXT_CERTIFICATE: Final = "next-certificate.pem"
UNCONFIRMED: Final = "unconfirmed"
LOCK: Final = "run.lock"
RENEWAL_LOCK: Final = "renewal.lock"
TEMPORARY: Final = ".new-"


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
            UsageError: it cannot be made, is not this user's, or is open to others and full of what
                is not the agent's: closing it could lock somebody else out.
        """
        try:
            with suppress(FileExistsError):
                self.path.mkdir(mode=0o700, parents=True)
            require_own_directory(self.path)
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                self._close()
        except OSError as error:
            raise _unusable(self.path, error) from None

    def _close(self) -> None:
        """Close the directory to others, unless they could have written what it holds."""
        held = {each.name for each in self.path.iterdir()}
        if held and KEY not in held:
            raise UsageError(
                f"{self.path} is open to others and holds files that are not the agent's. "
                "Give --state a directory of its own."
            )
        if held:
            require_closed_directory(self.path)
        self.path.chmod(0o700)

    def read(self) -> Kept | None:
        """What `state.json` says, or None while the device is not enrolled.

        Raises:
            UsageError: somebody else could have written it, or read the key; or it is damaged.
        """
        try:
            require_own_directory(self.path)
            require_closed_directory(self.path)
            require_own_key(self.path / KEY)
        except OSError as error:
            raise _unusable(self.path, error) from None
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
        return self._key(KEY)

    def next_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that takes over at the renewal, made and kept when there is none yet."""
        return self._key(NEXT_KEY)

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        kept = self.text(name)
        if kept is None:
            self.write(name, private_text(ec.generate_private_key(ec.SECP256R1())), replace=False)
            kept = self.text(name) or ""
        with suppress(ValueError, TypeError):
            loaded = load_pem_private_key(kept.encode(), None)
            if isinstance(loaded, ec.EllipticCurvePrivateKey):
                return loaded
        raise self.damaged(name)

    def request(self, key: ec.EllipticCurvePrivateKey) -> str:
        """The certificate request, made once: ECDSA would sign the same words differently again.

        Its subject is empty, for the server alone decides whom the certificate names (S62).
        """
        kept = self.text(REQUEST)
        with suppress(*UNREADABLE):
            if kept and x509.load_pem_x509_csr(kept.encode()).public_key() == key.public_key():
                return kept
        made = request_for(key)
        self.write(REQUEST, made)
        return made

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second process from running on this directory, where the system can say so.

        Raises:
            UsageError: there is one.
        """
        with self._locked(LOCK, Patience(0.0)) as held:
            if not held:
                raise UsageError(f"Another agent runs on {self.path} already.")
            yield

    @contextmanager
    def settled(self, patience: Patience) -> Iterator[None]:
        """Key and certificate as they belong together, and nobody renews them meanwhile.

        Whoever shows the certificate to the server does so in here: shown after another process has
        renewed it, it would look like a copy's, and the server would raise an alarm.

        Raises:
            UnusableError: another process does not come to an end with it, or the disk is full.
        """
        with self._locked(RENEWAL_LOCK, patience) as held:
            if not held:
                raise UnusableError(
                    f"Another enlist-agent is using {self.path}. Try again when it is done."
                )
            self._sweep()
            self._settle()
            yield

    @contextmanager
    def _locked(self, name: str, patience: Patience) -> Iterator[bool]:
        path = self.path / name
        with ExitStack() as until_the_end:
            try:
                held = until_the_end.enter_context(locked(path, patience))
            except OSError as error:
                raise _unusable(path, error) from None
            yield held

    # --- renewal --------------------------------------------------------------------------

    def keep_next(self, certificate: str) -> None:
        """Let the next key take over with its certificate, which the server is yet to be told."""
        self.write(NEXT_CERTIFICATE, certificate)
        self._settle()

    def _settle(self) -> None:
        """Let the next key and certificate take over, wherever a crash may have left them.

        The key first: a certificate that waits alone belongs to the key in use.
        """
        if self.text(NEXT_CERTIFICATE) is not None:
            self.write(UNCONFIRMED, "")
            self._move(NEXT_KEY, KEY)
            self._move(NEXT_CERTIFICATE, CERTIFICATE)

    def _sweep(self) -> None:
        """Remove what a killed process was about to write, by `enroll.sh` a folder: maybe a key.

        Nobody else is writing: the device is enrolled, and who renews holds the lock.
        """
        for left in self.path.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()

    def unconfirmed(self) -> bool:
        """Whether the server may not know yet that a renewed certificate has come."""
        return (self.path / UNCONFIRMED).exists()

    def confirmed(self) -> None:
        """The server knows."""
        try:
            (self.path / UNCONFIRMED).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.path / UNCONFIRMED, error) from None

    def _move(self, name: str, final: str) -> None:
        try:
            with suppress(FileNotFoundError):  # a crash came after this one had taken over
                (self.path / name).replace(self.path / final)
            self._sync()
        except OSError as error:
            raise _unusable(self.path / final, error) from None

    def write(self, name: str, text: str, *, replace: bool = True) -> None:
        """Put a file there at once, readable by its owner alone, and safe from a power cut.

        With `replace=False` a file that is already there stays.
        """
        try:
            handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=self.path)
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
        self._sync()

    def _sync(self) -> None:
        """What was renamed stays so after a power cut."""
        if os.name == "posix":
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def request_for(key: ec.EllipticCurvePrivateKey) -> str:
    """A certificate request for a key, in PEM."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def private_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The key as PKCS #8 in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _unusable(path: Path, error: OSError) -> UnusableError:
    a_file = isinstance(error, (FileExistsError, NotADirectoryError))
    reason = "it is, or lies below, a file" if a_file else error.strerror or error
    return UnusableError(f"{path} cannot be used: {reason}.")
