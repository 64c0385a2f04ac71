"""Enrolling as OpenZiti's clients ask for it: every form of request, every refusal.

Fact rows D39-D42, D45-D55, D72, on both stores.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from structlog.testing import capture_logs

from enlist.core.clock import HOUR
from enlist.store.tx import StoreUnavailable
from enlist.verbs.reissue import DeleteEnrollment, Reissue
from tests.installation import SHOWN, code
from tests.requests import request_pem
from tests.web.protocols.conftest import ADDRESS, PREFIX, Ziti, error_of

NULL_PARAMETERS = """-----BEGIN CERTIFICATE REQUEST-----
MIIBUzCB+AIBADBmMQswCQYDVQQGEwJVUzELMAkGA1UECAwCTlkxETAPBgNVBAoM
CE9wZW5aaXRpMScwJQYKCZImiZPyLGQBGRYXaHR0cHM6Ly9sb2NhbGhvc3Q6MTg0
NzUxDjAMBgNVBAMMBWlkLW9rMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEp7ce
lnaIbuS18ZsnKBnEOLWYOddQ1qrw9frbPmEr0DiFD+kcF0DX86XLKUH0NpEcW4Q5
x7kUn6ljGnzUH+hhD6AwMC4GCSqGSIb3DQEJDjEhMB8wCgYDVR0PBAMDAQAwEQYJ
YIZIAYb4QgEBBAQDAgeAMAwGCCqGSM49BAMCBQADSAAwRQIgEDI+WUcJzFzkSBal
KJyloxOAKZ2oa9jVKVXI7Ehop0oCIQC3Nebc5nSQqhEcxjHStkzkLagdFgD+0PQS
x8GezQgn9A==
-----END CERTIFICATE REQUEST-----
"""
"""What an older client sends: its signature's algorithm has an explicit NULL (D47)."""

GREEDY = x509.CertificateSigningRequestBuilder(
    x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "admins"),
            x509.NameAttribute(NameOID.COMMON_NAME, "root"),
        ]
    )
)


def both(path: str) -> tuple[str, str]:
    """An address in both forms."""
    return path, PREFIX + path


def json_body(csr: bytes, **more: str) -> dict[str, Any]:
    content = json.dumps({"clientCsr": csr.decode(), **more}).encode()
    return {"content": content, "headers": {"content-type": "application/json"}}


# --- before anything is trusted ---------------------------------------------------------------


def test_the_version_says_where_the_api_is(ziti: Ziti) -> None:
    """D41, D39."""
    told = [ziti.get(path).json() for path in both("/version")]
    assert told[0] == told[1]
    data = told[0]["data"]
    assert data["apiVersions"]["edge"]["v1"]["path"] == "/edge/client/v1"
    assert data["apiVersions"]["edge-client"] == data["apiVersions"]["edge"]
    assert "OIDC_AUTH" not in data["capabilities"]
    assert told[0]["meta"] == {}


def test_the_root_address_answers(ziti: Ziti) -> None:
    """D40."""
    assert ziti.get("/").status_code < 500


def test_the_ca_certificates_come_in_short_lines(ziti: Ziti) -> None:
    """D42: one client crashes on a line without an end, and an older one on long ones."""
    first, second = (ziti.get(path) for path in both("/.well-known/est/cacerts"))
    assert first.content == second.content
    assert first.headers["content-type"] == "application/pkcs7-mime"
    assert first.headers["content-transfer-encoding"] == "base64"
    text = first.content.decode("ascii")
    assert text.endswith("\n")
    assert max(len(line) for line in text.splitlines()) == 64
    held = pkcs7.load_der_pkcs7_certificates(base64.b64decode(text))
    authority = ziti.enlist.installation.tools.authority
    assert {each.subject for each in held} == {
        authority.root.subject,
        authority.issuing.subject,
    }


# --- what is accepted -------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-pem-file", "application/pkcs7", "", "application/json"],
)
def test_every_form_of_request_enrolls(ziti: Ziti, prefix: str, media_type: str) -> None:
    """D46, D39."""
    token = ziti.jti(ziti.register())
    headers = {"content-type": media_type} if media_type else {}
    json_form = json_body(request_pem(0)) if media_type == "application/json" else {}
    answer = ziti.enroll(token, prefix=prefix, **{"headers": headers, **json_form})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_everything_may_stand_in_json(ziti: Ziti, prefix: str) -> None:
    """D46."""
    token = ziti.jti(ziti.register())
    answer = ziti.post(f"{prefix}/enroll/ott", **json_body(request_pem(0), token=token))
    assert answer.status_code == 200, answer.text
    assert "cert" in answer.json()["data"]


def test_the_answer_is_the_chain_without_its_root(ziti: Ziti) -> None:
    """D45: the type is compared byte for byte by one client."""
    answer = ziti.enroll(ziti.jti(ziti.register()))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"data", "meta"}
    leaf, issuing = x509.load_pem_x509_certificates(answer.json()["data"]["cert"].encode())
    leaf.verify_directly_issued_by(issuing)
    assert issuing == ziti.enlist.installation.tools.authority.issuing


