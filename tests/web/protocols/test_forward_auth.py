"""Who may ask `/forward-auth/certificate`, in which words, and what is answered (TP31–TP33)."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from enlist.core.model import UserState
from enlist.verbs.reset import Reset
from enlist.verbs.users import SetUserState
from enlist.web.app import web_application
from enlist.web.client_certificates import forwarded_certificate
from enlist.web.services import Services
from tests.connections import Enrolled, enrolled
from tests.installation import SHOWN, Enlist

GATEWAY: Final = "192.0.2.1"
PATH: Final = "/forward-auth/certificate"


@dataclass
class Asked:
    """The route, asked from an address."""

    enlist: Enlist
    services: Services

    def ask(self, *certificates: str, peer: str = GATEWAY, **headers: str) -> tuple[int, str]:
        """Status, and the reason where there is one."""
        answer = self.answer(certificates, peer, headers)
        return answer.status_code, answer.headers.get("x-enlist-reason", "")

    def answer(
        self,
        certificates: Sequence[str],
        peer: str = GATEWAY,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        app = web_application(self.services)
        lines = [*(("client-cert", each) for each in certificates), *(headers or {}).items()]
        with TestClient(app, "http://localhost:8000", client=(peer, 50000)) as client:
            return client.get(PATH, headers=lines)


@pytest.fixture
def gate(enlist: Enlist) -> Asked:
    proxies = ("192.0.2.0/24",)
    return Asked(enlist, Services(enlist.driver, enlist.store, trusted_proxies=proxies))


def forms(enlist: Enlist, device: Enrolled) -> tuple[str, str]:
    """A device's certificate as RFC 9440 and as nginx write it."""
    pem = enlist.credentials_of(device.device_id)[0].certificate
    return byte_sequence(ssl.PEM_cert_to_DER_cert(pem)), quote(pem, safe="")


def byte_sequence(der: bytes) -> str:
    return f":{b64encode(der).decode()}:"


def test_either_form_names_the_device(gate: Asked) -> None:
    device = enrolled(gate.enlist)
    for certificate in forms(gate.enlist, device):
        answer = gate.answer([certificate])
        assert (answer.status_code, answer.content) == (200, b"")
        found = {name: value for name, value in answer.headers.items() if "enlist" in name}
        assert found == {
            "x-enlist-device": device.device_id,
            "x-enlist-device-name": "laptop-0",
            "x-enlist-user": "ada",
            "x-enlist-user-id": gate.enlist.device(device.device_id).user_id,
        }


def test_who_is_no_longer_wanted(gate: Asked) -> None:
    """Each by its reason; a disabled user's device may come back with him."""
    device = enrolled(gate.enlist)
    (certificate, _) = forms(gate.enlist, device)
    gate.enlist.do(SetUserState("ada", UserState.DISABLED))
    assert gate.ask(certificate) == (403, "device_blocked")
    gate.enlist.do(SetUserState("ada", UserState.ACTIVE))
    assert gate.ask(certificate) == (200, "")
    gate.enlist.do(Reset(device.device_id, "lost", SHOWN))
    refused = gate.answer([certificate])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Enlist reason="credential_revoked"'
    gate.enlist.clock.advance(hours=400 * 24)
    assert gate.ask(certificate) == (401, "unauthenticated")


def test_refusals_are_written_down_once_a_minute(gate: Asked) -> None:
    """And each carries a support code, also where it left no event of its own."""
    device = enrolled(gate.enlist)
    (certificate, _) = forms(gate.enlist, device)
    gate.enlist.do(Reset(device.device_id, "lost", SHOWN))
    app = web_application(gate.services)
    for at_once in (3, 2):
        with TestClient(app, "http://localhost:8000", client=(GATEWAY, 50000)) as client:
            for _ in range(at_once):
                answer = client.get(PATH, headers={"client-cert": certificate})
                assert answer.headers["x-enlist-support-code"]
        gate.enlist.clock.advance(minutes=2)
    assert len(gate.enlist.events("credential.refused")) == 2


def test_the_log_names_the_visitor_and_not_the_gateway(gate: Asked) -> None:
    """A copied key is seen by where it is used; an unreadable address is the gateway's own."""
    device = enrolled(gate.enlist)
    (certificate, _) = forms(gate.enlist, device)
    gate.enlist.do(Reset(device.device_id, "lost", SHOWN))
    for said in ("203.0.113.9", "203.0.113.9", "2001:db8::1", "nobody"):
        gate.ask(certificate, **{"x-real-ip": said, "user-agent": "browser"})
    told = [row.personal for row in gate.enlist.events("credential.refused")]
    assert [each["address"] for each in told] == ["203.0.113.9", "2001:db8::1", GATEWAY]
    assert {each["user_agent"] for each in told} == {"browser"}


def test_only_a_gateway_that_asks_for_itself(gate: Asked) -> None:
    """TP33: through the proxy before Enlist anybody could ask about anybody."""
    (certificate, _) = forms(gate.enlist, enrolled(gate.enlist))
    assert gate.ask(certificate) == (200, "")
    assert gate.ask(certificate, peer="198.51.100.1") == (404, "")
    assert gate.ask(certificate, **{"x-forwarded-for": "203.0.113.9"}) == (404, "")
    other = replace(gate, services=replace(gate.services, proxy_header="forwarded"))
    assert other.ask(certificate, forwarded="for=203.0.113.9") == (404, "")
    nobody = replace(gate, services=replace(gate.services, trusted_proxies=()))
    assert nobody.ask(certificate, peer="127.0.0.1") == (404, "")


def test_two_certificates_are_none(gate: Asked) -> None:
    (certificate, pem) = forms(gate.enlist, enrolled(gate.enlist))
    refused = (401, "unauthenticated")
    assert gate.ask() == refused
    assert gate.ask(certificate, certificate) == refused
    assert gate.ask(f"{certificate}, {certificate}") == refused
    assert gate.ask(pem + pem) == refused
    assert gate.ask("{http.request.tls.client.certificate_der_base64}") == refused
    assert gate.ask(":{http.request.tls.client.certificate_der_base64}:") == refused


@given(st.text(st.characters(max_codepoint=255)) | st.binary().map(lambda e: quote(e, safe="")))
def test_whatever_else_stands_there_is_no_certificate(text: str) -> None:
    """TP32: nothing raises; what is read is not worth anything yet."""
    headers = [(b"client-cert", text.encode("latin-1"))]
    found = forwarded_certificate(Request({"type": "http", "headers": headers}))
    assert found is None or byte_sequence(found).rstrip("=:") == text.strip().rstrip("=:")
