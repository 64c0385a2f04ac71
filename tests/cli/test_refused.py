"""What a command says when it cannot even begin: in words, at once, and never as a trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.base import DEADLINE, free_port
from tests.peers.postgres import Cluster

PATIENT = """
from enlist.store import postgres
postgres.CONNECTED_WITHIN = 3600
from enlist.wiring import main
main()
"""
"""A program that waits an hour for a database, where it waits for one."""


def refused(*words: str, **environment: str) -> str:
    """What a command says that ends with exit code 3."""
    ran = subprocess.run(
        [sys.executable, "-c", PATIENT, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (3, ""), ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return " ".join(ran.stderr.split())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENLIST_SMTP_PORT", "many"),
        ("ENLIST_WORKERS", "many"),
        ("ENLIST_SMTP_SECURITY", "ssl"),
    ],
)
def test_a_setting_is_called_as_it_is_set(tmp_path: Path, name: str, value: str) -> None:
    said = refused("user", "list", "--data", str(tmp_path), **{name: value})
    assert said.startswith(f"{name}: ")


def test_a_database_that_is_away_is_said_at_once(tmp_path: Path) -> None:
    url = f"postgresql://enlist:hush@127.0.0.1:{free_port()}/enlist"
    said = refused("user", "list", "--data", str(tmp_path), "--database", url)
    assert "Connection refused" in said
    assert said.count("Connection refused") == 1
    assert "hush" not in said


def test_a_database_that_knows_somebody_else(tmp_path: Path, postgres: Cluster) -> None:
    """As with peer authentication, when root calls a command of Enlist's user."""
    tmp_path.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, 65534)
    url = postgres.url.replace("postgres@", "stranger@", 1)
    said = refused("user", "list", "--data", str(tmp_path), "--database", url)
    assert 'role "stranger" does not exist' in said
    if os.geteuid() == 0:
        assert "run this as: sudo -u nobody enlist …" in said
