"""Device sessions over real sockets: opened by certificate or signature, and dropped at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

from enlist.sessions.keeper import Rhythm
from enlist.sessions.openings import OFTEN
from enlist.web.upgrading import MOST_BEFORE
from tests.devices import (
    FORBEARING,
    PATIENCE,
    Credentials,
    connected,
    enroll,
    proof,
    redeem,
    renew,
)
from tests.peers.base import wait_until
from tests.serving import Server, StartServer, launch_server

IMPATIENT = f"""
from enlist.web import connections
connections.PATIENCE[connections.BODY] = 2
{FORBEARING}
"""
QUICK = {"ENLIST_SESSION_HEARTBEAT": "0.5"}


@dataclass
class House:
    """A server, and devices that enroll there."""

    server: Server
    key: str
    folder: Path
    count: int = 0

    def enroll(self) -> Credentials:
        self.count += 1
        return enroll(self.server, self.key, self.folder, self.count)

    def renew(self, held: Credentials) -> Credentials:
        self.count += 1
        return renew(self.server, held, self.folder, self.count)

    def client(self) -> httpx2.Client:
        return self.server.client(headers={"Authorization": f"Bearer {self.key}"})

    def reasons(self, kind: str, device_id: str) -> list[str]:
        """Why a device's sessions ended, as the log has it, oldest first."""
        query = {"kind": kind, "device": device_id, "sort": "at"}
        with self.client() as client:
            rows = client.get("/api/v1/events", params=query).json()["items"]
        return [row["data"].get("reason", "") for row in rows]

    def await_reasons(self, kind: str, device: Credentials, *expected: str) -> None:
        """Endings are written down soon after they happened."""
        wait_until(
            lambda: self.reasons(kind, device.device_id) == list(expected),
            f"{kind}: {expected}",
            log=self.server.log,
        )


def housed(server: Server, folder: Path) -> House:
    return House(server, server.api_key("administrator", "enrollments:reveal"), folder)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for all that do not need one of their own."""
    folder = tmp_path_factory.mktemp("sessions")
    server = launch_server(folder / "data", environment=QUICK, program=("-c", FORBEARING))
    yield housed(server, folder)
    server.stop()


@pytest.fixture
def box(house: House) -> Credentials:
    return house.enroll()


def test_who_connects_and_how(house: House, box: Credentials) -> None:
    """By certificate; by signature where none came, on either listener; and not without."""
    with connected(house.server, box) as device:
        device.opened()
        device.alive()
        device.send(CloseConnection(1000))
        assert device.ended()[0] == 1000
    house.await_reasons("session.closed", box, "left")
    with connected(house.server, box, by_signature=True) as device:
        device.opened()
        device.alive()
    with connected(house.server, box, by_signature=True, on_web=True) as device:
        device.opened()
        device.alive()
    with connected(house.server, None, on_web=True) as device:
        assert set(device.said()) == {"type", "nonce"}
        device.send(BytesMessage(b"nothing"))
        assert device.ended() == (1008, "malformed")


@pytest.mark.parametrize(
    "wrong", ["nonce", "server", "signature", "certificate", "another's certificate", "endless"]
)
def test_a_signature_that_proves_nothing(house: House, box: Credentials, wrong: str) -> None:
    """Above all one that was made for somebody else's server, or for an earlier challenge (S61)."""
    with connected(house.server, None) as device:
        nonce = device.said()["nonce"]
        answer = proof(box, nonce, house.server.device_url)
        match wrong:
            case "nonce":
                answer = proof(box, nonce[::-1], house.server.device_url)
            case "server":
                answer = proof(box, nonce, "https://devices.example.com")
            case "signature":
                answer["signature"] = "AAAA"
            case "certificate":
                answer["certificate"] = (house.server.data / "pki" / "issuing.pem").read_text()
            case "another's certificate":
                answer["certificate"] = house.enroll().certificate
            case "endless":
                answer["certificate"] = "A" * 20_000
        device.send(TextMessage(json.dumps(answer)))
        code = 4401 if wrong not in ("certificate", "endless") else None
        ended = device.ended()
        assert code is None or ended == (4401, "unauthenticated")
        assert ended[0] in (4401, 1009)


def test_a_deleted_device_is_cut_off_and_cannot_come_back(house: House, box: Credentials) -> None:
    """Others go on (D06)."""
    other = house.enroll()
    with connected(house.server, box) as device, connected(house.server, other) as spared:
        device.opened()
        spared.opened()
        with house.client() as client:
            assert client.delete(f"/api/v1/devices/{box.device_id}").status_code == 204
        assert device.ended() == (4401, "credential_revoked")
        spared.alive()
        house.await_reasons("session.dropped", box, "credential_revoked")
        with connected(house.server, box) as again:
            status, told = again.refused.get(timeout=PATIENCE)
            assert (status, told["code"]) == (403, "credential_revoked")
        with connected(house.server, box, by_signature=True) as again:
            assert again.ended() == (4401, "credential_revoked")


def test_a_revoked_certificate_uses_up_no_openings_of_the_one_that_counts(
    house: House, box: Credentials
) -> None:
    """Whoever copied a key keeps coming until he has to wait; the device is let in all the same."""
    fresh = house.renew(box)
    told: list[str] = []
    while "rate_limited" not in told:
        assert len(told) <= Rhythm().most * OFTEN
        with connected(house.server, box) as copy:
            told.append(copy.refused.get(timeout=PATIENCE)[1]["code"])
    assert set(told[:-1]) == {"credential_revoked"}
    with connected(house.server, fresh) as device:
        device.opened()
        device.alive()


