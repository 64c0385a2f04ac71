"""Whoever asks: himself, his sign-ins, the start page, the search; keys and cookies."""

from __future__ import annotations

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.sign_in import StartSignIn
from tests.behaviour.renewing import confirm, renewed, stands
from tests.connections import enrolled
from tests.installation import ADMINISTRATOR, PASSWORD, done
from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields


def cookie(api: Api, username: str = ADMINISTRATOR, password: str = PASSWORD) -> dict[str, str]:
    """The header that a signed-in person's browser sends."""
    signed_in = done(
        api.enlist.perform(StartSignIn(username, Secret(password)), api.enlist.stranger())
    )
    return {"cookie": f"enlist={signed_in.cookie.reveal()}"}


@pytest.fixture
def browser(api: Api) -> Client:
    """A signed-in administrator's browser, on one of our own pages."""
    headers = {**cookie(api), "sec-fetch-site": "same-origin"}
    return Client(api.http, {**api.stranger.headers, **headers})


def test_me(api: Api, browser: Client) -> None:
    me = answered(browser.get("/me"))
    assert (me["kind"], me["name"]) == ("user", ADMINISTRATOR)
    assert me["rights"][0]["organization_id"] == api.enlist.root.id
    assert "devices:register" in me["rights"][0]["permissions"]
    key = answered(api.key("reader").get("/me"))
    assert (key["kind"], key["name"]) == ("api_key", "reader key")
    assert "devices:register" not in key["rights"][0]["permissions"]


def test_a_signed_in_person_may_do_the_same(api: Api, browser: Client) -> None:
    api.enlist.user("ada")
    body = {"user": "ada", "name": "laptop", "platform": "linux"}
    answered(browser.post("/devices", body), 201)


def test_another_site_cannot_use_a_sign_in(api: Api, browser: Client) -> None:
    api.enlist.user("ada")
    body = {"user": "ada", "name": "laptop", "platform": "linux"}
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {},
    ):
        sent = {k: v for k, v in browser.headers.items() if k != "sec-fetch-site"}
        elsewhere = Client(api.http, {**sent, **headers})
        assert refused(elsewhere.post("/devices", body)) == (403, "cross_site")
        assert refused(elsewhere.post("/me/sign-out")) == (403, "cross_site")
    assert api.enlist.devices() == ()


def test_what_is_dangerous_takes_a_fresh_proof(api: Api, browser: Client) -> None:
    body = {"name": "x", "role": "reader"}
    answered(browser.post("/api-keys", body), 201)
    api.enlist.clock.advance(minutes=11)
    assert refused(browser.post("/api-keys", body)) == (403, "proof_too_old")
    api.enlist.user("ada")
    role = {"role": "reader", "organization": "main"}
    assert refused(browser.post("/users/ada/roles", role)) == (403, "proof_too_old")


def test_ones_own_sign_ins(api: Api, browser: Client) -> None:
    other = cookie(api)
    items = answered(browser.get("/me/sign-ins"))["items"]
    assert sorted(each["present"] for each in items) == [False, True]
    elsewhere = next(each["id"] for each in items if not each["present"])
    assert browser.delete(f"/me/sign-ins/{elsewhere}").status_code == 204
    assert refused(api.stranger.get("/me", headers=other)) == (401, "unauthenticated")
    assert refused(browser.delete(f"/me/sign-ins/{elsewhere}")) == (404, "not_found")
    assert wrong_fields(browser.delete("/me/sign-ins/nothing")) == {"sign_in_id"}
    third = cookie(api)
    assert browser.post("/me/sign-out", {"keep_present": True}).status_code == 204
    assert refused(api.stranger.get("/me", headers=third)) == (401, "unauthenticated")
    assert answered(browser.get("/me"))
    assert browser.post("/me/sign-out").status_code == 204
    assert refused(browser.get("/me")) == (401, "unauthenticated")


def test_keys_have_no_sign_ins(api: Api) -> None:
    assert refused(api.key().get("/me/sign-ins")) == (401, "unauthenticated")


def test_a_right_that_is_taken_away_is_gone_at_once(api: Api) -> None:
    api.enlist.staff("operator", username="olga")
    headers = {**cookie(api, "olga"), "sec-fetch-site": "same-origin"}
    olga = Client(api.http, {**api.stranger.headers, **headers})
    assert answered(olga.get("/devices")) == {"items": [], "next_cursor": None}
    assert api.key().delete("/users/olga/roles/main/operator").status_code == 200
    assert refused(olga.get("/devices")) == (403, "forbidden")
    api.key().post("/users/olga/disable")
    assert refused(olga.get("/me")) == (401, "unauthenticated")


