"""`enroll.sh` for real, under each shell that is here: enrolled, refused, repeated, not fooled."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from enlist_agent.client import Patience
from enlist_agent.standing import Standing, Status, status
from tests.agent.house import House
from tests.agent.peer import Authority, Peer, Reply, instead, lose_answer, problem
from tests.architecture.source import SOURCE
from tests.peers.base import DEADLINE, free_port

SCRIPT = SOURCE / "web/enroll/scripts/enroll.sh"
SHELLS = [each for each in ("dash", "bash", "sh") if shutil.which(each)]

pytestmark = [pytest.mark.xdist_group("agent"), pytest.mark.peer("curl")]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Enroll = Callable[..., Ran]
Tool = Callable[..., str]


def run(shell: str, *words: object, stdin: str = "", **more: str) -> Ran:
    command = [shell, *(["--posix"] if shell == "bash" else []), str(SCRIPT), *map(str, words)]
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    ran = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        env=environment | more,
        timeout=DEADLINE,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def enroll(state: Path) -> Enroll:
    def enrolling(*words: object, shell: str = SHELLS[0], stdin: str = "") -> Ran:
        return run(shell, *words, "--state", state, stdin=stdin)

    return enrolling


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Put a program of ours in the place of the system's; gives the PATH that finds it."""

    def making(name: str, *lines: str) -> str:
        made = tmp_path / "tools" / name
        made.parent.mkdir(exist_ok=True)
        made.write_text("\n".join(("#!/bin/sh", *lines, "")))
        made.chmod(0o755)
        return f"{made.parent}:{os.environ['PATH']}"

    return making


@pytest.mark.parametrize("shell", SHELLS)
def test_it_enrolls_with_a_real_server(
    house: House, enroll: Enroll, state: Path, shell: str
) -> None:
    """And the agent goes on with the folder. The second device is refused, in words."""
    device_id, token = house.token()
    ran = enroll(token, "--server", house.server.url, shell=shell)
    assert (ran.code, ran.err) == (0, "")
    assert f"at {house.server.url} as device {device_id}." in ran.out
    assert {each.stat().st_mode & 0o777 for each in state.iterdir()} == {0o600}
    assert not [each for each in state.iterdir() if each.name.startswith(".")]
    found = status(state, now=datetime.now(UTC), patience=Patience(DEADLINE))
    assert isinstance(found, Status)
    assert (found.standing, found.device_id) == (Standing.ENROLLED, device_id)

    again = enroll(token, "--server", house.server.url, shell=shell)
    assert (again.code, "already holds an enrolled device" in again.err) == (1, True)
    assert "if its device was reset" in again.err
    other = run(shell, token, "--server", house.server.url, "--state", state.with_name("other"))
    assert other.code == 1
    assert "already been used" in other.err
    assert "(support code " in other.err
    assert token not in other.err


def test_terms_of_use_are_accepted_by_their_id(peer: Peer, enroll: Enroll) -> None:
    """A57; a row of letters that is no id never reaches the request."""
    words = ("GoodToken1", "--server", peer.address, "--accept-terms")
    wrong = enroll(*words, 'x","token":"y')
    assert (wrong.code, peer.seen) == (2, [])
    ran = enroll(*words, "019cae6b-6600-7000-8024-0b1c2228133d")
    assert (ran.code, ran.err) == (0, "")
    assert peer.seen[0].body["accepted_terms"] == "019cae6b-6600-7000-8024-0b1c2228133d"


def test_answers_go_with_the_device_and_stay_what_they_are(peer: Peer, enroll: Enroll) -> None:
    """A58; what would end a JSON text is left out."""
    said = (
        "--ownership",
        "corporate_shared",
        "--asset-number",
        'IT-"08\\15',
        "--email",
        "a@b.example",
    )
    ran = enroll("GoodToken1", "--server", peer.address, *said)
    assert (ran.code, ran.err) == (0, "")
    device = peer.seen[0].body["device"]
    assert (device["ownership"], device["asset_number"]) == ("corporate_shared", "IT-0815")
    assert device["email"] == "a@b.example"


def test_a_link_and_standard_input_are_taken(peer: Peer, enroll: Enroll, state: Path) -> None:
    link = f"{peer.address}/enroll/h4ndle?utm_source=mail#t=GoodToken1&utm_medium=mail"
    ran = enroll("-", "--name", 'Ada\'s "lap\\top"', stdin=f"{link}\n")
    assert (ran.code, ran.err) == (0, "")
    (seen,) = peer.seen
    assert (seen.path, seen.body["token"]) == ("/api/v1/redeem", "GoodToken1")
    assert seen.body["device"]["name"] == "Ada's laptop"
    leaf = x509.load_pem_x509_certificate((state / "certificate.pem").read_bytes())
    key = load_pem_private_key((state / "key.pem").read_bytes(), None)
    assert leaf.public_key() == key.public_key()
    told = json.loads((state / "state.json").read_text())
    assert told["device"] == {"id": "device-1", "name": "Ada's laptop"}
    assert (state / "chain.pem").read_text() == peer.authority.chain


