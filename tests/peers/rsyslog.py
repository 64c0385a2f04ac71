"""rsyslog as a SIEM would run it: syslog over TLS (RFC 5425), each message on a line of a file.

A line is rsyslog's own reading of a message: facility, severity, host, application, MSGID,
structured data and text, parted by tabs.
"""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers import pki
from tests.peers.base import (
    DEADLINE,
    Missing,
    find_program,
    finish,
    free_port,
    lacking,
    launch,
    wait_until,
)

NAME = "rsyslog"
PACKAGES = ("rsyslog", "rsyslog-openssl")
MIN_VERSION = (8, 2)
NEEDS_ROOT = False

_TLS: Final = "lmnsd_ossl.so"
_CONFIGURATION: Final = """
global(
  workDirectory="{folder}" maxMessageSize="64k"
  defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{authority}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}"
)
module(
  load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"
)
input(type="imtcp" port="{port}" address="127.0.0.1")
input(
  type="imtcp" port="{plain}" address="127.0.0.1"
  streamDriver.name="ptcp" streamDriver.mode="0" streamDriver.authMode="anon"
)
template(name="parts" type="string" string="%syslogfacility%\\t%syslogseverity%\\t%hostname%\\t\
%app-name%\\t%msgid%\\t%structured-data%\\t%msg%\\n")
action(type="omfile" file="{told}" template="parts" asyncWriting="off" flushOnTXEnd="on")
"""


def probe() -> Missing | None:
    if not any(Path("/usr/lib").glob(f"*/rsyslog/{_TLS}")):
        return Missing(f"no {_TLS} of rsyslog (Debian package {PACKAGES[1]})")
    return lacking("rsyslogd", PACKAGES[0])


@dataclass(frozen=True)
class Line:
    """A message as rsyslog understood it."""

    facility: str
    severity: str
    host: str
    application: str
    kind: str
    data: str
    text: str


@dataclass
class Rsyslog:
    """A running receiver; `url` is where it takes messages over TLS, `plain` without."""

    url: str
    plain: str
    authority: Path
    told: Path
    version: str
    process: subprocess.Popen[bytes]
    command: list[str]
    log: Path

    @property
    def lines(self) -> list[Line]:
        """What was taken so far."""
        if not self.told.exists():
            return []
        return [Line(*each.split("\t", 6)) for each in self.told.read_text().splitlines()]

    def wait_for(self, text: str, times: int = 1) -> list[Line]:
        """What was taken, once a text is in so many of them."""
        deadline = time.monotonic() + DEADLINE
        while sum(text in each.text for each in self.lines) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text} is not in {len(self.lines)} lines")
            time.sleep(0.05)
        return self.lines

    def answering(self) -> bool:
        """Whether somebody listens."""
        for url in (self.url, self.plain):
            port = url.rpartition(":")[2]
            with socket.socket() as probed:
                if probed.connect_ex(("127.0.0.1", int(port))) != 0:
                    return False
        return True

    def start(self) -> None:
        """Start it, again after `stop`."""
        self.process = launch(self.command, self.log)
        wait_until(self.answering, "rsyslog", log=self.log, process=self.process)

    def stop(self) -> None:
        finish(self.process)


def start(folder: Path) -> Rsyslog:
    port, plain, made = free_port(), free_port(), pki.make(folder / "pki")
    configuration, told = folder / "rsyslog.conf", folder / "told"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            authority=made.authority,
            certificate=made.server.certificate,
            key=made.server.key,
            port=port,
            plain=plain,
            told=told,
        )
    )
    pid = str(folder / "rsyslog.pid")
    command = [find_program("rsyslogd") or NAME, "-n", "-f", str(configuration), "-i", pid]
    log = folder / "rsyslog.log"
    process = launch(command, log)
    urls = f"tls://127.0.0.1:{port}", f"tcp://127.0.0.1:{plain}"
    running = Rsyslog(*urls, made.authority, told, "8", process, command, log)
    wait_until(running.answering, "rsyslog", log=log, process=process)
    return running
