"""`/session` in process: who is asked to sign a challenge. Sessions themselves: tests/server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from uvicorn.protocols.utils import ClientDisconnected

from enlist.sessions.keeper import Keeper, Rhythm
from enlist.web import session
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import Enlist


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def web(enlist: Enlist) -> Iterator[TestClient]:
    """The web listener behind a proxy that says where devices come from."""
    keeper = Keeper(enlist.driver, Rhythm())
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
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_ASKED_AT_ONE", 2)
    monkeypatch.setattr(session, "MOST_ASKED", 3)
    with asked(web, "192.0.2.1") as first, asked(web, "192.0.2.1") as second:
        assert first == second == "challenge"
        with pytest.raises(WebSocketDenialResponse) as refused, asked(web, "192.0.2.1"):
            pytest.fail("a third one was asked")
        assert (refused.value.status_code, refused.value.json()["code"]) == (503, "try_later")
        with asked(web, "192.0.2.2") as elsewhere:
            assert elsewhere == "challenge"
            with pytest.raises(WebSocketDenialResponse), asked(web, "192.0.2.3"):
                pytest.fail("a fourth one was asked")
    with asked(web, "192.0.2.1") as later:
        assert later == "challenge"
