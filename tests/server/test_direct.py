"""Requests of the hot lane over both of their ways: answered alike, and in their order."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from enlist.core.outcomes import Refusal
from enlist.store.tx import StoreUnavailable
from enlist.verbs.together import Outcome
from enlist.web.app import web_application
from enlist.web.connections import WebConnection
from enlist.web.gathering import Then
from enlist.web.services import Services
from tests.installation import Enlist
from tests.peers.base import DEADLINE, wait_until
from tests.requests import request_pem
from tests.server.contending import register
from tests.server.listening import listening
from tests.serving import Server, StartServer

REDEEM = "POST /api/v1/redeem HTTP/1.1"
UNKNOWN = json.dumps({"token": "ABCDEFGHJKMN", "device": {"platform": "linux"}})
MISTYPED = json.dumps({"token": "ABC", "device": {}})
LOGIN = {"username": "ada", "password": "wrong", "group_id": "root"}
REDEMPTIONS = [
    (REDEEM, UNKNOWN),
    (REDEEM, MISTYPED),
    (REDEEM, "{"),
    (REDEEM, ""),
    (REDEEM, json.dumps({"token": 7})),
    (REDEEM, json.dumps({"token": "ABCDEFGHJKMN", **LOGIN})),
    (REDEEM, UNKNOWN, "Idempotency-Key: " + "x" * 300),
]
ENROLL = "POST /edge/client/v1/enroll?method={}&token=0f8fad5b-d9cb-469f-a165-70867728950e HTTP/1.1"
OTT = [
    (ENROLL.format("ott"), request_pem(0).decode()),
    (ENROLL.format("ott"), "no request"),
    (ENROLL.format("ca"), request_pem(0).decode()),
    (ENROLL.format("ott"), "{}", "Content-Type: application/json"),
    (ENROLL.format("ott"), request_pem(0).decode(), "Accept: text/html"),
    ("POST /enroll/ott HTTP/1.1", '{"token": "x", "clientCsr": "y"}'),
]
NEW = re.compile(rb'"(support_code|requestId)":\s*"[^"]*"')
"""What is another in each answer."""


class Connection:
    """A raw connection, whose answers are read one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def send(self, *requests: bytes) -> None:
        self.sock.sendall(b"".join(requests))

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            assert name not in headers
            headers[name] = value.strip()
        return status, headers, self.file.read(int(headers["content-length"]))

    def closed(self) -> bool:
        return self.file.read(1) == b""


@contextmanager
def connected(server: Server, *, device: bool = False) -> Iterator[Connection]:
    url = server.device_url if device else server.url
    host, _, port = url.partition("://")[2].partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=30)) as sock:
        if device:
            context = ssl.create_default_context(cafile=str(server.authority))
            with context.wrap_socket(sock, server_hostname="localhost") as wrapped:
                yield Connection(wrapped)
        else:
            yield Connection(sock)


def request(line: str, body: str, *headers: str) -> bytes:
    lines = [line, "Host: localhost", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


@pytest.fixture
def server(start_server: StartServer) -> Server:
    started = start_server()
    started.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    return started


@pytest.mark.parametrize("device", [False, True])
def test_an_answer_is_the_same_either_way(server: Server, device: bool) -> None:
    """Refusals of every kind: those of the body, of the verb, and after a password was hashed."""
    requests = OTT if device else REDEMPTIONS
    with connected(server, device=device) as short:
        for line, body, *headers in requests:
            short.send(request(line, body, *headers))
            status, told, content = short.answer()
            with connected(server, device=device) as ordinary:
                ordinary.send(request(line, body, "Connection: close", *headers))
                expected, usual, usually = ordinary.answer()
                assert ordinary.closed()
            assert (status, sorted(told)) == (expected, sorted({*usual} - {"connection"})), body
            assert {"date", "referrer-policy", "content-security-policy"} <= {*told}
            same = [name for name in told if name not in ("date", "content-length")]
            assert [told[name] for name in same] == [usual[name] for name in same]
            assert NEW.sub(b"", content) == NEW.sub(b"", usually)


def test_devices_enroll_either_way(server: Server) -> None:
    """In one piece, in many, and as the one behind the other; the answers come in their order."""
    key = server.api_key("operator", "enrollments:reveal")
    with server.client() as client:
        tokens = register(client, key, 5)
    bodies = [
        json.dumps({"token": token, "device": {}, "csr": request_pem(0).decode()})
        for token in tokens
    ]
    with connected(server) as connection:
        connection.send(request(REDEEM, bodies[0]))
        enrolled = [_enrolled(connection)]
        for piece in _pieces(request(REDEEM, bodies[1])):
            connection.send(piece)
        enrolled.append(_enrolled(connection))
        health = request("GET /healthz HTTP/1.1", "")
        connection.send(*(request(REDEEM, body) for body in bodies[2:4]), health)
        enrolled += [_enrolled(connection), _enrolled(connection)]
        assert connection.answer()[2] == b'{"status":"alive"}'
        connection.send(health, request(REDEEM, bodies[4], "Connection: close"))
        assert connection.answer()[2] == b'{"status":"alive"}'
        enrolled.append(_enrolled(connection))
        assert connection.closed()
    assert enrolled == [f"device {number}" for number in range(5)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Origin: https://elsewhere.example", "Cookie: enlist=1"], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-origin"], 404),
        (["X-Forwarded-For: 192.0.2.1"], 404),
    ],
)
def test_what_another_site_has_sent_is_refused(
    server: Server, headers: list[str], status: int
) -> None:
    with connected(server) as connection:
        connection.send(request(REDEEM, UNKNOWN, *headers))
        assert connection.answer()[0] == status


