"""How many redemptions a second `enlist serve` answers over HTTP, and whether each was right.

Tokens are issued beforehand through the product's own verb. wrk, in a process of its own, hands
each of 64 keep-alive connections fresh tokens. The run is void unless every answer is a 201, and
afterwards the database must hold exactly as many redemptions, events and certificates (P11).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name

from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store.tx import Query, Reader
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
local requests, number, threads, strangers = {}, 0, 0, false
local headers = {["Content-Type"] = "application/json"}
local function address()
  return string.format("10.%d.%d.%d", math.random(0, 255), math.random(0, 255), math.random(1, 254))
end
function setup(thread) thread:set("place", threads); threads = threads + 1 end
local function built(body, csr)
  if csr then
    local token = string.match(body, '"token": "([^"]+)"') or "exhausted"
    return wrk.format("POST", "/edge/client/v1/enroll?method=ott&token=" .. token,
                      {["Content-Type"] = "application/x-pem-file"}, csr)
  end
  if strangers then headers["X-Forwarded-For"] = address() end
  return wrk.format("POST", "/api/v1/redeem", headers, body)
end
function init(args)
  local line, pause, csr = 0, tonumber(args[3]), nil
  strangers = args[4] == "strangers"
  math.randomseed(place + 1)
  if args[5] ~= "" then
    local file = io.open(args[5])
    csr = file:read("*a")
    file:close()
  end
  for body in io.lines(args[1]) do
    if line % tonumber(args[2]) == place then
      requests[#requests + 1] = built(body, csr)
    end
    line = line + 1
  end
  exhausted = built('{"exhausted":true}', csr)
  if pause > 0 then
    function delay() return math.floor(pause * (0.5 + math.random())) end
  end
end
function request()
  number = number + 1
  return requests[number] or exhausted
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %f %f\\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


WARM: Final = 2
"""Seconds of load before what is measured: the first requests also find modules not yet read."""

USER: Final = "bench@example.com"
"""The administrator of an installation that is measured."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: answers per second, latency in milliseconds, memory of a worker in MiB."""

    rate: float
    p50: float
    p99: float
    memory: float
    answered: int


def beginning() -> Beginning:
    """An installation with one administrator, whose devices all of them are."""
    administrator = Administrator(USER, Secret("a password for the bench"))
    return Beginning(administrator=administrator)


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: answers, those that were refusals, and requests that got none."""

    answered: int
    seconds: float
    refused: int
    failed: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


def load(
    url: str,
    bodies: Path,
    seconds: int,
    *,
    pause: float = 0.0,
    strangers: bool = False,
    csr: Path | None = None,
) -> Load:
    """Keep 64 connections busy with the bodies of a file, each once.

    Args:
        pause: milliseconds that a connection waits before each request, on average.
        strangers: say of each request that it comes from another address.
        csr: a certificate request in PEM, to be sent with each token as OpenZiti's clients do.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK)
        script.flush()
        command = ["wrk", "-t2", "-c64", f"-d{seconds}s", "-s", script.name, url, "--"]
        command += [str(bodies), "2", str(pause), "strangers" if strangers else "one"]
        command += [str(csr or "")]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)", ran.stdout)
    if found is None:
        raise RuntimeError(f"wrk said nothing of what it saw:\n{ran.stdout}{ran.stderr}")
    answered, took, refused, failed = (int(found[place]) for place in range(1, 5))
    return Load(answered, took / 1e6, refused, failed, float(found[5]), float(found[6]))


def measure(
    folder: Path, database: str, bodies: Path, seconds: int, workers: int, *, with_csr: bool
) -> Measured:
    """Serve, warm up, load, stop, and check that what was answered is what happened.

    Raises:
        RuntimeError: the run is void.
    """
    first, second = parted(bodies)
    with served(folder, database, workers) as (url, process):
        warm = load(url, first, WARM)
        seen = load(url, second, seconds)
        memory = memory_of(process)
    check(folder, database, [warm, seen], with_csr=with_csr)
    return Measured(seen.rate, seen.p50, seen.p99, memory, seen.answered)


def parted(bodies: Path, share: float = 0.3) -> tuple[Path, Path]:
    """Two files, the first with this share of the requests: no load repeats another's."""
    lines = bodies.read_text().splitlines(keepends=True)
    cut = int(share * len(lines))
    first, second = (bodies.with_name(f"{bodies.stem}-{part}.jsonl") for part in (1, 2))
    first.write_text("".join(lines[:cut]))
    second.write_text("".join(lines[cut:]))
    return first, second


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


def check(
    folder: Path,
    database: str,
    loads: Sequence[Load],
    *,
    with_csr: bool,
    before: int = 0,
    reset: int = 0,
) -> None:
    """Answered 201s, redemptions and events agree; wrk may leave up to 64 answers unread.

    Args:
        before: devices that had enrolled before, with a certificate.
        reset: how many of them are enrolled no more.

    Raises:
        RuntimeError: they do not, or not every answer was a 201.
    """
    if any(seen.refused or seen.failed for seen in loads):
        raise RuntimeError(f"void: not every answer was a 201: {loads}")
    installation = open_installation(Settings(data=folder, database=database))

    def ask(tx: Reader) -> dict[str, int]:
        row = tx.one(_COUNTS)
        assert row is not None
        return dict(row)

    counts = installation.store.read(ask)
    installation.close()
    used, answered = counts["used"], before + sum(seen.answered for seen in loads)
    alike = used == counts["events"] == counts["enrolled"] + reset
    bound = counts["credentials"] == (used if with_csr else before)
    if not (alike and bound and answered <= used <= answered + 64 * len(loads)):
        raise RuntimeError(f"void: {answered} answers of 201, but {counts}")


def certificate_request() -> str:
    """A request for a certificate, as PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = CertificateSigningRequestBuilder().subject_name(Name([])).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def memory_of_pid(pid: int) -> float:
    """Resident memory of one process, in MiB."""
    return _memory(pid)


def memory_of(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of the largest of a server's processes, in MiB."""
    return max(_memory(pid) for pid in _family(process.pid))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _memory(pid: int) -> float:
    """Resident memory in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
