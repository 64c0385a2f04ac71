"""Enrolling, with everything that can go wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from enlist_agent.enrollment import Enroll, Enrolled, _request_name
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret
from tests.agent.conftest import Enrolling, Told
from tests.agent.peer import Authority, Peer, Reply, instead, lose_answer, problem


def test_a_device_enrolls_and_keeps_what_it_was_given(
    peer: Peer, state: Path, enrolling: Enrolling
) -> None:
    outcome = enrolling()

    assert isinstance(outcome, Enrolled)
    assert (outcome.device_id, outcome.server) == ("device-1", peer.address)
    leaf = x509.load_pem_x509_certificate((state / "certificate.pem").read_bytes())
    key = load_pem_private_key((state / "key.pem").read_bytes(), None)
    assert leaf.public_key() == key.public_key()
    assert (state / "chain.pem").read_text() == peer.authority.chain
    assert json.loads((state / "state.json").read_text()) == {
        "server": peer.address,
        "device_url": None,
        "device": {"id": "device-1", "name": outcome.name},
    }
    assert outcome.expires_at == leaf.not_valid_after_utc


def test_the_request_follows_the_contract(peer: Peer, state: Path) -> None:
    Enroll(
        Secret("GoodToken1"),
        server=peer.address,
        state=state,
        name="Ada's laptop",
        group_id="main",
        username="ada",
        password=Secret("correct horse"),
    ).run()

    (seen,) = peer.seen
    assert (seen.method, seen.path) == ("POST", "/api/v1/redeem")
    assert seen.headers["Content-Type"] == "application/json"
    assert set(seen.body) == {"token", "group_id", "username", "password", "device", "csr"}
    assert (seen.body["username"], seen.body["password"]) == ("ada", "correct horse")
    assert seen.body["device"]["name"] == "Ada's laptop"


def test_a_group_id_and_a_sign_in_stand_for_a_token(peer: Peer, state: Path) -> None:
    Enroll(
        None,
        server=peer.address,
        state=state,
        group_id="main",
        username="ada",
        password=Secret("correct horse"),
    ).run()

    assert "token" not in peer.seen[0].body


def test_one_time_credentials_stand_for_a_token_alone(peer: Peer, state: Path) -> None:
    """Their user name says itself which organization it is of."""
    password = Secret("BCDF-GHJK")
    Enroll(
        None, server=peer.address, state=state, username="BCDFGHJK@main", password=password
    ).run()

    assert {"token", "group_id"}.isdisjoint(peer.seen[0].body)
    assert peer.seen[0].body["username"] == "BCDFGHJK@main"


def test_a_user_name_alone_is_too_little(peer: Peer, state: Path) -> None:
    with pytest.raises(UsageError, match="user name of one-time credentials"):
        Enroll(None, server=peer.address, state=state, username="ada").run()
    assert peer.seen == []


def test_nothing_to_show_is_refused_before_anything_happens(peer: Peer, state: Path) -> None:
    with pytest.raises(UsageError, match="Give a link, a token or a code"):
        Enroll(None, server=peer.address, state=state, group_id="main").run()
    assert not state.exists()


def test_an_answer_lost_after_the_commit_is_asked_for_again(
    peer: Peer, enrolling: Enrolling, told: Told
) -> None:
    peer.twists = [lose_answer, lose_answer]

    outcome = enrolling()

    assert isinstance(outcome, Enrolled)
    assert len(peer.issued) == 1
    assert len(peer.seen) == 3
    assert len({seen.name for seen in peer.seen}) == 1
    assert len({seen.key for seen in peer.seen}) == 1
    assert len({json.dumps(seen.body) for seen in peer.seen}) == 1
    assert len(told.notices) == 2


def test_the_same_command_after_a_crash_gets_the_same_certificate(
    peer: Peer, state: Path, enrolling: Enrolling
) -> None:
    peer.twists = [lose_answer] * 100
    with pytest.raises(UnreachableError, match="Nothing is lost"):
        enrolling()
    assert (state / "key.pem").exists()
    assert not (state / "state.json").exists()
    peer.twists = []

    outcome = enrolling()

    assert isinstance(outcome, Enrolled)
    assert outcome.device_id == "device-1"
    assert len(peer.issued) == 1


def test_a_corrected_password_is_another_request_with_the_same_key(peer: Peer, state: Path) -> None:
    peer.tokens = set()
    for password in ("wrong horse", "correct horse"):
        Enroll(
            Secret("GoodToken1"),
            server=peer.address,
            state=state,
            username="ada",
            password=Secret(password),
        ).run()

    first, second = peer.seen
    assert first.name != second.name
    assert first.key == second.key


def test_the_idempotency_key_betrays_no_secret() -> None:
    """Keyed by what only this device has: nobody else can try tokens against it."""
    one, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    assert _request_name(one, b"body") == _request_name(one, b"body")
    assert _request_name(one, b"body") != _request_name(other, b"body")


def test_a_refusal_is_a_value_with_what_to_do(
    peer: Peer, state: Path, enrolling: Enrolling
) -> None:
    peer.twists = [instead(problem(409, "token_expired"))]

    outcome = enrolling()

    assert outcome == Refusal(
        "token_expired", "Title of token_expired", "What to do about token_expired.", "BCDF-GHJK-L"
    )
    assert not (state / "state.json").exists()
    assert isinstance(enrolling(), Enrolled)


def test_a_throttled_device_is_told_how_long_to_wait(
    peer: Peer, enrolling: Enrolling, told: Told
) -> None:
    refusal = problem(429, "rate_limited")
    peer.twists = [instead(Reply(429, refusal.body, {"Retry-After": "77"}))]

    assert "Wait 77 seconds." in str(enrolling())
    assert told.time.slept == []


def test_a_disk_that_fills_up_after_the_answer_loses_nothing(
    peer: Peer, state: Path, enrolling: Enrolling
) -> None:
    """The directory cannot take the chain: what stands there in its place is a directory."""

    def fill(reply: Reply) -> Reply:
        (state / "chain.pem").mkdir()
        return reply

    peer.twists = [fill]
    with pytest.raises(UsageError, match=r"chain\.pem cannot be used.*repeat the same command"):
        enrolling()
    assert not (state / "state.json").exists()
    (state / "chain.pem").rmdir()

    outcome = enrolling()

    assert isinstance(outcome, Enrolled)
    assert len(peer.issued) == 1


def test_an_enrolled_directory_asks_nobody_again(
    peer: Peer, state: Path, enrolling: Enrolling
) -> None:
    enrolling()
    before = {path.name: path.read_bytes() for path in state.iterdir()}

    outcome = enrolling()

    assert isinstance(outcome, Refusal)
    assert outcome.code == "already_enrolled"
    assert "another --state directory" in str(outcome)
    assert len(peer.seen) == 1
    assert {path.name: path.read_bytes() for path in state.iterdir()} == before


def _without(name: str) -> Callable[[Reply], Reply]:
    def spoiled(reply: Reply) -> Reply:
        assert isinstance(reply.body, dict)
        return Reply(201, {key: value for key, value in reply.body.items() if key != name})

    return spoiled


def _for_another_key(reply: Reply) -> Reply:
    """A certificate for another key, with the chain that really signed it."""
    assert isinstance(reply.body, dict)
    other = Authority()
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate = other.issue(public, "device-1")
    return Reply(201, reply.body | {"certificate": certificate, "chain": other.chain})


def _of_another_ca(reply: Reply) -> Reply:
    assert isinstance(reply.body, dict)
    return Reply(201, reply.body | {"chain": Authority().chain})


@pytest.mark.parametrize(
    "twist",
    [
        _without("certificate"),
        _without("chain"),
        _without("device"),
        _for_another_key,
        _of_another_ca,
        instead(Reply(201, {"device": [], "certificate": 7, "chain": None})),
    ],
)
def test_a_certificate_that_does_not_fit_is_never_kept(
    peer: Peer, state: Path, enrolling: Enrolling, twist: Callable[[Reply], Reply]
) -> None:
    peer.twists = [twist]

    with pytest.raises(UnreachableError, match="not with a certificate for this device's key"):
        enrolling()
    assert {path.name for path in state.iterdir()} == {"key.pem", "request.pem"}
    assert isinstance(enrolling(), Enrolled)
