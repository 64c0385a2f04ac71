"""The listeners' certificates of Enlist's own CA: made, renewed in time; each keeps its key.

The device listener's key also signs the JWTs that OpenZiti clients enroll with, so everything that
hands out such a JWT, the server or a command beside it, asks here for certificate and key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from enlist import datafolder, keyfolder
from enlist.core.clock import DAY, Clock, from_datetime
from enlist.datafolder import DataFolderProblem, write_secret
from enlist.pki import keys
from enlist.pki.authority import Authority
from enlist.pki.keys import PrivateKey
from enlist.pki.listener import ListenerIdentity
from enlist.verbs.driver import Addresses

DEVICE_LISTENER: Final = "device-listener"
_LIFETIME: Final = 397 * DAY
_RENEW_BEFORE: Final = 60 * DAY


def authority(data: Path, now: int | None = None) -> Authority:
    """As the folder has it now: what workers have of their parent's may be as old as the server.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return keyfolder.load(data, now).authority
    except DataFolderProblem as error:
        raise ValueError(str(error)) from error


def listener_certificate(
    data: Path, where: Addresses, clock: Clock, name: str, more: Sequence[str] = ()
) -> tuple[Path, Path]:
    """A listener's certificate and key as files; a certificate that is about to end is replaced.

    Args:
        name: of the files, without what stands behind the dot.
        more: names for it beside those that every listener has (ruling 5).

    Raises:
        DataFolderProblem: its key cannot be used, or the folder not be written.
        ValueError: the authority cannot be read.
    """
    url = where.device_url if name == DEVICE_LISTENER else where.public_url
    names = [urlsplit(url).hostname or "localhost", *more, "localhost", "127.0.0.1", "::1"]
    names = list(dict.fromkeys(names))
    folder = data / "pki"
    certificate, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    if not key_file.exists():
        fresh = keys.new_pinned_key() if name == DEVICE_LISTENER else keys.new_signing_key()
        _write(data, key_file, keys.to_pem(fresh))
    try:
        key = keyfolder.read_private_key(key_file)
    except ValueError as error:
        raise DataFolderProblem(
            f"{key_file} cannot be used: {error}. Restore it from your key backup."
        ) from error
    now = clock()
    present = _present(certificate)
    if present is not None and _lasts(present, names, now) and _belongs(present, key):
        return certificate, key_file
    issuer = authority(data, now).issuers[0]
    issued = issuer.issue_server(names, key, now, _LIFETIME)
    _write(data, certificate, (issued.pem + issuer.issuing_pem).encode())
    return certificate, key_file


def name_certificate(data: Path, clock: Clock, name: str) -> tuple[Path, Path]:
    """A certificate of our CA for one more host name of the device listener, and its key.

    Nothing rests on this key, so each certificate comes with a new one. Both stand in one file:
    nobody finds the one without the other while they are replaced.

    Raises:
        DataFolderProblem: the folder cannot be written.
        ValueError: the authority cannot be read.
    """
    file, now = name_file(data, name), clock()
    present = _present(file)
    if present is None or not _lasts(present, [name], now) or not _holds_key(file, present):
        issuer, key = authority(data, now).issuers[0], keys.new_signing_key()
        issued = issuer.issue_server([name], key, now, _LIFETIME)
        _write(data, file, (issued.pem + issuer.issuing_pem).encode() + keys.to_pem(key))
    return file, file


def _write(data: Path, path: Path, content: bytes) -> None:
    try:
        write_secret(path, content)
    except PermissionError as error:
        raise datafolder.not_for_this_user(path.parent, data, "write") from error
    except OSError as error:
        raise DataFolderProblem(f"cannot write {path}: {error.strerror}.") from error


def name_file(data: Path, name: str) -> Path:
    """Where `name_certificate` keeps certificate and key."""
    return data / "pki" / f"listener-{name}.pem"


def listener_identity(data: Path, where: Addresses, clock: Clock) -> ListenerIdentity:
    """What the device listener shows, as its files have it now.

    Raises:
        DataFolderProblem, ValueError: as `listener_certificate`; or the key is not RSA.
    """
    certificate, key_file = listener_certificate(data, where, clock, DEVICE_LISTENER)
    shown = x509.load_pem_x509_certificate(certificate.read_bytes())
    return ListenerIdentity(shown, keyfolder.read_private_key(key_file))


def _present(certificate: Path) -> x509.Certificate | None:
    """The certificate in the file; None for one that is missing or damaged, and thus made anew."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _lasts(certificate: x509.Certificate, names: Sequence[str], now: int) -> bool:
    """Whether it may stay: it is for just these names, and does not end soon."""
    late = from_datetime(certificate.not_valid_after_utc) > now + _RENEW_BEFORE
    return late and _names(certificate) == set(names)


def _holds_key(file: Path, certificate: x509.Certificate) -> bool:
    """Whether the certificate's own key stands in the file with it."""
    try:
        return _belongs(certificate, keyfolder.read_private_key(file))
    except ValueError:
        return False


def _belongs(certificate: x509.Certificate, key: PrivateKey) -> bool:
    return certificate.public_key() == key.public_key()


def _names(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    dns = extension.value.get_values_for_type(x509.DNSName)
    return {*dns, *(str(ip) for ip in extension.value.get_values_for_type(x509.IPAddress))}
