"""Starting: what `enlist serve` makes, prints, and refuses (rulings 18, 32, 33; S38, S64)."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from enlist import __version__
from tests.peers.base import DEADLINE, free_port
from tests.serving import StartServer


def run(data: Path, *arguments: str, database: str = "") -> subprocess.CompletedProcess[str]:
    """A `serve` that is expected to stop by itself."""
    ports = ("--http", f"127.0.0.1:{free_port()}", "--device", f"127.0.0.1:{free_port()}")
    words = ["--data", str(data), *(["--database", database] if database else [])]
    return subprocess.run(
        [sys.executable, "-m", "enlist", "serve", *ports, *words, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_an_empty_folder_becomes_an_installation(
    start_server: StartServer, database_url: str
) -> None:
    server = start_server(database_url, initialise=False)
    assert re.search(r"http://localhost:\d+/setup#t=[\w-]{43}", server.output())
    for path in [*(server.data / "keys").iterdir(), server.data / "pki" / "issuing.key"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_a_second_start_finds_everything_as_it_was(
    start_server: StartServer, database_url: str
) -> None:
    first = start_server(database_url)
    before = {path: path.read_bytes() for path in sorted((first.data / "keys").iterdir())}
    authority = first.authority.read_bytes()
    pinned = (first.data / "pki" / "device-listener.key").read_bytes()
    first.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    first.stop()
    second = start_server(database_url, data=first.data)
    assert {path: path.read_bytes() for path in before} == before
    assert second.authority.read_bytes() == authority
    assert (second.data / "pki" / "device-listener.key").read_bytes() == pinned
    assert "ada" in second.cli("user", "list")
    assert "/setup#t=" not in second.output()


def test_each_start_stands_in_the_audit_log(start_server: StartServer, database_url: str) -> None:
    """Who at the machine started which version."""
    server = start_server(database_url)
    key = server.api_key("reader")
    server.stop()
    again = start_server(database_url, data=server.data)
    with again.client(headers={"authorization": f"Bearer {key}"}) as client:
        told = client.get("/api/v1/events?kind=installation.started").json()["items"]
    assert [event["data"] for event in told] == [{"version": __version__}] * 2
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {(event["actor_kind"], event["personal"]["actor"]) for event in told} == {("host", user)}


def test_a_second_server_on_one_sqlite_folder_is_refused(start_server: StartServer) -> None:
    server = start_server()
    ran = run(server.data)
    assert ran.returncode == 3
    assert f"another Enlist server (process {server.process.pid})" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_commands_write_beside_a_running_server(
    start_server: StartServer, database_url: str
) -> None:
    server = start_server(database_url)
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    key = server.api_key("reader")
    with server.client() as client:
        found = client.get("/api/v1/users", headers={"Authorization": f"Bearer {key}"}).json()
    assert "ada" in [user["username"] for user in found["items"]]


def test_a_populated_database_never_gets_new_keys(
    start_server: StartServer, database_url: str, tmp_path: Path
) -> None:
    server = start_server(database_url)
    server.stop()
    if database_url:
        elsewhere = tmp_path / "elsewhere"
    else:
        elsewhere = server.data
        shutil.rmtree(server.data / "keys")
    ran = run(elsewhere, database=database_url)
    assert ran.returncode == 3
    assert "Copy that installation's data folder" in " ".join(ran.stderr.split())
    assert not (elsewhere / "keys").exists()


def test_a_key_that_others_can_read_stops_the_start(start_server: StartServer) -> None:
    server = start_server()
    server.stop()
    path = next((server.data / "keys").glob("derive.*.key"))
    path.chmod(0o644)
    ran = run(server.data)
    assert ran.returncode == 3
    assert f"chmod 600 {path}" in " ".join(ran.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--workers", "2"), "--workers above 1 needs PostgreSQL"),
        (("--http", "0.0.0.0:0"), "Give --public-url"),
        (("--http", "localhost"), "localhost is not HOST:PORT"),
        (("--http", "8000"), "8000 is not HOST:PORT"),
        (("--http", "8000", "--public-url", "https://example.com"), "8000: not HOST:PORT"),
        (("--http", "192.0.2.1:8000"), "cannot listen on 192.0.2.1:8000"),
        (("--tls-cert", "cert.pem"), "--tls-cert and --tls-key belong together"),
        (("--public-url", "ftp://example.com"), "must be an address such as https://"),
    ],
)
def test_what_cannot_work_is_said_in_plain_words(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ran = run(tmp_path / "data", *arguments)
    assert ran.returncode == 3, ran.stderr
    assert words in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr


def test_a_database_that_is_away_is_waited_for_and_named(tmp_path: Path) -> None:
    """Also how long; and nobody reads its password."""
    ran = run(tmp_path / "data", database="postgresql://nobody:canary@127.0.0.1:1/none")
    assert ran.returncode == 3, ran.stderr
    told, _, then = ran.stderr.partition("The database cannot be used")
    (line,) = re.findall("(?m)^.*waiting for the database.*$", told)
    for named in ("dbname=none", "host=127.0.0.1", "port=1", "seconds=10"):
        assert named in line
    assert "after 10.00 sec: connection failed" in then
    assert len(re.findall("(?m)^.*error connecting", told)) <= 1
    assert "canary" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_schema_from_another_version_is_refused(start_server: StartServer) -> None:
    import sqlite3

    server = start_server()
    server.stop()
    with sqlite3.connect(server.data / "enlist.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    ran = run(server.data)
    assert ran.returncode == 3
    assert "schema 9999, which this version of Enlist does not know" in " ".join(ran.stderr.split())


def test_a_forged_host_reaches_no_link(start_server: StartServer) -> None:
    """S38: addresses are settings."""
    server = start_server()
    with server.client(headers={"Host": "evil.example"}) as client:
        answer = client.get("/", follow_redirects=False)
        assert "evil.example" not in str(answer.headers)
        assert "evil.example" not in answer.text


def test_stopping_is_clean(start_server: StartServer, database_url: str) -> None:
    server = start_server(database_url)
    server.stop()
    assert server.process.returncode == 0
    assert "Traceback" not in server.output()


def test_commands_know_the_running_servers_addresses(
    start_server: StartServer, database_url: str
) -> None:
    """Its flags and environment are not theirs; its database and its links are."""
    public = "https://enroll.example.com"
    serving = start_server(
        database_url,
        environment={"ENLIST_PUBLIC_URL": public, "ENLIST_SMTP_HOST": "mail.example.com"},
    )
    server = replace(serving, environment={"ENLIST_DATA": str(serving.data)})
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    register = ("device", "register", "--user", "ada", "--platform", "linux", "--json")
    shown = json.loads(server.cli(*register, "--name", "one", "--message", "none"))
    assert shown["enrollment"]["link"].startswith(f"{public}/enroll/")
    sent = json.loads(server.cli(*register, "--name", "two", "--message", "email"))
    assert sent["enrollment"]["state"] == "active"
    assert "up to date" in server.cli("migrate", "--check")