def test_what_is_too_large_is_refused_and_what_expects_is_asked(server: Server) -> None:
    with connected(server) as connection:
        connection.send(request(REDEEM, UNKNOWN + " " * 70_000))
        assert connection.answer()[0] == 413
    with connected(server) as connection:
        head, _, body = request(REDEEM, UNKNOWN, "Expect: 100-continue").partition(b"\r\n\r\n")
        connection.send(head, b"\r\n\r\n")
        assert connection.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert connection.file.readline() == b"\r\n"
        connection.send(body)
        assert connection.answer()[0] == 404


def test_who_leaves_before_the_answer_has_still_enrolled(server: Server) -> None:
    key = server.api_key("operator", "enrollments:reveal")
    with server.client() as client:
        token, another = register(client, key, 2)
        body = {"token": token, "device": {}, "csr": request_pem(0).decode()}
        with connected(server) as connection:
            connection.send(request(REDEEM, json.dumps(body)))

        def used() -> bool:
            listed = client.get(
                "/api/v1/enrollments?state=used", headers={"Authorization": f"Bearer {key}"}
            )
            return len(listed.json()["items"]) == 1

        wait_until(used, "the enrollment")
        answer = client.post("/api/v1/redeem", json={**body, "token": another})
        assert answer.status_code == 201


class Held:
    """In place of the hot lane: keeps what is to be told, until the test says what."""

    def __init__(self) -> None:
        self.asked: list[tuple[asyncio.AbstractEventLoop, Then]] = []

    def begin(self, _verb: object, _caller: object, then: Then) -> None:
        self.asked.append((asyncio.get_running_loop(), then))

    async def perform(self, verb: object, caller: object) -> Outcome:
        answer = asyncio.get_running_loop().create_future()
        self.begin(verb, caller, answer.set_result)
        outcome: Outcome = await answer
        return outcome

    def tell(self, outcome: Outcome) -> None:
        wait_until(lambda: bool(self.asked), "a request")
        loop, then = self.asked.pop()
        loop.call_soon_threadsafe(then, outcome)


@pytest.fixture
def held(enlist: Enlist) -> Iterator[tuple[Held, Connection, WebConnection]]:
    """A connection to a listener whose hot lane is in the test's hand, and its other end."""
    services = Services(enlist.driver, enlist.store)
    held = services.__dict__["_gathering"] = Held()
    with (
        listening("web", web_application(services)) as (port, uvicorn),
        closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as sock,
    ):
        wait_until(lambda: bool(uvicorn.server_state.connections), "the connection")
        (its,) = uvicorn.server_state.connections
        assert isinstance(its, WebConnection)
        yield held, Connection(sock), its


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreUnavailable("gone"), 503, "try_later"),
        (RuntimeError("of ours"), 500, "internal_error"),
    ],
)
def test_an_error_is_told_and_the_connection_goes_on(
    held: tuple[Held, Connection, WebConnection], error: Exception, status: int, code: str
) -> None:
    lane, connection, _ = held
    for _ in range(2):
        connection.send(request(REDEEM, UNKNOWN))
        lane.tell(error)
        answered, headers, body = connection.answer()
        assert (answered, json.loads(body)["code"]) == (status, code)
        assert ("retry-after" in headers) == (status == 503)
        assert json.loads(body)["support_code"]


def test_a_server_that_stops_answers_first(held: tuple[Held, Connection, WebConnection]) -> None:
    lane, connection, its = held
    connection.send(request(REDEEM, UNKNOWN))
    wait_until(lambda: bool(lane.asked), "the request")
    lane.asked[0][0].call_soon_threadsafe(its.shutdown)
    lane.tell(Refusal("token_used"))
    status, headers, _ = connection.answer()
    assert (status, headers["connection"]) == (410, "close")
    assert connection.closed()


