"""The server's log: whoever sends a request writes into it, and must not write it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.corpus import CORPUS
from tests.peers.base import DEADLINE

LOG_EACH = """
import json, sys
import structlog
from enlist.wiring.logs import configure_logs
configure_logs("info", sys.argv[1])
log = structlog.get_logger("enlist.web")
for text in json.load(sys.stdin):
    log.info("request", path=text, listener="web")
"""
SHAKE_HANDS = """
import ssl, sys
from enlist.wiring import logs
logs.configure_logs("info", "json")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.sni_callback = lambda *_: None
trusting = ssl.create_default_context()
for times in (3, 2):
    for _ in range(times):
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting.wrap_bio(back, there, server_hostname="strange.example")
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = ssl.MemoryBIO()
        hello.write(there.read().replace(b"strange", b"str\\xffnge"))
        try:
            context.wrap_bio(hello, ssl.MemoryBIO(), server_side=True).do_handshake()
        except ssl.SSLError:
            pass
    sys.unraisablehook._quiet_until = 0

class Broken:
    def __del__(self):
        raise RuntimeError("at its end")

Broken()
"""


OF_OTHERS = """
import logging
from enlist.wiring.logs import configure_logs
for _ in range(2):
    configure_logs("info", "json")
    pool = logging.getLogger("psycopg.pool")
    pool.warning("connection failed: %s\\n\\tIs it there?", "refused")
pool.info("not told")
try:
    raise RuntimeError("of a library")
except RuntimeError:
    logging.getLogger("asyncio").exception("nobody took it")
"""


@pytest.mark.parametrize("style", ["console", "json"])
def test_what_strangers_send_stays_on_its_line(style: str) -> None:
    """S76: no line of their own, and nothing that a terminal obeys."""
    ran = subprocess.run(
        [sys.executable, "-c", LOG_EACH, style],
        input=json.dumps(CORPUS),
        capture_output=True,
        check=True,
        timeout=DEADLINE,
        encoding="utf-8",
    )
    lines = ran.stderr.splitlines()  # at everything that anybody takes for a line's end
    assert len(lines) == len(CORPUS) >= 200
    assert all(line.isprintable() for line in lines)
    if style == "json":
        assert [json.loads(line)["path"] for line in lines] == list(CORPUS)
    else:
        assert all("Bcc: eve@example.com" in line for line in lines if "Bcc" in line)


def test_what_python_can_raise_to_nobody_is_a_line_of_the_log() -> None:
    """A host name that is not ASCII is a stranger's: a line a minute, however many there are."""
    ran = subprocess.run(
        [sys.executable, "-c", SHAKE_HANDS],
        capture_output=True,
        check=True,
        timeout=DEADLINE,
        encoding="utf-8",
    )
    first, later, broken = map(json.loads, ran.stderr.splitlines())
    assert [first["times"], later["times"]] == [1, 3]
    assert "not ASCII" in first["event"]
    assert (broken["event"], broken["level"]) == ("unraisable", "error")
    assert "RuntimeError: at its end" in broken["exception"]


def test_what_libraries_say_is_a_line_of_this_log() -> None:
    """Each said once: whoever waits for PostgreSQL hears the same of every try."""
    ran = subprocess.run(
        [sys.executable, "-c", OF_OTHERS],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    waits, broke = (json.loads(line) for line in ran.stderr.splitlines())
    assert (waits["level"], waits["by"]) == ("warning", "psycopg.pool")
    assert waits["event"] == "connection failed: refused Is it there?"
    assert (broke["level"], broke["event"]) == ("error", "nobody took it")
    assert "RuntimeError: of a library" in broke["exception"]