def test_who_is_disabled_is_cut_off_until_he_is_enabled(house: House) -> None:
    """D62: on the device listener, over TLS."""
    device = {"user": "grace", "name": "hers", "platform": "linux", "message": {"type": "none"}}
    house.count += 1
    with house.client() as client:
        assert client.post("/api/v1/users", json={"username": "grace"}).status_code == 201
        made = client.post("/api/v1/devices", json=device).json()
        hers = redeem(house.server, house.folder, made["enrollment"]["token"], house.count)
        with connected(house.server, hers) as session:
            session.opened()
            assert client.post("/api/v1/users/grace/disable").is_success
            assert session.ended() == (4403, "device_blocked")
        with connected(house.server, hers) as again:
            status, told = again.refused.get(timeout=PATIENCE)
            assert (status, told["code"]) == (403, "device_blocked")
        assert client.post("/api/v1/users/grace/enable").is_success
        with connected(house.server, hers) as back:
            back.opened()


def test_what_a_device_may_say(house: House, box: Credentials) -> None:
    """It may ping and chat a little; endless messages and broken frames end the session."""
    with connected(house.server, box) as device:
        device.opened()
        device.send(Ping(b"still there?"))
        device.send(TextMessage("hello"))
        device.alive()
        device.send(TextMessage("x" * 5000))
        assert device.ended() == (1002, "malformed")
    with connected(house.server, box) as device:
        device.opened()
        device.raw(b"\xff\xff\xff\xff")
        assert device.ended()[1] == "malformed"
    with connected(house.server, box) as device:
        device.opened()
        device.raw(b"\x81\xff\x00\x00\x10\x00\x00\x00\x00\x00" + b"m" * 4 + b"x" * 5000)
        assert device.ended() == (1002, "malformed")
    house.await_reasons("session.dropped", box, *["malformed"] * 3)


def test_who_pings_instead_of_signing_is_cut(house: House) -> None:
    """Else each answer that he does not read would be kept for him, without end (S46)."""
    with connected(house.server, None) as device:
        device.said()
        with suppress(OSError):
            for _ in range(MOST_BEFORE // 100):
                device.send(Ping(b"p" * 100))
        wait_until(lambda: not device.open, "it is cut")
        assert device.close is None, "it was waited for"


@pytest.mark.parametrize("by_signature", [False, True], ids=["certificate", "signature"])
def test_devices_that_hang_up_while_they_are_let_in(
    house: House, box: Credentials, by_signature: bool
) -> None:
    """It is no fault of ours, and nothing is kept of them."""
    before = len(house.server.output())
    for _ in range(10):
        with connected(house.server, box, by_signature=by_signature):
            """Nothing is waited for."""
    with connected(house.server, box) as device:
        device.opened()
        device.alive()
        assert "Traceback" not in house.server.output()[before:]
    query = {"device": box.device_id}
    with house.client() as client:
        wait_until(
            lambda: not client.get("/api/v1/device-sessions", params=query).json()["items"],
            "no session is left",
            log=house.server.log,
        )


def test_who_is_silent_is_gone(start_server: StartServer, tmp_path: Path) -> None:
    """When the third ping is due; heartbeats are long, or a busy machine might be late itself."""
    server = start_server(environment={"ENLIST_SESSION_HEARTBEAT": "2"})
    house = housed(server, tmp_path)
    box = house.enroll()
    with connected(server, box, answers=False) as device:
        device.opened()
        assert device.ended() == (4002, "idle")
        assert device.pings >= 2
    house.await_reasons("session.dropped", box, "idle")


def test_the_newest_sessions_of_a_device_stay(house: House, box: Credentials) -> None:
    with ExitStack() as stack:
        devices = [stack.enter_context(connected(house.server, box)) for _ in range(4)]
        for each in devices:
            each.opened()
        fifth = stack.enter_context(connected(house.server, box))
        fifth.opened()
        wait_until(lambda: not all(each.open for each in devices), "one gives way")
        (gone,) = [each for each in devices if not each.open]
        assert gone.ended() == (4000, "disconnected")
        fifth.alive()
        house.await_reasons("session.dropped", box, "newer_session")


def test_a_session_is_opened_anew_after_its_time(start_server: StartServer, tmp_path: Path) -> None:
    """And not before: the patience with a slow request has ended with the request.

    Whoever stops the server says so to those who are connected.
    """
    server = start_server(environment=QUICK, program=("-c", FORBEARING))
    house = housed(server, tmp_path)
    box = house.enroll()
    with connected(server, box) as device:
        device.opened()
        server.stop()
        assert device.ended() == (1012, "server_stopping")
    hours = {"ENLIST_SESSION_HOURS": "0.0012"}
    program = ("-c", IMPATIENT)
    again = start_server(data=server.data, environment={**QUICK, **hours}, program=program)
    house = House(again, house.key, tmp_path)
    assert house.reasons("session.closed", box.device_id) == ["server_stopping"]
    with connected(again, box) as device:
        device.opened()
        assert device.ended() == (4003, "too_old")
    house.await_reasons("session.dropped", box, "too_old")


def test_an_upgrade_elsewhere_is_refused(house: House) -> None:
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    with house.server.client() as client:
        assert client.get("/api/v1/me", headers=headers).status_code == 403
    with house.server.client() as client:
        assert client.get("/healthz").status_code == 200
