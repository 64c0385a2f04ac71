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
