"""API sessions as OpenZiti's clients use them: proved by certificate, worth what it is worth.

Fact rows D03, D04, D06, D39, D56-D62, D72, D73, on both stores.
"""

from __future__ import annotations

import json
import re
import uuid

import pytest

from enlist.core.clock import MINUTE
from enlist.core.secrets import LONGEST_PRESENTED
from enlist.store import credentials
from enlist.verbs import api_sessions
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.reset import Reset
from enlist.verbs.sweep import Sweep
from enlist.verbs.users import SetUserState
from tests.installation import code
from tests.web.protocols.conftest import ADDRESS, PREFIX, Ziti, error_of
from tests.web.protocols.sessions import authenticate, over, show, signed_in

MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MOMENTS = (
    "expiresAt",
    "lastActivityAt",
    "cachedLastActivityAt",
    "createdAt",
    "updatedAt",
    "lastChangeAt",
)


# --- proving oneself --------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        json.dumps({"sdkInfo": {}, "envInfo": {"os": "linux"}, "configTypes": []}).encode(),
    ],
)
def test_a_certificate_begins_a_session(ziti: Ziti, prefix: str, body: bytes) -> None:
    """D56, D39, D73: every part of the body is optional."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    answer = authenticate(device, prefix, content=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    data = answer.json()["data"]
    assert answer.headers["zt-session"] == data["token"]
    assert data["identityId"] == data["identity"]["id"] == issued.device_id
    assert data["expirationSeconds"] == 1800
    assert (data["isMfaRequired"], data["isMfaComplete"]) == (False, True)
    assert data["authQueries"] == []
    assert data["isCertExtendable"] is True
    for name in MOMENTS:
        assert name not in data or MILLISECONDS.fullmatch(data[name]), name


def test_without_a_certificate_nobody_gets_in(ziti: Ziti) -> None:
    """D57."""
    assert error_of(authenticate(ziti)) == (401, "INVALID_AUTH")
    other = ziti.post("/authenticate", params={"method": "password"}, content=b"{}")
    assert error_of(other) == (401, "INVALID_AUTH")


def test_what_is_no_json_is_told_so(ziti: Ziti) -> None:
    device = ziti.enrolled(ziti.register())
    assert error_of(authenticate(device, content=b"{")) == (400, "COULD_NOT_PARSE_BODY")


def test_who_keeps_coming_without_a_certificate_must_wait(ziti: Ziti) -> None:
    """D53."""
    here = {ADDRESS: "198.51.100.9"}
    told = [error_of(authenticate(ziti, headers=here)) for _ in range(11)]
    assert told == [(401, "INVALID_AUTH")] * 10 + [(429, "RATE_LIMITED")]
    answer = authenticate(ziti, headers=here)
    assert int(answer.headers["retry-after"]) > 0


def test_who_comes_without_a_certificate_keeps_nobody_else_out(ziti: Ziti) -> None:
    """Behind one address there are many: some enroll, and others have their certificate."""
    here = {ADDRESS: "198.51.100.9"}
    token, device = ziti.jti(ziti.register()), ziti.enrolled(ziti.register(), key=1)
    for _ in range(12):
        authenticate(ziti, headers=here)
    assert authenticate(device, headers=here).status_code == 200
    assert ziti.enroll(token, headers={**here, "content-type": "text/plain"}).status_code == 200


def test_who_guesses_tokens_keeps_no_certificate_out(ziti: Ziti) -> None:
    here = {ADDRESS: "198.51.100.9", "content-type": "text/plain"}
    device = ziti.enrolled(ziti.register())
    told = [error_of(ziti.enroll(str(uuid.uuid4()), headers=here))[1] for _ in range(11)]
    assert told[-1] == "RATE_LIMITED"
    assert authenticate(device, headers=here).status_code == 200


def test_a_certificate_without_a_credential_is_worth_nothing(ziti: Ziti) -> None:
    """D58: of a device that was deleted."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    ziti.enlist.do(DeleteDevice(issued.device_id))
    assert error_of(authenticate(device)) == (401, "INVALID_AUTH")


