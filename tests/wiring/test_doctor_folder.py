"""`enlist doctor` on data folders and certificates that are really wrong."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from enlist.core.clock import DAY, system_clock
from enlist.core.diagnosis import Level
from enlist.datafolder import write_secret
from enlist.keyfolder import add_issuer, load
from enlist.pki import keys
from enlist.settings import Settings
from enlist.verbs.webhooks import AddWebhook
from enlist.wiring.certificates import name_certificate
from enlist.wiring.doctor import diagnose
from enlist.wiring.doctor.check import Ground
from enlist.wiring.keys import replace_leaked
from tests.installation import SettableClock, opened_on, settings_for
from tests.peers.pki import Pki
from tests.wiring.doctoring import FOLDER, amiss, certified, changed, find, left_out, site, well


@pytest.fixture
def settings(template_folder: Path, tmp_path: Path) -> Settings:
    folder = Path(shutil.copytree(template_folder, tmp_path / "data"))
    folder.chmod(0o700)
    return settings_for(folder)


@pytest.fixture
def ground(settings: Settings) -> Ground:
    return Ground(settings)


@pytest.mark.parametrize("name", FOLDER)
def test_a_folder_as_it_should_be(ground: Ground, name: str) -> None:
    well(ground, name)


def test_no_folder(tmp_path: Path) -> None:
    ground = Ground(settings_for(tmp_path / "nowhere"))
    amiss(ground, "data-readable", says="there is no folder")
    for name in FOLDER[1:]:
        left_out(ground, name)


def test_a_folder_for_everybody(ground: Ground) -> None:
    ground.settings.data.chmod(0o755)
    found = amiss(ground, "data-folder", says="0755")
    assert found.remedy == f"Run: chmod 700 {ground.settings.data}"
    os.system(found.remedy.removeprefix("Run: "))  # noqa: S605 - the remedy itself is the test
    well(ground, "data-folder")


@pytest.mark.parametrize("name", ["keys/lookup.*.key", "pki/issuing.key"])
def test_a_key_for_everybody(ground: Ground, name: str) -> None:
    (key,) = ground.settings.data.glob(name)
    key.chmod(0o644)
    found = amiss(ground, "keys-private", says=key.name)
    left_out(ground, "keys-present")
    os.system(found.remedy.splitlines()[0].removeprefix("Run: "))  # noqa: S605
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    well(ground, "keys-private")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else(ground: Ground) -> None:
    """What a command leaves behind that was run as another user."""
    os.chown(ground.settings.sqlite_path, 65534, 65534)
    amiss(ground, "keys-owner", says="nobody owns enlist.sqlite3, the folder")


def carried_out(remedy: str, **places: Path) -> None:
    """Every command of a remedy, as it stands there; the guide's places are elsewhere here."""
    commands = re.findall(r"(?m)^Run: (.+)$", remedy)
    script = "\n".join(commands)
    for name, place in places.items():
        script = script.replace(f"/{name}", str(place))
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ENLIST")}
    assert commands
    subprocess.run(["bash", "-euc", script], env={**environment, "PATH": programs}, check=True)


def test_the_remedies_are_commands_that_work(ground: Ground, tmp_path: Path) -> None:
    write_secret(tmp_path / "backup-passphrase", b"a passphrase of the test\n")
    places = {"srv": tmp_path / "srv", "etc/enlist": tmp_path}
    carried_out(amiss(ground, "backup", level=Level.WARNING).remedy, **places)
    well(ground, "backup")
    old = Ground(ground.settings, clock=lambda: system_clock() + 3600 * DAY)
    carried_out(amiss(old, "authority-certificate").remedy)
    carried_out(amiss(ground, "backup", says="issuing.").remedy, **places)
    well(ground, "backup")
    (key,) = ground.settings.data.glob("keys/derive.*.key")
    key.chmod(0o644)
    carried_out(amiss(ground, "keys-private").remedy)
    assert len(list(ground.settings.data.glob("keys/derive.*.key"))) == 2


