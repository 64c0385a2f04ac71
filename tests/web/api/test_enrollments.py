"""Enrollments by API: looking, revoking, resending, reissuing."""

from __future__ import annotations

import pytest

from enlist.store import holds
from tests.web.api.conftest import Api, Client, answered, csr_text, refused, wrong_fields


@pytest.fixture
def operator(api: Api) -> Client:
    return api.key("operator")


def test_looking_never_shows_the_token(api: Api, operator: Client) -> None:
    """X30: no route returns it once it was shown; lists know the enrollment's id alone."""
    ticket = api.enlist.register("ada")
    one = operator.get(f"/enrollments/{ticket.enrollment_id}")
    listed = operator.get("/enrollments")
    assert answered(one)["state"] == "active"
    assert answered(one)["device_id"] == ticket.device_id
    assert len(answered(listed)["items"]) == 1
    paths = ("/devices", f"/devices/{ticket.device_id}", "/users/ada", "/events", "/messages")
    for answer in (one, listed, *map(operator.get, paths)):
        assert answer.status_code == 200
        assert ticket.token.reveal() not in answer.text


def test_its_detail_says_what_was_sent_where_and_holds_no_token(api: Api, operator: Client) -> None:
    """A68: status, type, source, registration date, expiry, to whom; and no key named `token`."""
    api.enlist.user("ada")
    device = {"user": "ada", "name": "laptop", "platform": "linux"}
    made = answered(operator.post("/devices", {**device, "message": {"type": "email"}}), 201)
    detail = answered(operator.get(f"/enrollments/{made['enrollment']['id']}"))
    told = ("token_status", "token_type", "source", "message_to")
    assert [detail[name] for name in told] == ["active", "single_factor", "api", "ada@example.com"]
    assert detail["issued_at"] < detail["expires_at"]

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    assert not {"token", "link", "qr_code"} & keys(detail)


