"""The device listener has a certificate for each of its names; OpenZiti's keeps its key (D37).

What a client asks for (SNI) is seen by OpenSSL's own client, of which Python's is a thin cover.
"""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from enlist.core.clock import DAY, system_clock
from enlist.keyfolder import read_private_key
from enlist.settings import Settings
from enlist.web.tls import web_tls
from enlist.wiring.certificates import name_certificate
from enlist.wiring.installation import CannotStart, addresses
from enlist.wiring.listener_names import tls_by_name
from tests.peers.base import DEADLINE, wait_until
from tests.peers.pki import Pair, Pki
from tests.server.certificate_files import EAGER, address, put
from tests.server.enrolling import enroll
from tests.serving import Server, launch_server

OURS, THEIRS = "gateways.example.test", "mail.example.test"
"""A name whose certificate Enlist's CA issues, and one for which there are files."""


@pytest.fixture(scope="module")
def files(throwaway_pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("files")
    pair = Pair(folder / "devices.pem", folder / "devices.key")
    put(throwaway_pki.server, pair)
    return pair


@pytest.fixture(scope="module")
def served(files: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("names") / "data"
    given = f"{OURS.title()}, {THEIRS}={files.certificate}:{files.key}"
    server = launch_server(data, environment={"ENLIST_DEVICE_NAME": given}, program=("-c", EAGER))
    yield server
    server.stop()


def shown(server: Server, name: str | None) -> x509.Certificate:
    """The certificate that a client gets who asks for this name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(address(server.device_url), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")


def names_of(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def in_file(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_each_name_has_its_certificate(served: Server, files: Pair) -> None:
    pinned = in_file(served.data / "pki" / "device-listener.pem")
    assert isinstance(pinned.public_key(), rsa.RSAPublicKey)
    ours = shown(served, OURS)
    assert names_of(ours) == [OURS]
    assert isinstance(ours.public_key(), ec.EllipticCurvePublicKey)
    assert shown(served, OURS.upper()) == ours
    assert shown(served, THEIRS) == in_file(files.certificate)
    for other in ("localhost", "unknown.example.test", f"x.{OURS}", "127.0.0.1", None):
        assert shown(served, other) == pinned, other


def test_a_device_is_known_by_every_name(served: Server, tmp_path: Path) -> None:
    """A client certificate is asked for, and Enlist's CA believed, whichever was shown; and the
    certificate stands the eye of a client that trusts that CA alone.
    """
    certificate, key, device_id = enroll(served, tmp_path)
    context = ssl.create_default_context(cafile=served.authority)
    context.load_cert_chain(certificate, key)
    for name in (OURS, "localhost"):
        with (
            socket.create_connection(address(served.device_url), timeout=DEADLINE) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            connection.sendall(b"GET /device HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert device_id.encode() in answer, answer


def test_new_files_of_one_name_change_no_other(
    served: Server, files: Pair, throwaway_pki: Pki
) -> None:
    before = {name: shown(served, name) for name in (OURS, None)}
    put(throwaway_pki.rogue, files)
    new = in_file(throwaway_pki.rogue.certificate)
    wait_until(lambda: shown(served, THEIRS) == new, "the new certificate")
    assert {name: shown(served, name) for name in (OURS, None)} == before
    assert f"device, {THEIRS}" in served.output()
    put(throwaway_pki.server, files)


def test_an_issued_one_comes_with_a_new_key_each_time(
    template_folder: Path, tmp_path: Path
) -> None:
    """Sixty days before it ends, and whenever the file is no certificate with its key."""
    now, data = system_clock(), Path(shutil.copytree(template_folder, tmp_path / "data"))
    file, key_file = name_certificate(data, lambda: now, OURS)
    assert file == key_file
    first = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    name_certificate(data, lambda: now + 336 * DAY, OURS)
    assert file.read_bytes() == first
    name_certificate(data, lambda: now + 338 * DAY, OURS)
    second = in_file(file)
    assert file.read_bytes() != first
    assert read_private_key(file).public_key() == second.public_key()
    assert second.public_key() != x509.load_pem_x509_certificate(first).public_key()
    file.write_bytes(first.partition(b"-----BEGIN PRIVATE")[0])
    name_certificate(data, lambda: now, OURS)
    assert read_private_key(file).public_key() == in_file(file).public_key()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("LOCALHOST", "is the device URL's own name"),
        ("x.example.test=/no.pem:/no.key", "cannot use /no.pem for x.example.test"),
    ],
)
def test_what_cannot_be_served_stops_the_start(tmp_path: Path, given: str, says: str) -> None:
    settings = Settings(data=tmp_path, device_name=[given])
    with pytest.raises(CannotStart, match=says):
        tls_by_name(settings, addresses(settings), system_clock, web_tls)