def test_what_a_leaked_key_still_makes(ground: Ground) -> None:
    """The command was broken off; each remedy is carried out as it stands there."""

    def power_cut(_: float) -> None:
        raise KeyboardInterrupt

    well(ground, "keys-leaked")
    enlist = opened_on(ground.settings, SettableClock(system_clock()))
    try:
        enlist.register("ada")
        enlist.do(AddWebhook("inventory", "https://hooks.example.com/"))
        with pytest.raises(KeyboardInterrupt):
            replace_leaked(enlist.installation, enlist.settings, pause=power_cut)
    finally:
        enlist.close()
    found = amiss(ground, "keys-leaked", says="1 token that nobody has used yet; ")
    assert "1 secret of webhooks" in found.found
    carried_out(found.remedy)
    well(ground, "keys-leaked")


def test_a_remedy_is_for_the_shell_that_asked(ground: Ground) -> None:
    data = ground.settings.data
    assert ground.command("doctor") == f"enlist doctor --data {data}"
    by_sudo = Ground(ground.settings, environment={"SUDO_USER": "ada"})
    me = pwd.getpwuid(data.stat().st_uid).pw_name
    assert by_sudo.command("doctor") == f"sudo -u {me} enlist doctor --data {data}"


def test_a_remedy_works_in_any_folder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.data.chmod(0o755)
    monkeypatch.chdir(settings.data.parent)
    found = diagnose(settings_for(Path(settings.data.name)), {}).examined
    remedies = {each.name: each.finding.remedy for each in found}
    assert remedies["data-folder"] == f"Run: chmod 700 {settings.data}"
    assert "enlist backup /srv/backups" in remedies["backup"]
    assert f" --data {settings.data}\n" in remedies["backup"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_remedy_is_for_the_folders_user(ground: Ground) -> None:
    os.chown(ground.settings.data, 65534, 65534)
    assert ground.command("doctor").startswith("sudo -u nobody enlist doctor ")


def _without_lookup(data: Path) -> None:
    for key in data.glob("keys/lookup.*.key"):
        key.unlink()


def _without_all(data: Path) -> None:
    shutil.rmtree(data / "keys")


def _of_another(data: Path) -> None:
    (data / "keys" / "installation.id").write_text("01990000-0000-7000-8000-000000000000")


def _another_lookup(data: Path) -> None:
    for key in data.glob("keys/lookup.*.key"):
        key.rename(key.with_name("lookup.00000000.key"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_without_lookup, "no lookup key"),
        (_without_all, "no keys"),
        (_of_another, "the database of"),
        (_another_lookup, "missing in"),
    ],
)
def test_keys_that_are_not_the_databases(
    ground: Ground, harm: Callable[[Path], None], says: str
) -> None:
    harm(ground.settings.data)
    amiss(ground, "keys-present", says=says)


# --- certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("years", "level"), [(1, Level.OK), (7.8, Level.WARNING), (9.5, Level.PROBLEM)]
)
def test_an_authority_that_grows_old(settings: Settings, years: float, level: Level) -> None:
    later = Ground(settings, clock=lambda: system_clock() + int(years * 365 * DAY))
    if level is Level.OK:
        well(later, "authority-certificate")
    else:
        amiss(later, "authority-certificate", level=level, says="the issuing certificate ends")


def test_an_authority_that_was_replaced(settings: Settings) -> None:
    later = system_clock() + int(7.8 * 365 * DAY)
    ground = Ground(settings, clock=lambda: later)
    found = amiss(ground, "authority-certificate", level=Level.WARNING)
    assert found.remedy.startswith("Run: enlist keys rotate ca")
    add_issuer(settings.data, later, later)
    well(ground, "authority-certificate")


def _device_listener(data: Path, *names: str, lasts: int) -> None:
    pki = data / "pki"
    key = keys.from_pem((pki / "device-listener.key").read_bytes())
    issued = load(data).authority.issue_server(list(names), key, system_clock(), lasts)
    (pki / "device-listener.pem").write_text(issued.pem)


def test_the_device_listeners_certificate(settings: Settings) -> None:
    devices = changed(Ground(settings), device_url="https://devices.example.com:8443")
    left_out(devices, "device-certificate")
    _device_listener(settings.data, "devices.example.com", lasts=300 * DAY)
    well(devices, "device-certificate")
    later = Ground(devices.settings, clock=lambda: system_clock() + 301 * DAY)
    amiss(later, "device-certificate", says="ended")
    _device_listener(settings.data, "devices.example.com", lasts=9 * DAY)
    amiss(devices, "device-certificate", level=Level.WARNING, says="it ends in 8 days")
    _device_listener(settings.data, "localhost", lasts=300 * DAY)
    amiss(devices, "device-certificate", says="does not name devices.example.com")