def test_the_same_command_after_a_lost_answer_repeats_the_request(
    peer: Peer, enroll: Enroll, state: Path
) -> None:
    """One certificate, whatever was lost; key and request are those of the first try."""
    peer.twists = [lose_answer]
    first = enroll("GoodToken1", "--server", peer.address)
    assert (first.code, "repeat the same command" in first.err) == (3, True)
    assert not (state / "state.json").exists()
    again = enroll("GoodToken1", "--server", peer.address)
    assert (again.code, again.err) == (0, "")
    assert len(peer.issued) == 1
    assert len({(seen.name, seen.key) for seen in peer.seen}) == 1


def test_an_authority_of_its_own_is_known_by_its_fingerprint_or_file(
    tls_peer: Peer, enroll: Enroll, state: Path, authority: Authority, ca_file: Path
) -> None:
    words = ("GoodToken1", "--server", tls_peer.address)
    refused = enroll(*words)
    assert (refused.code, "not trusted here, so nothing was sent" in refused.err) == (3, True)
    wrong = enroll(*words, "--ca-fingerprint", "sha256:" + "0" * 64)
    assert (wrong.code, "shows another CA" in wrong.err) == (3, True)
    assert [seen.path for seen in tls_peer.seen] == ["/pki/root.pem"]

    good = enroll(*words, "--ca-fingerprint", authority.fingerprint.upper())
    assert (good.code, good.err) == (0, "")
    assert (state / "ca.pem").read_text() == authority.root_pem
    tls_peer.tokens = {"GoodToken1"}
    other = run(SHELLS[0], *words, "--ca", ca_file, "--state", state.with_name("other"))
    assert (other.code, other.err) == (0, "")


def test_no_other_authority_counts_and_no_habit_of_curl(
    tls_peer: Peer, state: Path, authority: Authority, tmp_path: Path, tool: Tool
) -> None:
    """Beside `--cacert` Debian's curl believes the system's CAs, and a `.curlrc` may say more."""
    said = tmp_path / "said"
    path = tool("curl", f'echo "$*" >>{said}', f'exec {shutil.which("curl")} "$@"')
    words = ("GoodToken1", "--server", tls_peer.address, "--state", state)
    ran = run(SHELLS[0], *words, "--ca-fingerprint", authority.fingerprint, PATH=path)
    assert (ran.code, ran.err) == (0, "")
    root, redeem = said.read_text().splitlines()
    assert root.startswith("-q ")
    assert redeem.startswith("-q ")
    nowhere = redeem.partition(" --capath ")[2].split()[0]
    assert nowhere
    assert not Path(nowhere).exists()


def test_the_address_of_a_link_may_begin_as_its_path_does(state: Path, tool: Tool) -> None:
    """With a curl that does not ask again and again for a name that there is not."""
    path = tool("curl", "exit 6")
    link = "https://enroll.invalid/enroll/h4ndle#t=GoodToken1"
    ran = run(SHELLS[0], link, "--state", state, PATH=path)
    assert ran.code == 3
    assert "https://enroll.invalid cannot be reached" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Give a link"),
        (("--server", "https://localhost"), "Give a link"),
        (("CODE",), "Which server?"),
        (("CODE", "--server", "http://192.0.2.1"), "others could read the token"),
        (("CODE", "--server", "http://localhost.example"), "others could read the token"),
        (("CODE", "--server", "http://localhost@192.0.2.1"), "cannot be read"),
        (("CODE", "--server", "ftp://localhost"), "written in full"),
        (('CO"DE', "--server", "http://localhost"), "neither a token nor a code"),
        (("https://localhost/enroll/x",), "lost its end"),
        (("x.jwt", "--server", "http://localhost"), "needs enlist-agent"),
        (("CODE", "--server", "http://localhost", "--ca-fingerprint", "00"), "needs an https"),
        (("CODE", "--server", "https://localhost", "--ca-fingerprint", "00"), "64 hexadecimal"),
        (("CODE", "--server", "https://localhost", "--ca", "/dev/null"), "no certificate"),
        (("CODE", "--frobnicate"), "no such option"),
        (("CODE", "CODE"), "at a time"),
    ],
)
def test_a_wrong_command_is_told_before_anything_is_sent(
    enroll: Enroll, words: tuple[str, ...], told: str
) -> None:
    ran = enroll(*words)
    assert ran.code == 2, ran
    assert told in ran.err
    assert 'CO"DE' not in ran.err


