"""`/session` in process: who is let in to what. Sessions themselves: tests/server."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from enlist.core.caller import Caller
from enlist.sessions.keeper import Keeper, Rhythm
from enlist.store.tx import StoreUnavailable
from enlist.verbs.device_sessions import OpenSession
from enlist.verbs.driver import AnyVerb
from enlist.web import session
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.connections import enrolled
from tests.devices import Credentials, proof
from tests.installation import Enlist
from tests.peers.base import wait_until
from tests.requests import device_key


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@contextmanager
def listening(enlist: Enlist, rhythm: Rhythm) -> Iterator[TestClient]:
    """The web listener behind a proxy that says where devices come from."""
    keeper = Keeper(enlist.driver, rhythm)
    proxies = ("127.0.0.1/32",)
    services = Services(enlist.driver, enlist.store, trusted_proxies=proxies, sessions=keeper)
    with TestClient(web_application(services), client=("127.0.0.1", 50000)) as client:
        yield client
    keeper.stop()


@contextmanager
def asked(web: TestClient, address: str) -> Iterator[str]:
    """What a device is told that comes without a certificate; it stays, and signs nothing."""
    headers = {"x-forwarded-for": address}
    with suppress(ClientDisconnected), web.websocket_connect("/session", headers=headers) as socket:
        yield str(socket.receive_json()["type"])


def test_who_signs_nothing_keeps_nobody_else_out(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_ASKED_AT_ONE", 2)
    monkeypatch.setattr(session, "MOST_ASKED", 3)
    with listening(enlist, Rhythm()) as web:
        with asked(web, "192.0.2.1") as first, asked(web, "192.0.2.1") as second:
            assert first == second == "challenge"
            with pytest.raises(WebSocketDenialResponse) as told, asked(web, "192.0.2.1"):
                pytest.fail("a third one was asked")
            assert (told.value.status_code, told.value.json()["code"]) == (503, "try_later")
            with asked(web, "192.0.2.2") as elsewhere:
                assert elsewhere == "challenge"
                with pytest.raises(WebSocketDenialResponse), asked(web, "192.0.2.3"):
                    pytest.fail("a fourth one was asked")
        with asked(web, "192.0.2.1") as later:
            assert later == "challenge"


def test_a_device_that_opens_sessions_without_end_has_to_wait(
    enlist: Enlist, tmp_path: Path
) -> None:
    """Here it may open none. It leaves no event, or it could still fill the log."""
    device = credentials(enlist, tmp_path)
    before = len(enlist.events())
    with listening(enlist, Rhythm(most=0)) as web:
        assert refused(enlist, web, device) == (1013, "rate_limited")
    assert len(enlist.events()) == before


def test_a_session_whose_opening_was_not_answered_is_not_left_behind(
    enlist: Enlist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may go when it has committed, and before it says so."""
    device, perform = credentials(enlist, tmp_path), enlist.driver.perform
    written: list[object] = []

    def unanswered(verb: AnyVerb[Any, Any, Any], caller: Caller) -> object:
        outcome = perform(verb, caller)
        if isinstance(verb, OpenSession):
            written.extend(enlist.rows("device_session"))
            raise StoreUnavailable("gone")
        return outcome

    monkeypatch.setattr(enlist.driver, "perform", unanswered)
    with listening(enlist, Rhythm()) as web:
        assert refused(enlist, web, device) == (1013, "try_later")
        wait_until(lambda: not enlist.rows("device_session"), "it is taken away")
    assert len(written) == 1


def test_nothing_is_left_of_who_signs_nothing(enlist: Enlist) -> None:
    """Not even for the collector of garbage, which comes seldom: strangers could fill the memory
    before it does."""
    with listening(enlist, Rhythm()) as web, uncollected():
        with web.websocket_connect("/session") as socket:
            assert socket.receive_json()["type"] == "challenge"
            socket.send_bytes(b"no text")
            with pytest.raises(WebSocketDisconnect):
                socket.receive_json()
        left = [each for each in gc.get_objects() if isinstance(each, WebSocket)]
        assert left == []


@contextmanager
def uncollected() -> Iterator[None]:
    """Nobody collects garbage meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def credentials(enlist: Enlist, folder: Path) -> Credentials:
    """An enrolled device, with its key."""
    device = enrolled(enlist)
    (held,) = enlist.credentials_of(device.device_id)
    return Credentials(device.device_id, held.certificate, device_key(0), folder)


def refused(enlist: Enlist, web: TestClient, device: Credentials) -> tuple[int, str]:
    """How a device is refused that has signed its challenge: the code and the reason."""
    server = enlist.driver.tools.addresses.public_url
    with web.websocket_connect("/session") as socket:
        socket.send_json(proof(device, socket.receive_json()["nonce"], server))
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    return ended.value.code, ended.value.reason
