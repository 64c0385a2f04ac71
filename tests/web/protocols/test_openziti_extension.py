"""Another certificate for a device that has a session, as OpenZiti's clients ask for it (D63)."""

from __future__ import annotations

import json
import ssl

import httpx2
from cryptography import x509

from enlist.store import credentials
from enlist.verbs.reset import Reset
from tests.requests import request_pem
from tests.web.protocols.conftest import PREFIX, Ziti, error_of
from tests.web.protocols.sessions import authenticate, over, show, signed_in


def extend(device: Ziti, token: str, authenticator: str, key: int = 5) -> httpx2.Response:
    path = f"{PREFIX}/current-identity/authenticators/{authenticator}/extend"
    body = json.dumps({"clientCertCsr": request_pem(key).decode()}).encode()
    return device.post(path, content=body, headers={"zt-session": token})


def confirm(device: Ziti, token: str, authenticator: str, pem: str) -> httpx2.Response:
    path = f"/current-identity/authenticators/{authenticator}/extend-verify"
    body = json.dumps({"clientCert": pem}).encode()
    return device.post(path, content=body, headers={"zt-session": token})


def test_a_device_renews_its_certificate_without_a_reset(ziti: Ziti) -> None:
    """D63: both count until the new one is confirmed, and then the new one alone."""
    issued = ziti.register()
    old = ziti.enrolled(issued)
    token, data = signed_in(old)
    given = extend(old, token, data["authenticatorId"])
    assert given.status_code == 200, given.text
    chain = given.json()["data"]["clientCert"]
    leaf, issuing = x509.load_pem_x509_certificates(chain.encode())
    leaf.verify_directly_issued_by(issuing)
    assert leaf.subject.rfc4514_string() == f"CN={issued.device_id}"
    assert given.json()["data"]["ca"].count("BEGIN CERTIFICATE") == 2
    new = ziti.with_certificate(chain)
    assert authenticate(old).status_code == authenticate(new).status_code == 200

    told = confirm(old, token, data["authenticatorId"], chain)
    assert (told.status_code, told.json()) == (200, {"data": {}, "meta": {}})
    assert error_of(authenticate(old)) == (401, "INVALID_AUTH")
    assert authenticate(new).status_code == 200
    # The session goes on, under the certificate that took over.
    after = show(new, token).json()["data"]
    assert after["id"] == data["id"]
    assert after["authenticatorId"] != data["authenticatorId"]


def test_a_copied_key_keeps_no_session_over_a_renewal(ziti: Ziti) -> None:
    """X50: who copied the key began a session beside the device's own; once it has renewed, he
    has to prove himself anew, by the old key, and that raises the alarm."""
    device = ziti.enrolled(ziti.register())
    stolen, _ = signed_in(device)
    token, data = signed_in(device)
    chain = extend(device, token, data["authenticatorId"]).json()["data"]["clientCert"]
    assert show(device, stolen).status_code == 200
    assert confirm(device, token, data["authenticatorId"], chain).status_code == 200
    assert over(show(device, stolen))
    assert over(show(ziti.with_certificate(chain), stolen))
    assert show(ziti.with_certificate(chain), token).status_code == 200
    assert error_of(authenticate(device)) == (401, "INVALID_AUTH")
    assert len(ziti.enlist.events("credential.refused", flag="possible_clone")) == 1


def test_an_answer_that_was_lost_can_be_asked_for_again(ziti: Ziti) -> None:
    """D63: what was never confirmed counts no more once another one is given out."""
    device = ziti.enrolled(ziti.register())
    token, data = signed_in(device)
    first = extend(device, token, data["authenticatorId"]).json()["data"]["clientCert"]
    second = extend(device, token, data["authenticatorId"], 6).json()["data"]["clientCert"]
    assert error_of(authenticate(ziti.with_certificate(first))) == (401, "INVALID_AUTH")
    assert error_of(confirm(device, token, data["authenticatorId"], first))[0] == 404
    assert confirm(device, token, data["authenticatorId"], second).status_code == 200


def test_nobody_renews_what_is_not_his(ziti: Ziti) -> None:
    """D63: another's credential, another's connection, no session, a bad request, a stray one."""
    device, other = ziti.enrolled(ziti.register()), ziti.enrolled(ziti.register(), key=1)
    token, data = signed_in(device)
    others, their = signed_in(other)
    mine = data["authenticatorId"]
    assert error_of(extend(device, token, their["authenticatorId"]))[1] == "NOT_FOUND"
    assert over(extend(other, token, mine))
    assert over(extend(ziti, token, mine))
    assert over(extend(device, "random", mine))
    path = f"/current-identity/authenticators/{mine}/extend"
    for body, told in (
        (b'{"clientCertCsr": "no"}', "COULD_NOT_PROCESS_CSR"),
        (b"{}", "COULD_NOT_VALIDATE"),
        (b"{", "COULD_NOT_PARSE_BODY"),
    ):
        answer = device.post(path, content=body, headers={"zt-session": token})
        assert error_of(answer) == (400, told)
    chain = extend(other, others, their["authenticatorId"]).json()["data"]["clientCert"]
    assert error_of(confirm(device, token, mine, chain))[1] == "NOT_FOUND"
    for nonsense in ("nonsense", of_no_known_version(chain)):
        assert error_of(confirm(device, token, mine, nonsense))[1] == "NOT_FOUND"
    assert authenticate(device).status_code == 200


def of_no_known_version(chain: str) -> str:
    """The first certificate, which says that it is one of X.509's version 8."""
    der = ssl.PEM_cert_to_DER_cert(chain[: chain.index("-----END")] + "-----END CERTIFICATE-----")
    return ssl.DER_cert_to_PEM_cert(
        der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
    )


def test_a_reset_ends_a_renewal_as_well(ziti: Ziti) -> None:
    """D21, D63."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    token, data = signed_in(device)
    chain = extend(device, token, data["authenticatorId"]).json()["data"]["clientCert"]
    ziti.enlist.do(Reset(issued.device_id))
    assert error_of(authenticate(ziti.with_certificate(chain))) == (401, "INVALID_AUTH")
    assert over(confirm(device, token, data["authenticatorId"], chain))


def test_the_flags_of_a_wish_to_renew_are_shown(ziti: Ziti) -> None:
    """What a client is asked to do stands in its session."""
    device = ziti.enrolled(ziti.register())
    token, data = signed_in(device)
    assert (data["isCertExtendRequested"], data["isCertKeyRollRequested"]) == (False, False)
    wish = data["authenticatorId"]
    ziti.enlist.store.write(lambda tx: credentials.request_extend(tx, wish, roll_key=True))
    after = show(device, token).json()["data"]
    assert (after["isCertExtendRequested"], after["isCertKeyRollRequested"]) == (True, True)


def test_the_events_of_a_session_tell_what_happened(ziti: Ziti) -> None:
    device = ziti.enrolled(ziti.register())
    token, data = signed_in(device)
    chain = extend(device, token, data["authenticatorId"]).json()["data"]["clientCert"]
    assert confirm(device, token, data["authenticatorId"], chain).status_code == 200
    assert device.delete("/current-api-session", headers={"zt-session": token}).status_code == 200
    kinds = [event.kind for event in ziti.enlist.events()]
    assert kinds[-4:] == [
        "api_session.started",
        "credential.extended",
        "credential.renewed",
        "api_session.ended",
    ]
    assert token not in str([event.entry for event in ziti.enlist.events()])
