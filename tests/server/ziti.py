"""OpenZiti's own client, and connections by the identity file that it got."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.peers.base import DEADLINE
from tests.serving import Server


def certified(server: Server, identity: dict[str, str], folder: Path) -> Any:
    """A client that proves itself with an identity file, and trusts what stands in it."""
    held = folder / "held.pem"
    held.write_text(identity["cert"] + identity["key"])
    context = ssl.create_default_context(cadata=identity["ca"])
    context.load_cert_chain(held)
    trusting: dict[str, Any] = {"trust_env": False, "verify": context}
    return httpx2.Client(base_url=server.device_url, timeout=DEADLINE, **trusting)


@dataclass
class Client:
    """The client, run once for each of its commands."""

    python: str
    folder: Path

    def enroll(self, jwt: str, name: str) -> tuple[int, str, Path]:
        """Exit code, what it said, and the identity file, which it empties before it tries."""
        token, identity = self.folder / f"{name}.jwt", self.folder / f"{name}.json"
        token.write_text(jwt)
        command = [self.python, "-m", "openziti", "enroll", "-j", str(token), "-i", str(identity)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        return ran.returncode, ran.stdout + ran.stderr, identity
