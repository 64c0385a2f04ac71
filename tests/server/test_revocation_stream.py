"""A gateway follows revocations as server-sent events, over real sockets and several processes.

How quickly is not asked, only that the bell brings them and not the look every ten seconds: a
server is told to look so rarely that a test could not wait for it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from tests.devices import Credentials, enroll
from tests.peers.base import wait_until
from tests.serving import Server, StartServer

BY_BELL_ALONE = """
from enlist import wiring
from enlist.web.api import revocations
revocations.SIGN_OF_LIFE = 3600
wiring.main()
"""
OFTEN_FOR_TWO = """
from enlist import wiring
from enlist.web import services
from enlist.web.api import revocations
revocations.SIGN_OF_LIFE = 0.1
services.MOST_STREAMS = 2
wiring.main()
"""
WITHOUT_END = """
from enlist import wiring
from enlist.web import services
from enlist.web.api import revocations
revocations.LONGEST = revocations.SIGN_OF_LIFE = 0.5
revocations._told = lambda read: b":" * 4_000_000 + b"\\n\\n"
services.MOST_STREAMS = 1
wiring.main()
"""
"""A server with room for one, whose every word is more than a connection holds unread."""


@dataclass
class Follower:
    """A program that reads the stream."""

    lines: Iterator[str]
    cursor: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)

    def next(self) -> str:
        """The serial of the next revocation; comments are passed over."""
        for line in self.lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.cursor = value
            if name == "data":
                self.heard.append(json.loads(value))
                return str(self.heard[-1]["serial"])
        raise AssertionError("the stream has ended")

    def ended(self) -> bool:
        """Whether it ends, after whatever comments."""
        return all(line in ("", ":") for line in self.lines)


@contextmanager
def following(server: Server, key: str, after: str = "") -> Iterator[Follower]:
    """Follow from a cursor on; all that was revoked before is read when this begins."""
    headers = {"Authorization": f"Bearer {key}", "Last-Event-ID": after}
    with (
        server.client() as client,
        client.stream("GET", "/api/v1/revocations/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        yield Follower(lines, after)


@dataclass
class House:
    """Servers on one database, and their devices."""

    servers: list[Server]
    folder: Path
    key: str
    count: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def enroll(self) -> tuple[Credentials, str]:
        """A device and the serial of its certificate."""
        self.count += 1
        box = enroll(self.servers[0], self.key, self.folder, self.count)
        return box, f"{x509.load_pem_x509_certificate(box.chain.encode()).serial_number:032x}"

    def ask(self, method: str, path: str, **body: object) -> Any:
        """The answer to an administrator's request, which must succeed."""
        with self.servers[0].client(headers=self.headers) as client:
            answer = client.request(method, f"/api/v1{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def reset(self, device: Credentials) -> None:
        self.ask("POST", f"/devices/{device.device_id}/reset", message={"type": "none"})

    def reset_by_command(self, device: Credentials) -> None:
        words = ("device", "reset", device.device_id, "--reason", "lost", "--message", "none")
        self.servers[0].cli(*words)


def housed(servers: list[Server], folder: Path) -> House:
    return House(servers, folder, servers[0].api_key("administrator", "enrollments:reveal"))


def test_every_process_tells_and_nothing_is_lost_over_a_restart(
    start_server: StartServer, database_url: str, tmp_path: Path
) -> None:
    """What is revoked by another process too, be it a command; each once, on either store."""
    data, program = tmp_path / "data", ("-c", BY_BELL_ALONE)
    count = 2 if database_url else 1
    servers = [start_server(database_url, data=data, program=program) for _ in range(count)]
    house = housed(servers, tmp_path)
    (one, first), (two, second), (three, third) = (house.enroll() for _ in range(3))
    with ExitStack() as open_streams:
        followers = [open_streams.enter_context(following(each, house.key)) for each in servers]
        house.reset(one)
        assert [each.next() for each in followers] == [first] * count
        if database_url:
            house.reset(two)
        else:
            house.reset_by_command(two)
        assert [each.next() for each in followers] == [second] * count
        for server in servers:
            server.stop()
        assert all(each.ended() for each in followers), "a server that stops says goodbye"
    cursor = followers[0].cursor
    house.reset_by_command(three)
    server = start_server(database_url, data=data, program=program)
    with following(server, house.key, cursor) as follower:
        assert follower.next() == third
    with following(server, house.key) as anew:
        assert [anew.next() for _ in range(3)] == [first, second, third]


def test_a_stream_ends_with_the_right_to_read_it(start_server: StartServer, tmp_path: Path) -> None:
    """And nothing that is revoked after that is said (S54), though another reader hears it.

    There is room for two streams: one that ends makes room for another.
    """
    server = start_server(program=("-c", OFTEN_FOR_TWO))
    house = housed([server], tmp_path)
    (one, first), (two, second) = house.enroll(), house.enroll()
    made = house.ask("POST", "/api-keys", name="vpn", role="reader")
    with following(server, made["key"]) as follower, following(server, house.key) as other:
        house.reset(one)
        assert [follower.next(), other.next()] == [first, first]
        house.ask("DELETE", f"/api-keys/{made['id']}")
        house.reset(two)
        assert other.next() == second, "it was sent out"
        assert follower.ended()
        with following(server, house.key), server.client(headers=house.headers) as third:
            told = third.get("/api/v1/revocations/stream")
        assert (told.status_code, told.json()["code"]) == (503, "try_later")
    wait_until(lambda: room(server, house.key, 2), "both have gone", log=server.log)


def test_who_never_reads_leaves_when_his_time_is_over(start_server: StartServer) -> None:
    """He waits for nothing, so nothing would tell him that others want his place."""
    server = start_server(program=("-c", WITHOUT_END))
    key = server.api_key("administrator")
    address = urlsplit(server.url)
    lines = ("GET /api/v1/revocations/stream HTTP/1.1", f"Host: {address.netloc}")
    request = "\r\n".join((*lines, f"Authorization: Bearer {key}", "", ""))
    with socket.create_connection((address.hostname, address.port)) as deaf:
        deaf.sendall(request.encode())
        assert deaf.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: room(server, key, 1), "his place is free", log=server.log, seconds=30)
    server.stop()
    assert "without completing" not in server.output()


def room(server: Server, key: str, streams: int) -> bool:
    """Whether there is room for so many streams at the same time."""
    with ExitStack() as all_of_them, suppress(AssertionError):
        for _ in range(streams):
            all_of_them.enter_context(following(server, key))
        return True
    return False