# --- showing the session ----------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_session_is_shown_and_ended(ziti: Ziti, prefix: str) -> None:
    """D59, D39."""
    device = ziti.enrolled(ziti.register())
    token, data = signed_in(device)
    headers = {"zt-session": token}
    shown = device.get(f"{prefix}/current-api-session", headers=headers)
    assert shown.status_code == 200
    assert shown.json()["data"] == data
    ended = device.delete(f"{prefix}/current-api-session", headers=headers)
    assert (ended.status_code, ended.json()) == (200, {"data": {}, "meta": {}})
    assert over(device.get(f"{prefix}/current-api-session", headers=headers))
    assert over(device.delete(f"{prefix}/current-api-session", headers=headers))


@pytest.mark.parametrize(
    "path",
    [
        "/current-api-session",
        "/current-api-session/service-updates",
        "/current-identity",
        "/current-identity/authenticators",
        "/current-identity/edge-routers",
        "/services",
    ],
)
def test_every_call_asks_for_the_session(ziti: Ziti, path: str) -> None:
    """D59, D39, D72: none, a random one and an endless one are all refused."""
    device = ziti.enrolled(ziti.register())
    token, _ = signed_in(device)
    for prefix in ("", PREFIX):
        assert device.get(prefix + path, headers={"zt-session": token}).status_code == 200
        assert over(device.get(prefix + path))
        for wrong in ("random", token[:-1], "x" * LONGEST_PRESENTED * 2):
            assert over(device.get(prefix + path, headers={"zt-session": wrong}))


def test_what_a_client_asks_besides(ziti: Ziti) -> None:
    """D73: empty lists where Enlist routes nothing, and whose identity this is."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    token, data = signed_in(device)
    for path in ("/services", "/current-identity/edge-routers", "/external-jwt-signers"):
        body = show(device, token, path).json()
        assert body["data"] == []
        assert body["meta"]["pagination"]["totalCount"] == 0
    assert ziti.get("/external-jwt-signers", params={"limit": 25}).status_code == 200
    identity = show(device, token, "/current-identity").json()["data"]
    assert (identity["id"], identity["name"]) == (issued.device_id, "laptop")
    (held,) = show(device, token, "/current-identity/authenticators").json()["data"]
    assert held["id"] == data["authenticatorId"]
    changed = show(device, token, "/current-api-session/service-updates").json()["data"]
    assert MILLISECONDS.fullmatch(changed["lastChangeAt"])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_token_is_worth_nothing_without_the_device_that_got_it(ziti: Ziti, method: str) -> None:
    """Stolen from a log or a memory; another device that shows it leaves an event."""
    issued = ziti.register()
    device, other = ziti.enrolled(issued), ziti.enrolled(ziti.register(), key=1)
    token, _ = signed_in(device)
    headers = {"zt-session": token}
    assert over(ziti.ask(method, "/current-api-session", headers=headers))
    answer = other.ask(method, "/current-api-session", headers=headers)
    assert over(answer)
    (event,) = ziti.enlist.events("request.refused")
    assert event.device_id == issued.device_id
    assert event.support_code == answer.json()["error"]["requestId"]
    assert token not in event.entry
    assert show(device, token).status_code == 200


def test_a_session_ends_when_it_is_not_used(ziti: Ziti) -> None:
    """D60: after 30 minutes; each use begins them anew."""
    device = ziti.enrolled(ziti.register())
    token, _ = signed_in(device)
    for _ in range(3):
        ziti.enlist.clock.advance(minutes=29)
        assert show(device, token).status_code == 200
    ziti.enlist.clock.advance(minutes=30)
    assert over(show(device, token))


def test_a_session_ends_with_the_certificate_that_it_began_with(ziti: Ziti) -> None:
    """S61: to the second, in the middle of its half hour."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    (held,) = ziti.enlist.credentials_of(issued.device_id)
    ziti.enlist.clock.now = held.not_after - 1
    token, _ = signed_in(device)
    assert show(device, token).status_code == 200
    ziti.enlist.clock.now = held.not_after
    assert over(show(device, token))
    assert error_of(authenticate(device)) == (401, "INVALID_AUTH")


