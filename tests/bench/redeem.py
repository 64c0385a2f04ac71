"""How many redemptions a second `enlist serve` answers over HTTP, and whether each was right.

Tokens are issued beforehand through the product's own verb. wrk, in a process of its own, hands
each of 64 keep-alive connections fresh tokens. The run is void unless every answer is a 201, and
afterwards the database must hold exactly as many redemptions, events and certificates (P11).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name

from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store.tx import Query, Reader
from enlist.verbs.callers import host_caller
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.register import DeviceDetails, Register
from enlist.verbs.setup import Administrator, Beginning
from enlist.wiring.installation import open_installation
from tests.peers.base import free_port

_COUNTS = Query(
    "bench.counts",
    """
    SELECT (SELECT count(*) FROM enrollment WHERE state = 'used') AS used,
           (SELECT count(*) FROM event WHERE kind = 'enrollment.redeemed') AS events,
           (SELECT count(*) FROM credential) AS credentials,
           (SELECT count(*) FROM device WHERE state = 'enrolled') AS enrolled
    """,
)

_WRK = """
local bodies, number, threads = {}, 0, 0
function setup(thread) thread:set("place", threads); threads = threads + 1 end
function init(args)
  local line = 0
  for body in io.lines(args[1]) do
    if line % tonumber(args[2]) == place then bodies[#bodies + 1] = body end
    line = line + 1
  end
end
function request()
  number = number + 1
  return wrk.format("POST", "/api/v1/redeem", {["Content-Type"] = "application/json"},
                    bodies[number] or '{"exhausted":true}')
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %f %f\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: answers per second, latency in milliseconds, memory of a worker in MiB."""

    rate: float
    p50: float
    p99: float
    memory: float
    answered: int


def prepare(folder: Path, database: str, count: int, *, with_csr: bool) -> Path:
    """Set up an installation with `count` live tokens; a file with one request body a line."""
    settings = Settings(data=folder, database=database)
    administrator = Administrator("bench@example.com", Secret("a password for the bench"))
    installation = open_installation(settings, beginning=Beginning(administrator=administrator))
    caller = installation.store.read(lambda tx: host_caller(tx, "bench"))
    must(
        installation.driver.perform(ChangeSettings("main", {"allow_bare_enrollment": True}), caller)
    )
    csr = _csr() if with_csr else None

    def issue(number: int) -> str:
        verb = Register(
            "", "bench@example.com", DeviceDetails(f"device {number}", "linux"), Delivery("none")
        )
        token = must(installation.driver.perform(verb, caller)).token
        assert token is not None
        body = {"token": token.reveal(), "device": {"platform": "linux"}}
        return json.dumps(body | ({"csr": csr} if csr else {}))

    with ThreadPoolExecutor(16) as pool:
        lines = list(pool.map(issue, range(count)))
    installation.close()
    if database:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ANALYZE")  # as before the yardstick
            connection.execute("CHECKPOINT")
    path = folder / "bodies.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def measure(
    folder: Path, database: str, bodies: Path, seconds: int, workers: int, *, with_csr: bool
) -> Measured:
    """Serve, load, stop, and check that what was answered is what happened.

    Raises:
        RuntimeError: the run is void.
    """
    with served(folder, database, workers) as (url, process):
        script = folder / "redeem.lua"
        script.write_text(_WRK)
        ran = subprocess.run(
            ["wrk", "-t2", "-c64", f"-d{seconds}s", "-s", str(script), url, "--", str(bodies), "2"],
            check=True,
            capture_output=True,
            text=True,
        )
        memory = max(_memory(pid) for pid in _family(process.pid))
    found = re.search(r"RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)", ran.stdout)
    if found is None or int(found[3]):
        raise RuntimeError(f"void: not every answer was a 201\n{ran.stdout}")
    answered, took = int(found[1]), int(found[2]) / 1e6
    _check(folder, database, answered, with_csr=with_csr)
    return Measured(answered / took, float(found[4]), float(found[5]), memory, answered)


@contextmanager
def served(
    folder: Path, database: str, workers: int, *more: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`enlist serve` as a process of its own, ready; `more` are further flags."""
    port, device_port = free_port(), free_port()
    command = [sys.executable, "-m", "enlist", "serve", "--data", str(folder)]
    command += ["--http", f"127.0.0.1:{port}", "--device", f"127.0.0.1:{device_port}"]
    command += ["--workers", str(workers), *(["--database", database] if database else [])]
    command += more
    environment = {**os.environ, "ENLIST_LOG_LEVEL": "warning"}
    log = (folder / "serve.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "serve.log")
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()


def must(outcome: Done[Value] | Refusal) -> Value:
    """The value of something that has to succeed."""
    if isinstance(outcome, Refusal):
        raise RuntimeError(f"refused: {outcome}")
    return outcome.value


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text()}")


def _check(folder: Path, database: str, answered: int, *, with_csr: bool) -> None:
    """Answered 201s, redemptions and events agree; wrk may leave up to 64 answers unread."""
    installation = open_installation(Settings(data=folder, database=database))

    def ask(tx: Reader) -> dict[str, int]:
        row = tx.one(_COUNTS)
        assert row is not None
        return dict(row)

    counts = installation.store.read(ask)
    installation.close()
    used = counts["used"]
    alike = used == counts["events"] == counts["enrolled"]
    bound = counts["credentials"] == (used if with_csr else 0)
    if not (alike and bound and answered <= used <= answered + 64):
        raise RuntimeError(f"void: {answered} answers of 201, but {counts}")


def _csr() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    request = CertificateSigningRequestBuilder().subject_name(Name([])).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _memory(pid: int) -> float:
    """Resident memory in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