def test_the_overview_tells_whose_key_seems_to_be_copied(api: Api) -> None:
    """X50: the refusal of the old certificate, with the device and where it was shown."""
    reader, enlist = api.key("reader"), api.enlist
    device = enrolled(enlist)
    assert confirm(enlist, device, renewed(enlist, device)) == "done"
    assert answered(reader.get("/overview"))["clones"] == []
    stands(enlist, device, device.serial)
    (alarm,) = answered(reader.get("/overview"))["clones"]
    assert (alarm["kind"], alarm["device_id"]) == ("credential.refused", device.device_id)
    assert alarm["personal"]["address"] == "192.0.2.7"


def test_overview_and_search(api: Api) -> None:
    reader = api.key("reader")
    ticket = api.enlist.register("ada")
    api.enlist.register("ada", name="phone", platform="ios")
    api.enlist.clock.advance(hours=25)
    standing = answered(reader.get("/overview"))
    assert standing["organization"]["group_id"] == "main"
    assert standing["devices"] == {"registered": 2}
    assert standing["enrollments"] == {"expired": 2}
    assert len(standing["expired"]) == 2
    assert refused(reader.get("/overview?organization=nowhere")) == (404, "not_found")
    found = answered(reader.get("/search?text=lapt"))
    assert [each["id"] for each in found["devices"]] == [ticket.device_id]
    assert answered(reader.get("/search?text=ADA"))["users"][0]["username"] == "ada"
    code = api.stranger.post("/redeem", {"token": "8Kq2mWx7Rb"}).json()["support_code"]
    by_code = answered(reader.get(f"/search?text={code}"))
    assert by_code["event"]["support_code"] == code
    assert wrong_fields(reader.get("/search")) == {"text"}


def test_roles_are_explained(api: Api) -> None:
    roles = answered(api.key("reader").get("/roles"))
    assert [each["role"] for each in roles["items"]] == [
        "administrator",
        "operator",
        "helpdesk",
        "reader",
    ]
    assert "enrollments:reveal" in roles["permissions"]
    assert all("enrollments:reveal" not in each["permissions"] for each in roles["items"])


def test_ones_own_devices(api: Api) -> None:
    """A18-A22 by the API: sent to oneself, never shown, locked after a token enrollment."""
    api.enlist.user("ada")
    headers = {**cookie(api, "ada"), "sec-fetch-site": "same-origin"}
    ada = Client(api.http, {**api.stranger.headers, **headers})
    body = {"name": "laptop", "platform": "linux", "phone": "+49 30 123456"}
    added = answered(ada.post("/me/devices", body), 201)
    assert set(added) == {"id", "expires_at"}
    at = f"/me/devices/{added['id']}"
    shown_to_me = ada.post("/me/devices", {**body, "message_type": "none"})
    assert wrong_fields(shown_to_me) == {"message.type"}
    assert refused(ada.post("/me/devices", {**body, "to": "eve@example.com"}))[0] == 422
    assert "••••" in answered(ada.get(f"{at}/message"))["text"]
    answered(ada.post(f"{at}/resend"), 204)
    answered(ada.post(f"{at}/renew"), 204)
    (shown,) = answered(ada.get("/me/devices"))["items"]
    assert (shown["state"], shown["enrollment_state"]) == ("registered", "active")
    assert shown["tags"] == []
    api.enlist.do(ChangeDevice(added["id"], {"tags": "pool, loan"}))
    (shown,) = answered(ada.get("/me/devices"))["items"]
    assert shown["tags"] == ["pool", "loan"]
    assert answered(ada.get(at)) == shown
    assert refused(ada.get(f"/me/devices/{api.enlist.register('eve').device_id}"))[0] == 404
    assert {row["recipient"] for row in api.enlist.rows("message")} == {"ada@example.com"}
    done(api.enlist.redeem(api.enlist.register("ada", name="phone").token))
    mine = answered(ada.get("/me/devices"))
    assert mine["contact_locked"]
    assert mine["message_type"] == "email", "no SMS gateway is set up (A14)"
    assert refused(ada.get(f"{at}/message")) == (404, "not_found")
    moved = {"email": "elsewhere@example.com"}
    assert refused(ada.post("/me/devices", {**body, **moved})) == (403, "contact_locked")
    assert refused(ada.patch("/users/ada", moved)) == (403, "contact_locked")
    answered(api.key("operator").patch("/users/ada", moved))
    answered(ada.delete(at), 204)
    assert len(answered(ada.get("/me/devices"))["items"]) == 1
    assert refused(api.key("administrator").get("/me/devices")) == (401, "unauthenticated")
