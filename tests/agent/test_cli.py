"""The commands as a shell sees them: words, standard input, output and exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

import pytest

from enlist_agent.cli import main
from tests.agent.peer import Peer, Reply, instead, problem
from tests.peers.base import DEADLINE


def _input(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_link_is_all_it_takes(
    peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = f"{peer.address}/enroll/h4ndle?utm_source=mail#t=GoodToken1"

    assert main(["enroll", link, "--state", str(state), "--name", "laptop"]) == 0

    shown = capsys.readouterr()
    assert "Enrolled laptop" in shown.out
    assert "device-1" in shown.out
    assert str(state) in shown.out
    assert shown.err == ""


def test_status_after_enrolling(
    tls_peer: Peer, peer: Peer, state: Path, ca_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = f"{tls_peer.address}/enroll/h4ndle#t=GoodToken1"
    assert main(["enroll", link, "--state", str(state), "--ca", str(ca_file)]) == 0
    capsys.readouterr()

    assert main(["status", "--state", str(state)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("ENROLLED: ")
    assert "Server says: nothing about that" in shown

    ends = {"not_after": "2030-01-01T00:00:00.000000Z"}
    tls_peer.device = Reply(200, {"state": "enrolled", "certificate": ends})
    assert main(["status", "--state", str(state)]) == 0
    assert "Server says: it ends 2030-01-01T00:00:00Z\n" in capsys.readouterr().out

    tls_peer.device = Reply(200, {"state": "blocked"})
    assert main(["status", "--state", str(state), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["standing"] == "blocked"

    no_tls = peer.address.replace("http://", "https://")
    assert main(["status", "--state", str(state), "--device-url", no_tls]) == 3
    assert capsys.readouterr().out.startswith("UNKNOWN: ")


def test_json_for_programs(peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["enroll", "GoodToken1", "--server", peer.address, "--state", str(state), "--json"]

    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["device_id"] == "device-1"
    assert told["expires_at"].endswith("Z")

    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["refused"]["code"] == "already_enrolled"


def test_a_refusal_is_one_line_with_what_to_do(
    peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peer.twists = [instead(problem(409, "token_used"))]

    words = ["enroll", "GoodToken1", "--server", peer.address, "--state", str(state)]
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "Refused: Title of token_used. What to do about token_used. (support code BCDF-GHJK-L)\n"
    )


def test_an_untrusted_server_has_an_exit_code_of_its_own(
    tls_peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["enroll", "GoodToken1", "--server", tls_peer.address, "--state", str(state)]
    assert main(words) == 3
    assert "not trusted" in capsys.readouterr().err


def test_a_fingerprint_is_enough_to_know_the_server(
    tls_peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["enroll", "GoodToken1", "--server", tls_peer.address, "--state", str(state)]
    pin = tls_peer.authority.fingerprint

    assert main([*words, "--ca-fingerprint", pin]) == 0
    assert main(["status", "--state", str(state)]) == 0
    assert capsys.readouterr().err == ""


def test_the_fingerprint_of_another_ca_has_the_untrusted_servers_exit_code(
    tls_peer: Peer, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["enroll", "GoodToken1", "--server", tls_peer.address, "--state", str(state)]

    assert main([*words, "--ca-fingerprint", "sha256:" + "0" * 64]) == 3
    told = capsys.readouterr().err
    assert "shows another CA" in told
    assert tls_peer.authority.fingerprint in told


@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        ("-", "GoodToken1\n", ("GoodToken1", None)),
        ("-", "GoodToken1\r\n pass word \r\n", ("GoodToken1", " pass word ")),
        ("GoodToken1", "pass word", ("GoodToken1", "pass word")),
    ],
)
def test_secrets_come_from_standard_input(
    peer: Peer,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
    text: str,
    expected: tuple[str, str | None],
) -> None:
    _input(monkeypatch, text)
    words = ["enroll", secret, "--server", peer.address, "--state", str(state)]
    signing_in = ["--username", "ada", "--password-stdin"] if expected[1] else []

    assert main([*words, *signing_in]) == 0
    body = peer.seen[0].body
    assert (body.get("token"), body.get("password")) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["enroll", "-"], "Standard input holds no token"),
        (["enroll", "x", "--username", "ada", "--password-stdin"], "holds no password"),
        (["enroll", "x", "--username", "ada"], "give --password-stdin"),
        (["enroll", "x", "--password-stdin"], "needs --username"),
        (["enroll"], "Give a link, a token or a code"),
        (["enroll", "x", "--server", "http://enlist.example.com"], "not encrypted"),
        (["enroll", "x", "--ca-fingerprint", "sha256:12"], "64 hexadecimal digits"),
        (["enroll", "x", "--ca", "x.pem", "--ca-fingerprint", "0" * 64], "not both"),
    ],
)
def test_a_command_that_must_be_changed(
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    says: str,
) -> None:
    _input(monkeypatch, "")
    server = [] if "--server" in words else ["--server", "https://localhost:1"]

    assert main([*words, *server, "--state", str(state)]) == 2
    assert says in capsys.readouterr().err
    assert not state.exists()


@pytest.mark.parametrize(
    "words", [["--help"], ["enroll", "--help"], ["run", "--help"], ["status", "--help"]]
)
def test_help_shows_an_example_and_the_exit_codes(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words, prog="enlist agent") == 0
    shown = capsys.readouterr().out
    assert "enlist agent" in shown
    assert "\nexit codes: 0 done, " in shown
    if words != ["--help"]:
        assert "\nexample: enlist agent" in shown


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"enlist-agent {metadata.version('enlist-agent')}\n"


def test_a_device_without_a_name_is_not_called_twice(
    tls_peer: Peer, state: Path, ca_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a JWT, where nobody answers with a name."""
    link = f"{tls_peer.address}/enroll/h#t=GoodToken1"
    assert main(["enroll", link, "--state", str(state), "--ca", str(ca_file)]) == 0
    kept = json.loads((state / "state.json").read_text())
    kept["device"]["name"] = kept["device"]["id"]
    (state / "state.json").write_text(json.dumps(kept))
    assert main(["status", "--state", str(state)]) == 0
    assert "\nDevice:      device-1 at https://" in capsys.readouterr().out


