"""Events, messages and templates by API."""

from __future__ import annotations

import json
import threading

import pytest

from enlist.core.secrets import parse_code
from enlist.verbs.sealing import Sealer
from enlist.web.api import events
from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


def test_events_can_be_filtered(api: Api, administrator: Client) -> None:
    ticket = api.enlist.register("ada")
    refusal = api.stranger.post("/redeem", {"token": "8Kq2mWx7Rb"})
    code = refusal.json()["support_code"]
    found = answered(administrator.get(f"/events?support_code={code}"))["items"]
    assert [each["kind"] for each in found] == ["enrollment.refused"]
    assert found[0]["data"]["reason"] == "unknown"
    by_code = answered(administrator.get(f"/support-codes/{code.lower().replace('-', '')}"))
    assert by_code["event"] == found[0]
    assert answered(administrator.get(f"/events/{found[0]['id']}")) == found[0]
    by_device = answered(administrator.get(f"/events?device={ticket.device_id}"))["items"]
    assert {each["kind"] for each in by_device} == {"device.registered", "enrollment.revealed"}
    assert by_device[0]["personal"]["user"] == "ada"
    by_kind = answered(administrator.get("/events?kind=api_key.created&actor_kind=host"))
    assert by_kind["items"]
    assert wrong_fields(administrator.get("/events?device=x&actor_kind=nobody&sort=x!")) == {
        "device",
        "actor_kind",
        "sort",
    }
    assert refused(administrator.get("/events/nothing")) == (404, "not_found")
    assert wrong_fields(administrator.get("/support-codes/nothing")) == {"code"}
    unread = answered(administrator.get("/support-codes/BBBB-BBBB-B"))
    assert unread["event"] is None
    assert unread["answer"]


def test_what_was_refused_unread_shows_a_code_all_the_same(api: Api, administrator: Client) -> None:
    """Ruling 34: a valid one, which no event has; whoever asks for it is told what that means."""
    guesser = api.stranger
    for _ in range(10):
        guesser.post("/redeem", {"token": "8Kq2mWx7Rb"})
    before = api.enlist.events()
    answers = {
        "mistyped": api.stranger.post("/redeem", {"token": "BCDF-GHJK-M"}),
        "malformed secret": api.stranger.post("/redeem", {"token": "short"}),
        "malformed": api.stranger.post("/redeem", raw=b"{"),
        "too large": api.stranger.post("/redeem", raw=b" " * 65_537),
        "throttled": guesser.post("/redeem", {"token": "8Kq2mWx7Rb"}),
    }
    assert [each.status_code for each in answers.values()] == [404, 404, 400, 413, 429]
    codes = {each.json()["support_code"] for each in answers.values()}
    assert len(codes) == len(answers)
    for code in codes:
        assert parse_code(code) is not None
        found = answered(administrator.get(f"/support-codes/{code}"))
        assert found["event"] is None
        assert found["answer"].startswith("refused unread: mistyped, malformed, too large or ")
    assert [event.id for event in api.enlist.events()] == [event.id for event in before]


