"""A JWT that must not be believed: nothing leaves this device, not even a request (D31-D35)."""

from __future__ import annotations

import json
import ssl
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from enlist_agent.client import UnprovenError
from enlist_agent.enrollment import Enroll
from enlist_agent.one_time_jwt import OneTimeJwt, ProvingContext, given_jwt
from enlist_agent.outcomes import UnreachableError, UsageError
from enlist_agent.secret import Secret
from tests.agent.conftest import Told
from tests.agent.peer import Authority, Peer, listening, server_tls

TOKEN = str(uuid.uuid4())
Believed = Callable[..., Any]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True)
class Signer:
    """A server's listener, and JWTs that its key has signed, or that look as if."""

    peer: Peer
    key: rsa.RSAPrivateKey

    @property
    def claims(self) -> dict[str, Any]:
        address = self.peer.address
        return {"iss": address, "sub": "device-1", "aud": [""], "jti": TOKEN, "em": "ott"}

    def jwt(self, key: rsa.RSAPrivateKey | None = None, **changed: Any) -> str:
        said = json.dumps({**self.claims, **changed})
        held = RSAKey.import_key(key or self.key)
        return jws.serialize_compact({"alg": "RS256", "typ": "JWT"}, said, held, ["RS256"])


@pytest.fixture
def signer(authority: Authority, key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Signer]:
    peer = Peer(authority)
    with listening(peer, server_tls(authority.server_files(tmp_path, key=key))) as peer.address:
        yield Signer(peer, key)


@pytest.fixture
def enroll(state: Path, told: Told) -> Believed:
    def run(text: str, **options: Any) -> object:
        return Enroll(Secret(text), state=state, patience=told.patience, **options).run()

    return run


def part(said: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def test_the_key_that_signed_is_asked_and_only_then(signer: Signer, enroll: Believed) -> None:
    """The counterpart of the refusals below: requests of this server's do arrive."""
    with pytest.raises(UnreachableError, match="not as Enlist does"):
        enroll(signer.jwt())
    assert [seen.path for seen in signer.peer.seen] == ["/.well-known/est/cacerts"]


def test_another_key_and_a_changed_claim_end_in_the_handshake(
    signer: Signer, enroll: Believed
) -> None:
    another = rsa.generate_private_key(65537, 2048)
    header, _, signature = signer.jwt().split(".")
    changed = f"{header}.{part({**signer.claims, 'sub': 'device-2'})}.{signature}"
    for jwt in (signer.jwt(another), changed):
        with pytest.raises(UnreachableError, match="does not show the key that signed"):
            enroll(jwt)
    assert signer.peer.seen == []


def test_a_server_without_an_rsa_key_proves_nothing(
    tls_peer: Peer, key: rsa.RSAPrivateKey, enroll: Believed
) -> None:
    with pytest.raises(UnreachableError, match="does not show the key that signed"):
        enroll(Signer(tls_peer, key).jwt())
    assert tls_peer.seen == []


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", None])
def test_another_algorithm_is_refused_before_anybody_is_asked(
    signer: Signer, enroll: Believed, state: Path, algorithm: str | None
) -> None:
    _, claims, signature = signer.jwt().split(".")
    head = {"typ": "JWT"} if algorithm is None else {"alg": algorithm, "typ": "JWT"}
    for end in ("", signature):
        with pytest.raises(UsageError, match=r"Nothing was sent"):
            enroll(f"{part(head)}.{claims}.{end}")
    assert signer.peer.seen == []
    assert not state.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"em": "ottca"},
        {"iss": "http://localhost:1"},
        {"iss": "https://localhost:1/path"},
        {"iss": 7},
        {"jti": "../../admin"},
        {"jti": None},
        {"sub": None},
    ],
    ids=str,
)
def test_what_is_for_something_else_is_refused(
    signer: Signer, enroll: Believed, changed: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="Nothing was sent"):
        enroll(signer.jwt(**changed))
    assert signer.peer.seen == []


@pytest.mark.parametrize(
    "text", ["eyJ..", "eyJhbGciOiJSUzI1NiJ9.AAAA.", "eyJ" + "x" * 3000 + ".a.b"]
)
def test_what_is_no_jwt_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UsageError, match="no JWT that enrolls"):
        given_jwt(Secret(text))


def test_a_file_is_known_by_its_name(signer: Signer, tmp_path: Path) -> None:
    path = tmp_path / "laptop.jwt"
    with pytest.raises(UsageError, match="No such file"):
        given_jwt(Secret(str(path)))
    path.write_text(f"{signer.jwt()}\n")
    found = given_jwt(Secret(str(path)))
    assert found is not None
    assert (found.server, found.device_id) == (signer.peer.address, "device-1")
    assert TOKEN not in repr(found)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no text"):
        given_jwt(Secret(str(path)))
    for other in ("BCDF-GHJK", "https://localhost/enroll/x.jwt"):
        assert given_jwt(Secret(other)) is None


def test_what_does_not_go_with_a_jwt_is_refused(signer: Signer, enroll: Believed) -> None:
    """Above all plain HTTP, where nothing would prove the server."""
    with pytest.raises(UsageError, match="leave out"):
        enroll(signer.jwt(), name="laptop")
    with pytest.raises(UsageError, match="https:// address only"):
        enroll(signer.jwt(), server="http://localhost:1")
    assert signer.peer.seen == []


def test_tls_inside_tls_is_no_way_around(
    signer: Signer, authority: Authority, tmp_path: Path
) -> None:
    """A proxy that is spoken to by TLS itself makes Python take another class for the inner one."""
    files = authority.server_files(tmp_path, key=signer.key)
    for jwt, believed in ((signer.jwt(), True), (signer.jwt(sub=7)[:-8] + "A" * 8, False)):
        context = ProvingContext(OneTimeJwt("https://localhost", "device-1", *[Secret(jwt)] * 2))
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(back, there, server_hostname="localhost")
        server = server_tls(files).wrap_bio(there, back, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        if believed:
            client.do_handshake()
        else:
            with pytest.raises(UnprovenError):
                client.do_handshake()
