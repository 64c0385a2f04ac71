"""Install the Debian packages of every peer that is missing here, when this user may; and what
comes from PyPI into an environment of its own.

Where he may not, nothing happens, and the rule in `plugin` judges what is still missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers import openziti
from tests.peers.catalogue import PEERS

POLICY = Path("/usr/sbin/policy-rc.d")


def missing_packages() -> list[str]:
    """The packages of all peers that cannot be used yet."""
    return sorted({name for peer in PEERS if peer.probe() is not None for name in peer.PACKAGES})


@contextmanager
def no_services(policy: Path = POLICY) -> Iterator[None]:
    """Keep Debian from starting the servers that it installs: tests start their own.

    A policy that the machine already has stays in force and in place.
    """
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def apt_get(*arguments: str) -> bool:
    """Run apt-get without questions, waiting for whoever holds its lock; whether it succeeded.

    What it says is of interest only when it fails.
    """
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print("\n".join(done.stdout.splitlines()[-30:]), file=sys.stderr)
    return done.returncode == 0


def install(packages: Sequence[str]) -> None:
    """Bring the packages, or say how a person can."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"to run every test: sudo apt-get install {' '.join(packages)}")
        return
    print(f"installing {' '.join(packages)}", flush=True)
    with no_services():
        # Lists that are older than the archive's name packages that are gone from it.
        apt_get("update")
        if not apt_get("install", "-y", "--no-install-recommends", *packages):
            print("apt-get failed: what is still missing is reported by the tests", file=sys.stderr)


if __name__ == "__main__":
    if wanted := missing_packages():
        install(wanted)
    if openziti.probe() is not None and not openziti.install():
        print("pip failed: what is still missing is reported by the tests", file=sys.stderr)