def test_more_names_of_the_device_listener(settings: Settings, tmp_path: Path) -> None:
    ours, theirs = "ours.example.com", "theirs.example.com"
    left_out(Ground(settings), "device-names")
    pair = certified(settings.data, tmp_path / "tls", theirs, lasts=90 * DAY)
    ground = changed(
        Ground(settings), device_name=[ours, f"{theirs}={pair.certificate}:{pair.key}"]
    )
    left_out(ground, "device-names")  # no server was ever started with them
    name_certificate(settings.data, system_clock, ours)
    found = well(ground, "device-names").found
    assert found == f"{ours}, ends in 396 days; {theirs}, ends in 89 days"
    later = Ground(ground.settings, clock=lambda: system_clock() + 80 * DAY)
    amiss(later, "device-names", level=Level.WARNING, says=f"{theirs}: it ends in 9 days")
    latest = Ground(ground.settings, clock=lambda: system_clock() + 390 * DAY)
    both = amiss(latest, "device-names", says=f"{ours}: it ends in 6 days; {theirs}: it ended")
    assert len(both.remedy.splitlines()) == 2
    for path in (pair.certificate, pair.key):
        path.unlink()
    other = certified(settings.data, tmp_path / "tls", "elsewhere.example.com")
    other.certificate.rename(pair.certificate)
    amiss(ground, "device-names", says="cannot be used")
    other.key.rename(pair.key)
    amiss(ground, "device-names", says=f"does not name {theirs}")


def test_certificate_files_for_people(
    settings: Settings, tmp_path: Path, throwaway_pki: Pki
) -> None:
    ground = Ground(settings)
    left_out(ground, "web-certificate")
    pair = certified(settings.data, tmp_path / "tls", "enroll.example.com")
    url = "https://enroll.example.com"
    files = {"tls_cert": pair.certificate, "tls_key": pair.key, "public_url": url}
    well(changed(ground, **files), "web-certificate")
    elsewhere = changed(ground, **{**files, "public_url": "https://other.example.com"})
    amiss(elsewhere, "web-certificate", says="does not name other.example.com")
    mixed = changed(ground, **{**files, "tls_key": throwaway_pki.server.key})
    amiss(mixed, "web-certificate", says="the key does not belong to the certificate")
    gone = changed(ground, **{**files, "tls_cert": tmp_path / "gone.pem"})
    amiss(gone, "web-certificate", says="gone.pem: No such file or directory")
    short = certified(settings.data, tmp_path / "tls", "enroll.example.com", lasts=5 * DAY)
    files |= {"tls_cert": short.certificate, "tls_key": short.key}
    amiss(changed(ground, **files), "web-certificate", level=Level.WARNING, says="ends in")
    short.key.chmod(0o644)
    found = amiss(changed(ground, **files), "web-certificate", says="everybody on this machine")
    os.system(found.remedy.removeprefix("Run: "))  # noqa: S605 - the remedy itself is the test
    assert stat.S_IMODE(short.key.stat().st_mode) == 0o640


def test_the_certificate_that_people_see(
    settings: Settings, tmp_path: Path, throwaway_pki: Pki
) -> None:
    """At the public address, wherever HTTPS ends."""
    left_out(changed(Ground(settings), public_url="http://localhost"), "public-certificate")
    right = certified(settings.data, tmp_path / "tls", "localhost")
    with site({}, right) as url:
        well(changed(Ground(settings), public_url=url), "public-certificate")
    with site({}, throwaway_pki.rogue) as url:
        ground = changed(Ground(settings), public_url=url)
        amiss(ground, "public-certificate", says="browsers refuse")
    soon = certified(settings.data, tmp_path / "tls", "localhost", lasts=3 * DAY)
    with site({}, soon) as url:
        ground = changed(Ground(settings), public_url=url)
        amiss(ground, "public-certificate", level=Level.WARNING)


def test_a_check_that_breaks_is_a_finding(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_dir", lambda _self: 1 / 0)
    found = find(ground, "data-folder")
    assert found.level is Level.PROBLEM
    assert "ZeroDivisionError" in found.found
