"""Users by API: people, passwords, roles, sign-ins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.users import AddUser
from tests.installation import ADMINISTRATOR, PASSWORD, done
from tests.web.api.conftest import Api, Client, answered, csr_text, refused, wrong_fields

PHONE: Final = "+4930123456"


@pytest.fixture
def administrator(api: Api) -> Client:
    return api.key("administrator")


def test_adding_and_looking(administrator: Client) -> None:
    body = {
        "organization": "main",
        "username": "ada",
        "email": "Ada@Example.com",
        "phone": "+49 30 123456",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "password": PASSWORD,
        "time_zone": "Europe/London",
        "language": "en",
    }
    made = administrator.post("/users", body)
    user = answered(made, 201)
    assert made.headers["etag"] == '"1"'
    assert (user["state"], user["source"], user["has_password"]) == ("active", "basic", True)
    assert user["phone"] == "+4930123456"
    assert PASSWORD not in made.text
    for named in (user["id"], "ada", "ADA"):
        shown = answered(administrator.get(f"/users/{named}"))
        assert (shown["id"], shown["roles"], shown["sign_ins"]) == (user["id"], [], 0)
    assert answered(administrator.get("/users?search=lovel"))["items"][0]["id"] == user["id"]
    assert refused(administrator.get("/users/nobody")) == (404, "not_found")


def test_names_and_addresses_are_taken_once(api: Api, administrator: Client) -> None:
    api.enlist.user("ada")
    again = {"username": "ADA", "email": "other@example.com"}
    assert refused(administrator.post("/users", again)) == (409, "username_taken")
    again = {"username": "bob", "email": "ADA@example.com"}
    assert refused(administrator.post("/users", again)) == (409, "email_taken")
    api.enlist.user("bob")
    assert refused(administrator.patch("/users/bob", {"username": "ada"})) == (
        409,
        "username_taken",
    )


def test_what_is_wrong_with_a_user(administrator: Client) -> None:
    body = {"username": " ", "email": "nowhere", "phone": "12", "time_zone": "Mars/Olympus"}
    assert wrong_fields(administrator.post("/users", body)) == {"username"}
    body["username"] = "ada"
    fields = wrong_fields(administrator.post("/users", body))
    assert fields == {"email", "phone", "time_zone"}
    short = {"username": "ada", "password": "short"}
    assert refused(administrator.post("/users", short)) == (422, "password_too_short")
    number = {"username": "ada", "password": 12345678901234}
    assert wrong_fields(administrator.post("/users", number)) == {"password"}


def test_a_repeated_request_adds_one_user(administrator: Client) -> None:
    key = {"idempotency-key": "add-ada"}
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    first = answered(administrator.post("/users", body, headers=key), 201)
    assert answered(administrator.post("/users", body, headers=key), 201) == first
    assert len(answered(administrator.get("/users?search=ada"))["items"]) == 1


WITH_DEVICE: dict[str, Any] = {
    "username": "ada",
    "email": "ada@example.com",
    "device": {"name": "laptop", "platform": "linux", "identifiers": {"serial": "C02XK1"}},
}


def test_a_first_device_comes_with_the_user(api: Api, administrator: Client) -> None:
    """X42: the same shapes as where a device is registered, and no token in sight."""
    made = administrator.post("/users", WITH_DEVICE)
    user = answered(made, 201)
    assert made.headers["etag"] == '"1"'
    assert (user["device"]["user"], user["device"]["user_id"]) == ("ada", user["id"])
    assert user["device"]["identifiers"]["serial"] == "C02XK1"
    assert user["enrollment"]["device_id"] == user["device"]["id"]
    assert user["enrollment"]["message_to"] == "ada@example.com"
    assert "token" not in user["enrollment"]
    body = {"user": api.enlist.user("bob").id, "name": "laptop", "platform": "linux"}
    registered = answered(administrator.post("/devices", body), 201)
    for part, shown in registered.items():
        assert set(user[part]) == set(shown), part
    plain = answered(administrator.post("/users", {"username": "eve"}), 201)
    assert not {"device", "enrollment"} & set(plain)


def test_a_first_token_is_shown_to_those_who_may_see_it(api: Api, administrator: Client) -> None:
    shown = {**WITH_DEVICE, "device": {**WITH_DEVICE["device"], "message": {"type": "none"}}}
    assert refused(administrator.post("/users", shown)) == (403, "forbidden")
    reveals = api.key("administrator", "enrollments:reveal")
    key = {"idempotency-key": "once"}
    first = answered(reveals.post("/users", shown, headers=key), 201)
    token = first["enrollment"]["token"]
    assert first["enrollment"]["link"].endswith(f"/enroll/{first['enrollment']['id']}#t={token}")
    assert answered(reveals.post("/users", shown, headers=key), 201) == first
    assert len(answered(reveals.get("/devices"))["items"]) == 1
    assert refused(reveals.post("/users", WITH_DEVICE, headers=key)) == (
        422,
        "idempotency_key_reused",
    )
    redeemed = api.stranger.post("/redeem", {"token": token, "csr": csr_text()})
    assert answered(redeemed, 201)["device"]["id"] == first["device"]["id"]


def test_what_is_wrong_with_a_first_device_leaves_no_user(api: Api, administrator: Client) -> None:
    def sent(**device: object) -> dict[str, object]:
        return {**WITH_DEVICE, "device": {"name": "laptop", "platform": "linux", **device}}

    wrong = administrator.post("/users", sent(message={"template": "nowhere"}))
    assert wrong_fields(wrong) == {"device.message.template"}
    wrong = administrator.post("/users", sent(platform="toaster", colour="red"))
    assert wrong_fields(wrong) == {"device.platform", "device.colour"}
    wrong = administrator.post("/users", {**sent(), "email": ""})
    assert refused(wrong) == (422, "email_missing")
    assert [each["field"] for each in wrong.json()["fields"]] == ["email"]
    edits = api.key("reader", "users:edit")
    assert refused(edits.post("/users", WITH_DEVICE)) == (403, "forbidden")
    assert refused(administrator.get("/users/ada")) == (404, "not_found")


def test_what_an_idempotency_key_leaves_cannot_be_guessed(api: Api) -> None:
    """Two installations get the same request; what they keep of it differs, being keyed."""
    body = {"username": "ada", "password": PASSWORD}
    api.key().post("/users", body, headers={"idempotency-key": "k"})
    token = api.enlist.register("bob").token.reveal()
    redeem = {"token": token, "csr": csr_text()}
    api.stranger.post("/redeem", redeem, headers={"idempotency-key": "k"})
    before = [bytes(row["request_digest"]) for row in api.enlist.rows("idempotency")]
    assert len(before) == 2
    assert all(len(digest) == 32 for digest in before)
    ring = api.enlist.installation.tools.keys
    text = 'POST /api/v1/users\n{"username": "ada", "password": "' + PASSWORD + '"}'
    from enlist.core.secrets import Kind, fingerprint

    keyed = ring.digest(Kind.IDEMPOTENCY, Secret(text)).value
    assert fingerprint((keyed,)) in before, "the digest is keyed"
    assert fingerprint((text.encode(),)) not in before


def test_what_was_begun_by_signing_in_is_listed_with_its_user(api: Api) -> None:
    """X55: it has no enrollment yet that could show it; once finished it has."""
    api.enlist.user("ada")
    operator = api.key("operator")
    body = {"group_id": "main", "username": "ada", "password": PASSWORD}
    begun = answered(api.stranger.post("/attempts", body), 201)
    (attempt,) = answered(operator.get("/users/ada"))["attempts"]
    assert (attempt["id"], attempt["state"]) == (begun["id"], "open")
    assert attempt["started_at"] == "2026-03-02T12:00:00.000000Z"
    api.enlist.clock.advance(minutes=10)
    (attempt,) = answered(operator.get("/users/ada"))["attempts"]
    assert attempt["state"] == "expired"
    again = answered(api.stranger.post("/attempts", body), 201)
    path = f"/attempts/{again['id']}/complete"
    finish = {"code": again["code"], "csr": csr_text(), "device": {"platform": "linux"}}
    answered(api.stranger.post(path, finish), 201)
    assert answered(operator.get("/users/ada"))["attempts"] == [attempt]


def test_changing(api: Api, administrator: Client) -> None:
    api.enlist.user("ada")
    seen = administrator.get("/users/ada")
    change = {"first_name": "Augusta", "email": None}
    changed = administrator.patch("/users/ada", change, headers={"if-match": seen.headers["etag"]})
    assert (answered(changed)["first_name"], answered(changed)["email"]) == ("Augusta", "")
    late = administrator.patch(
        "/users/ada", {"first_name": "X"}, headers={"if-match": seen.headers["etag"]}
    )
    assert refused(late) == (412, "precondition_failed")
    assert wrong_fields(administrator.patch("/users/ada", {"state": "disabled"})) == {"state"}


def test_a_password_set_by_staff_ends_sign_ins(api: Api, administrator: Client) -> None:
    api.enlist.user("ada")
    sign_in = StartSignIn("ada", Secret(PASSWORD))
    done(api.enlist.perform(sign_in, api.enlist.stranger()))
    assert answered(administrator.get("/users/ada"))["sign_ins"] == 1
    new = {"password": "another good one"}
    assert administrator.put("/users/ada/password", new).status_code == 204
    assert answered(administrator.get("/users/ada"))["sign_ins"] == 0
    done(api.enlist.perform(StartSignIn("ada", Secret("another good one")), api.enlist.stranger()))
    assert administrator.post("/users/ada/sign-out").status_code == 204
    assert answered(administrator.get("/users/ada"))["sign_ins"] == 0
    assert refused(administrator.put("/users/ada/password", {"password": "short"})) == (
        422,
        "password_too_short",
    )


def test_disabling_and_enabling(api: Api, administrator: Client) -> None:
    ticket = api.enlist.register("ada")
    assert answered(administrator.post("/users/ada/disable"))["state"] == "disabled"
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (403, "user_not_allowed")
    assert answered(administrator.post("/users/ada/enable"))["state"] == "active"
    answered(api.stranger.post("/redeem", redeem), 201)
    assert len(answered(administrator.get("/users?state=disabled"))["items"]) == 0


def test_roles(api: Api, administrator: Client) -> None:
    api.enlist.user("ada")
    api.enlist.organization("berlin")
    body = {"role": "helpdesk", "organization": "berlin"}
    held = answered(administrator.post("/users/ada/roles", body))["items"]
    assert [(each["role"], each["organization"]) for each in held] == [("helpdesk", "berlin")]
    assert answered(administrator.post("/users/ada/roles", body))["items"] == held
    assert answered(administrator.get("/users/ada"))["roles"] == held
    (listed,) = answered(administrator.get("/role-assignments?role=helpdesk"))["items"]
    assert {name: listed[name] for name in held[0]} == held[0]
    assert (listed["username"], listed["granted_at"][:4]) == ("ada", "2026")
    page = answered(administrator.get("/role-assignments?limit=1&sort=-user"))
    rest = administrator.get(f"/role-assignments?sort=-user&cursor={page['next_cursor']}")
    assert page["items"][0]["username"] == ADMINISTRATOR
    assert [each["username"] for each in answered(rest)["items"]] == ["ada"]
    left = answered(administrator.delete("/users/ada/roles/berlin/helpdesk"))
    assert left == {"items": []}
    king = {"role": "king", "organization": "main"}
    assert wrong_fields(administrator.post("/users/ada/roles", king)) == {"role"}
    assert wrong_fields(administrator.post("/users/ada/roles", {})) == {"role", "organization"}
    assert refused(administrator.delete("/users/ada/roles/nowhere/helpdesk"))[0] == 404


def test_nobody_is_made_stronger_than_whoever_does_it(api: Api) -> None:
    api.enlist.user("ada")
    operator = api.key("operator")
    body = {"role": "administrator", "organization": "main"}
    assert refused(operator.post("/users/ada/roles", body)) == (403, "forbidden")
    for method, path in (
        ("DELETE", f"/users/{ADMINISTRATOR}"),
        ("POST", f"/users/{ADMINISTRATOR}/disable"),
        ("POST", f"/users/{ADMINISTRATOR}/sign-out"),
    ):
        assert refused(operator.ask(method, path)) == (403, "forbidden")
    password = {"password": "mine from now on"}
    answer = operator.put(f"/users/{ADMINISTRATOR}/password", password)
    assert refused(answer) == (403, "forbidden")


def test_the_last_administrator_stays(administrator: Client) -> None:
    for method, path in (
        ("DELETE", f"/users/{ADMINISTRATOR}"),
        ("POST", f"/users/{ADMINISTRATOR}/disable"),
        ("DELETE", f"/users/{ADMINISTRATOR}/roles/main/administrator"),
    ):
        assert refused(administrator.ask(method, path)) == (409, "last_administrator")


def test_deleting(api: Api, administrator: Client) -> None:
    ticket = api.enlist.register("ada")
    assert administrator.delete("/users/ada").status_code == 204
    assert refused(administrator.get("/users/ada")) == (404, "not_found")
    redeem = {"token": ticket.token.reveal(), "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", redeem)) == (404, "token_invalid")


@pytest.mark.parametrize(
    ("source", "phone", "channels", "offered"),
    [
        ("basic", PHONE, {"email", "sms"}, "sms"),
        ("directory", PHONE, {"email", "sms"}, "email"),
        ("basic", "", {"email", "sms"}, "email"),
        ("directory", PHONE, {"sms"}, "sms"),
        ("basic", PHONE, {"email"}, "email"),
    ],
)
def test_the_message_type_that_forms_choose_already(
    api: Api, source: str, phone: str, channels: set[str], offered: str
) -> None:
    """A14: SMS for basic users, e-mail for directory users, as far as they can be reached."""
    enlist = api.enlist
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset(channels))
    user = enlist.do(AddUser(enlist.root.id, "ada", "ada@example.com", phone))
    enlist.put_source(user.id, source)
    assert answered(api.key("operator").get("/users/ada"))["message_type"] == offered


def test_a_link_to_set_a_password(api: Api, administrator: Client) -> None:
    """A74: nobody is shown it but whoever reads his mail; the answer to strangers says nothing."""
    body = {"username": "ada", "email": "ada@example.com", "password_link": True}
    made = administrator.post("/users", body)
    assert answered(made, 201)["has_password"] is False
    sent = administrator.post("/users/ada/password-link")
    assert answered(sent, 202)["sent_to"] == "ada@example.com"
    (row,) = api.enlist.rows("password_link")
    link = api.enlist.installation.tools.keys.derive_link_again(
        row["message_id"], row["derive_key_id"]
    )
    assert link.reveal() not in made.text + sent.text
    asked = [
        api.stranger.post("/password-links", {"account": name}) for name in ("eve", "root@x.org")
    ]
    assert [(each.status_code, each.content) for each in asked] == [(204, b"")] * 2
    wrong = {"link": "Zk3", "password": PASSWORD}
    assert refused(api.stranger.post("/password-links/use", wrong)) == (
        410,
        "password_link_invalid",
    )
    right = {"link": link.reveal(), "password": PASSWORD}
    short = api.stranger.post("/password-links/use", {**right, "password": "short"})
    assert refused(short) == (422, "password_too_short")
    assert api.stranger.post("/password-links/use", right).status_code == 204
    done(api.enlist.perform(StartSignIn("ada", Secret(PASSWORD)), api.enlist.stranger()))
    nowhere = administrator.post("/users", {"username": "bob", "password_link": True})
    assert refused(nowhere) == (422, "email_missing")
    assert [each["field"] for each in nowhere.json()["fields"]] == ["email"]


def test_moving(api: Api, administrator: Client) -> None:
    api.enlist.organization("berlin")
    ticket = api.enlist.register("ada")
    to = {"organization": "berlin"}
    moved = administrator.post("/users/ada/move", to)
    assert (answered(moved)["organization"], moved.headers["etag"]) == ("berlin", '"2"')
    assert api.enlist.device(ticket.device_id).group_id == "berlin"
    assert refused(administrator.post("/users/ada/move", to)) == (409, "conflict")
    assert wrong_fields(administrator.post("/users/ada/move", {})) == {"organization"}
    assert refused(administrator.post("/users/ada/move", {"organization": "nowhere"}))[0] == 404
    assert refused(api.key("helpdesk").post("/users/ada/move", to)) == (403, "forbidden")
