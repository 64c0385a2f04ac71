"""Revocations over the API: in pages, and what a stream says before it goes on."""

from __future__ import annotations

import json
from dataclasses import replace

from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from enlist.core.clock import rfc3339
from enlist.verbs.reset import Reset
from enlist.web.api.revocations import MOST_STREAMS
from enlist.web.app import web_application
from enlist.web.bell import Bell
from tests.connections import enrolled
from tests.installation import SHOWN, Enlist
from tests.web.api.conftest import ORIGIN, Api, answered, refused, wrong_fields


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


def test_a_process_holds_so_many_streams_open_and_no_more(api: Api) -> None:
    """Whoever is refused goes to another process, or comes again."""
    bell = Bell()
    bell.listeners = MOST_STREAMS
    crowded = web_application(replace(api.services, bell=bell))
    headers = api.key("reader").headers
    with TestClient(crowded, ORIGIN, client=("127.0.0.1", 50000)) as client:
        answer = client.get("/api/v1/revocations/stream", headers=headers)
        assert refused(answer) == (503, "try_later")
        assert client.get("/api/v1/revocations", headers=headers).status_code == 200
