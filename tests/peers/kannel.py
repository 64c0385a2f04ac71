"""Kannel, an SMS gateway: bearerbox and smsbox, and fakesmsc in the place of a network.

What is asked of smsbox goes through its queue to the network, which confirms it, and Kannel then
calls the address that it was given for the message. `Kannel.received` is what reached the network.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import httpx2

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

NAME = "kannel"
PACKAGES = ("kannel", "kannel-extras")
MIN_VERSION = (1, 4)
NEEDS_ROOT = False

USER: Final = "enlist"
PASSWORD: Final = "kannel-password"
_NETWORK: Final = Path("/usr/lib/kannel/test/fakesmsc")
_GOT: Final = re.compile(r"Got message \d+: <(\S+) (\S+) ([\w-]+) (.*)>$")
_CONFIGURATION: Final = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = fake
port = {network}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sending}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {user}
password = "{password}"
concatenation = true
max-messages = 10
"""


def probe() -> Missing | None:
    if not _NETWORK.exists():
        return Missing(f"no {_NETWORK} (Debian package {PACKAGES[1]})")
    return lacking("bearerbox", PACKAGES[0], minimum=MIN_VERSION) or lacking("smsbox", PACKAGES[0])


@dataclass(frozen=True)
class Text:
    """A message, or a part of one, as the network got it."""

    sender: str
    recipient: str
    content: str


@dataclass
class Kannel:
    """A running gateway; `url` is where it takes messages."""

    url: str
    status: str
    log: Path
    network: Path
    version: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def received(self) -> list[Text]:
        """What reached the network so far."""
        lines = self.network.read_text(errors="replace").splitlines()
        found = [match for line in lines if (match := _GOT.search(line))]
        return [Text(each[1], each[2], _content(each[3], each[4])) for each in found]

    def wait_for(self, recipient: str) -> list[Text]:
        """What reached the network for a number, as soon as there is something."""
        deadline = time.monotonic() + DEADLINE
        while not (found := [each for each in self.received if each.recipient == recipient]):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing for {recipient}")
            time.sleep(0.02)
        return found

    def answering(self) -> bool:
        """Whether bearerbox waits for the network and for smsbox."""
        return "SMSC connections" in _asked(self.status)

    def taking(self) -> bool:
        """Whether smsbox takes messages, though not from everybody."""
        return "Authorization failed" in _asked(self.url)

    def online(self) -> bool:
        """Whether the network is there."""
        return "(online" in _asked(self.status)

    def stop(self) -> None:
        for process in reversed(self.processes):
            finish(process)


def _content(kind: str, shown: str) -> str:
    """What fakesmsc shows of a text: as it is, or its bytes, behind the header of a part."""
    if kind == "text":
        return shown
    content = unquote_to_bytes(shown.rpartition(" ")[2].replace("+", "%20"))
    return content.decode("utf-16-be" if b"\0" in content else "utf-8", "replace")


def _asked(url: str) -> str:
    try:
        return httpx2.get(url, trust_env=False, timeout=DEADLINE).text
    except httpx2.TransportError:
        return ""


def start(folder: Path) -> Kannel:
    ports = {name: free_port() for name in ("admin", "boxes", "network", "sending")}
    configuration = folder / "kannel.conf"
    configuration.write_text(_CONFIGURATION.format(user=USER, password=PASSWORD, **ports))
    running = Kannel(
        f"http://127.0.0.1:{ports['sending']}/cgi-bin/sendsms",
        f"http://127.0.0.1:{ports['admin']}/status.txt?password=admin",
        folder / "kannel.log",
        folder / "network.log",
        "1.4",
    )
    network = ["-H", "127.0.0.1", "-r", str(ports["network"]), "-m", "0", "1 2 text unsent"]
    for program, arguments, log in (
        (find_program("bearerbox"), [str(configuration)], running.log),
        (find_program("smsbox"), [str(configuration)], folder / "smsbox.log"),
        (str(_NETWORK), network, running.network),
    ):
        process = launch([program or "", *arguments], log)
        running.processes.append(process)
        answers = (running.answering, running.taking, running.online)[len(running.processes) - 1]
        wait_until(answers, f"Kannel's {Path(program or '').name}", log=log, process=process)
    return running