def test_its_help_names_every_exit_code() -> None:
    """Who writes a script around it reads no comments."""
    ends = set(re.findall(r"(?:fail|exit) ([0-9]+)", SCRIPT.read_text()))
    told = run(SHELLS[0], "--help")
    listed = re.findall(r"[:;] ([0-9]+) ", told.out.replace("\n", " ").partition("exit codes")[2])
    assert told.code == 0
    assert set(listed) == ends == {"0", "1", "2", "3", "130"}


def test_what_comes_back_is_not_believed_blindly(
    peer: Peer, enroll: Enroll, state: Path, authority: Authority
) -> None:
    """No chain, another's certificate or none, a stranger's page, a hostile sentence."""

    def without_chain(reply: Reply) -> Reply:
        assert isinstance(reply.body, dict)
        return Reply(reply.status, reply.body | {"chain": ""})

    words = ("GoodToken1", "--server", peer.address)
    peer.twists = [without_chain]
    ran = enroll(*words)
    assert (ran.code, "not with a certificate for this device's key" in ran.err) == (3, True)
    foreign = authority.issue(authority.key.public_key(), "device-1")
    for certificate in (foreign, "", "x"):
        answer = {"device": {"id": "device-1"}, "certificate": certificate, "chain": ""}
        peer.twists = [instead(Reply(201, answer))]
        ran = enroll(*words)
        assert (ran.code, "not with a certificate for this device's key" in ran.err) == (3, True)
    peer.twists = [instead(Reply(200, "<h1>Router</h1>"))]
    assert enroll(*words).code == 3
    peer.twists = [instead(Reply(404, "<h1>Router</h1>"))]
    assert "not as Enlist does" in enroll(*words).err
    peer.twists = [instead(problem(409, "token_used", title="\x1b[2Jgone", detail="\r\nfaked"))]
    assert "\x1b" not in enroll(*words).err
    assert not (state / "state.json").exists()


def test_nobody_there_and_a_foreign_folder(enroll: Enroll, state: Path) -> None:
    ran = enroll("CODE", "--server", f"http://localhost:{free_port()}/")
    assert ran.code == 3
    assert "cannot be reached" in ran.err
    state.with_name("home").mkdir()
    (state.with_name("home") / "thesis.txt").write_text("")
    taken = run(SHELLS[0], "C", "--server", "http://localhost", "--state", state.with_name("home"))
    assert (taken.code, "files of others" in taken.err) == (2, True)


@pytest.fixture
def begun(enroll: Enroll, state: Path) -> Path:
    """A folder with a key, as the first try leaves it where nobody answers."""
    assert enroll("CODE", "--server", f"http://localhost:{free_port()}").code == 3
    assert (state / "key.pem").exists()
    return state


@pytest.mark.parametrize("shell", SHELLS)
def test_a_folder_that_somebody_else_could_have_written(
    begun: Path, peer: Peer, tmp_path: Path, shell: str, tool: Tool
) -> None:
    """The same that the agent does not use, and in its words."""

    def told(state: object = begun, **more: str) -> str:
        ran = run(shell, "GoodToken1", "--server", peer.address, "--state", state, **more)
        assert (ran.code, ran.out, peer.seen) == (2, "", [])
        return ran.err

    begun.chmod(0o770)
    assert "can be changed by other users (drwxrwx---)" in told()
    begun.chmod(0o1707)
    assert f"chmod 700 {begun}" in told()
    begun.chmod(0o700)
    key = begun / "key.pem"
    key.chmod(0o640)
    assert f"chmod 600 {key}" in told()
    key.chmod(0o600)
    key.symlink_to(key.rename(begun / "other.pem"))
    assert f"{key} is a link" in told()
    (begun / "other.pem").replace(key)
    assert "and you are user 54321. Run the command as" in told(PATH=tool("id", "echo 54321"))
    link = tmp_path / "link"
    link.symlink_to(begun)
    assert "is a symbolic link" in told(f"{link}//")
    shared = tmp_path / "shared"
    (shared / "below").mkdir(parents=True)
    begun.rename(shared / "below" / "agent")
    shared.chmod(0o777)
    (tmp_path / "way").symlink_to(shared / "below")
    for place in (shared / "below", tmp_path / "way"):
        assert f"{shared} can be changed by every user" in told(place / "agent")
    shared.chmod(0o1777)
    ran = run(shell, "GoodToken1", "--server", peer.address, "--state", tmp_path / "way/agent")
    assert (ran.code, ran.err) == (0, "")
