"""OpenZiti's own client, unmodified, against a server of ours: it enrolls, once, and is known.

Facts D03, D15, D19, D32, D33, D35, D36, D43, D44, D54, D56, D61. A client that does not like what
it sees hangs for ever instead of saying so: a run of it that takes long is one that failed.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sqlite3
import ssl
from base64 import urlsafe_b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.peers.base import DEADLINE
from tests.server.ziti import Client, certified
from tests.serving import Server, StartServer

STRANGE_NAME = "Doe, Jane\\=x"
"""As a name of the subject it would make the client hang (D35)."""


def register(server: Server, name: str = STRANGE_NAME) -> dict[str, Any]:
    """A device that is to enroll with a JWT, and its enrollment."""
    words = ["device", "register", "--user", "root@example.com", "--name", name]
    words += ["--platform", "linux", "--grant", "one_time_jwt", "--message", "none", "--json"]
    made: dict[str, Any] = json.loads(server.cli(*words))
    return made


def jwt_of(server: Server, made: dict[str, Any]) -> str:
    return server.cli("enrollment", "jwt", made["enrollment"]["id"]).strip()


def reset(server: Server, device_id: str) -> None:
    """Reset a device over the API, as a console beside the server does."""
    key = {"authorization": f"Bearer {server.api_key('administrator')}"}
    with server.client(headers=key) as http:
        answer = http.post(f"/api/v1/devices/{device_id}/reset", json={"message": {"type": "none"}})
    assert answer.status_code in (200, 201), answer.text


@pytest.fixture
def client(openziti: str, tmp_path: Path) -> Client:
    return Client(openziti, tmp_path)


def test_the_unmodified_client_enrolls_once(
    start_server: StartServer, database_url: str, client: Client
) -> None:
    """D44, D19, D54, D35; D56, D61, D03: it is known until it is reset, and not a moment longer."""
    server = start_server(database_url)
    made = register(server)
    jwt = jwt_of(server, made)
    code, said, file = client.enroll(jwt, "first")
    assert code == 0, said
    identity = json.loads(file.read_text())
    assert identity["ztAPI"] == server.device_url
    leaf = x509.load_pem_x509_certificate(identity["id"]["cert"].encode())
    assert leaf.subject.rfc4514_string() == f"CN={made['device']['id']}"
    assert server.authority.read_text().strip() in identity["id"]["ca"]

    with certified(server, identity["id"], client.folder) as http:
        answer = http.post("/edge/client/v1/authenticate?method=cert", json={})
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["identityId"] == made["device"]["id"]
        headers = {"zt-session": answer.headers["zt-session"]}
        assert http.get("/current-api-session", headers=headers).status_code == 200
        reset(server, made["device"]["id"])
        # On the very connection that was proved with the old certificate (D61).
        assert http.get("/current-api-session", headers=headers).status_code == 401
        again = http.post("/authenticate?method=cert", json={})
        assert (again.status_code, again.json()["error"]["code"]) == (401, "INVALID_AUTH")

    code, said, file = client.enroll(jwt, "second")
    assert code == 1
    assert "INVALID_ENROLLMENT_TOKEN" in said
    assert "already been used" in said
    assert "tell your administrator" in said
    assert file.read_text() == ""


def test_the_jwt_of_a_reissue_enrolls(start_server: StartServer, client: Client) -> None:
    """D15, and that the one before it does not (D14)."""
    server = start_server()
    made = register(server, "laptop")
    old = jwt_of(server, made)
    server.cli("enrollment", "reissue", made["enrollment"]["id"], "--message", "none")
    code, said, _ = client.enroll(old, "old")
    assert code == 1
    assert "replaced by a newer one" in said
    code, said, _ = client.enroll(jwt_of(server, made), "new")
    assert code == 0, said


def test_the_client_says_what_to_do_about_an_expired_jwt(
    start_server: StartServer, client: Client
) -> None:
    """D54: it does not look at the date itself, so what is said is what the server says."""
    server = start_server()
    jwt = jwt_of(server, register(server, "laptop"))
    with closing(sqlite3.connect(server.data / "enlist.sqlite3")) as database, database:
        database.execute("UPDATE enrollment SET expires_at = 1")
    code, said, _ = client.enroll(jwt, "late")
    assert code == 1
    assert "ENROLLMENT_EXPIRED" in said
    assert "reissue" in said


def leaf_of(server: Server, context: ssl.SSLContext) -> x509.Certificate:
    """What the listener shows to whoever connects."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, _, port = server.device_url.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def test_the_listeners_certificate_vouches_for_the_jwt(start_server: StartServer) -> None:
    """D32, D33, D36: what is shown under either version of TLS signed it."""
    server = start_server()
    made = register(server)
    signed, _, signature = jwt_of(server, made).rpartition(".")
    header = json.loads(urlsafe_b64decode(signed.partition(".")[0] + "=="))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = version
        leaf = leaf_of(server, context)
        key = leaf.public_key()
        assert isinstance(key, RSAPublicKey)
        key.verify(urlsafe_b64decode(signature + "=="), signed.encode(), PKCS1v15(), SHA256())
        der = leaf.public_bytes(Encoding.DER)
        assert header["kid"] == hashlib.sha1(der, usedforsecurity=False).hexdigest()
    assert header["typ"] == "JWT"
    assert header["alg"] == "RS256"


def test_a_host_header_without_a_port_is_as_good(start_server: StartServer) -> None:
    """D43: older clients send none."""
    server = start_server()
    with server.device_client() as http:
        answer = http.get("/version", headers={"host": "localhost"})
    assert answer.status_code == 200
    served = answer.json()["data"]["apiVersions"]["edge"]["v1"]
    assert served["apiBaseUrls"] == [f"{server.device_url}/edge/client/v1"]
