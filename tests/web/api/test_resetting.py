"""Resetting, reassigning and replacing devices by API; what would end is shown first."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.ids import NOTHING
from enlist.verbs.reset import Reset
from tests.installation import Ticket, done
from tests.web.api.conftest import Api, Client, answered, csr_text, refused, wrong_fields

PAST = "2026-03-01T12:00:00Z"


@pytest.fixture
def operator(api: Api) -> Client:
    return api.key("operator", "enrollments:reveal")


@pytest.fixture
def enrolled(api: Api) -> Ticket:
    ticket = api.enlist.register("ada")
    done(api.enlist.redeem(ticket.token))
    return ticket


def reasons(api: Api, device_id: str) -> list[str]:
    return [each.revocation_reason for each in api.enlist.credentials_of(device_id)]


def test_a_reset_answers_with_the_new_enrollment(
    api: Api, operator: Client, enrolled: Ticket
) -> None:
    """D03, D07: and with what ended; the new token enrolls."""
    body = {"reason": "lost", "message": {"type": "none"}, "expires_at": "2026-03-02T13:30:00Z"}
    found = answered(operator.post(f"/devices/{enrolled.device_id}/reset", body))
    enrollment, ended = found["enrollment"], found["consequences"]
    assert (enrollment["state"], enrollment["device_id"]) == ("active", enrolled.device_id)
    assert enrollment["expires_at"] == "2026-03-02T13:30:00.000000Z"
    assert (len(ended["credentials"]), ended["sessions"], ended["networks"]) == (1, 0, [])
    assert reasons(api, enrolled.device_id) == ["lost"]
    redeem = {"token": enrollment["token"], "csr": csr_text(1)}
    again = answered(api.stranger.post("/redeem", redeem), 201)
    assert again["device"]["id"] == enrolled.device_id


def test_a_reset_needs_no_body(api: Api, operator: Client, enrolled: Ticket) -> None:
    """Nothing is sent and nothing shown by itself."""
    found = answered(operator.post(f"/devices/{enrolled.device_id}/reset"))
    assert "token" not in found["enrollment"]
    assert api.enlist.rows("message") == []
    assert reasons(api, enrolled.device_id) == ["reset"]


def test_a_dry_run_is_confirmed_by_its_preview(
    api: Api, operator: Client, enrolled: Ticket
) -> None:
    """X44, X45: a changed situation is a conflict with a code of its own, and asks again."""
    path = f"/devices/{enrolled.device_id}/reset"
    shown = answered(operator.post(f"{path}?dry_run=true", {"reason": "lost"}))
    assert shown["enrollment"] is None
    assert len(shown["consequences"]["credentials"]) == 1
    assert reasons(api, enrolled.device_id) == [""]
    api.enlist.do(Reset(enrolled.device_id))
    confirm = {"reason": "lost", "preview": shown["preview"]}
    assert refused(operator.post(path, confirm)) == (409, "preview_outdated")
    newer = answered(operator.post(f"{path}?dry_run=true", {"reason": "lost"}))
    assert len(newer["consequences"]["enrollments"]) == 1
    answered(operator.post(path, {"reason": "lost", "preview": newer["preview"]}))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": PAST}, "expires_at"),
        ({"expires_at": "2026-12-31"}, "expires_at"),
        ({"reason": "bored"}, "reason"),
        ({"reason": "lost", "end_sign_ins": True}, "end_sign_ins"),
        ({"grant": "sign_in"}, "grant"),
        ({"preview": "x"}, "preview"),
        ({"message": {"type": "pigeon"}}, "message.type"),
    ],
)
def test_what_is_wrong_is_told_by_field(
    api: Api, operator: Client, enrolled: Ticket, body: dict[str, Any], field: str
) -> None:
    """D02: nothing changes, in earnest and as a dry run."""
    for path in ("reset", "reset?dry_run=true"):
        answer = operator.post(f"/devices/{enrolled.device_id}/{path}", body)
        assert wrong_fields(answer) == {field}
    assert reasons(api, enrolled.device_id) == [""]


def test_a_repeated_request_resets_once(api: Api, operator: Client, enrolled: Ticket) -> None:
    """Ruling 25: the token that was shown is shown again; another body is a mistake."""
    key = {"idempotency-key": "once"}
    path, body = f"/devices/{enrolled.device_id}/reset", {"message": {"type": "none"}}
    first, second = (answered(operator.post(path, body, headers=key)) for _ in range(2))
    assert first["enrollment"] == second["enrollment"]
    assert len(api.enlist.events("device.reset")) == 1
    other = operator.post(path, {"reason": "lost"}, headers=key)
    assert refused(other) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("act", ["reset", "reassign", "replace"])
def test_a_version_that_was_seen_is_kept_to(
    api: Api, operator: Client, enrolled: Ticket, act: str
) -> None:
    api.enlist.user("grace")
    tag = operator.get(f"/devices/{enrolled.device_id}").headers["etag"]
    answered(operator.patch(f"/devices/{enrolled.device_id}", {"name": "renamed"}))
    body = {"user": "grace"} if act == "reassign" else {}
    path = f"/devices/{enrolled.device_id}/{act}"
    old = operator.post(path, body, headers={"if-match": tag})
    assert refused(old) == (412, "precondition_failed")
    newer = operator.get(f"/devices/{enrolled.device_id}").headers["etag"]
    assert operator.post(path, body, headers={"if-match": newer}).is_success


def test_compromised_ends_the_owners_sign_ins(api: Api, operator: Client, enrolled: Ticket) -> None:
    body = {"reason": "compromised", "end_sign_ins": True}
    answered(operator.post(f"/devices/{enrolled.device_id}/reset", body))
    assert len(api.enlist.events("sign_in.all_ended")) == 1


def test_a_device_is_reassigned(api: Api, operator: Client, enrolled: Ticket) -> None:
    grace = api.enlist.user("grace")
    path = f"/devices/{enrolled.device_id}/reassign"
    shown = answered(operator.post(f"{path}?dry_run=true", {"user": "grace"}))
    assert len(shown["consequences"]["credentials"]) == 1
    body = {"user": grace.id, "preview": shown["preview"], "message": {"type": "email"}}
    found = answered(operator.post(path, body))
    assert (found["enrollment"]["user"], found["enrollment"]["message_to"]) == (
        "grace",
        "grace@example.com",
    )
    assert refused(operator.post(path, {"user": "grace"})) == (409, "conflict")
    assert refused(operator.post(path, {"user": "nobody"})) == (404, "not_found")
    assert wrong_fields(operator.post(path, {})) == {"user"}


def test_a_device_is_replaced(api: Api, operator: Client, enrolled: Ticket) -> None:
    path = f"/devices/{enrolled.device_id}/replace"
    answered(operator.post(f"{path}?dry_run=true"))
    assert len(api.enlist.devices()) == 1
    body = {"name": "new", "platform": "macos", "message": {"type": "none"}}
    made = answered(operator.post(path, body), 201)["enrollment"]
    assert (made["device"], made["platform"]) == ("new", "macos")
    assert made["replaces_device_id"] == enrolled.device_id
    assert reasons(api, enrolled.device_id) == [""]
    redeem = {"token": made["token"], "csr": csr_text(1), "device": {"platform": "macos"}}
    answered(api.stranger.post("/redeem", redeem), 201)
    assert reasons(api, enrolled.device_id) == ["replaced"]


def test_an_enrollment_is_deleted_for_good(api: Api, operator: Client) -> None:
    """D17, D18: no route brings it back; the device stays."""
    ticket = api.enlist.register("ada")
    path = f"/enrollments/{ticket.enrollment_id}"
    answered(operator.delete(path), 204)
    assert refused(operator.get(path)) == (404, "not_found")
    for act in ("", "/reissue", "/resend", "/revoke", "/reactivate"):
        method = "POST" if act else "DELETE"
        assert refused(operator.ask(method, f"{path}{act}")) == (404, "not_found")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (404, "token_invalid")
    device = answered(operator.get(f"/devices/{ticket.device_id}"))
    assert (device["state"], device["enrollments"]) == ("registered", [])


def test_a_reissue_is_foreseen_and_confirmed(api: Api, operator: Client) -> None:
    """D14, X45: which link dies; the same id, another token and expiry."""
    ticket = api.enlist.register("ada")
    path = f"/enrollments/{ticket.enrollment_id}/reissue"
    shown = answered(operator.post(f"{path}?dry_run=true"))
    assert [each["id"] for each in shown["consequences"]["enrollments"]] == [ticket.enrollment_id]
    body = {"preview": shown["preview"], "message": {"type": "none"}, "reason": "mail lost"}
    made = answered(operator.post(path, body))
    assert (made["id"], made["generation"]) == (ticket.enrollment_id, 2)
    assert made["token"] != ticket.token.reveal()
    assert refused(operator.post(path, body)) == (409, "preview_outdated")
    assert wrong_fields(operator.post(path, {"expires_at": PAST})) == {"expires_at"}


@pytest.mark.parametrize("act", ["reset", "reassign", "replace"])
def test_what_is_out_of_sight_does_not_exist(api: Api, enrolled: Ticket, act: str) -> None:
    """S52: an operator next door hears the same of it as of nothing."""
    api.enlist.organization("beta")
    neighbour = api.key("operator", organization="beta")
    body = {"user": "ada"} if act == "reassign" else {}
    for device_id in (enrolled.device_id, NOTHING):
        answer = neighbour.post(f"/devices/{device_id}/{act}", body)
        assert refused(answer) == (404, "not_found")
