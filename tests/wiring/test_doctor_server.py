"""`enlist doctor` beside a real server: running, reachable as configured, with room to work."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from enlist.core.clock import DAY, system_clock
from enlist.core.diagnosis import Level
from enlist.settings import Settings, Smtp
from enlist.wiring.beside import as_served
from enlist.wiring.doctor import examine
from enlist.wiring.doctor.check import Ground
from enlist.wiring.doctor.public import _words
from tests.installation import settings_for
from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until
from tests.peers.pki import Pki
from tests.serving import Server, launch_server
from tests.wiring.doctoring import ANSWERING, amiss, changed, left_out, settings_of, site, well


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all: the checks change nothing."""
    running = launch_server(
        tmp_path_factory.mktemp("doctor") / "data",
        environment={"ENLIST_WORKER": "4", "ENLIST_MAIL_FROM": "enroll@example.com"},
    )
    yield running
    running.stop()


@pytest.fixture
def ground(server: Server) -> Ground:
    """As `enlist doctor --data …` sees it from a shell that knows nothing else."""
    settings, notes = as_served(settings_of(server.data, smtp=Smtp(host="")))
    return Ground(settings, notes)


def test_the_doctor_is_told_what_the_server_runs_with(server: Server, ground: Ground) -> None:
    assert server.url.endswith(ground.settings.http.rpartition(":")[2])
    assert ground.settings.public_url == server.url
    assert ground.settings.mail_from == "enroll@example.com"
    assert ground.server.pid == server.process.pid
    given = settings_of(server.data, mail_from="other@example.com")
    assert as_served(given)[0].mail_from == "other@example.com", "what is given counts more"


def test_a_password_is_not_written_down(tmp_path: Path) -> None:
    from enlist.wiring.beside import tell
    from enlist.wiring.installation import addresses

    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    smtp = Smtp(host="mail.example.com", user="enlist", password="in the environment")  # type: ignore[arg-type]
    settings = settings_of(tmp_path, smtp=smtp)
    tell(settings, addresses(settings), frozenset())
    assert "environment" not in (tmp_path / "server.json").read_text()
    served = as_served(settings_of(tmp_path, smtp=Smtp(host="")))[0]
    assert (served.smtp.host, served.smtp.password.get_secret_value()) == ("mail.example.com", "")
    settings.smtp.password_file = secret
    tell(settings, addresses(settings), frozenset())
    served = as_served(settings_of(tmp_path, smtp=Smtp(host="")))[0]
    assert served.smtp.password.get_secret_value() == "from a file"


@pytest.mark.parametrize("name", ANSWERING)
def test_a_server_that_answers(ground: Ground, name: str) -> None:
    well(ground, name)


def test_no_server(ground: Ground) -> None:
    """Told once: what cannot answer without it says nothing."""
    alone = changed(ground, http=f"127.0.0.1:{free_port()}")
    amiss(alone, "server-running", says="no server answers")
    for name in ("public-answers", "device-answers", "pki-answers"):
        left_out(alone, name)


def test_addresses_that_lead_elsewhere(ground: Ground, throwaway_pki: Pki) -> None:
    nowhere = f"http://localhost:{free_port()}"
    amiss(changed(ground, public_url=nowhere), "public-answers", says="cannot be reached")
    with site({"/": b"It works!"}) as url:
        amiss(changed(ground, public_url=url), "public-answers", says="not Enlist")
        amiss(changed(ground, http=url.partition("//")[2]), "server-running")
        amiss(changed(ground, pki_url=f"{url}/pki"), "pki-answers", says="404")
    other = {"/healthz": b'{"status": "alive"}', "/pki/root.pem": b"another root"}
    with site(other) as url:
        amiss(changed(ground, public_url=url), "public-answers", says="another installation's")
        amiss(changed(ground, pki_url=f"{url}/pki"), "pki-answers", says="another installation's")
    with site(other, throwaway_pki.rogue) as url:  # a proxy that ends TLS
        found = amiss(changed(ground, device_url=url), "device-answers")
        assert "TLS must end in Enlist" in found.remedy


def test_another_servers_key(ground: Ground, throwaway_pki: Pki, tmp_path: Path) -> None:
    """D38: of two servers whose folders differ, one signs JWTs that no device believes."""
    (tmp_path / "pki").mkdir()
    ours = ground.settings.data / "pki" / "root.pem"
    (tmp_path / "pki" / "root.pem").write_bytes(ours.read_bytes())
    other = throwaway_pki.server.certificate.read_bytes()
    (tmp_path / "pki" / "device-listener.pem").write_bytes(other)
    amiss(changed(ground, data=tmp_path), "device-answers", says="another key")


def test_a_version_that_waits_for_a_restart(ground: Ground) -> None:
    old = Ground(ground.settings, replace(ground.server, version="0.0.9"))
    amiss(old, "server-version", level=Level.WARNING, says="0.0.9")
    left_out(Ground(ground.settings), "server-version")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a server as root")
def test_a_server_that_is_root(ground: Ground, tmp_path: Path) -> None:
    amiss(ground, "server-user", level=Level.WARNING, says="as root")
    # Any process of another user whose command line says that it is Enlist.
    other = launch(["sh", "-c", "sleep 60; :", "enlist"], tmp_path / "log", user="daemon")
    started = Path(f"/proc/{other.pid}")
    wait_until(lambda: started.joinpath("cmdline").read_bytes().startswith(b"sh\0"), "sh")
    try:
        well(Ground(ground.settings, replace(ground.server, pid=other.pid)), "server-user")
    finally:
        finish(other)
    left_out(Ground(ground.settings, replace(ground.server, pid=other.pid)), "server-user")