def test_a_request_with_explicit_null_parameters_is_accepted(ziti: Ziti) -> None:
    """D47."""
    answer = ziti.enroll(ziti.jti(ziti.register()), NULL_PARAMETERS)
    assert answer.status_code == 200, answer.text
    leaf = x509.load_pem_x509_certificate(answer.json()["data"]["cert"].encode())
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert f"{key.public_numbers().x:x}".startswith("a7b71e967688")


def test_nothing_of_a_request_but_its_key_counts(ziti: Ziti) -> None:
    """D51."""
    issued = ziti.register()
    asked = (
        GREEDY.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
        .sign(ec.generate_private_key(ec.SECP384R1()), SHA256())
        .public_bytes(Encoding.PEM)
    )
    answer = ziti.enroll(ziti.jti(issued), asked)
    leaf = x509.load_pem_x509_certificate(answer.json()["data"]["cert"].encode())
    assert leaf.subject.rfc4514_string() == f"CN={issued.device_id}"
    extensions = leaf.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    (name,) = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value == f"spiffe://localhost/device/{issued.device_id}"


# --- what is refused --------------------------------------------------------------------------


def bad_requests() -> Iterator[tuple[str, bytes]]:
    good = request_pem(0)
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - made to be refused
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    lines = good.decode().splitlines()
    lines[-2] = ("A" if lines[-2][0] != "A" else "B") + lines[-2][1:]
    yield "empty", b""
    yield "text", b"hello"
    yield "two", good + good
    yield "broken signature", "\n".join(lines).encode()
    yield "RSA-1024", builder.sign(weak, SHA256()).public_bytes(Encoding.PEM)


def test_a_bad_request_is_told_and_costs_nothing(ziti: Ziti) -> None:
    """D48."""
    token = ziti.jti(ziti.register())
    for name, csr in bad_requests():
        answer = ziti.enroll(token, csr)
        assert error_of(answer) == (400, "COULD_NOT_PROCESS_CSR"), name
        assert answer.json()["error"]["cause"]["message"], name
    assert ziti.enroll(token).status_code == 200


def test_an_expired_token_is_told_so(ziti: Ziti) -> None:
    """D49, D54: by the server's clock, whatever the client thinks of the JWT."""
    issued = ziti.register(expires_at=ziti.enlist.clock.now + HOUR)
    token = ziti.jti(issued)
    ziti.enlist.clock.advance(hours=1, seconds=1)
    answer = ziti.enroll(token)
    assert error_of(answer) == (400, "ENROLLMENT_EXPIRED")
    assert "reissue" in answer.json()["error"]["message"]


def test_what_its_holder_is_told_of_a_token_that_is_over(ziti: Ziti) -> None:
    """D50, D54, ruling 14."""
    used, replaced, revoked = (ziti.register() for _ in range(3))
    tokens = [ziti.jti(each) for each in (used, replaced, revoked)]
    assert ziti.enroll(tokens[0]).status_code == 200
    ziti.enlist.do(Reissue(replaced.enrollment_id, SHOWN))
    assert code(ziti.enlist.revoke(revoked.enrollment_id)) == "done"
    messages = []
    for token in tokens:
        answer = ziti.enroll(token, request_pem(1))
        assert error_of(answer) == (400, "INVALID_ENROLLMENT_TOKEN")
        messages.append(answer.json()["error"]["message"])
    for words, message in zip(("already been used", "newest", "withdrawn"), messages, strict=True):
        assert words in message
        assert "JWT" in message


def test_strangers_hear_one_answer(ziti: Ziti) -> None:
    """D50, D55, ruling 14: unknown, deleted and malformed are alike but for the request's id."""
    gone = ziti.register()
    deleted = ziti.jti(gone)
    ziti.enlist.do(DeleteEnrollment(gone.enrollment_id))
    told = []
    for token in (str(uuid.uuid4()), str(uuid.uuid4()), deleted, "no-uuid", ""):
        answer = ziti.enroll(token)
        assert error_of(answer) == (400, "INVALID_ENROLLMENT_TOKEN")
        error = answer.json()["error"]
        error.pop("requestId")
        told.append(error)
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize("method", ["ottca", "ca", "updb", "nonsense", ""])
def test_other_methods_are_not_offered(ziti: Ziti, method: str) -> None:
    """D50: whether the token is known or not; and it is not used up."""
    token = ziti.jti(ziti.register())
    for each in (token, str(uuid.uuid4())):
        answer = ziti.enroll(each, params={"method": method, "token": each})
        assert error_of(answer) == (400, "INVALID_ENROLL_METHOD")
    assert ziti.enroll(token, params={"token": token}).status_code == 200


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("/enroll?token=no-uuid", b'{"clientCsr": "x"}', "token"),
        ("/enroll?token={known}", b"{}", "clientCsr"),
        ("/enroll?token={known}", b"[]", "clientCsr"),
        ("/enroll/ott", b'{"clientCsr": "x"}', "token"),
        ("/enroll/ott", b'{"token": 7, "clientCsr": "x"}', "token"),
        ("/enroll/ott", b'{"token": "no-uuid", "clientCsr": "x"}', "token"),
    ],
)
def test_a_wrong_field_is_named(ziti: Ziti, path: str, sent: bytes, field: str) -> None:
    """D50."""
    known = str(uuid.uuid4())
    json_type = {"content-type": "application/json"}
    answer = ziti.post(path.format(known=known), content=sent, headers=json_type)
    assert error_of(answer) == (400, "COULD_NOT_VALIDATE")
    assert answer.json()["error"]["cause"]["field"] == field


