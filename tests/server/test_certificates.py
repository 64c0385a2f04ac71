"""Certificates change on disk while the server runs: new connections see them, open ones go on."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from enlist.core.clock import DAY, system_clock
from enlist.pki.authority import load_authority
from enlist.web import tls
from enlist.web.tls import LOOK_EVERY, ReloadingTls, web_tls
from tests.architecture.source import ROOT
from tests.peers.base import wait_until
from tests.peers.pki import Pair, Pki
from tests.server.certificate_files import EAGER, PATIENT, connected, put, replace, shown
from tests.server.enrolling import enroll
from tests.serving import Server, StartServer


def fingerprint(certificate: Path) -> str:
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return hashlib.sha256(der).hexdigest()


def asks(connection: ssl.SSLSocket) -> bool:
    """Whether a request is answered over this connection, which stays open."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"alive" not in answer and (part := connection.recv(65536)):
        answer += part
    return b" 200 " in answer and b"alive" in answer


@pytest.fixture
def files(throwaway_pki: Pki, tmp_path: Path) -> Pair:
    """The web listener's certificate and key, to be replaced."""
    pair = Pair(tmp_path / "web.pem", tmp_path / "web.key")
    put(throwaway_pki.server, pair)
    return pair


def hung_up(server: Server, word: str) -> int:
    """How often the server said this, after one more SIGHUP: a worker that starts hears none."""
    server.process.send_signal(signal.SIGHUP)
    return server.output().count(word)


@pytest.mark.parametrize("workers", [1, 3])
def test_new_files_are_taken_by_every_worker_on_a_signal(
    start_server: StartServer,
    throwaway_pki: Pki,
    files: Pair,
    workers: int,
    request: pytest.FixtureRequest,
) -> None:
    """A broken pair in between is told once, in one line, and changes nothing."""
    database = request.getfixturevalue("empty_database") if workers > 1 else ""
    trusted = (files, throwaway_pki.authority)
    server = start_server(database, workers=workers, tls=trusted, program=("-c", PATIENT))
    url = server.url
    assert shown(url) == fingerprint(throwaway_pki.server.certificate)
    with connected(url) as old:
        assert asks(old)
        replace(throwaway_pki.rogue.certificate, files.certificate)  # without its key
        wait_until(lambda: hung_up(server, "not usable") >= workers, "every worker's word")
        assert {shown(url) for _ in range(10)} == {fingerprint(throwaway_pki.server.certificate)}
        put(throwaway_pki.rogue, files)
        wait_until(lambda: hung_up(server, "certificate in use") >= workers, "every worker")
        assert {shown(url) for _ in range(10)} == {fingerprint(throwaway_pki.rogue.certificate)}
        assert asks(old), "the connection from before goes on"
    assert server.output().count("not usable") == workers, "told once"
    assert str(files.certificate) in server.output()
    assert server.process.poll() is None
    server.stop()  # before its database is dropped


def test_new_files_are_found_without_a_signal(
    start_server: StartServer, throwaway_pki: Pki, files: Pair
) -> None:
    """At the interval that the guide names; a shorter one here."""
    assert LOOK_EVERY == 5
    assert "every five seconds" in (ROOT / "docs/how-to/proxies.md").read_text()
    trusted = (files, throwaway_pki.authority)
    url = start_server(tls=trusted, program=("-c", EAGER)).url
    put(throwaway_pki.rogue, files)
    new = fingerprint(throwaway_pki.rogue.certificate)
    wait_until(lambda: shown(url) == new, "the new certificate")


def test_the_device_listener_takes_a_new_certificate_and_still_knows_devices(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    pki = server.data / "pki"
    parts = [(pki / name).read_bytes() for name in ("root.pem", "issuing.pem", "issuing.key")]
    authority = load_authority(*parts)
    key = load_pem_private_key((pki / "device-listener.key").read_bytes(), None)
    names = ["localhost", "127.0.0.1", "::1"]
    renewed = authority.issue_server(names, key, system_clock(), 300 * DAY)  # type: ignore[arg-type]
    (pki / "device-listener.pem").write_text(renewed.pem + authority.issuing_pem)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown(server.device_url) == renewed.fingerprint, "the new certificate")
    certificate, private, device_id = enroll(server, tmp_path)
    with server.device_client(certificate, private) as client:
        assert client.get("/device").json()["id"] == device_id


def test_an_own_certificate_is_made_anew_before_it_ends(
    files: Pair, throwaway_pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that runs for a year asks now and then, and not at every look."""
    asked: list[str] = []

    def renew() -> None:
        asked.append("renewed")
        put(throwaway_pki.rogue, files)

    listener = ReloadingTls("web", (files.certificate, files.key), web_tls, renew)
    listener.look_again()
    assert asked == []
    monkeypatch.setattr(tls, "RENEW_EVERY", 0.0)
    before = listener.in_force
    listener.look_again()
    assert asked == ["renewed"]
    assert listener.in_force is not before


def test_files_that_go_away_change_nothing(files: Pair) -> None:
    listener = ReloadingTls("web", (files.certificate, files.key), web_tls)
    before = listener.in_force
    files.key.unlink()
    listener.look_again()
    assert listener.in_force is before


def test_an_encrypted_key_is_refused_and_asks_nobody(files: Pair) -> None:
    """OpenSSL would ask at the terminal, and the start would hang."""
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(ValueError, match="passphrase"):
        web_tls(files.certificate, files.key)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_key_for_everybody_is_refused(files: Pair, mode: int) -> None:
    """S64: with the command that mends it. A group may have it, as on Debian; and no change to
    such a key is taken over while the server runs.
    """
    files.key.chmod(0o640)
    listener = ReloadingTls("web", (files.certificate, files.key), web_tls)
    before = listener.in_force
    files.key.chmod(mode)
    with pytest.raises(ValueError, match=f"mode 0{mode:o}.*Run: chmod o= {files.key}"):
        web_tls(files.certificate, files.key)
    os.utime(files.key)
    listener.look_again()
    assert listener.in_force is before


def test_hangups_end_nothing(start_server: StartServer) -> None:
    server = start_server()
    for _ in range(3):
        os.kill(server.process.pid, signal.SIGHUP)
    with server.client() as client:
        assert client.get("/healthz").status_code == 200