def test_what_ends_all_proofs_ends_the_session(ziti: Ziti) -> None:
    """Section 6: it lives on the generation of the credential, which may be shown anew."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    token, _ = signed_in(device)
    ziti.enlist.store.write(lambda tx: credentials.end_proofs(tx, issued.device_id))
    assert over(show(device, token))
    assert authenticate(device).status_code == 200


def test_the_oldest_of_many_sessions_gives_way(ziti: Ziti) -> None:
    device = ziti.enrolled(ziti.register())
    first, *_, last = [signed_in(device)[0] for _ in range(20)]
    assert show(device, first).status_code == 200
    signed_in(device)
    assert over(show(device, first))
    assert show(device, last).status_code == 200


def test_a_device_that_authenticates_without_end_has_to_wait(
    ziti: Ziti, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D53: each time is a line of the log. No other device has to."""
    monkeypatch.setattr(api_sessions, "MOST_BEGUN", 2)
    device, other = ziti.enrolled(ziti.register()), ziti.enrolled(ziti.register(), key=1)
    assert [authenticate(device).status_code for _ in range(2)] == [200, 200]
    answer = authenticate(device)
    assert error_of(answer) == (429, "RATE_LIMITED")
    assert answer.headers["retry-after"] == "60"
    assert authenticate(other).status_code == 200
    ziti.enlist.clock.advance(minutes=1)
    assert authenticate(device).status_code == 200


def test_a_dump_of_the_database_holds_no_token(ziti: Ziti) -> None:
    token, _ = signed_in(ziti.enrolled(ziti.register()))
    assert token not in repr([dict(row) for row in ziti.enlist.rows("api_session")])


# --- taking it away ---------------------------------------------------------------------------


def test_a_reset_ends_it_at_the_next_request(ziti: Ziti) -> None:
    """D03, D04, D06, D61: the session and the certificate, and nobody else's."""
    issued = ziti.register()
    device, other = ziti.enrolled(issued), ziti.enrolled(ziti.register(), key=1)
    token, _ = signed_in(device)
    others, _ = signed_in(other)
    ziti.enlist.do(Reset(issued.device_id))
    assert over(show(device, token))
    assert error_of(authenticate(device)) == (401, "INVALID_AUTH")
    assert show(other, others).status_code == 200
    assert authenticate(other).status_code == 200


def test_who_is_disabled_stays_out_until_he_is_enabled(ziti: Ziti) -> None:
    """D62."""
    device = ziti.enrolled(ziti.register())
    token, _ = signed_in(device)
    ziti.enlist.do(SetUserState("ada", "disabled"))
    assert over(show(device, token))
    assert error_of(authenticate(device)) == (401, "INVALID_AUTH")
    ziti.enlist.do(SetUserState("ada", "active"))
    assert authenticate(device).status_code == 200


def test_whose_certificate_was_withdrawn_is_told_to_ask_for_a_jwt(ziti: Ziti) -> None:
    """D54: an OpenZiti client can do nothing with a registration token."""
    issued = ziti.register()
    device = ziti.enrolled(issued)
    ziti.enlist.do(Reset(issued.device_id))
    message = authenticate(device).json()["error"]["message"]
    assert "withdrawn. Ask your administrator for a new JWT" in message


def test_a_session_of_long_ago_is_swept(ziti: Ziti) -> None:
    signed_in(ziti.enrolled(ziti.register()))
    ziti.enlist.clock.now += 2 * 24 * 60 * MINUTE + MINUTE
    assert code(ziti.enlist.perform(Sweep())) == "done"
    assert ziti.enlist.rows("api_session") == []
