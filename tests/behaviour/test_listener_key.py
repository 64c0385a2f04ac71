"""The key that the device listener shows and JWTs are signed by: kept, and announced if it is not.

Fact row D37, on both stores; the running listener is in tests/server.
"""

from __future__ import annotations

import pytest
from cryptography import x509

from enlist.core.clock import DAY
from enlist.core.secrets import Secret
from enlist.datafolder import write_secret
from enlist.pki import keys
from enlist.verbs.listener_key import NoteListenerKey
from enlist.verbs.one_time_jwt import ShowJwt
from tests.behaviour.jwts import jti, parts, redeem, register
from tests.behaviour.listener_keys import believed, put_another_key
from tests.installation import Enlist, code


def certificate(enlist: Enlist) -> x509.Certificate:
    return enlist.installation.tools.listener().certificate


def test_a_renewed_certificate_keeps_the_key(enlist: Enlist) -> None:
    """D37: a JWT from before enrolls after it."""
    expires_at = enlist.clock.now + 360 * DAY
    issued = register(enlist, expires_at=expires_at)
    before, jwt = certificate(enlist), enlist.do(ShowJwt(issued.enrollment_id)).jwt
    enlist.clock.now += 350 * DAY
    after = certificate(enlist)
    assert after.serial_number != before.serial_number
    assert after.public_key() == before.public_key()
    assert believed(enlist, jwt)
    assert parts(enlist.do(ShowJwt(issued.enrollment_id)).jwt)[0] != parts(jwt)[0]
    assert code(redeem(enlist, Secret(parts(jwt)[1]["jti"]))) == "done"


def test_another_key_is_announced_once_and_nothing_is_lost(enlist: Enlist) -> None:
    """D37: what is downloaded again is signed by the key that is shown now."""
    assert enlist.do(NoteListenerKey()) == 0
    issued = register(enlist)
    jwt, token = enlist.do(ShowJwt(issued.enrollment_id)).jwt, jti(enlist, issued.enrollment_id)
    assert enlist.do(NoteListenerKey()) == 0
    assert enlist.events("key.listener_changed") == []

    put_another_key(enlist.settings.data)
    assert not believed(enlist, jwt)
    assert enlist.do(NoteListenerKey()) == 1
    assert enlist.do(NoteListenerKey()) == 0
    (event,) = enlist.events("key.listener_changed")
    assert event.data["jwts"] == 1
    again = enlist.do(ShowJwt(issued.enrollment_id)).jwt
    assert believed(enlist, again)
    assert parts(again)[1] == parts(jwt)[1]
    assert code(redeem(enlist, token)) == "done"


def test_a_key_that_no_older_client_believes_is_refused(enlist: Enlist) -> None:
    """D36: an EC key there would make them hang."""
    key = keys.to_pem(keys.new_signing_key())
    write_secret(enlist.settings.data / "pki" / "device-listener.key", key)
    with pytest.raises(ValueError, match="RSA"):
        enlist.installation.tools.listener()
