"""Certificates that `cryptography` refuses without a ValueError: a clear line, never a traceback.

One is of X.509's version 8, which does not exist; the other has a key of a kind that nobody knows.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from enlist_agent.client import Server, UnprovenError
from enlist_agent.enrollment import Enroll, Enrolled
from enlist_agent.one_time_jwt import OneTimeJwt, ProvingContext, redeem_jwt
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.renewal import renew
from enlist_agent.secret import Secret
from enlist_agent.standing import status
from enlist_agent.state import StateDirectory
from enlist_agent.trust import fetch_ca, read_ca
from tests.agent.conftest import Told
from tests.agent.peer import Authority, Peer, Reply, instead

VERSION = (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")
KEY = (bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209"))
STRANGE = pytest.mark.parametrize("strange", [VERSION, KEY], ids=["version", "key"])

Strange = tuple[bytes, bytes]


def changed(pem: str, strange: Strange) -> str:
    """The first certificate of a text, made unreadable."""
    end = "-----END CERTIFICATE-----\n"
    first, rest = pem.split(end, 1)
    der = ssl.PEM_cert_to_DER_cert(first + end)
    assert strange[0] in der
    return ssl.DER_cert_to_PEM_cert(der.replace(*strange, 1)) + rest


@pytest.fixture
def enrolled(state: Path, enrolling: Callable[[], Enrolled | Refusal]) -> Path:
    assert isinstance(enrolling(), Enrolled)
    return state


def test_ones_own_certificate(enrolled: Path) -> None:
    own = enrolled / "certificate.pem"
    own.write_text(changed(own.read_text(), VERSION))

    with pytest.raises(UsageError, match=r"certificate\.pem is damaged"):
        status(enrolled, now=datetime.now(UTC))


def test_a_ca_in_a_file(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(changed(authority.root_pem, VERSION))

    with pytest.raises(UsageError, match=r"ca\.pem cannot be used: no certificate in PEM form"):
        read_ca(file)


def test_a_ca_that_is_fetched(tls_peer: Peer, told: Told) -> None:
    tls_peer.twists = [instead(Reply(200, changed(tls_peer.authority.root_pem, VERSION)))]

    with pytest.raises(UnreachableError, match="shows no CA of its own"):
        fetch_ca(tls_peer.address, bytes(32), told.patience)


@STRANGE
@pytest.mark.parametrize("part", ["certificate", "chain"])
def test_what_a_server_enrolls_with(
    peer: Peer, state: Path, enrolling: Callable[[], object], part: str, strange: Strange
) -> None:
    def spoiled(reply: Reply) -> Reply:
        assert isinstance(reply.body, dict)
        return Reply(201, reply.body | {part: changed(reply.body[part], strange)})

    peer.twists = [spoiled]

    with pytest.raises(UnreachableError, match="not with a certificate for this device's key"):
        enrolling()
    assert not (state / "certificate.pem").exists()


@STRANGE
def test_what_a_server_renews_with(
    tls_peer: Peer, state: Path, ca_file: Path, told: Told, strange: Strange
) -> None:
    given = Secret("GoodToken1")
    assert isinstance(
        Enroll(given, server=tls_peer.address, state=state, ca=ca_file).run(), Enrolled
    )
    before = (state / "certificate.pem").read_text()
    answer = {"certificate": changed(before, strange), "chain": tls_peer.authority.chain}
    tls_peer.twists = [instead(Reply(200, answer))]

    with pytest.raises(UnreachableError, match="for this device's next key"):
        renew(StateDirectory(state), tls_peer.address, ca_file, told.patience)
    assert (state / "certificate.pem").read_text() == before


@STRANGE
def test_what_a_listener_shows_for_a_jwt(authority: Authority, strange: Strange) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    shown = changed(authority.issue(public, "localhost"), strange)
    jwt = OneTimeJwt("https://localhost", "device-1", Secret("a"), Secret("a.b.c"))

    with pytest.raises(UnprovenError, match="does not show the key"):
        ProvingContext(jwt).prove(ssl.PEM_cert_to_DER_cert(shown))


@pytest.mark.parametrize(
    ("place", "says"),
    [("authorities", "does not name its CAs"), ("answer", "with no certificate")],
)
def test_what_a_jwt_is_answered_with(
    authority: Authority, told: Told, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    leaf = authority.issue(public, "device-1")
    known = pkcs7.serialize_certificates([authority.root], Encoding.DER)
    answer: dict[str, Any] = {"data": {"cert": changed(leaf, VERSION)}}
    if place == "authorities":
        known = known.replace(*VERSION, 1)
    monkeypatch.setattr(Server, "fetch", lambda *_: b64encode(known))
    monkeypatch.setattr(Server, "ask", lambda *_: answer)
    jwt = OneTimeJwt("https://localhost", "device-1", Secret("a"), Secret("a.b.c"))

    with pytest.raises(UnreachableError, match=says):
        redeem_jwt(jwt, jwt.server, "csr", "", told.patience)


def test_an_authority_whose_key_nobody_knows_signed_nothing(
    authority: Authority, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept beside the path, and the device is enrolled."""
    leaf = authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key(), "device-1")
    strange = x509.load_pem_x509_certificate(changed(authority.chain, KEY).encode())
    known = pkcs7.serialize_certificates([strange, authority.root], Encoding.DER)
    monkeypatch.setattr(Server, "fetch", lambda *_: b64encode(known))
    monkeypatch.setattr(Server, "ask", lambda *_: {"data": {"cert": leaf}})
    jwt = OneTimeJwt("https://localhost", "device-1", Secret("a"), Secret("a.b.c"))

    granted = redeem_jwt(jwt, jwt.server, "csr", "", told.patience)

    assert not isinstance(granted, Refusal)
    assert (granted.chain, granted.extra_ca.count("BEGIN")) == ("", 2)


def test_a_request_that_was_kept(state: Path) -> None:
    """It is made anew."""
    folder = StateDirectory(state)
    folder.prepare()
    key = folder.key()
    der = x509.load_pem_x509_csr(folder.request(key).encode()).public_bytes(Encoding.DER)
    version = der.index(b"\x02\x01\x00")
    text = b64encode(der[:version] + b"\x02\x01\x07" + der[version + 3 :]).decode()
    title = "CERTIFICATE REQUEST-----"
    (state / "request.pem").write_text(f"-----BEGIN {title}\n{text}\n-----END {title}\n")

    assert x509.load_pem_x509_csr(folder.request(key).encode()).public_key() == key.public_key()