def test_export_is_all_of_it_oldest_first(
    api: Api, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_PER_PAGE", 2)
    for number in range(4):
        api.enlist.clock.advance(seconds=1)
        api.enlist.register("ada", name=f"laptop {number}")
    answer = administrator.get("/events/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="events.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines] == [row.id for row in api.enlist.events()]
    for line in lines:
        entry = json.loads(line["entry"])
        assert (entry["id"], entry["kind"]) == (line["id"], line["kind"])
    kinds = administrator.get("/events/export?kind=device.registered").text
    assert len(kinds.splitlines()) == 4
    none = administrator.get("/events/export?kind=nothing")
    assert (none.status_code, none.text) == (200, "")


def test_a_period_and_a_text_narrow_the_list_and_the_export_alike(
    api: Api, administrator: Client
) -> None:
    for name in ("tom", "tomas", "grace", "tomke"):
        api.enlist.clock.advance(hours=1)
        api.enlist.user(name)
    asked = (
        "kind=user.created&search=tom"
        "&since=2026-03-02T14:00:00%2B00:00&before=2026-03-02T17:00:00%2B01:00"
    )
    listed = answered(administrator.get(f"/events?{asked}"))["items"]
    assert [each["personal"]["user"] for each in listed] == ["tomas"]
    taken = administrator.get(f"/events/export?{asked}").text.splitlines()
    assert [json.loads(line)["id"] for line in taken] == [listed[0]["id"]]
    for path in ("/events", "/events/export"):
        assert wrong_fields(administrator.get(f"{path}?since=today&before=2026-03-02T12:00")) == {
            "since",
            "before",
        }


def test_taking_events_away_is_a_right_of_its_own(api: Api) -> None:
    helpdesk = api.key("helpdesk")
    assert answered(helpdesk.get("/events"))
    assert refused(helpdesk.get("/events/export")) == (403, "forbidden")
    assert refused(api.stranger.get("/events/export")) == (401, "unauthenticated")


def test_messages_say_how_they_stand(api: Api, administrator: Client) -> None:
    api.enlist.user("ada")
    body = {"user": "ada", "name": "laptop", "platform": "linux"}
    made = answered(administrator.post("/devices", body), 201)
    enrollment = made["enrollment"]["id"]
    found = answered(administrator.get(f"/messages?enrollment={enrollment}"))["items"]
    assert [(each["state"], each["to"], each["user"]) for each in found] == [
        ("queued", "ada@example.com", "ada")
    ]
    assert found[0]["next_try_at"] == "2026-03-02T12:00:00.000000Z"
    assert answered(administrator.get("/messages?state=sent"))["items"] == []
    assert wrong_fields(administrator.get("/messages?state=lost&enrollment=1")) == {
        "state",
        "enrollment",
    }


WORDING = {
    "organization": "main",
    "name": "default",
    "subject": "Enroll {FriendlyName}",
    "body": "Hello {FirstName|colleague},\n\nopen {EnrollmentUrl}",
}


def test_templates(api: Api, administrator: Client) -> None:
    preview = answered(administrator.post("/templates/preview", WORDING))
    assert preview["subject"] == "[Sample] Enroll Ada's laptop"
    assert "Hello Ada" in preview["text"]
    assert answered(administrator.get("/templates"))["items"] == []
    first = answered(administrator.put("/templates", WORDING))
    second = answered(administrator.put("/templates", {**WORDING, "subject": "Welcome"}))
    assert (second["id"], second["version"]) == (first["id"], 2)
    listed = answered(administrator.get("/templates?organization=main"))
    assert [each["subject"] for each in listed["items"]] == ["Welcome"]
    assert "EnrollmentUrl" in listed["lookups"]
    values = answered(administrator.get("/templates/lookups?organization=main&channel=sms"))
    (named,) = (each for each in values["items"] if each["key"] == "GroupId")
    assert named["id"] == "registration.sms.GroupId"
    assert named["description"] == listed["lookups"]["GroupId"]
    for path in ("/templates/preview", "/templates"):
        method = "PUT" if path == "/templates" else "POST"
        wrong = {**WORDING, "body": "Hello {Nobody}"}
        assert refused(administrator.ask(method, path, wrong)) == (422, "template_invalid")
        assert wrong_fields(administrator.ask(method, path, {"subject": 1})) == {"subject", "body"}
    assert administrator.delete(f"/templates/{first['id']}").status_code == 204
    assert refused(administrator.delete(f"/templates/{first['id']}")) == (404, "not_found")


def sealed(api: Api) -> Sealer:
    """Whoever seals, once he has sealed what there is."""
    sealer = Sealer(api.enlist.store)
    while sealer.look().more:
        pass
    return sealer


def test_the_feed_is_followed_by_after(api: Api, administrator: Client) -> None:
    """In the order of the sealed log, with its place, its organization and the form's version."""
    api.enlist.register("ada")
    sealed(api)
    first = answered(administrator.get("/events?after="))
    assert [each["seq"] for each in first["items"]] == list(range(len(first["items"])))
    assert {(each["version"], each["organization"]) for each in first["items"]} == {(1, "main")}
    assert first["more"] is False
    nothing = answered(administrator.get(f"/events?after={first['cursor']}"))
    assert nothing == {"items": [], "cursor": first["cursor"], "more": False}
    assert wrong_fields(administrator.get("/events?after=&search=ada")) == {"search"}
    assert wrong_fields(administrator.get("/events?wait=3")) == {"wait"}
    assert refused(api.stranger.get("/events?after=")) == (401, "unauthenticated")


def test_the_feed_waits_for_an_event(api: Api, administrator: Client) -> None:
    sealer = sealed(api)
    api.services.bell.over = False
    cursor = answered(administrator.get("/events?after="))["cursor"]

    def happen() -> None:
        api.enlist.register("ada")
        sealer.look()

    timer = threading.Timer(0.2, happen)
    timer.start()
    heard = answered(administrator.get(f"/events?after={cursor}&wait=30"))
    timer.join()
    assert "device.registered" in {each["kind"] for each in heard["items"]}


def test_a_sample_is_sent_once_for_one_key(api: Api, administrator: Client) -> None:
    """The caller's key has no address of its own; a repeat of the request sends nothing more."""
    assert wrong_fields(administrator.post("/templates/test", WORDING)) == {"recipient"}
    body = {**WORDING, "recipient": "ada@example.com"}
    once = {"idempotency-key": "once"}
    sent = answered(administrator.post("/templates/test", body, headers=once), 202)
    again = answered(administrator.post("/templates/test", body, headers=once), 202)
    assert again == sent == {"message_id": sent["message_id"], "recipient": "ada@example.com"}
    [row] = api.enlist.rows("message")
    [listed] = answered(administrator.get("/messages?purpose=template_test"))["items"]
    assert listed["id"] == row["id"] == sent["message_id"]
    assert "SAMPLE" not in str(listed)
    by_operator = api.key("operator").post("/templates/test", body)
    assert refused(by_operator) == (403, "forbidden")
