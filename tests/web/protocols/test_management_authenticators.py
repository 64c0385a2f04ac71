"""Authenticators of OpenZiti's management API: re-enrolled, asked to renew (D09, D70, D71)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from enlist.core.lifecycle import EnrollmentState
from enlist.store import enrollments
from enlist.store.tx import Statement
from enlist.verbs.reset import Reset
from tests.installation import Enlist
from tests.requests import request_pem
from tests.web.protocols.conftest import Ziti, error_of
from tests.web.protocols.managing import Manager, authenticates, enroll, managing


@pytest.fixture
def manager(ziti: Ziti) -> Manager:
    return managing(ziti)


def session(device: Ziti) -> dict[str, Any]:
    """A new API session, as the device sees it."""
    answer = device.post("/edge/client/v1/authenticate", params={"method": "cert"}, content=b"{}")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def re_enroll(manager: Manager, held: str, days: float = 2) -> httpx2.Response:
    expires = {"expiresAt": manager.in_days(days)}
    return manager.post(f"/authenticators/{held}/re-enroll", expires)


def test_a_re_enrollment_ends_the_certificate_and_makes_an_enrollment(manager: Manager) -> None:
    """D70, D03, D04: what it answers is the id of the enrollment."""
    identity, held, device = manager.enrolled()
    token = session(device)["token"]
    answer = re_enroll(manager, held)
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert made["_links"]["self"]["href"] == f"./enrollments/{made['id']}"
    shown = manager.read(f"/enrollments/{made['id']}")
    assert (shown["identityId"], shown["expiresAt"]) == (identity, manager.in_days(2))
    assert error_of(manager.get(f"/authenticators/{held}")) == (404, "NOT_FOUND")
    assert manager.read(f"/identities/{identity}/authenticators") == []
    assert authenticates(device) == (401, "INVALID_AUTH")
    current = device.get("/current-api-session", headers={"zt-session": token})
    assert error_of(current) == (401, "UNAUTHORIZED")
    assert error_of(re_enroll(manager, held)) == (404, "NOT_FOUND")
    again = enroll(manager.ziti, shown["token"], key=1)
    assert session(again)["identityId"] == identity


def test_a_re_enrollment_without_a_right_date_changes_nothing(manager: Manager) -> None:
    """D70, D02."""
    _, held, device = manager.enrolled()
    for body in ({}, {"expiresAt": manager.in_days(-1)}, {"expiresAt": "soon"}):
        answer = manager.post(f"/authenticators/{held}/re-enroll", body)
        assert error_of(answer) == (400, "COULD_NOT_VALIDATE")
        assert answer.json()["error"]["cause"]["field"] == "expiresAt"
    assert authenticates(device) == (200, "")
    assert manager.read("/enrollments") == []


_HELD = Statement(
    "test.left_out", "UPDATE enrollment SET state = 'on_hold', used_at = NULL WHERE id = :id"
)


def left_out(enlist: Enlist, enrollment_id: str) -> None:
    """An enrollment that is out although its device enrolled: as a restored backup leaves one."""
    enlist.store.write(lambda tx: tx.run(_HELD, id=enrollment_id))


def test_a_re_enrollment_waits_while_a_token_is_out(manager: Manager) -> None:
    """D09: the certificate counts on; Enlist's own reset ends the token too (ruling 1)."""
    identity, held, device = manager.enrolled()
    (spent,) = manager.enlist.rows("enrollment")
    left_out(manager.enlist, spent["id"])
    answer = re_enroll(manager, held)
    assert error_of(answer) == (409, "ENROLLMENT_EXISTS")
    assert answer.json()["error"]["cause"]["field"] == "method"
    assert authenticates(device) == (200, "")
    manager.enlist.do(Reset(identity))
    assert authenticates(device) == (401, "INVALID_AUTH")
    before = manager.enlist.store.read(lambda tx: enrollments.find(tx, spent["id"]))
    assert before is not None
    assert before.state is EnrollmentState.REVOKED


