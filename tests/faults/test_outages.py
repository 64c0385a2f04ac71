"""What Enlist stands on goes away, fills up or jumps; it says so, loses nothing and goes on."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from enlist.core.clock import HOUR
from enlist.core.secrets import Secret
from enlist.settings import Settings
from enlist.store import sqlite
from enlist.verbs.api_keys import CreateApiKey
from tests.faults.redeeming import prepared, redeem, registered
from tests.installation import Enlist, SettableClock, code, done, opened_on
from tests.peers.base import DEADLINE
from tests.peers.postgres import Cluster
from tests.serving import StartServer
from tests.store.raw import opened
from tests.web.api.conftest import Api, csr_text, served_api


def eventually(ask: Callable[[], httpx2.Response], status: int) -> httpx2.Response:
    """The first answer with this status."""
    deadline = time.monotonic() + DEADLINE
    while True:
        answer = ask()
        if answer.status_code == status:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def refused_for_now(answer: httpx2.Response) -> None:
    """A 503 that says when to come again, and by which code to ask for help."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "try_later"
    assert answer.json()["support_code"]


@pytest.mark.peer("postgres")
def test_the_database_is_away(start_server: StartServer, mortal: Cluster) -> None:
    """S75: 503 with Retry-After while it is; the same server goes on when it is back."""
    server = start_server(mortal.create_database(), workers=2)
    key = prepared(server)
    token = registered(server, key, "laptop")
    done_before = registered(server, key, "before")
    assert redeem(server, done_before).status_code == 201

    mortal.kill()
    refused_for_now(redeem(server, token))
    with server.client() as client:
        refused_for_now(client.get("/api/v1/devices", headers={"authorization": f"Bearer {key}"}))
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "database")
        page = client.get("/console", headers={"accept": "text/html"})
        assert page.status_code in (200, 303, 503)

    mortal.revive()
    answer = eventually(lambda: redeem(server, token), 201)
    assert answer.json()["device"]["name"] == "laptop"
    # Each answer may come from the process that has not noticed yet.
    again = eventually(lambda: redeem(server, done_before, number=1), 410)
    assert again.json()["code"] == "token_used"
    with server.client() as client:
        eventually(lambda: client.get("/readyz"), 200)


def test_the_disk_is_full(start_server: StartServer) -> None:
    """S75: nothing half done, and the same request succeeds once there is room.

    The kernel refuses to let the server's files grow, as on a full disk.
    """
    server = start_server()
    key = prepared(server)
    tokens = [registered(server, key, f"laptop {n}") for n in range(3)]
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        for token in tokens:
            refused_for_now(redeem(server, token))
        with server.client() as client:
            assert client.get("/healthz").status_code == 200
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    for number, token in enumerate(tokens):
        assert redeem(server, token, number).status_code == 201
    with server.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        found = client.get("/api/v1/events?kind=enrollment.redeemed", headers=headers).json()
    assert len(found["items"]) == len(tokens)
    server.cli("audit", "verify")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Enlist]:
    """An installation that does not wait ten seconds for whoever holds its SQLite file."""
    monkeypatch.setattr(sqlite, "_BUSY_MS", 50)
    enlist = opened_on(settings, SettableClock())
    yield enlist
    enlist.close()


def in_process(api: Api, token: Secret) -> httpx2.Response:
    body = {"token": token.reveal(), "device": {"platform": "linux"}, "csr": csr_text()}
    return api.stranger.http.post("/api/v1/redeem", json=body, headers=api.stranger.headers)


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_the_file_is_locked(impatient: Enlist, settings: Settings) -> None:
    """S75: another program holds the SQLite file; what stores nothing goes on."""
    ticket = impatient.register("ada")
    with served_api(impatient) as api, opened(settings) as other:
        other.execute("BEGIN IMMEDIATE")
        refused_for_now(in_process(api, ticket.token))
        assert api.http.get("/enroll", headers={"accept": "text/html"}).status_code == 200
        other.execute("ROLLBACK")
        assert in_process(api, ticket.token).status_code == 201


@pytest.mark.parametrize(
    "store_kind", [pytest.param("postgres", marks=pytest.mark.peer("postgres"))]
)
@pytest.mark.parametrize("table", ["credential", "event", "message"])
def test_the_disk_of_the_database_server_is_full(
    enlist: Enlist, settings: Settings, table: str
) -> None:
    """PostgreSQL says 53100 halfway through what belongs together: all of it is undone."""
    ticket = enlist.register("ada")
    key = enlist.do(CreateApiKey("key", "operator")).secret
    registering = {
        "user": "ada",
        "name": "second",
        "platform": "linux",
        "message": {"type": "email"},
    }
    with served_api(enlist) as api, opened(settings) as other:
        other.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
        )
        other.execute(
            f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()"
        )
        before = {each: enlist.rows(each) for each in ("enrollment", "device", "credential")}
        operator = api.with_key(key.reveal())
        if table != "message":
            refused_for_now(in_process(api, ticket.token))
        if table != "credential":
            refused_for_now(
                api.http.post("/api/v1/devices", json=registering, headers=operator.headers)
            )
        assert {each: enlist.rows(each) for each in before} == before
        other.execute(f"DROP TRIGGER full_disk ON {table}")
        assert in_process(api, ticket.token).status_code == 201
        assert operator.post("/devices", registering).status_code == 201


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_the_clock_jumps(enlist: Enlist, jump: int) -> None:
    """What lives goes on living, what is new works, and the log keeps its order."""
    ticket = enlist.register("ada", name="before")
    guesser = enlist.stranger()
    for _ in range(10):
        assert code(enlist.redeem("zzzzzzzzzz", caller=guesser)) == "token_invalid"
    enlist.clock.now += jump
    fresh = enlist.register("ada", name="after")
    assert code(enlist.redeem(fresh.token, key=1)) == "done"
    assert code(enlist.redeem(ticket.token, key=2)) == "done"
    assert code(enlist.redeem(ticket.token, key=3)) == "token_used"
    done(enlist.revoke(enlist.register("ada", name="third").enrollment_id))
    waits = code(enlist.redeem("zzzzzzzzzz", caller=guesser))
    assert waits == ("rate_limited" if jump < 0 else "token_invalid")