def test_what_is_expired_is_called_so(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    api.enlist.clock.advance(hours=24)
    shown = answered(operator.get(f"/enrollments/{ticket.enrollment_id}"))
    assert shown["state"] == "expired"
    assert len(answered(operator.get("/enrollments?state=expired"))["items"]) == 1
    assert answered(operator.get("/enrollments?state=active"))["items"] == []


def test_nothing_that_can_be_edited_revives_an_expired_token(api: Api) -> None:
    """A08: no route moves an enrollment's end; only a reissue makes a token that works."""
    ticket = api.enlist.register("ada")
    api.enlist.clock.advance(hours=24)
    administrator = api.key("administrator", "enrollments:reveal")
    end = {"expires_at": "2026-03-05T12:00:00Z"}
    device, enrollment = f"/devices/{ticket.device_id}", f"/enrollments/{ticket.enrollment_id}"
    for method in ("PATCH", "PUT", "POST"):
        assert administrator.ask(method, enrollment, end).status_code == 405
    for path in (device, "/users/ada"):
        assert wrong_fields(administrator.patch(path, end)) == {"expires_at"}
    answered(administrator.patch(device, {"name": "renamed"}))
    hours = {"token_expiration_hours": 8760}
    answered(administrator.patch("/organizations/main/settings", hours))
    assert wrong_fields(administrator.post(f"{enrollment}/resend", end)) == {"expires_at"}
    assert refused(administrator.post(f"{enrollment}/resend")) == (409, "not_resendable")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (410, "token_expired")
    shown = answered(administrator.post(f"{enrollment}/reissue", {"message": {"type": "none"}}))
    assert refused(api.stranger.post("/redeem", redeem)) == (410, "token_replaced")
    answered(api.stranger.post("/redeem", {**redeem, "token": shown["token"]}), 201)


def test_an_attempt_is_shown_with_its_enrollment(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    body = {"token": ticket.token.reveal()}
    begun = answered(api.stranger.post("/attempts", body), 201)
    path = f"/enrollments/{ticket.enrollment_id}"
    attempt = answered(operator.get(path))["attempts"][0]
    assert (attempt["id"], attempt["state"]) == (begun["id"], "open")
    api.enlist.clock.advance(minutes=10)
    assert answered(operator.get(path))["attempts"][0]["state"] == "expired"


def test_revoking(api: Api, operator: Client) -> None:
    """A42: its holder is told; it stays listed, with who and when."""
    ticket = api.enlist.register("ada")
    path = f"/enrollments/{ticket.enrollment_id}/revoke"
    revoked = answered(operator.post(path, {"reason": "lost on the train"}))
    assert (revoked["state"], revoked["end_reason"]) == ("revoked", "lost on the train")
    assert refused(operator.post(path)) == (409, "token_revoked")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (410, "token_revoked")
    (listed,) = answered(operator.get("/enrollments?state=revoked"))["items"]
    assert (listed["id"], listed["ended_at"]) == (revoked["id"], "2026-03-02T12:00:00.000000Z")
    (event,) = answered(operator.get("/events?kind=enrollment.revoked"))["items"]
    assert (event["at"], event["personal"]["actor"]) == (listed["ended_at"], "operator key")


def test_staff_hear_a_conflict_where_holders_hear_gone(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    answered(api.stranger.post("/redeem", redeem), 201)
    for action in ("revoke", "reissue"):
        answer = operator.post(f"/enrollments/{ticket.enrollment_id}/{action}")
        assert refused(answer) == (409, "token_used")
    answer = operator.post(f"/enrollments/{ticket.enrollment_id}/resend")
    assert refused(answer) == (409, "not_resendable")


def test_resending_sends_the_same(api: Api, operator: Client) -> None:
    ticket = api.enlist.register("ada")
    path = f"/enrollments/{ticket.enrollment_id}/resend"
    resent = answered(operator.post(path))
    assert resent["generation"] == 1
    assert resent["expires_at"] == "2026-03-03T12:00:00.000000Z"
    assert [message["state"] for message in resent["messages"]] == ["queued"]
    answered(api.stranger.post("/attempts", {"token": ticket.token.reveal()}), 201)


def test_reissuing_ends_the_old_token(api: Api) -> None:
    ticket = api.enlist.register("ada")
    path = f"/enrollments/{ticket.enrollment_id}/reissue"
    helpdesk = api.key("helpdesk")
    mailed = answered(helpdesk.post(path))
    assert (mailed["generation"], mailed["id"]) == (2, ticket.enrollment_id)
    assert "token" not in mailed
    assert refused(helpdesk.post(path, {"message": {"type": "none"}})) == (403, "forbidden")
    revealing = api.key("operator", "enrollments:reveal")
    shown = answered(revealing.post(path, {"message": {"type": "none"}}))
    assert shown["generation"] == 3
    assert shown["link"].endswith(f"/enroll/{ticket.enrollment_id}#t={shown['token']}")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (410, "token_replaced")
    answered(api.stranger.post("/redeem", {**redeem, "token": shown["token"]}), 201)
    assert len(api.enlist.events("enrollment.revealed")) == 2


def test_unknown_ones(operator: Client) -> None:
    for named in ("nothing", "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6", "%20", "1" * 500):
        assert refused(operator.get(f"/enrollments/{named}")) == (404, "not_found")
        for action in ("revoke", "resend", "reissue"):
            answer = operator.post(f"/enrollments/{named}/{action}")
            assert refused(answer) == (404, "not_found")
    assert wrong_fields(operator.post("/enrollments/x/revoke", {"why": 1})) == {"why"}
    assert wrong_fields(operator.get("/enrollments?device=laptop")) == {"device"}


def test_what_is_on_hold_is_freed(api: Api, operator: Client) -> None:
    """Ruling 35: 409 for its holder until somebody has looked; freeing it twice is none."""
    ticket = api.enlist.register("ada")
    api.enlist.store.write(holds.hold_all)
    body = {"token": ticket.token.reveal(), "csr": csr_text()}
    path = f"/enrollments/{ticket.enrollment_id}/reactivate"
    assert refused(api.stranger.post("/redeem", body)) == (409, "token_on_hold")
    assert answered(operator.post(path, {}))["state"] == "active"
    assert refused(operator.post(path, {})) == (409, "conflict")
    assert api.stranger.post("/redeem", body).status_code == 201
