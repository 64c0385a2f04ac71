"""Whoever checks a certificate with OpenSSL's own tools hears of a reset at once."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.x509 import ocsp

from tests.devices import Credentials, enroll
from tests.peers.base import DEADLINE
from tests.serving import Server, launch_server


@dataclass
class Checker:
    """Somebody who trusts our root and asks where the certificates say that he should."""

    server: Server
    key: str
    folder: Path
    count: int = 0

    def enroll(self) -> Credentials:
        self.count += 1
        return enroll(self.server, self.key, self.folder, self.count)

    def reset(self, device: Credentials, reason: str) -> None:
        asked = {"reason": reason, "message": {"type": "none"}}
        with self.server.client(headers={"Authorization": f"Bearer {self.key}"}) as client:
            answer = client.post(f"/api/v1/devices/{device.device_id}/reset", json=asked)
        assert answer.is_success, answer.text

    def openssl(self, *words: object) -> str:
        """What it says, on either of its outputs."""
        ran = subprocess.run(
            ["openssl", *map(str, words)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE,
            check=False,
        )
        return ran.stdout.decode()

    @property
    def pki(self) -> Path:
        return self.server.data / "pki"


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    folder = tmp_path_factory.mktemp("revocation")
    server = launch_server(folder / "data")
    yield Checker(server, server.api_key("administrator", "enrollments:reveal"), folder)
    server.stop()


def test_the_list_that_is_fetched_next_has_a_reset(checker: Checker) -> None:
    """From the address in the certificate, over plain HTTP."""
    box = checker.enroll()
    trusting = ("-CAfile", checker.pki / "root.pem", "-untrusted", checker.pki / "issuing.pem")
    words = ("verify", "-crl_check", "-crl_download", *trusting, box.files[0])
    assert checker.openssl(*words).endswith("device.pem: OK\n")
    checker.reset(box, "lost")
    assert "certificate revoked" in checker.openssl(*words)


def test_a_cache_must_ask_before_it_repeats_a_list(checker: Checker) -> None:
    """It is told at once whether its copy is still the newest, and sent no list in vain."""
    box = checker.enroll()
    with checker.server.client() as client:
        first = client.get("/pki/issuing.crl")
        assert first.headers["cache-control"] == "public, no-cache"
        known = {"if-none-match": f'"other", {first.headers["etag"]}'}
        again = client.get("/pki/issuing.crl", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        checker.reset(box, "lost")
        after = client.get("/pki/issuing.crl", headers=known)
    assert after.status_code == 200
    assert after.headers["etag"] != first.headers["etag"]


def answered(checker: Checker, box: Credentials, *more: str) -> str:
    """What OpenSSL is answered, verified, at the address that the certificate names."""
    certificate, issuing = box.files[0], checker.pki / "issuing.pem"
    url = checker.openssl("x509", "-in", certificate, "-noout", "-ocsp_uri").strip()
    assert url == f"{checker.server.url}/pki/ocsp"
    trusting = ("-CAfile", checker.pki / "root.pem", "-verify_other", issuing)
    about = ("-issuer", issuing, "-cert", certificate)
    said = checker.openssl("ocsp", "-url", url, *about, *trusting, *more)
    assert "Response verify OK" in said, said
    assert "WARNING" not in said, said
    return said


def test_the_next_ocsp_answer_has_a_reset(checker: Checker) -> None:
    """By POST, with a nonce, and by any hash."""
    box, other = checker.enroll(), checker.enroll()
    assert "device.pem: good" in answered(checker, box)
    checker.reset(box, "lost")
    said = answered(checker, box)
    assert "device.pem: revoked" in said
    assert "Reason: keyCompromise" in said
    assert "device.pem: good" in answered(checker, other)
    sha256 = ("-sha256", "-issuer", str(checker.pki / "issuing.pem"))
    assert "device.pem: revoked" in checker.openssl(
        "ocsp",
        *("-url", f"{checker.server.url}/pki/ocsp", *sha256, "-cert", box.files[0]),
        *("-CAfile", checker.pki / "root.pem", "-verify_other", checker.pki / "issuing.pem"),
    )


def test_an_ocsp_request_may_stand_in_the_address(checker: Checker) -> None:
    """By GET, as RFC 5019 has it; and what is no request is told so, as an answer."""
    box, issuing = checker.enroll(), checker.pki / "issuing.pem"
    about = ("-issuer", issuing, "-cert", box.files[0], "-no_nonce")
    checker.openssl("ocsp", *about, "-reqout", "request.der")
    request = (checker.folder / "request.der").read_bytes()
    with checker.server.client() as client:
        base = quote(b64encode(request).decode(), safe="")
        answer = client.get(f"/pki/ocsp/{base}")
        nonsense = [client.get(f"/pki/ocsp/{path}") for path in ("%", "AAAA", "")]
        posted = client.post("/pki/ocsp", content=b"nothing")
    assert answer.headers["content-type"] == "application/ocsp-response"
    found = ocsp.load_der_ocsp_response(answer.content)
    assert found.certificate_status is ocsp.OCSPCertStatus.GOOD
    for each in (*nonsense, posted):
        status = ocsp.load_der_ocsp_response(each.content).response_status
        assert status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
