"""Revocations over the API: in pages, and what a stream says before it goes on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from enlist.core.clock import rfc3339
from enlist.verbs.reset import Reset
from enlist.web.api import revocations
from enlist.web.app import web_application
from enlist.web.places import Places
from enlist.web.services import Services
from tests.connections import enrolled
from tests.installation import SHOWN, Enlist
from tests.loops import run
from tests.web.api.conftest import ORIGIN, Api, Client, answered, refused, wrong_fields
from tests.web.bells import stopping

NEAR: Final = ("127.0.0.1", 50000)


def test_revocations_are_listed_behind_a_cursor(api: Api, enlist: Enlist) -> None:
    reader, device = api.key("reader"), enrolled(enlist)
    assert answered(reader.get("/revocations")) == {"items": [], "cursor": "", "more": False}
    enlist.do(Reset(device.device_id, "compromised", SHOWN))
    found = answered(reader.get("/revocations"))
    (credential,) = enlist.credentials_of(device.device_id)
    assert found["items"] == [
        {
            "cursor": found["cursor"],
            "serial": device.serial,
            "fingerprint": credential.fingerprint,
            "device_id": device.device_id,
            "organization": "main",
            "organization_id": enlist.root.id,
            "reason": "compromised",
            "crl_reason": "keyCompromise",
            "revoked_at": rfc3339(enlist.clock.now),
            "not_after": rfc3339(credential.not_after),
        }
    ]
    again = answered(reader.get(f"/revocations?after={found['cursor']}"))
    assert again == {"items": [], "cursor": found["cursor"], "more": False}


def test_pages_are_as_long_as_asked_for(api: Api, enlist: Enlist) -> None:
    for key in range(3):
        enlist.do(Reset(enrolled(enlist, key=key).device_id, "lost", SHOWN))
    reader, serials, after, more = api.key("reader"), list[str](), "", True
    while more:
        page = answered(reader.get(f"/revocations?limit=2&after={after}"))
        serials += [each["serial"] for each in page["items"]]
        after, more = page["cursor"], page["more"]
    assert len(serials) == len(set(serials)) == 3


def test_a_stream_says_each_with_its_cursor(api: Api, enlist: Enlist) -> None:
    """Here it ends with what there is; `Last-Event-ID` is where a browser goes on."""
    for key in range(2):
        enlist.do(Reset(enrolled(enlist, key=key).device_id, "lost", SHOWN))
    reader = api.key("reader")
    listed = answered(reader.get("/revocations"))["items"]
    answer = reader.get("/revocations/stream")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    retry, *events, end = answer.text.split("\n\n")
    assert (retry, end) == ("retry: 2000", "")
    assert [(f"id: {each['cursor']}", "event: revocation", each) for each in listed] == [
        (name, kind, json.loads(data.removeprefix("data: ")))
        for name, kind, data in (event.split("\n") for event in events)
    ]
    for headers, after in (({"last-event-id": listed[0]["cursor"]}, ""), ({}, listed[0]["cursor"])):
        rest = reader.get(f"/revocations/stream?after={after}", headers=headers).text
        assert listed[0]["serial"] not in rest
        assert listed[1]["serial"] in rest


def test_who_may_not_and_what_is_no_cursor(api: Api) -> None:
    for path in ("/revocations", "/revocations/stream"):
        assert refused(api.stranger.get(path)) == (401, "unauthenticated")
        assert refused(api.key("helpdesk").get(path)) == (403, "forbidden")
        assert api.key("helpdesk", "revocations:read").get(path).status_code == 200
        assert wrong_fields(api.key("reader").get(f"{path}?after=12")) == {"after"}
    named = {"last-event-id": "yesterday"}
    answer = api.key("reader").get("/revocations/stream", headers=named)
    assert wrong_fields(answer) == {"after"}


def test_a_stream_is_no_slow_request(api: Api) -> None:
    """It lasts as long as its reader, and nobody is to be woken for that (EnlistSlow)."""

    def timed() -> float:
        name, labels = "enlist_http_request_seconds_count", {"listener": "web"}
        return REGISTRY.get_sample_value(name, labels) or 0.0

    reader, before = api.key("reader"), timed()
    assert reader.get("/revocations/stream").status_code == 200
    assert timed() == before
    assert reader.get("/revocations/stream?after=12").status_code == 422
    assert reader.get("/revocations").status_code == 200
    assert timed() == before + 2


def test_of_many_who_come_at_once_only_as_many_get_a_stream_as_there_is_room_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is refused goes to another process, or comes again."""
    services, reader = crowded(api, 3, 3), api.key("reader")
    for _ in range(2):  # all places are given back
        assert Counter(at_once(services, [reader] * 5, monkeypatch)) == {200: 3, 503: 2}


def test_no_organization_takes_all_streams(
    api: Api, enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is below one shares with it, or it could make itself more room."""
    for name, parent in (("acme", ""), ("sales", "acme"), ("beta", "")):
        enlist.organization(name, parent)
    readers = [api.key("reader", organization=each) for each in ("acme", "sales", "acme", "beta")]
    statuses = at_once(crowded(api, 9, 2), [*readers, api.key("reader")], monkeypatch)
    assert sorted(statuses[:3]) == [200, 200, 503]
    assert statuses[3:] == [200, 200]


@pytest.mark.parametrize("query", ["after=12", "organization=nowhere"])
def test_who_is_refused_a_stream_takes_no_room(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    services, reader = crowded(api, 1, 1), api.key("reader")
    with TestClient(web_application(services), ORIGIN, client=NEAR) as client:
        for _ in range(2):
            answer = client.get(f"/api/v1/revocations/stream?{query}", headers=reader.headers)
            assert answer.status_code in (404, 422)
    assert at_once(services, [reader], monkeypatch) == [200]


def crowded(api: Api, most: int, most_of_one: int) -> Services:
    """A process with so many places for streams."""
    return Services(
        driver=api.services.driver,
        store=api.services.store,
        bell=stopping(),
        streams=Places(most, most_of_one),
    )


def at_once(
    services: Services, readers: Sequence[Client], monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """How each is answered who wants a stream: none is looked up before all have come."""
    read = revocations._read

    async def ask() -> list[int]:
        came, all_came = asyncio.Semaphore(0), asyncio.Event()

        async def look(*asked: Any) -> Any:
            came.release()
            await all_came.wait()
            return await read(*asked)

        monkeypatch.setattr(revocations, "_read", look)
        transport = httpx2.ASGITransport(web_application(services), client=NEAR)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            asked = [
                asyncio.create_task(client.get("/api/v1/revocations/stream", headers=each.headers))
                for each in readers
            ]
            for each in asked:
                each.add_done_callback(lambda _: came.release())
            for _ in asked:
                await came.acquire()
            all_came.set()
            return [(await each).status_code for each in asked]

    try:
        return run(ask())
    finally:
        monkeypatch.setattr(revocations, "_read", read)
