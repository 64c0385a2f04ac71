"""One authority for all tests, OpenSSL as the second opinion."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from enlist.pki.authority import Authority, IssuedCertificate
from enlist.pki.csr import Csr
from enlist.pki.founding import AuthorityMaterial, create_authority
from tests.peers.base import DEADLINE
from tests.pki.samples import DEVICE, NOW, URLS, YEAR, Issue, OpenSsl, load, request_of


@pytest.fixture(scope="session")
def material() -> AuthorityMaterial:
    return create_authority("Example Works", "enroll.example.com", NOW)


@pytest.fixture(scope="session")
def authority(material: AuthorityMaterial) -> Authority:
    return load(material)


@pytest.fixture(scope="session")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def csr(ec_key: ec.EllipticCurvePrivateKey) -> Csr:
    return request_of(ec_key)


@pytest.fixture
def issue(authority: Authority, csr: Csr) -> Issue:
    """A device certificate; `now` and `lifetime` may be given."""

    def make(now: int = NOW, lifetime: int = YEAR, device_id: str = DEVICE) -> IssuedCertificate:
        return authority.issue_device(device_id, csr, now, lifetime, URLS)

    return make


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSsl:
    """Run `openssl` in the test's folder. Does not raise: the exit code is what is tested."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["openssl", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=DEADLINE,
            cwd=tmp_path,
        )

    return run
