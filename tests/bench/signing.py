"""Y3: how many device certificates one core signs per second, and where the time goes.

The product's own functions in a loop, without HTTP and without a database, one thread:

    python -m tests.bench.signing [seconds per line]

The line `request to certificate` is the yardstick that P03 is measured against. The two lines
above it are what OpenSSL itself needs for the one verification and the one signature in it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name

from enlist.core.clock import DAY, system_clock
from enlist.core.outcomes import Refusal
from enlist.pki.authority import load_authority
from enlist.pki.chain import DeviceCertificate, examine
from enlist.pki.csr import Csr, check, parse
from enlist.pki.founding import create_authority
from enlist.pki.profiles import PkiUrls

URLS = PkiUrls.under("http://enroll.example.com/pki")
WHOLE = "request to certificate"
DEVICE = "0197a2c4-77aa-7c3e-8a51-0123456789ab"


def per_second(work: Callable[[], object], seconds: float) -> float:
    """How often `work` runs in a second of this thread's processor time."""
    work()
    done, begin = 0, time.thread_time()
    while (spent := time.thread_time() - begin) < seconds:
        for _ in range(50):
            work()
        done += 50
    return done / spent


def certified(seconds: float = 1.0) -> float:
    """Y3: certificates that one core makes of requests in a second."""
    return per_second(_steps()[WHOLE], seconds)


def _steps() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    now = system_clock()
    material = create_authority("Bench", "enroll.example.com", now)
    authority = load_authority(
        material.root_certificate, material.issuing_certificate, material.issuing_key
    )
    key = ec.generate_private_key(ec.SECP256R1())
    request = CertificateSigningRequestBuilder().subject_name(Name([])).sign(key, SHA256())
    pem = request.public_bytes(Encoding.PEM)
    algorithm, message = ec.ECDSA(SHA256()), bytes(500)
    signature, public_key = key.sign(message, algorithm), key.public_key()

    def read() -> Csr:
        found = parse(pem)
        if isinstance(found, Refusal):
            raise TypeError(found.detail)
        return found

    checked = read()

    def certify(csr: Csr) -> str:
        if check(csr) is not None:
            raise ValueError("the sample request is refused")
        return authority.issue_device(DEVICE, csr, now, 365 * DAY, URLS).pem

    presented = authority.issue_device(DEVICE, checked, now, 365 * DAY, URLS).der
    if not isinstance(examine(presented, authority, now), DeviceCertificate):
        raise TypeError("the sample certificate is refused")
    return {
        "OpenSSL: verify, P-256": lambda: public_key.verify(signature, message, algorithm),
        "OpenSSL: sign, P-256": lambda: key.sign(message, algorithm),
        WHOLE: lambda: certify(read()),
        "  parse": read,
        "  parse, check": lambda: check(read()),
        "  issue": lambda: certify(checked),
        "examine a client certificate": lambda: examine(presented, authority, now),
    }


def main(seconds: float = 3.0) -> None:
    """Print one line per step."""
    for name, work in _steps().items():
        print(f"{name:30}{per_second(work, seconds):>9,.0f}/s per core")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