def test_what_enrolled_with_a_registration_token_gets_a_jwt(manager: Manager) -> None:
    ticket = manager.enlist.register("ada")
    manager.enlist.redeem(ticket.token)
    (held,) = manager.read(f"/identities/{ticket.device_id}/authenticators")
    made = re_enroll(manager, held["id"]).json()["data"]["id"]
    shown = manager.read(f"/enrollments/{made}")
    assert shown["jwt"]
    assert authenticates(enroll(manager.ziti, shown["token"], key=1)) == (200, "")


def test_a_device_is_asked_to_renew_its_certificate(manager: Manager) -> None:
    """D71: its next session says so, until it has done it."""
    identity, held, device = manager.enrolled()
    flags = ("isCertExtendRequested", "isCertKeyRollRequested")
    for asked, expected in ((None, (False, False)), (False, (True, False)), (True, (True, True))):
        if asked is not None:
            answer = manager.post(f"/authenticators/{held}/request-extend", {"rollKeys": asked})
            assert (answer.status_code, answer.json()) == (200, {"data": {}, "meta": {}})
        assert tuple(session(device)[name] for name in flags) == expected
    shown = manager.read(f"/authenticators/{held}")
    assert (shown["isExtendRequested"], shown["isKeyRollRequested"]) == (True, True)
    assert shown["extendRequestedAt"]
    assert len(manager.enlist.events("credential.extension_requested")) == 2
    headers = {"zt-session": session(device)["token"]}
    place = f"/edge/client/v1/current-identity/authenticators/{held}"
    csr = {"clientCertCsr": request_pem(1).decode()}
    fresh = device.post(f"{place}/extend", json=csr, headers=headers).json()["data"]["clientCert"]
    of_identity = f"/identities/{identity}/authenticators"
    assert [each["id"] for each in manager.read(of_identity)] == [held]
    confirmed = device.post(f"{place}/extend-verify", json={"clientCert": fresh}, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    (after,) = manager.read(of_identity)
    assert after["id"] != held
    renewed = session(manager.ziti.with_certificate(fresh))
    assert tuple(renewed[name] for name in flags) == (False, False)


def test_what_is_not_there_is_asked_nothing(manager: Manager) -> None:
    identity, held, _ = manager.enrolled()
    for unknown in (identity, "nothing"):
        for path, body in (
            ("re-enroll", {"expiresAt": manager.in_days(1)}),
            ("request-extend", {}),
        ):
            answer = manager.post(f"/authenticators/{unknown}/{path}", body)
            assert error_of(answer) == (404, "NOT_FOUND")
    wrong = manager.post(f"/authenticators/{held}/request-extend", {"rollKeys": "yes"})
    assert error_of(wrong) == (400, "COULD_NOT_VALIDATE")


def test_authenticators_are_listed(manager: Manager) -> None:
    """D65, D66."""
    one, held, _ = manager.enrolled("one")
    two, other, _ = manager.enrolled("two", key=1)
    shown = manager.read(f"/authenticators/{held}")
    assert shown["method"] == "cert"
    assert shown["certPem"].startswith("-----BEGIN CERTIFICATE-----")
    assert shown["identity"]["name"] == "one"
    assert shown["identityId"] == one
    links = {name: each["href"] for name, each in shown["_links"].items()}
    assert links == {"self": f"./authenticators/{held}", "identity": f"./identities/{one}"}
    for wanted, expected in (
        ("", [held, other]),
        (f'identity = "{two}"', [other]),
        (f'fingerprint = "{shown["fingerprint"]}" and method = "cert"', [held]),
        ('method = "updb"', []),
        ("sort by id desc", [other, held]),
        ("sort by method, fingerprint limit 0", None),
    ):
        found = [each["id"] for each in manager.read("/authenticators", filter=wanted)]
        assert found == expected or (expected is None and sorted(found) == [held, other])
    assert error_of(manager.get("/authenticators", filter='username = "x"'))[1] == "INVALID_FILTER"
