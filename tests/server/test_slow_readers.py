"""Whoever reads an answer slowly, or not at all, does nothing by rights that he had once (S54).

An answer of many lines is made as it is read. A client that stops reading in the middle stops the
server there, for as long as it likes; what was taken away from it meanwhile must be gone by then.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.peers.base import DEADLINE
from tests.serving import Server, StartServer

SMALL: Final = 536
"""Bytes of a segment: on a connection of larger ones the system keeps megabytes unread."""
LONG: Final = "x" * 50
DEVICES: Final = 800
"""Each with two events, so that an export has several pages: the next is read ahead."""
LAST: Final = 250


@contextmanager
def slowly(server: Server, key: str, method: str, path: str, **body: Any) -> Iterator[HTTPResponse]:
    """An answer of which the head was read, and nothing more yet."""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.netloc)
    connection.sock = socket.socket()
    connection.sock.settimeout(DEADLINE)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL)
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    connection.sock.connect((address.hostname, address.port))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(method, f"/api/v1{path}", json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    assert answer.status == 200
    try:
        yield answer
    finally:
        connection.close()


def asked(client: httpx2.Client, method: str, path: str, **body: Any) -> httpx2.Response:
    answer = client.request(method, f"/api/v1{path}", json=body or None)
    assert answer.is_success, answer.text
    return answer


def registered(client: httpx2.Client) -> list[str]:
    """Enrollments that wait to be used."""
    asked(client, "POST", "/users", username="ada", email="ada@example.com")
    rows = [{"user": "ada", "name": f"box {n}", "platform": "linux"} for n in range(DEVICES)]
    answer = asked(client, "POST", "/devices/bulk", rows=rows, message={"type": "none"})
    return [json.loads(line)["enrollment_id"] for line in answer.text.splitlines()[:-1]]


def test_what_is_done_late_is_done_by_the_rights_of_then(start_server: StartServer) -> None:
    server = start_server()
    headers = {"Authorization": f"Bearer {server.api_key('administrator', 'enrollments:reveal')}"}
    with server.client(headers=headers) as admin:
        waiting = registered(admin)
        one, other = (
            asked(admin, "POST", "/api-keys", name=name, role="administrator").json()
            for name in ("one", "other")
        )
        # What is answered to the first ones is more than a connection holds unread.
        ids = [f"{LONG}{n}" for n in range(1_000 - LAST)] + waiting[:LAST]
        deleting = slowly(server, one["key"], "POST", "/enrollments/bulk/delete", ids=ids)
        taking = slowly(server, other["key"], "GET", "/events/export")
        with deleting as deleted, taking as taken:
            for each in (one, other):
                asked(admin, "DELETE", f"/api-keys/{each['id']}")
            last, *rows = map(json.loads, reversed(deleted.read().splitlines()))
            with pytest.raises(IncompleteRead) as cut:
                taken.read()
        assert {row["status"] for row in rows[:LAST]} == {401}
        assert last == {"done": 0, "refused": len(ids)}
        assert b'"kind": "device.registered"' in cut.value.partial
        left = asked(admin, "GET", f"/enrollments/{waiting[LAST - 1]}").json()
        assert left["state"] == "active"
    server.stop()
    assert '"fault"' not in server.output()