@pytest.mark.parametrize("path", ["/enroll?method=ott", "/enroll/ott"])
def test_what_is_no_json_is_told_so(ziti: Ziti, path: str) -> None:
    for sent in (b"", b"{", b"\xff", b'{"a": 1, "a": 2}'):
        answer = ziti.post(path, content=sent, headers={"content-type": "application/json"})
        assert error_of(answer) == (400, "COULD_NOT_PARSE_BODY")


def test_a_client_that_reads_no_json_is_refused_first(ziti: Ziti) -> None:
    token = ziti.jti(ziti.register())
    picky = {"content-type": "text/plain", "accept": "application/x-pem-file"}
    assert error_of(ziti.enroll(token, headers=picky)) == (415, "UNSUPPORTED_MEDIA")
    several = {"content-type": "text/plain", "accept": "text/html, application/json;q=0.5"}
    assert ziti.enroll(token, headers=several).status_code == 200


def test_a_large_body_is_refused(ziti: Ziti) -> None:
    """D52."""
    for prefix in ("", PREFIX):
        answer = ziti.enroll(str(uuid.uuid4()), b"x" * (64 * 1024 + 1), prefix)
        assert error_of(answer) == (413, "REQUEST_ENTITY_TOO_LARGE")


def test_a_flood_of_guesses_is_stopped_and_uses_nothing_up(ziti: Ziti) -> None:
    """D53."""
    token = ziti.jti(ziti.register())
    here = {ADDRESS: "198.51.100.7", "content-type": "text/plain"}
    told = [error_of(ziti.enroll(str(uuid.uuid4()), headers=here))[1] for _ in range(12)]
    assert told.count("INVALID_ENROLLMENT_TOKEN") == 10
    answer = ziti.enroll(token, headers=here)
    assert error_of(answer) == (429, "RATE_LIMITED")
    assert int(answer.headers["retry-after"]) > 0
    assert ziti.enroll(token).status_code == 200


def test_whatever_is_not_there_is_told_in_the_same_envelope(ziti: Ziti) -> None:
    """D72."""
    assert error_of(ziti.get(f"{PREFIX}/nothing")) == (404, "NOT_FOUND")
    assert error_of(ziti.get("/edge/management/v2/x")) == (404, "NOT_FOUND")
    for path in both("/enroll"):
        answer = ziti.get(path)
        assert error_of(answer) == (405, "METHOD_NOT_ALLOWED")
        assert "POST" in answer.headers["allow"]
    # Enlist's own addresses on the same listener keep Enlist's own form.
    assert ziti.get("/device").headers["content-type"] == "application/problem+json"


def test_the_request_id_is_in_the_log(ziti: Ziti) -> None:
    """D72; and it leads an administrator to the event."""
    issued = ziti.register()
    token = ziti.jti(issued)
    assert ziti.enroll(token).status_code == 200
    with capture_logs() as logs:
        answer = ziti.enroll(token, request_pem(1))
    request_id = answer.json()["error"]["requestId"]
    assert [line["request_id"] for line in logs if line["event"] == "refused"] == [request_id]
    assert token not in str(logs)
    (event,) = ziti.enlist.events("enrollment.refused")
    assert event.support_code == request_id


def test_a_store_that_is_away_uses_nothing_up(ziti: Ziti, monkeypatch: pytest.MonkeyPatch) -> None:
    """D48: nor does a fault of ours."""
    token = ziti.jti(ziti.register())
    store = type(ziti.enlist.store)
    faults = {StoreUnavailable("gone"): (503, "TIMEOUT"), RuntimeError("ours"): (500, "UNHANDLED")}
    for fault, told in faults.items():

        def fails(*_asked: object, _fault: Exception = fault, **_how: object) -> None:
            raise _fault

        with monkeypatch.context() as patch:
            for way in ("read", "write", "claim"):
                patch.setattr(store, way, fails)
            assert error_of(ziti.enroll(token)) == told
    assert ziti.enroll(token).status_code == 200
