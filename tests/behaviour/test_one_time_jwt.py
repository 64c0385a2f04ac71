"""Enrolling with a one-time JWT: what it says, and that it is one more secret on the one lifecycle.

Fact rows D07, D19, D20, D26, D29, D31, D34, D49, D55, on both stores.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from enlist.core.clock import HOUR, SECOND
from enlist.core.secrets import KeyRing, Kind, Secret, new_key
from enlist.store.redemptions import DeviceReport
from enlist.verbs.driver import Driver
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import IssuedAgain
from enlist.verbs.reissue import Reissue
from tests.behaviour.jwts import jti, parts, redeem, register
from tests.installation import SHOWN, Enlist, code, done, refusal
from tests.requests import csr, tampered


def test_its_claims_are_those_that_clients_read(enlist: Enlist) -> None:
    """D34."""
    issued = register(enlist)
    shown = enlist.do(ShowJwt(issued.enrollment_id))
    header, claims, _, _ = parts(shown.jwt)
    assert header == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": enlist.installation.tools.listener().kid,
    }
    assert claims["iss"] == enlist.installation.tools.addresses.device_url
    assert claims["iss"].count("/") == 2
    assert claims["sub"] == issued.device_id
    assert claims["aud"] == [""]
    assert claims["exp"] == issued.expires_at // SECOND
    assert claims["em"] == "ott"
    assert uuid.UUID(claims["jti"]).version == 4


def test_the_listeners_key_signed_it(enlist: Enlist) -> None:
    """D33, up to the certificate file; the listener itself is asked in tests/server."""
    shown = enlist.do(ShowJwt(register(enlist).enrollment_id))
    *_, signed, signature = parts(shown.jwt)
    key = enlist.installation.tools.listener().certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(signature, signed, PKCS1v15(), SHA256())


def test_it_is_the_same_text_each_time(enlist: Enlist) -> None:
    """D26: what is downloaded twice, or shown as a QR code, is one JWT."""
    issued = register(enlist)
    first = enlist.do(ShowJwt(issued.enrollment_id)).jwt
    assert enlist.again().do(ShowJwt(issued.enrollment_id, "qr")).jwt == first


def test_it_enrolls_its_device_once(enlist: Enlist) -> None:
    """D19."""
    issued = register(enlist)
    secret = jti(enlist, issued.enrollment_id)
    assert done(redeem(enlist, secret)).device_id == issued.device_id
    assert code(redeem(enlist, secret, key=1)) == "token_used"
    assert len(enlist.credentials_of(issued.device_id)) == 1


def test_of_twenty_at_once_one_enrolls(enlist: Enlist) -> None:
    """D20."""
    issued = register(enlist)
    secret = jti(enlist, issued.enrollment_id)
    attempts = [lambda number=number: redeem(enlist, secret, number) for number in range(20)]
    told = sorted(code(outcome) for outcome in enlist.together(attempts))
    assert told == ["done"] + ["token_used"] * 19
    assert len(enlist.credentials_of(issued.device_id)) == 1


def test_a_bad_request_leaves_it_usable(enlist: Enlist) -> None:
    """D48."""
    secret = jti(enlist, register(enlist).enrollment_id)
    presented = Presented(secret, kind=Kind.ONE_TIME_JWT)
    bad = Redeem(presented, DeviceReport(), tampered())
    assert code(enlist.perform(bad, enlist.stranger())) == "csr_invalid"
    assert code(redeem(enlist, secret)) == "done"


def test_the_server_ends_it_to_the_microsecond(enlist: Enlist) -> None:
    """D49."""
    issued = register(enlist, expires_at=enlist.clock.now + HOUR)
    secret = jti(enlist, issued.enrollment_id)
    enlist.clock.advance(hours=1)
    assert code(redeem(enlist, secret)) == "token_expired"
    assert code(enlist.perform(ShowJwt(issued.enrollment_id))) == "token_expired"


def test_reissuing_makes_another_for_the_same_device(enlist: Enlist) -> None:
    """D07, D14, D15."""
    issued = register(enlist)
    old = jti(enlist, issued.enrollment_id)
    assert enlist.do(Reissue(issued.enrollment_id, SHOWN)).token is None
    new = jti(enlist, issued.enrollment_id)
    assert new != old
    assert code(redeem(enlist, old)) == "token_replaced"
    assert done(redeem(enlist, new)).device_id == issued.device_id


def test_what_is_over_is_handed_out_no_more(enlist: Enlist) -> None:
    """D29."""
    used, revoked = register(enlist), register(enlist)
    assert code(redeem(enlist, jti(enlist, used.enrollment_id))) == "done"
    done(enlist.revoke(revoked.enrollment_id))
    assert code(enlist.perform(ShowJwt(used.enrollment_id))) == "token_used"
    assert code(enlist.perform(ShowJwt(revoked.enrollment_id))) == "token_revoked"


def test_a_registration_token_is_no_jwt(enlist: Enlist) -> None:
    """Nor the other way round: no digest of one is ever found by the other (S11)."""
    ticket = enlist.register("ada")
    assert code(enlist.perform(ShowJwt(ticket.enrollment_id))) == "conflict"
    assert code(redeem(enlist, ticket.token)) == "token_invalid"
    secret = jti(enlist, register(enlist).enrollment_id)
    assert code(enlist.redeem(secret)) == "token_invalid"
    assert code(enlist.redeem(Secret(secret.reveal().replace("-", "")[:20]))) == "token_invalid"


def test_registering_shows_no_token(enlist: Enlist) -> None:
    """It is handed out by a verb of its own, which says so in the log (ruling 6)."""
    issued = register(enlist)
    assert issued.token is None
    assert enlist.do(IssuedAgain(issued.enrollment_id, revealed=True)).token is None
    assert enlist.events("enrollment.revealed") == []
    enlist.do(ShowJwt(issued.enrollment_id, "qr"))
    (event,) = enlist.events("enrollment.revealed")
    assert event.data["form"] == "qr"


def test_no_organization_asks_for_more_than_the_jwt(enlist: Enlist) -> None:
    """Two factors are for registration tokens."""
    enlist.set(token_type="two_factor")
    secret = jti(enlist, register(enlist).enrollment_id)
    assert code(redeem(enlist, secret)) == "done"


def test_a_dump_of_the_database_holds_none_of_it(enlist: Enlist) -> None:
    """D31: neither `jti` nor JWT, before and after; the row is found by a keyed digest."""
    issued = register(enlist)
    shown = enlist.do(ShowJwt(issued.enrollment_id)).jwt
    secret = jti(enlist, issued.enrollment_id)
    assert code(redeem(enlist, secret)) == "done"
    tables = ("enrollment", "enrollment_secret", "event", "message", "credential", "device")
    dump = "".join(repr(dict(row)) for table in tables for row in enlist.rows(table))
    for text in (secret.reveal(), secret.reveal().replace("-", ""), shown.reveal()[-40:]):
        assert text not in dump
    assert issued.device_id in dump


@pytest.mark.parametrize("lost", ["derive", "lookup"])
def test_without_its_key_it_is_neither_shown_nor_found(enlist: Enlist, lost: str) -> None:
    """D31: who has the database alone makes nothing of it; a server says which key it lacks."""
    issued = register(enlist)
    secret, tools = jti(enlist, issued.enrollment_id), enlist.driver.tools
    known = {"lookup": tools.keys.lookup, "derive": tools.keys.derive}
    keys = KeyRing(**{**known, lost: (new_key(enlist.clock.now),)})
    driver = Driver(enlist.store, replace(tools, keys=keys), lambda _effects: None)
    shown = driver.perform(ShowJwt(issued.enrollment_id), enlist.host)
    redeemed = Redeem(Presented(secret, kind=Kind.ONE_TIME_JWT), DeviceReport(), csr(0))
    if lost == "derive":
        told = refusal(shown)
        (row,) = enlist.rows("enrollment_secret", enrollment_id=issued.enrollment_id)
        assert told.code == "try_later"
        assert row["derive_key_id"] in told.detail
        assert "restore the key folder" in told.detail
    else:
        assert code(driver.perform(redeemed, enlist.stranger())) == "token_invalid"
    assert code(redeem(enlist, secret)) == "done"


def test_strangers_hear_one_answer(enlist: Enlist) -> None:
    """D55, ruling 14: unknown, deleted and malformed cannot be told apart."""
    unknown = refusal(redeem(enlist, Secret(str(uuid.uuid4()))))
    malformed = refusal(redeem(enlist, Secret("no-uuid")))
    assert {unknown.code, malformed.code} == {"token_invalid"}
    assert unknown.detail == malformed.detail
