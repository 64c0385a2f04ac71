"""A renewal and a reset at the same moment: nothing that is older than the reset lives on (D21)."""

from __future__ import annotations

from functools import partial
from typing import Any

from enlist.pki.chain import DeviceCertificate
from enlist.verbs.api_sessions import Authenticate
from enlist.verbs.extend import ExtendCertificate
from enlist.verbs.reset import Reset
from tests.behaviour.jwts import jti, redeem, register
from tests.installation import Enlist, code, done
from tests.requests import csr

ROUNDS = 8


def test_no_renewal_outlives_a_reset(enlist: Enlist) -> None:
    for _ in range(ROUNDS):
        issued = register(enlist)
        assert code(redeem(enlist, jti(enlist, issued.enrollment_id))) == "done"
        (held,) = enlist.credentials_of(issued.device_id)
        shown = DeviceCertificate(issued.device_id, held.serial, held.fingerprint, held.not_after)
        proved = done(enlist.perform(Authenticate(shown), enlist.stranger()))
        assert proved.token is not None
        renewal = ExtendCertificate(proved.token, held.id, shown, csr(1))
        outcomes: list[Any] = enlist.together(
            [
                partial(enlist.perform, renewal, enlist.stranger()),
                partial(enlist.perform, Reset(issued.device_id)),
            ]
        )
        renewed, reset = (code(outcome) for outcome in outcomes)
        assert reset == "done"
        assert renewed in ("done", "unauthenticated", "try_later")
        living = [each for each in enlist.credentials_of(issued.device_id) if not each.revoked_at]
        assert living == []
