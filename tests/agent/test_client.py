"""Trying again, and whom to trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from enlist_agent.client import LONGEST_ANSWER
from enlist_agent.enrollment import Enroll, Enrolled
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.secret import Secret
from tests.agent.conftest import Enrolling, Told
from tests.agent.peer import Authority, Peer, Reply, instead, listening, problem, server_tls
from tests.peers.base import free_port

TOKEN = Secret("GoodToken1")


def _busy(status: int = 503, **headers: str) -> Reply:
    return Reply(status, "busy", {name.replace("_", "-"): value for name, value in headers.items()})


def test_it_says_who_it_is(peer: Peer, enrolling: Enrolling) -> None:
    assert isinstance(enrolling(), Enrolled)
    assert all(seen.headers["User-Agent"].startswith("enlist-agent/") for seen in peer.seen)
    assert peer.seen


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_passes_is_tried_again(
    peer: Peer, enrolling: Enrolling, told: Told, status: int
) -> None:
    peer.twists = [instead(_busy(status)), instead(_busy(status))]

    assert isinstance(enrolling(), Enrolled)
    first, second = told.time.slept
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1.0


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "7"},
        {
            "Retry_After": "Wed, 21 Oct 2015 07:28:07 GMT",
            "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
        },
    ],
)
def test_the_servers_pace_is_kept(
    peer: Peer, enrolling: Enrolling, told: Told, headers: dict[str, str]
) -> None:
    peer.twists = [instead(_busy(503, **headers))]

    assert isinstance(enrolling(), Enrolled)
    assert told.time.slept == [7.0]


@pytest.mark.parametrize("junk", ["soon", "-5", "Wed, 99 Foo", ""])
def test_an_unreadable_pace_is_ignored(
    peer: Peer, enrolling: Enrolling, told: Told, junk: str
) -> None:
    peer.twists = [instead(_busy(503, Retry_After=junk))]

    assert isinstance(enrolling(), Enrolled)
    assert told.time.slept[0] <= 0.5


def test_a_pace_beyond_the_deadline_ends_it_at_once(
    peer: Peer, enrolling: Enrolling, told: Told
) -> None:
    refusal = problem(503, "try_later")
    peer.twists = [instead(Reply(503, refusal.body, {"Retry-After": "3600"}))]

    with pytest.raises(UnreachableError, match=r"try_later.*Wait 3600 seconds.*support code BCDF"):
        enrolling()
    assert told.time.slept == []


def test_patience_ends(state: Path, told: Told) -> None:
    port = free_port()
    with pytest.raises(UnreachableError, match=r"cannot be reached \(Connection refused\)"):
        Enroll(TOKEN, server=f"http://127.0.0.1:{port}", state=state, patience=told.patience).run()
    assert 50 < told.time.now < 60
    assert len(told.notices) == len(told.time.slept) > 5
    assert told.notices[0].endswith("(Connection refused). Trying again in 1 second.")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(200, "<h1>Welcome</h1>"), "answers 200, but not as Enlist does"),
        (Reply(404, "<h1>Not here</h1>"), "answers 404, but not as Enlist does"),
        (Reply(400, {"error": "who are you"}), "answers 400, but not as Enlist does"),
        (Reply(201, "[]"), "answers 201, but not as Enlist does"),
        (problem(500, "internal_error"), r"failed: .*\(support code BCDF-GHJK-L\)"),
        (Reply(307, "", {"Location": "https://other.example/"}), "sends elsewhere"),
        (Reply(301, "", {"Location": "https://other.example/"}), r"https://other\.example/"),
    ],
)
def test_an_answer_that_is_not_enlists_ends_it(
    peer: Peer, enrolling: Enrolling, told: Told, reply: Reply, says: str
) -> None:
    peer.twists = [instead(reply)]

    with pytest.raises(UnreachableError, match=says):
        enrolling()
    assert told.time.slept == []
    assert len(peer.seen) == 1


def test_an_unknown_ca_is_refused_before_anything_is_sent(
    tls_peer: Peer, state: Path, told: Told
) -> None:
    with pytest.raises(UnreachableError, match=r"not trusted here .* nothing was sent.*--ca FILE"):
        Enroll(TOKEN, server=tls_peer.address, state=state, patience=told.patience).run()
    assert tls_peer.seen == []
    assert told.time.slept == []


def test_a_given_ca_is_accepted(tls_peer: Peer, state: Path, ca_file: Path, told: Told) -> None:
    outcome = Enroll(
        TOKEN, server=tls_peer.address, state=state, ca=ca_file, patience=told.patience
    ).run()

    assert isinstance(outcome, Enrolled)


def test_a_trusted_certificate_for_another_name_is_refused(
    authority: Authority, state: Path, ca_file: Path, tmp_path: Path, told: Told
) -> None:
    peer = Peer(authority)
    tls = server_tls(authority.server_files(tmp_path))
    with (
        listening(peer, tls, host="127.0.0.2") as address,
        pytest.raises(
            UnreachableError, match=r"not trusted here.*IP address mismatch.*Check the address"
        ),
    ):
        Enroll(TOKEN, server=address, state=state, ca=ca_file, patience=told.patience).run()
    assert peer.seen == []


@pytest.mark.parametrize(
    ("start", "days", "says"),
    [(1, 30, r"not yet valid.*clock seems to be slow"), (-60, -1, r"expired.*clock is right")],
)
def test_a_wrong_clock_is_thought_of(
    authority: Authority,
    state: Path,
    ca_file: Path,
    tmp_path: Path,
    told: Told,
    start: int,
    days: int,
    says: str,
) -> None:
    peer = Peer(authority)
    tls = server_tls(authority.server_files(tmp_path, days, start))
    with (
        listening(peer, tls) as address,
        pytest.raises(UnreachableError, match=says),
    ):
        Enroll(TOKEN, server=address, state=state, ca=ca_file, patience=told.patience).run()
    assert peer.seen == []


def test_an_endless_answer_is_not_read_to_its_end(
    peer: Peer, enrolling: Enrolling, told: Told
) -> None:
    peer.twists = [instead(Reply(200, "x" * (LONGEST_ANSWER + 1)))]

    with pytest.raises(UnreachableError, match="more than Enlist ever would"):
        enrolling()
    assert told.time.slept == []


def test_tls_to_a_plain_port_is_explained(peer: Peer, state: Path, told: Told) -> None:
    address = peer.address.replace("http://", "https://")

    with pytest.raises(UnreachableError, match="does not speak TLS"):
        Enroll(TOKEN, server=address, state=state, patience=told.patience).run()
    assert told.time.slept == []


@pytest.mark.parametrize("host", ["a..example", "a" * 300, "ex\u2028ample"])
def test_a_host_name_that_cannot_be_is_a_mistake_in_the_command(state: Path, host: str) -> None:
    with pytest.raises(UsageError, match="not an address that can be asked"):
        Enroll(TOKEN, server=f"https://{host}", state=state).run()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_named(state: Path, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "other.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(UsageError, match=r"other\.pem cannot be used"):
        Enroll(TOKEN, server="https://localhost:1", state=state, ca=path).run()
    assert not state.exists()


def test_plain_http_on_this_machine_goes_past_a_proxy(
    peer: Peer, enrolling: Enrolling, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert isinstance(enrolling(), Enrolled)


def test_a_servers_words_cannot_paint_the_terminal(peer: Peer, enrolling: Enrolling) -> None:
    peer.twists = [instead(problem(409, "token_used", title="\x1b[2J\u202eha", detail="a\nb\x07"))]

    outcome = enrolling()

    assert isinstance(outcome, Refusal)
    assert (outcome.title, outcome.detail) == ("[2J ha", "a b")
