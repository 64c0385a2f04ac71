"""`enlist serve` as a process of its own, for tests that need the real thing.

server = start_server(database, workers=2)
key = server.api_key("operator", "enrollments:reveal")
server.post("/api/v1/redeem", {...})
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.verbs.setup import Administrator, Beginning
from enlist.wiring.installation import open_installation
from tests.peers.base import DEADLINE, finish, free_port, launch, wait_until
from tests.peers.pki import Pair

PASSWORD = "correct horse battery"
ADMINISTRATOR = "root@example.com"
StartServer = Callable[..., "Server"]
NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no authority. A client of plain HTTP would otherwise read all that the system trusts,
25 ms of work that comes again with every look whether a server is ready."""


@dataclass
class Server:
    """A running server and its data folder."""

    data: Path
    database: str
    url: str
    device_url: str
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    web_authority: Path | None = None
    """Who vouches for the web listener, where it is not Enlist's own CA."""

    @property
    def authority(self) -> Path:
        """Enlist's own CA, for clients of the device listener."""
        return self.data / "pki" / "root.pem"

    def client(self, **options: Any) -> httpx2.Client:
        """An HTTP client of the web listener, which trusts its CA; closed by the caller."""
        trusted = NOBODY
        if self.url.startswith("https:"):
            authority = self.web_authority or self.authority
            trusted = ssl.create_default_context(cafile=authority)
        options.setdefault("verify", trusted)
        return httpx2.Client(base_url=self.url, timeout=DEADLINE, trust_env=False, **options)

    def device_client(self, certificate: Path | None = None, key: Path | None = None) -> Any:
        """An HTTP client of the device listener, with a client certificate if one is given."""
        context = ssl.create_default_context(cafile=self.authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        trusting: dict[str, Any] = {"trust_env": False, "verify": context}
        return httpx2.Client(base_url=self.device_url, timeout=DEADLINE, **trusting)

    def cli(self, *words: str, stdin: str = "", expect: int = 0) -> str:
        """What a command beside the server prints; it must end with the exit code expected."""
        ran = subprocess.run(
            [sys.executable, "-m", "enlist", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=DEADLINE,
            check=False,
        )
        assert ran.returncode == expect, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout if expect == 0 else ran.stdout + ran.stderr

    def api_key(self, role: str, *permissions: str, organization: str = "") -> str:
        """A fresh API key."""
        words = ["apikey", "create", "--name", f"test {role}", "--role", role, "--json"]
        for permission in permissions:
            words += ["--permission", permission]
        if organization:
            words += ["--organization", organization]
        key: str = json.loads(self.cli(*words))["key"]
        return key

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        finish(self.process, how)

    def output(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text(errors="replace")


@pytest.fixture
def start_server(tmp_path: Path, afterwards: ExitStack) -> Iterator[StartServer]:
    """Start a server on a fresh or a given data folder; all are stopped at the end.

    It depends on `afterwards` so that whatever a test puts there happens after that.
    """
    running: list[Server] = []

    def start(database: str = "", *, data: Path | None = None, **options: Any) -> Server:
        server = launch_server(data or tmp_path / f"data-{len(running)}", database, **options)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database on each store; "" is SQLite in the data folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("empty_database"))


def launch_server(
    data: Path,
    database: str = "",
    *,
    workers: int = 1,
    environment: dict[str, str] | None = None,
    arguments: tuple[str, ...] = (),
    initialise: bool = True,
    host: str = "127.0.0.1",
    tls: tuple[Pair, Path] | None = None,
    program: tuple[str, ...] = ("-m", "enlist"),
) -> Server:
    """Set up an installation with an administrator, unless it is one, and serve it.

    Args:
        host: another loopback address, such as 127.0.0.2, is to Enlist like any other machine's:
            there its web listener speaks HTTPS with a certificate of its own CA.
        tls: files for the web listener's HTTPS, and who vouches for them.
        program: what Python runs to serve.
    """
    port, device_port = free_port(), free_port()
    url, device_url = f"http://localhost:{port}", f"https://localhost:{device_port}"
    if host != "127.0.0.1":
        url, device_url = f"https://{host}:{port}", f"https://{host}:{device_port}"
    if tls is not None:
        url = f"https://localhost:{port}"
        files = tls[0]
        arguments += ("--tls-cert", str(files.certificate), "--tls-key", str(files.key))
    settings = {
        "ENLIST_DATA": str(data),
        "ENLIST_DATABASE": database,
        "ENLIST_PUBLIC_URL": url,
        "ENLIST_DEVICE_URL": device_url,
        "ENLIST_LOG_FORMAT": "json",
        **(environment or {}),
    }
    log = data.with_name(f"{data.name}-{port}.log")
    command = [sys.executable, *program, "serve", "--workers", str(workers)]
    command += ["--http", f"{host}:{port}", "--device", f"{host}:{device_port}", *arguments]
    if initialise and not (data / "keys").exists():
        _found(data, database, settings["ENLIST_PUBLIC_URL"])
    process = launch(command, log, environment=settings)
    server = Server(data, database, url, device_url, process, log, settings)
    server.web_authority = None if tls is None else tls[1]
    wait_until(lambda: _ready(server), "enlist serve", log=log, process=process)
    return server


def _found(data: Path, database: str, public_url: str) -> None:
    """What `enlist init` does, without the second that a command takes to start."""
    administrator = Administrator(ADMINISTRATOR, Secret(PASSWORD))
    beginning = Beginning("My organization", administrator=administrator)
    settings = Settings(data=data, database=database, public_url=public_url)
    open_installation(settings, beginning=beginning).close()


def _ready(server: Server) -> bool:
    try:
        with server.client() as client:
            return client.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False
    except FileNotFoundError:  # The CA that the client would trust is not made yet.
        return False
