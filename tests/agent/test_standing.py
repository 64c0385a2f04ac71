"""`status`: what the certificate says, and what the server says over mutual TLS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from enlist_agent.enrollment import Enroll, Enrolled
from enlist_agent.outcomes import Refusal, UsageError
from enlist_agent.secret import Secret
from enlist_agent.standing import Standing, Status, status
from tests.agent.conftest import Told
from tests.agent.peer import Authority, Peer, Reply, listening, problem, server_tls


@pytest.fixture
def enrolled(tls_peer: Peer, state: Path, ca_file: Path) -> Enrolled:
    outcome = Enroll(Secret("GoodToken1"), server=tls_peer.address, state=state, ca=ca_file).run()
    assert isinstance(outcome, Enrolled)
    return outcome


def _status(enrolled: Enrolled, told: Told, device_url: str | None = None) -> Status:
    before = enrolled.expires_at - timedelta(days=1)
    outcome = status(enrolled.state, now=before, device_url=device_url, patience=told.patience)
    assert isinstance(outcome, Status)
    return outcome


def test_the_server_is_asked_with_the_devices_own_certificate(
    tls_peer: Peer, enrolled: Enrolled, told: Told
) -> None:
    tls_peer.device = Reply(
        200, {"state": "enrolled", "certificate": {"not_after": "2030-01-01T00:00:00Z"}}
    )

    outcome = _status(enrolled, told)

    assert tls_peer.client_subjects == ["CN=device-1"]
    assert outcome.standing is Standing.ENROLLED
    assert (outcome.subject, outcome.device_id) == ("CN=device-1", "device-1")
    assert outcome.expires_at == enrolled.expires_at
    assert outcome.server_expires_at == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("reply", "standing"),
    [
        (Reply(200, {"state": "blocked"}), Standing.BLOCKED),
        (Reply(200, {"state": "unenrolled"}), Standing.UNENROLLED),
        (Reply(200, {"state": "registered"}), Standing.REFUSED),
        (Reply(200, {"state": ["odd"]}), Standing.REFUSED),
        (
            Reply(200, {"state": "enrolled", "certificate": {"revoked_at": "2030-01-01T00:00Z"}}),
            Standing.REVOKED,
        ),
        (problem(403, "device_blocked"), Standing.BLOCKED),
        (problem(401, "certificate_revoked"), Standing.REVOKED),
        (problem(401, "unauthenticated"), Standing.REFUSED),
        (Reply(500, "oops"), Standing.UNKNOWN),
    ],
)
def test_what_the_server_says_is_the_verdict(
    tls_peer: Peer, enrolled: Enrolled, told: Told, reply: Reply, standing: Standing
) -> None:
    tls_peer.device = reply

    outcome = _status(enrolled, told)

    assert outcome.standing is standing
    assert outcome.told


def test_a_server_that_is_away_leaves_what_the_certificate_says(
    enrolled: Enrolled, told: Told
) -> None:
    outcome = _status(enrolled, told, device_url="https://127.0.0.1:1")

    assert outcome.standing is Standing.UNKNOWN
    assert "cannot be reached" in outcome.told
    assert outcome.subject == "CN=device-1"


def test_an_expired_certificate_is_told_even_when_nobody_answers(
    enrolled: Enrolled, told: Told
) -> None:
    outcome = status(
        enrolled.state,
        now=enrolled.expires_at,
        device_url="https://127.0.0.1:1",
        patience=told.patience,
    )

    assert isinstance(outcome, Status)
    assert outcome.standing is Standing.EXPIRED


def test_a_listener_of_another_ca_is_not_trusted(
    enrolled: Enrolled, told: Told, tmp_path: Path
) -> None:
    stranger = Peer(Authority())
    (tmp_path / "other").mkdir()
    files = stranger.authority.server_files(tmp_path / "other")
    with listening(stranger, server_tls(files)) as address:
        outcome = _status(enrolled, told, device_url=address)

    assert outcome.standing is Standing.UNKNOWN
    assert "not trusted here" in outcome.told
    assert stranger.seen == []


def test_without_an_address_it_says_what_to_give(
    peer: Peer, enrolled: Enrolled, told: Told
) -> None:
    kept = json.loads((enrolled.state / "state.json").read_text())
    (enrolled.state / "state.json").write_text(json.dumps(kept | {"device_url": None}))

    outcome = _status(enrolled, told)

    assert outcome.standing is Standing.UNKNOWN
    assert "--device-url" in outcome.told


def test_a_directory_without_a_device_is_a_refusal(state: Path) -> None:
    outcome = status(state, now=datetime(2030, 1, 1, tzinfo=UTC))

    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_enrolled"


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem", "chain.pem"])
@pytest.mark.parametrize("left", ["half", "\n", ""])
def test_a_damaged_directory_is_said_plainly(
    enrolled: Enrolled, told: Told, name: str, left: str
) -> None:
    """Above all a chain of which nothing is left: the system's CAs must not take its place."""
    (enrolled.state / "ca.pem").unlink()
    (enrolled.state / name).write_text(left)

    with pytest.raises(UsageError, match=f"{name} is damaged"):
        _status(enrolled, told)
