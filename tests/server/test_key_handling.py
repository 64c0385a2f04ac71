"""Keys stay in their files: no process, no command and no answer shows one (S64)."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.peers.base import DEADLINE, wait_until
from tests.peers.postgres import Cluster
from tests.serving import Server, StartServer


def spellings(data: Path) -> dict[str, set[bytes]]:
    """Every key of a data folder, in each way that it could be written somewhere."""
    found: dict[str, set[bytes]] = {}
    for path in (data / "keys").glob("*.key"):
        material = bytes.fromhex(path.read_text())
        encoded = (base64.b64encode(material), base64.urlsafe_b64encode(material))
        hexadecimal = material.hex().encode()
        found[path.name] = {material, hexadecimal, hexadecimal.upper(), *encoded}
    for path in (data / "pki").glob("*.key"):
        lines = path.read_bytes().splitlines()[1:-1]
        whole = b"".join(lines)
        # The first lines say what kind of key it is, and are alike in all of them.
        found[path.name] = {base64.b64decode(whole), whole, *lines[1:-1]}
    return found


def processes(server: Server) -> list[int]:
    """The server's process and all below it."""
    found = [server.process.pid]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                found += [int(child) for child in children.read_text().split()]
    return found


def examined(server: Server) -> bytes:
    """What doctor prints, whatever it found."""
    ran = subprocess.run(
        [sys.executable, "-m", "enlist", "doctor"],
        capture_output=True,
        env={**os.environ, **server.environment},
        timeout=DEADLINE,
        check=False,
    )
    assert ran.returncode in (0, 1, 2), ran.stderr
    return ran.stdout + ran.stderr


def shown(server: Server, request: pytest.FixtureRequest) -> dict[str, bytes]:
    """All that others can see, or are sent when they are asked for help."""
    found = {}
    for pid in processes(server):
        for name in ("cmdline", "environ"):
            found[f"{name} of {pid}"] = Path(f"/proc/{pid}/{name}").read_bytes()
    found["doctor"] = examined(server)
    for words in ("keys list --json", "audit key"):
        found[words] = server.cli(*words.split()).encode()
    key = server.api_key("administrator")
    with server.client(headers={"authorization": f"Bearer {key}"}) as client:
        for path in ("/metrics", "/readyz", "/api/v1/events", "/api/openapi.json"):
            found[path] = client.get(path).content
    found["log"] = server.output().encode()
    if server.database:
        cluster: Cluster = request.getfixturevalue("postgres")
        found["database"] = cluster.dump(server.database).encode()
    else:
        files = sorted(server.data.glob("enlist.sqlite3*"))
        found["database"] = b"".join(path.read_bytes() for path in files)
    notes = [server.data / "server.json", *(server.data / "checkpoints").glob("*")]
    return found | {path.name: path.read_bytes() for path in notes}


def test_no_key_is_shown_anywhere(
    start_server: StartServer, database_url: str, request: pytest.FixtureRequest
) -> None:
    """Process list, environment, what doctor and the commands print, log, metrics, database."""
    workers = 2 if database_url else 1
    server = start_server(database_url, workers=workers, environment={"ENLIST_LOG_LEVEL": "debug"})
    keys = spellings(server.data)
    assert len(keys) == 6
    wait_until(lambda: len(processes(server)) >= workers + (workers > 1), "the workers")
    places = shown(server, request)

    # The search finds what does stand there: ids of keys, the folder, the words of a command.
    for name in (name for name in keys if name.startswith(("lookup.", "derive."))):
        key_id = name.split(".")[1].encode()
        assert key_id in places["keys list --json"]
        assert key_id in places["database"]
    assert b"keys" in places["doctor"]
    assert str(server.data).encode() in places[f"environ of {server.process.pid}"]
    assert b"serve" in places[f"cmdline of {server.process.pid}"]
    assert b"PRIVATE KEY" not in b"".join(places.values())
    leaks = [
        f"{key} in {place}"
        for key, texts in keys.items()
        for place, content in places.items()
        if any(text in content for text in texts)
    ]
    assert leaks == []
