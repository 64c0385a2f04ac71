"""A CA that is known by its fingerprint alone, and everybody who would like to be taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from enlist_agent.enrollment import Enroll, Enrolled
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret
from enlist_agent.trust import read_fingerprint
from tests.agent.conftest import Told
from tests.agent.peer import (
    DROPPED,
    REDEEM,
    ROOT,
    Authority,
    Peer,
    Reply,
    instead,
    listening,
    problem,
    server_tls,
)

Pinned = Callable[[str, str], Enrolled | Refusal]


@pytest.fixture
def pinned(state: Path, told: Told) -> Pinned:
    """Enroll at an address whose CA has this fingerprint."""
    return lambda address, fingerprint: Enroll(
        Secret("GoodToken1"),
        server=address,
        state=state,
        ca_fingerprint=fingerprint,
        patience=told.patience,
    ).run()


def _paths(peer: Peer) -> list[str]:
    return [seen.path for seen in peer.seen]


@pytest.mark.parametrize(
    "shape",
    [
        lambda digits: f"sha256:{digits}",
        lambda digits: digits,
        lambda digits: f" SHA256:{digits.upper()}\n",
        lambda digits: ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper(),
    ],
)
def test_a_fingerprint_reads_as_people_and_programs_write_it(shape: Callable[[str], str]) -> None:
    """As Enlist shows it, bare, and as `openssl x509 -fingerprint` and browsers print it."""
    digits = "0123456789abcdef" * 4

    assert read_fingerprint(shape(digits)).hex() == digits


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:" + "0" * 63, "sha1:" + "0" * 40, "g" * 64]
)
def test_half_a_fingerprint_proves_nothing(text: str) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        read_fingerprint(text)


def test_the_servers_own_ca_is_fetched_and_kept(
    tls_peer: Peer, state: Path, pinned: Pinned
) -> None:
    outcome = pinned(tls_peer.address, tls_peer.authority.fingerprint)

    assert isinstance(outcome, Enrolled)
    assert _paths(tls_peer) == [ROOT, REDEEM]
    assert (state / "ca.pem").read_text() == tls_peer.authority.root_pem


def test_another_ca_is_sent_nothing(tls_peer: Peer, pinned: Pinned) -> None:
    """Somebody in between who shows a CA of his own."""
    with pytest.raises(UnreachableError, match="shows another CA than the one asked for"):
        pinned(tls_peer.address, Authority().fingerprint)
    assert _paths(tls_peer) == [ROOT]
    assert tls_peer.seen[0].body == {}


def test_the_right_ca_vouches_for_its_own_certificates_alone(
    authority: Authority, tmp_path: Path, pinned: Pinned
) -> None:
    """Somebody in between who passes the real CA on: its certificate is public."""
    peer = Peer(authority)
    files = Authority().server_files(tmp_path)
    with (
        listening(peer, server_tls(files)) as address,
        pytest.raises(UnreachableError, match="not trusted here"),
    ):
        pinned(address, authority.fingerprint)
    assert _paths(peer) == [ROOT]


def test_what_the_system_trusts_does_not_count_beside_it(
    authority: Authority,
    tmp_path: Path,
    ca_file: Path,
    pinned: Pinned,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system trusts the certificate that the listener shows, but the pin names another CA."""
    other = Authority()
    peer = Peer(other)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with (
        listening(peer, server_tls(authority.server_files(tmp_path))) as address,
        pytest.raises(UnreachableError, match="not trusted here"),
    ):
        pinned(address, other.fingerprint)
    assert _paths(peer) == [ROOT]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(200, "<h1>Welcome</h1>"), "shows no CA of its own"),
        (Reply(404, "<h1>nothing here</h1>"), "answers 404, but not as Enlist does"),
        (Reply(204, ""), "answers 204, but not as Enlist does"),
        (Reply(201, {}), "does not give what was asked for"),
        (problem(404, "not_found"), "Title of not_found"),
        (Reply(302, "", {"Location": "https://other.example/"}), "sends elsewhere"),
    ],
)
def test_a_server_without_a_ca_is_told(
    tls_peer: Peer, pinned: Pinned, reply: Reply, says: str
) -> None:
    tls_peer.twists = [instead(reply)]

    with pytest.raises(UnreachableError, match=says):
        pinned(tls_peer.address, tls_peer.authority.fingerprint)
    assert _paths(tls_peer) == [ROOT]


def test_a_broken_connection_is_tried_again(tls_peer: Peer, pinned: Pinned, told: Told) -> None:
    tls_peer.twists = [instead(DROPPED), instead(Reply(503, "busy"))]

    assert isinstance(pinned(tls_peer.address, tls_peer.authority.fingerprint), Enrolled)
    assert len(told.time.slept) == 2


def test_without_tls_a_fingerprint_is_a_mistake(peer: Peer, pinned: Pinned) -> None:
    with pytest.raises(UsageError, match="needs an https:// address"):
        pinned(peer.address, peer.authority.fingerprint)
    assert peer.seen == []
