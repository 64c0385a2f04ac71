"""Redeeming around the moment when a newer issuing CA takes over."""

from __future__ import annotations

from cryptography import x509

from enlist.pki.authority import Authority, load_issuer, signed_by
from enlist.pki.founding import create_issuer
from tests.requests import request_pem
from tests.web.api.conftest import Api


def test_a_repeated_answer_has_the_chain_of_its_certificate(api: Api) -> None:
    """X23: the same answer, chain and all, though another CA signs by now."""
    ours = api.enlist.installation.tools.authority
    ticket = api.enlist.register("ada")
    body = {
        "token": ticket.token.reveal(),
        "device": {"platform": "linux"},
        "csr": request_pem().decode(),
    }
    first = api.http.post("/api/v1/redeem", json=body).json()
    pki = api.enlist.settings.data / "pki"
    root, key = (pki / "root.pem").read_bytes(), (pki / "root.key").read_bytes()
    made = create_issuer(root, key, ours.issuing, "second", api.enlist.clock.now)
    ours.take_up(Authority(ours.root, (load_issuer(ours.root, *made, "second"), *ours.issuers)))
    again = api.http.post("/api/v1/redeem", json=body).json()
    assert again == first
    leaf = x509.load_pem_x509_certificate(again["certificate"].encode())
    assert signed_by(leaf, x509.load_pem_x509_certificates(again["chain"].encode())[0])
