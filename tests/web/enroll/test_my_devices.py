"""Self-service over HTTP, without scripts: *My devices* and *Add a device* (A18-A22, A77)."""

from __future__ import annotations

import pytest

from enlist.core.secrets import Secret
from enlist.store.enrollment_secrets import first_derivation
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.register import Register
from tests.installation import PASSWORD, Enlist
from tests.web.enroll.conftest import NewVisitor, Page, Visitor

ADDED = "/my-devices/"


@pytest.fixture
def ada(enlist: Enlist, visitor: Visitor) -> Visitor:
    """Ada's browser, signed in."""
    enlist.user("ada")
    answer = visitor.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    assert answer.location == "/my-devices"
    return visitor


def save(visitor: Visitor, **changed: str) -> Page:
    page = visitor.open("/my-devices/new")
    form = {
        "nonce": page.hidden("nonce"),
        "name": "Ada's laptop",
        "platform": "linux",
        "message_type": "email",
        "email": "ada@example.com",
        "phone": "",
    }
    return visitor.post({**form, **changed})


def token_of(enlist: Enlist, enrollment_id: str) -> Secret:
    row = enlist.store.read(lambda tx: first_derivation(tx, enrollment_id))
    assert row is not None
    keys = enlist.installation.tools.keys
    return keys.derive_again(enrollment_id, row.generation, row.key_id, row.length, row.alphabet)


def tokens(enlist: Enlist) -> list[Secret]:
    return [token_of(enlist, row["id"]) for row in enlist.rows("enrollment")]


def test_a_device_is_added_and_its_token_is_on_no_page(enlist: Enlist, ada: Visitor) -> None:
    """A18, A20: Save sends; the token is in no page, header or address."""
    assert "You have no device yet" in ada.open("/my-devices").text
    answer = save(ada, recipient="eve@example.com", to_email_address="eve@example.com")
    assert answer.status == 303
    assert answer.location.startswith(ADDED)
    (message,) = enlist.rows("message")
    assert message["recipient"] == "ada@example.com"
    here = answer.location.partition("?")[0]
    seen = [answer] + [
        ada.open(path)
        for path in (answer.location, "/my-devices", f"{here}/message", f"{here}/delete")
    ]
    assert "on its way to ada@example.com" in seen[1].text
    assert "Waiting for the device" in seen[2].text
    assert "••••" in seen[3].text
    assert "ada@example.com on its way" in seen[1].text
    (token,) = tokens(enlist)
    for page in seen:
        assert token.reveal() not in page.source
        assert token.reveal() not in str(page.headers)


def test_its_tags_are_shown_as_staff_gave_them(enlist: Enlist, ada: Visitor) -> None:
    made = enlist.do(Register("", "ada", DeviceDetails("Phone", "ios", tags=("pool", "<b>loan"))))
    page = ada.open(f"/my-devices/{made.device_id}")
    assert "Tags pool, <b>loan" in page.text
    assert "<b>loan" not in page.source
    assert "Tags" not in ada.open(save(ada).location).text
    enlist.do(ChangeDevice(made.device_id, {"tags": ""}))
    assert "Tags" not in ada.open(f"/my-devices/{made.device_id}").text


def test_saving_twice_adds_one_device(enlist: Enlist, ada: Visitor) -> None:
    nonce = ada.open("/my-devices/new").hidden("nonce")
    first, second = save(ada, nonce=nonce), save(ada, nonce=nonce)
    assert first.location == second.location
    assert (len(enlist.devices()), len(enlist.rows("message"))) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"name": ""}, 422, "name"),
        ({"platform": "toaster"}, 422, "platform"),
        ({"email": ""}, 422, "email"),
        ({"email": "ada"}, 422, "email"),
        ({"phone": "030 123"}, 422, "phone"),
        ({"email": "bob@example.com"}, 409, "email"),
        ({"message_type": "none"}, 422, ""),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    enlist: Enlist, ada: Visitor, changed: dict[str, str], status: int, field: str
) -> None:
    """A19, and nothing typed is lost."""
    enlist.user("bob")
    page = save(ada, asset_number="A 17", **changed)
    assert page.status == status
    assert not field or f'id="{field}-error"' in page.source
    assert 'value="A 17"' in page.source
    assert not enlist.devices()
    assert not enlist.rows("message")


def test_after_a_token_enrollment_all_ways_are_locked(enlist: Enlist, ada: Visitor) -> None:
    """A21, A22 and recipe 8: read-only on both pages, 403 for what is sent, no message to see."""
    address = save(ada).location.partition("?")[0]
    assert "View enrollment message" in ada.open(address).text
    assert "readonly" not in ada.open("/my-devices/new").source
    (token,) = tokens(enlist)
    enlist.redeem(token)
    for path in ("/my-devices/new", "/account"):
        assert ada.open(path).source.count(" readonly") == 2
    refused = save(ada, email="elsewhere@example.com")
    assert refused.status == 403
    assert 'id="email-error"' in refused.source
    version = ada.open("/account").hidden("version")
    fields = {"version": version, "phone": "+4930123456"}
    assert ada.post(fields, path="/account").status == 403
    assert save(ada).status == 303, "with the address that there is"
    assert "View enrollment message" not in ada.open(address).text
    assert ada.open(f"{address}/message").status == 404
    (row,) = enlist.rows("app_user", username="ada")
    assert (row["email"], row["phone"]) == ("ada@example.com", "")


def test_resending_renewing_cancelling(enlist: Enlist, ada: Visitor) -> None:
    """What a page offers works, and it offers what fits."""
    address = save(ada).location.partition("?")[0]
    assert ada.post({}, path=f"{address}/resend").location == f"{address}?done=resent"
    enlist.clock.advance(hours=11)
    ada.open(address)
    enlist.clock.advance(hours=13)
    ada.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    page = ada.open(address)
    assert "Token expired" in page.text
    assert "Send the message again" not in page.text
    refused = ada.post({}, path=f"{address}/resend")
    assert refused.status == 409
    assert ada.post({}, path=f"{address}/renew").location == f"{address}?done=renewed"
    assert "stops working at once" in ada.open(f"{address}/delete").text
    assert len(enlist.devices()) == 1
    assert ada.post({}, path=f"{address}/delete").location == "/my-devices?done=deleted"
    assert not enlist.devices()
    assert ada.open(address).status == 404


def test_only_whoever_is_signed_in_and_only_his(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    """S52: nothing of somebody else's; who is not signed in comes back after it."""
    theirs = f"/my-devices/{enlist.register('bob').device_id}"
    for path in ("", "/message", "/delete"):
        assert ada.open(theirs + path).status == 404
    for path in ("/resend", "/renew", "/delete"):
        assert ada.post({}, path=theirs + path).status == 404
    stranger = new_visitor()
    for path in ("/my-devices", "/my-devices/new", theirs):
        assert stranger.open(path).location == f"/sign-in?next={path.replace('/', '%2F')}"
    assert stranger.post({"name": "x"}, path="/my-devices/new").location.startswith("/sign-in")


def test_pages_are_german_too(enlist: Enlist, ada: Visitor) -> None:
    page = ada.open("/my-devices/new", accept_language="de")
    assert 'lang="de"' in page.source
    assert "Gerät hinzufügen" in page.text