SECRET = "SenTinel42x"
PASSWORD = "SenTinel-password"


@pytest.mark.parametrize(
    "words",
    [
        ["enroll", SECRET, "--token", SECRET],
        ["enroll", SECRET, SECRET],
        ["enroll", SECRET, f"--password={PASSWORD}"],
        ["enroll", SECRET, f"--json={PASSWORD}"],
        ["enroll", f"x://{SECRET}", "--state", "x"],
        [SECRET],
        [SECRET, "--state", "x"],
    ],
)
def test_complaints_do_not_repeat_the_secret(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert "SenTinel" not in shown.out + shown.err
    assert shown.err


def _echo(status: int) -> Reply:
    """A server that repeats everything it was sent."""
    said = f"You sent {SECRET} and {PASSWORD}."
    return problem(status, "token_invalid", title=said, detail=said, support_code=SECRET)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, 0),
        (_echo(404), 1),
        (_echo(500), 3),
        (Reply(302, "", {"Location": f"https://example.com/{SECRET}"}), 3),
        (Reply(404, SECRET), 3),
        (Reply(201, {"device": {"id": SECRET, "name": PASSWORD}, "certificate": SECRET}), 3),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_the_secret_is_in_no_output_log_or_file(
    peer: Peer,
    state: Path,
    reply: Reply | None,
    expected: int,
    as_json: bool,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer.tokens = {SECRET}
    peer.twists = [instead(Reply(503, SECRET, {"Retry-After": "0"}))]
    peer.twists += [instead(reply)] if reply else []
    _input(monkeypatch, f"{peer.address}/enroll/h#t={SECRET}\n{PASSWORD}\n")
    words = ["enroll", "-", "--state", str(state), "--username", "ada", "--password-stdin"]

    with caplog.at_level("DEBUG"):
        code = main([*words, "--json"] if as_json else words)

    assert code == expected
    assert peer.seen[-1].body["token"] == SECRET
    shown = capsys.readouterr()
    files = "".join(path.read_text() for path in state.iterdir())
    assert "SenTinel" not in shown.out + shown.err + caplog.text + files


def _agent(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "enlist_agent", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_after_the_commit_it_gets_the_same_certificate(peer: Peer, state: Path) -> None:
    """A process of its own, killed while the server holds the answer back (X23)."""
    arrived, release = threading.Event(), threading.Event()

    def hold(reply: Reply) -> Reply:
        arrived.set()
        release.wait(DEADLINE)
        return reply

    peer.twists = [hold]
    words = ["enroll", "-", "--server", peer.address, "--state", str(state)]
    with _agent(*words) as first:
        assert first.stdin is not None
        first.stdin.write("GoodToken1\n")
        first.stdin.close()
        assert arrived.wait(DEADLINE)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    release.set()
    assert not (state / "state.json").exists()

    with _agent(*words, "--json") as second:
        out, err = second.communicate("GoodToken1\n", timeout=DEADLINE)

    assert (second.returncode, err) == (0, "")
    assert json.loads(out)["device_id"] == "device-1"
    assert len({seen.name for seen in peer.seen}) == 1
    assert len(peer.issued) == 1