def test_few_open_files(ground: Ground, server: Server) -> None:
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    enough = (max(before[0], 4096), before[1])
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, enough)
    well(ground, "file-descriptors")
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (1024, before[1]))
    try:
        amiss(ground, "file-descriptors", level=Level.WARNING, says="the server may have 1024")
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)


def test_a_small_disk(tmp_path: Path, ground: Ground) -> None:
    """A file system of 4 MiB, in a mount namespace of its own."""
    well(ground, "disk-space")
    program = (
        "import sys; from pathlib import Path; from enlist.wiring.doctor.check import Ground;"
        "from tests.wiring.doctoring import amiss, settings_of;"
        "amiss(Ground(settings_of(Path(sys.argv[1]))), 'disk-space', says='MiB free')"
    )
    mount = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$0" -c "$2" "$1"'
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, sys.executable, str(tmp_path), program],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if "Operation not permitted" in ran.stderr or "permission denied" in ran.stderr.lower():
        pytest.skip("this machine lets nobody mount")
    assert ran.returncode == 0, ran.stderr


def test_a_python_that_nobody_mends(ground: Ground) -> None:
    well(ground, "python")
    later = Ground(ground.settings, clock=lambda: system_clock() + 5 * 365 * DAY)
    amiss(later, "python", level=Level.WARNING, says="no security fixes")


def test_settings_that_are_none(ground: Ground, tmp_path: Path) -> None:
    """In the server's environment as in the shell's."""
    found = amiss(ground, "settings-known", level=Level.WARNING, says="ENLIST_WORKER")
    assert "did you mean ENLIST_WORKERS?" in found.remedy
    typed = {"ENLIST_PUBLIK_URL": "x", "ENLIST_SMTP_HOST": "y", "PATH": "z"}
    found = amiss(
        Ground(settings_for(tmp_path), environment=typed), "settings-known", level=Level.WARNING
    )
    assert found.remedy == "ENLIST_PUBLIK_URL: did you mean ENLIST_PUBLIC_URL?"
    right = {"ENLIST_SMTP_PASSWORD_FILE": "x", "ENLIST_DATABASE_FILE": "y"}
    well(Ground(settings_for(tmp_path), environment=right), "settings-known")


def test_the_demo_for_everybody(tmp_path: Path) -> None:
    from enlist.wiring.demo import _prepare

    settings = settings_of(tmp_path / "demo")
    settings.data.mkdir()
    well(Ground(settings), "demo")
    _prepare(settings)
    amiss(Ground(settings), "demo", level=Level.WARNING, says="this is the demo")
    shown = changed(Ground(settings), public_url="https://enroll.example.com")
    amiss(shown, "demo", says="others can reach it")


# --- addresses and proxies, as the settings alone tell --------------------------------------------


def configured(**settings: object) -> Ground:
    return Ground(Settings(data=Path("/nonexistent"), **settings))  # type: ignore[arg-type]


PUBLIC = "https://enroll.example.com"
DEVICES = "https://devices.example.com:8443"


def test_links_to_the_readers_own_machine() -> None:
    well(configured(), "address-names")
    well(configured(public_url=PUBLIC, device_url=DEVICES), "address-names")
    amiss(configured(trusted_proxy="127.0.0.1"), "address-names", says="each reader's own machine")
    amiss(configured(device_url=DEVICES), "address-names", says="each reader's own machine")
    amiss(configured(public_url=PUBLIC), "address-names", says="each device itself")


def test_plain_http_for_the_world() -> None:
    well(configured(), "address-https")
    well(configured(public_url=PUBLIC), "address-https")
    found = amiss(configured(public_url="http://enroll.example.com"), "address-https", says="plain")
    assert "ENLIST_PUBLIC_URL=https://enroll.example.com" in found.remedy


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "10.0.0.0/7"])
def test_a_proxy_that_is_everybody(network: str) -> None:
    amiss(configured(trusted_proxy=f"127.0.0.1, {network}"), "proxy-width", says=network)


def test_proxies_that_are_some() -> None:
    well(configured(trusted_proxy="127.0.0.1, 10.0.0.0/8, 192.0.2.7"), "proxy-width")
    wide = configured(trusted_proxy="198.18.0.0/8,8.0.0.0/9")
    amiss(wide, "proxy-width", level=Level.WARNING, says="8.0.0.0/9")
    left_out(configured(), "proxy-width")


def test_a_proxy_that_is_not_trusted() -> None:
    amiss(configured(public_url=PUBLIC), "proxy-trusted", says="none is trusted")
    well(configured(public_url=PUBLIC, trusted_proxy="127.0.0.1"), "proxy-trusted")
    well(configured(public_url=PUBLIC, http="192.0.2.1:443"), "proxy-trusted")
    well(configured(), "proxy-trusted")


# --- all of it ------------------------------------------------------------------------------------


def test_a_fresh_server_has_no_problem(ground: Ground) -> None:
    """What a first start leaves is no problem, whatever else may be said of it."""
    found = [each for each in examine(ground).examined if each.finding.level is Level.PROBLEM]
    assert found == []


def test_the_command_and_its_exit_code(server: Server, tmp_path: Path) -> None:
    told = json.loads(server.cli("doctor", "--data", str(server.data), "--json", expect=1))
    assert (told["result"], told["problems"]) == ("warning", 0)
    names = {check["name"] for check in told["checks"] if check["result"] == "warning"}
    assert "settings-known" in names
    text = server.cli("doctor", "--data", str(tmp_path / "none"), expect=2)
    assert "✗ readable" in text
    assert "→ " in text


def test_an_error_is_told_without_the_numbers_of_its_library() -> None:
    for text in ("[Errno 111] refused", "[SSL: WRONG] refused (_ssl.c:992)"):
        assert _words(httpx2.ConnectError(text)) == "refused"
    assert _words(httpx2.ConnectError("")) == "ConnectError"
