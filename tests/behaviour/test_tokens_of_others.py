"""What a device asks for with a token and cannot have: one event a minute for each reason.

Nothing is ever taken out of the log, so a device in the wrong hands must not be able to fill it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from enlist.core.ids import new_id
from enlist.core.secrets import Secret
from enlist.pki.chain import DeviceCertificate, Flaw, Flawed
from enlist.verbs.api_sessions import Authenticate, EndApiSession, UseApiSession
from enlist.verbs.driver import AnyVerb
from enlist.verbs.extend import ConfirmExtension, ExtendCertificate
from tests.connections import enrolled
from tests.installation import Enlist, code
from tests.requests import csr


def signed_in(enlist: Enlist, user: str, key: int) -> tuple[DeviceCertificate, Secret]:
    """A device's certificate, and the token of a session that it began."""
    device = enrolled(enlist, user, key)
    (held,) = enlist.credentials_of(device.device_id)
    shown = DeviceCertificate(device.device_id, held.serial, held.fingerprint, held.not_after)
    proved = enlist.do(Authenticate(shown), device.caller)
    assert proved.token is not None
    return shown, proved.token


def test_a_device_that_asks_for_what_is_not_its_own_is_written_down_once_a_minute(
    enlist: Enlist,
) -> None:
    (device, token), (other, _) = signed_in(enlist, "ada", 0), signed_in(enlist, "grace", 1)
    nobodys, caller = new_id(enlist.clock.now), enlist.stranger()
    asked: list[tuple[AnyVerb[Any, Any, Any], str]] = [
        (UseApiSession(token, other), "unauthenticated"),
        (EndApiSession(token, other), "unauthenticated"),
        (ExtendCertificate(token, nobodys, other, csr(2)), "unauthenticated"),
        (ExtendCertificate(token, nobodys, device, csr(2)), "not_found"),
        (ConfirmExtension(token, nobodys, device, ""), "not_found"),
    ]
    for minutes in range(1, 3):
        for verb, told in asked * 2:
            assert code(enlist.perform(verb, caller)) == told
        refused = Counter(event.data["code"] for event in enlist.events("request.refused"))
        assert refused == {"unauthenticated": minutes, "not_found": minutes}
        enlist.clock.advance(minutes=1)


def test_who_has_no_certificate_writes_nothing_down_whatever_token_he_stole(
    enlist: Enlist,
) -> None:
    _, token = signed_in(enlist, "ada", 0)
    nobody, nobodys = Flawed(Flaw.MISSING), new_id(enlist.clock.now)
    asked: list[AnyVerb[Any, Any, Any]] = [
        UseApiSession(token, nobody),
        EndApiSession(token, nobody),
        ExtendCertificate(token, nobodys, nobody, csr(2)),
        ConfirmExtension(token, nobodys, nobody, ""),
    ]
    told = {code(enlist.perform(verb, enlist.stranger())) for verb in asked}
    assert told == {"unauthenticated"}
    assert enlist.events("request.refused") == []
