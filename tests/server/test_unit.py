"""The unit files: systemd understands them, they give little away, and the guides install these."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from enlist.settings import variables
from enlist_agent import cli
from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage
from tests.peers.base import DEADLINE

UNIT = ROOT / "packaging" / "enlist.service"
AGENT = ROOT / "agent" / "enlist-agent.service"
GUIDE = DocsPage(ROOT / "docs" / "how-to" / "install.md")
AGENT_GUIDE = DocsPage(ROOT / "docs" / "how-to" / "agent.md")
MOST_EXPOSED = 20
"""systemd's own measure, from 0 to 100; a service without any hardening has 96."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine"
)


def setting(name: str, unit: Path = UNIT) -> list[str]:
    """Every value of a line of a unit."""
    return re.findall(rf"(?m)^{name}=(.*)$", unit.read_text())


@pytest.fixture(params=[UNIT, AGENT], ids=["server", "agent"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit with a program and a user that exist on this machine."""
    original: Path = request.param
    text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", original.read_text())
    text = re.sub(r"(?m)^(User|Group)=enlist.*$", r"\1=daemon", text)
    unit = tmp_path / original.name
    unit.write_text(text)
    return unit


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


@needs_systemd
def test_systemd_understands_every_line(here: Path) -> None:
    ran = analyze("verify", str(here))
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    here.write_text(here.read_text() + "\n[Service]\nProtectEverything=yes\n")
    assert "ProtectEverything" in analyze("verify", str(here)).stderr, "it does look"


@needs_systemd
def test_it_gives_little_away(here: Path) -> None:
    threshold = f"--threshold={MOST_EXPOSED}"
    ran = analyze("security", "--offline=true", threshold, str(here))
    assert ran.returncode == 0, ran.stdout


def test_it_can_be_read_without_systemd() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    assert service["ExecReload"] == "/bin/sh -c 'kill -HUP $$MAINPID'"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert int(service["LimitNOFILE"]) >= 65536
    assert service["UMask"] == "0077"


def test_the_guide_makes_what_the_unit_names() -> None:
    commands = "\n".join(GUIDE.blocks)
    (program,) = setting("ExecStart")
    assert program.removesuffix(" serve") in commands
    (environment,) = setting("EnvironmentFile")
    assert environment in commands
    (user,) = setting("User")
    assert re.search(rf"useradd .* {user}$", commands, re.MULTILINE)
    (folder,) = setting("StateDirectory")
    assert f"-o {user} -g {user} /var/lib/{folder}" in commands
    assert f"ENLIST_DATA=/var/lib/{folder}" in commands
    assert "/opt/enlist/packaging/enlist.service /etc/systemd/system/enlist.service" in commands


def test_the_guides_settings_are_settings() -> None:
    (settings,) = [each for each in GUIDE.blocks if each.startswith("ENLIST_DATA=")]
    names = {line.partition("=")[0] for line in settings.splitlines()}
    assert names <= variables()


def test_the_agents_guide_makes_what_its_unit_names() -> None:
    commands = "\n".join(AGENT_GUIDE.blocks)
    (program,) = setting("ExecStart", AGENT)
    assert program.partition(" ")[0] in commands
    (user,) = setting("User", AGENT)
    assert re.search(rf"useradd .* {user}$", commands, re.MULTILINE)
    (folder,) = setting("StateDirectory", AGENT)
    assert f"-o {user} -g {user} /var/lib/{folder}" in commands
    assert "enlist-agent.service /etc/systemd/system/enlist-agent.service" in commands


def test_a_reset_device_is_not_started_again() -> None:
    assert setting("Restart", AGENT) == ["on-failure"]
    (codes,) = setting("RestartPreventExitStatus", AGENT)
    assert {int(each) for each in codes.split()} == {cli.REFUSED, cli.WRONG_USAGE, cli.RESET}