def test_a_server_that_stops_waits_for_the_rest_of_a_request(
    held: tuple[Held, Connection, WebConnection],
) -> None:
    lane, connection, its = held
    connection.send(request(REDEEM, UNKNOWN))
    wait_until(lambda: bool(lane.asked), "the request")
    loop = lane.asked[0][0]
    lane.tell(Refusal("token_used"))
    connection.answer()
    head, _, body = request(REDEEM, UNKNOWN).partition(b"\r\n\r\n")
    connection.send(head, b"\r\n\r\n")
    wait_until(lambda: not its.cycle.response_complete, "the head")
    loop.call_soon_threadsafe(its.shutdown)
    connection.send(body)
    lane.tell(Refusal("token_used"))
    status, headers, _ = connection.answer()
    assert (status, headers["connection"]) == (410, "close")


def test_who_leaves_in_the_middle_of_a_request_is_noted_down(
    held: tuple[Held, Connection, WebConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the ordinary way: with no status, for none was sent."""
    lane, connection, its = held
    noted: list[tuple[str, str, int]] = []

    def observe(scope: Scope, status: int, took: float) -> None:
        assert took > 0
        noted.append((scope["path"], scope["enlist.address"], status))

    monkeypatch.setattr(its.app, "observe", observe)
    connection.send(request(REDEEM, UNKNOWN))
    lane.tell(Refusal("token_used"))
    assert connection.answer()[0] == 410
    connection.send(request(REDEEM, UNKNOWN)[:-5])
    connection.sock.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: len(noted) == 2, "the second of them")
    assert noted == [(REDEEM.split()[1], "127.0.0.1", status) for status in (410, 0)]
    assert lane.asked == []


def test_a_log_that_cannot_be_written_harms_nobody(
    held: tuple[Held, Connection, WebConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither who is answered nor who comes after him, be it an answer or a fault of ours."""
    lane, connection, its = held

    def full(*_given: object, **_named: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(its.app, "observe", full)
    monkeypatch.setattr(its.app, "told", full)
    told: list[tuple[str, Outcome | None, int]] = [
        (UNKNOWN, Refusal("token_used"), 410),
        (UNKNOWN, RuntimeError("ours"), 500),
        ("{", None, 400),
        (UNKNOWN, Refusal("token_used"), 410),
    ]
    for body, outcome, status in told:
        connection.send(request(REDEEM, body))
        if outcome is not None:
            lane.tell(outcome)
        assert connection.answer()[0] == status


def test_of_many_in_one_piece_one_is_answered_directly(
    held: tuple[Held, Connection, WebConnection],
) -> None:
    """What is refused for its body is answered at once: thousands would hold everybody up."""
    _, connection, its = held
    connection.send(request(REDEEM, "{"))
    assert connection.answer()[0] == 400
    assert not _ordinary(its)
    wait_until(lambda: its.timeout_keep_alive_task is not None, "the timer of an idle connection")
    wait_until(lambda: its._deadline is None, "no deadline, as nothing is owed")
    connection.send(request(REDEEM, "{"), request(REDEEM, "{"))
    assert [connection.answer()[0], connection.answer()[0]] == [400, 400]
    assert _ordinary(its)


def test_the_timer_of_an_answer_ends_nothing_that_came_with_it(
    held: tuple[Held, Connection, WebConnection],
) -> None:
    lane, connection, its = held
    connection.send(request(REDEEM, "{"), request(REDEEM, UNKNOWN))
    assert connection.answer()[0] == 400
    wait_until(lambda: bool(lane.asked), "the request")
    assert its.timeout_keep_alive_task is None
    lane.tell(Refusal("token_used"))
    assert connection.answer()[0] == 410


def test_who_does_not_read_is_answered_the_way_that_waits_for_him(
    held: tuple[Held, Connection, WebConnection],
) -> None:
    """Answers that nobody reads would else pile up in memory."""
    lane, connection, its = held
    connection.send(request(REDEEM, UNKNOWN))
    wait_until(lambda: bool(lane.asked), "the request")
    loop = lane.asked[0][0]
    lane.tell(Refusal("token_used"))
    assert connection.answer()[0] == 410
    assert not _ordinary(its)
    loop.call_soon_threadsafe(its.pause_writing)
    wait_until(lambda: its.flow.write_paused, "a client who does not read")
    connection.send(request(REDEEM, UNKNOWN))
    wait_until(lambda: bool(lane.asked), "the request")
    assert _ordinary(its)
    loop.call_soon_threadsafe(its.resume_writing)
    lane.tell(Refusal("token_used"))
    assert connection.answer()[0] == 410


def _ordinary(connection: WebConnection) -> bool:
    return isinstance(connection.cycle, RequestResponseCycle)


def _enrolled(connection: Connection) -> str:
    status, _, body = connection.answer()
    assert status == 201, body
    name: str = json.loads(body)["device"]["name"]
    return name


def _pieces(whole: bytes) -> list[bytes]:
    return [whole[at : at + 97] for at in range(0, len(whole), 97)]
