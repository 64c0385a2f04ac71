"""TLS of a listener, whose certificate can be changed while it serves.

Whoever renews certificates writes files. Their stamps are looked at again and again; when one has
changed, a whole new context is made of both, and each connection from then on gets that one.
Connections that are open go on with what they began with. A certificate that has come without its
key yet, or is no certificate, changes nothing: the last good one is kept, and one line says so.

A listener may have a certificate for each of several host names. Which one a connection gets is up
to the name that its client asks for (SNI, RFC 6066 section 3). Who asks for none, or for one that
is not known, gets the listener's first: it is up to the client whether that will do, and one that
reached the listener by its address has no name to ask for.
"""

from __future__ import annotations

import ssl
import stat
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from enlist.core.faults import Unusable

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the files; SIGHUP makes the next one come at once."""
RENEW_EVERY: Final = 3600.0
"""Seconds between two questions whether a certificate of our own should be made anew."""

_log = structlog.get_logger("enlist.tls")
_Stamp = tuple[tuple[int, int, int] | None, ...]


def web_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS for people: 1.2 and 1.3, no client certificates.

    Raises:
        OSError: a file cannot be read, or the two are no certificate and its key.
        ValueError: the key is encrypted, or everybody on this machine can read it (S64).
    """
    mode = open_to_everybody(key)
    if mode:
        raise ValueError(f"everybody here can read {key} (mode {mode}). Run: chmod o= {key}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load(context, certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Have a context show a certificate.

    Raises:
        OSError, ValueError: as `web_tls`.
    """
    for path in (certificate, key):
        path.open("rb").close()  # OpenSSL does not say which of the two it cannot read
    context.load_cert_chain(certificate, key, password=_no_password)


def device_tls(certificate: Path, key: Path, authority: str) -> ssl.SSLContext:
    """TLS for devices: a client certificate of our authority is asked for, not demanded.

    Args:
        authority: issuing CA and root, PEM; only what they signed is accepted.
    """
    context = web_tls(certificate, key)
    context.load_verify_locations(cadata=authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def why_unusable(error: Exception) -> str:
    """Why a certificate and its key cannot be used, without the numbers of OpenSSL."""
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return "there is no certificate, or no key, in PEM form"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def open_to_everybody(key: Path) -> str:
    """The mode of a key file that every user of this machine can read or write, else "".

    A group may: on Debian those who serve HTTPS share their keys in one.
    """
    mode = stat.S_IMODE(key.stat().st_mode)
    return f"{mode:04o}" if mode & stat.S_IRWXO else ""


def _no_password() -> str:
    """Else OpenSSL asks at the terminal, and a server has nobody who answers."""
    raise ValueError("the key is encrypted with a passphrase")


class ReloadingTls:
    """A listener's TLS, read again when its files change.

    Attributes:
        context: what the listener is opened with, for good; it hands every connection over to
            the context that is in force.
        in_force: what the files made when they were last taken over.
    """

    def __init__(
        self,
        name: str,
        files: tuple[Path, Path],
        make: Callable[[Path, Path], ssl.SSLContext],
        renew: Callable[[], object] | None = None,
        names: Mapping[str, ReloadingTls] | None = None,
    ) -> None:
        """Read the files for the first time.

        Args:
            files: the certificate with its chain, and its key.
            make: a context of the two.
            renew: called every `RENEW_EVERY`; may write the files anew.
            names: whose files are for clients that ask for one of these names, in small letters.

        Raises:
            OSError, ValueError: as `make`.
        """
        self._name = name
        self._files = files
        self._make = make
        self._renew = renew
        self._names = dict(names or {})
        self._renewed = time.monotonic()
        self._one_at_a_time = threading.Lock()
        self._seen = self._stamp()
        self.context = self.in_force = make(*files)
        self.context.sni_callback = self._choose

    def look_again(self) -> None:
        """Take the files over if they have changed; never raises because of them."""
        for each in self._names.values():
            each.look_again()
        self._make_anew()
        with self._one_at_a_time:
            if self._stamp() != self._seen and (ends := self._take()):
                _log.info("new certificate in use", **self._told, not_after=ends)

    def trust_anew(self) -> None:
        """Make a new context, though the files are the same: what `make` adds has changed."""
        for each in self._names.values():
            each.trust_anew()
        with self._one_at_a_time:
            self._take()

    def _take(self) -> str:
        """Use the files as they are now; until when they are good, "" where the last stay."""
        self._seen = self._stamp()
        try:
            fresh, ends = self._make(*self._files), _end(self._files[0])
        except (OSError, ValueError) as error:
            why = why_unusable(error)
            _log.error("new certificate not usable, the last one stays", **self._told, error=why)
            return ""
        self.in_force = fresh
        return ends

    @property
    def _told(self) -> dict[str, str]:
        return {"listener": self._name, "file": str(self._files[0])}

    def _make_anew(self) -> None:
        if self._renew is None or time.monotonic() - self._renewed < RENEW_EVERY:
            return
        self._renewed = time.monotonic()
        try:
            self._renew()
        except (OSError, ValueError, RuntimeError, Unusable) as error:
            _log.error("certificate not renewed", listener=self._name, error=str(error))

    def _choose(self, connection: ssl.SSLObject, name: str | None, _at: ssl.SSLContext) -> None:
        """Called by OpenSSL for every connection, whether its client names a host or not."""
        connection.context = self._names.get((name or "").lower(), self).in_force

    def _stamp(self) -> _Stamp:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced, also behind a symbolic link."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _end(certificate: Path) -> str:
    """Until when it is valid."""
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    return parsed.not_valid_after_utc.isoformat(timespec="seconds")
