"""Tokens by SMS in the console: chosen, measured before they go, and told of when they arrived."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import SYSTEM
from enlist.delivery.rendering import Rendered, render
from enlist.settings import Settings, Sms
from enlist.store import outbox
from enlist.store.outbox import Handed
from enlist.verbs.deliver import Claim
from enlist.verbs.delivery_reports import RecordReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.letters import Letter, read_letter
from enlist.verbs.register import Register
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.users import AddUser, ChangeUser
from tests.installation import Enlist
from tests.web.console.conftest import Console

PHONE = "+4930123456"
NEW = "/console/main/devices/new"
FIELDS = {"user": "ada", "name": "Laptop", "platform": "linux", "ownership": "none", "send": "yes"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


@pytest.fixture(autouse=True)
def ada(enlist: Enlist) -> None:
    enlist.do(AddUser(enlist.root.id, "ada", "ada@example.com", PHONE))


def texted(enlist: Enlist) -> Issued:
    details = DeviceDetails("Laptop", "linux")
    return enlist.do(Register("", "ada", details, Delivery("sms")))


def channels(enlist: Enlist) -> list[str]:
    return [row["channel"] for row in enlist.rows("message")]


def test_sms_is_chosen_for_basic_users_and_can_be_changed(console: Console, enlist: Enlist) -> None:
    """A14."""
    desk = console.sign_in("operator")
    assert desk.open(f"{NEW}?user=ada").fields["message_type"] == ["sms"]
    assert desk.open(NEW).fields["message_type"] == ["email"]
    enlist.do(ChangeUser("ada", {"phone": ""}))
    assert desk.open(f"{NEW}?user=ada").fields["message_type"] == ["email"]


@pytest.mark.parametrize("page", ["devices/new?user=ada", "users/{}/edit", "devices/{}/issue"])
def test_mail_is_chosen_for_directory_users(console: Console, enlist: Enlist, page: str) -> None:
    """A14: on each form that offers both; who has no address is offered SMS all the same."""
    (row,) = enlist.rows("app_user", username="ada")
    about = row["id"]
    if "issue" in page:
        issued = texted(enlist)
        enlist.revoke(issued.enrollment_id)
        about = issued.device_id
    desk = console.sign_in("administrator")
    address = f"/console/main/{page.format(about)}"
    assert desk.open(address).value("message_type") == "sms"
    enlist.put_source(row["id"], "directory")
    assert desk.open(address).value("message_type") == "email"
    enlist.do(ChangeUser("ada", {"email": ""}))
    assert desk.open(address).value("message_type") == "sms"


def test_the_review_shows_the_text_and_its_parts(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    page = desk.send(NEW, {**FIELDS, "message_type": "sms", "step": "review"})
    assert PHONE in page.main
    assert "SMS" in page.main
    assert "My organization: enroll Laptop: http://localhost:8000/enroll/" in page.main
    assert "••••••••••" in page.main
    assert "2 parts: 1" in page.main
    assert "of 306 characters (GSM-7)" in page.main
    cyrillic = desk.send(
        NEW, {**FIELDS, "name": "Ноутбук", "message_type": "sms", "step": "review"}
    )
    assert "3 parts: 1" in cyrillic.main
    assert "of 201 characters (UCS-2)" in cyrillic.main
    by_mail = desk.send(NEW, {**FIELDS, "message_type": "email", "step": "review"})
    assert "parts" not in by_mail.main
    assert channels(enlist) == []
    hidden = {name: values[-1] for name, values in page.fields.items() if name not in ("", "q")}
    desk.send(NEW, {**hidden, "step": "save"})
    assert channels(enlist) == ["sms"]


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        ({"phone": ""}, {}, "has no phone number"),
        ({}, {"message_type": "fax"}, "must be email, sms"),
    ],
)
def test_what_cannot_go_by_sms_is_told_at_the_field(
    console: Console, enlist: Enlist, change: dict[str, str], more: dict[str, str], told: str
) -> None:
    enlist.do(ChangeUser("ada", change))
    desk = console.sign_in("operator")
    page = desk.send(NEW, {**FIELDS, "message_type": "sms", **more, "step": "review"})
    assert page.status == 422
    assert told in page.main


def test_resending_offers_the_way_that_it_went_before(console: Console, enlist: Enlist) -> None:
    issued = texted(enlist)
    desk = console.sign_in("operator")
    address = f"/console/main/enrollments/{issued.enrollment_id}/resend"
    page = desk.open(address)
    assert page.fields["message_type"] == ["sms"]
    assert f"ada@example.com or {PHONE}" in page.main
    told = desk.follow(desk.send(address, {"message_type": "sms"}))
    assert f"on its way to {PHONE}" in told.main
    desk.send(address, {"message_type": "email"})
    assert channels(enlist) == ["sms", "sms", "email"]


def test_the_cap_is_told_and_nothing_is_done(console: Console, enlist: Enlist) -> None:
    enlist.set(sms_per_day=1)
    issued = texted(enlist)
    desk = console.sign_in("administrator")
    address = f"/console/main/enrollments/{issued.enrollment_id}"
    page = desk.send(f"{address}/resend", {"message_type": "sms"})
    assert page.status == 429
    assert "has sent as many SMS today as it may" in page.main
    assert "its setting sms_per_day" in page.main
    form = desk.open(f"{address}/reissue")
    hidden = {name: values[-1] for name, values in form.fields.items() if name not in ("", "q")}
    refused = desk.send(f"{address}/reissue", {**hidden, "send": "yes", "message_type": "sms"})
    assert "has sent as many SMS today as it may" in refused.main
    assert channels(enlist) == ["sms"]
    settings = desk.open("/console/main/settings")
    assert settings.fields["sms_per_day"] == ["1"]


def test_a_message_says_that_it_arrived_or_why_not(console: Console, enlist: Enlist) -> None:
    issued = texted(enlist)
    message_id = issued.message_id or ""
    enlist.do(Claim((message_id,)), SYSTEM)
    enlist.store.write(lambda tx: outbox.sent(tx, [Handed(message_id, 1, "gateway-77")]))
    desk = console.sign_in("helpdesk")
    address = f"/console/main/messages/{message_id}"
    page = desk.open(address).main
    assert "not reported" in page
    assert "gateway-77" in page
    enlist.do(RecordReport(message_id, delivered=False, reason="absent subscriber"), SYSTEM)
    failed = desk.open(address).main
    assert "absent subscriber" in failed
    enlist.do(RecordReport(message_id, delivered=True), SYSTEM)
    assert "It arrived, as the gateway reports." in desk.open(address).main
    assert "Delivered" in desk.open("/console/main/messages?state=delivered").main
    story = desk.open(f"/console/main/devices/{issued.device_id}").main
    assert f"A message to {PHONE} arrived, as the SMS gateway reports." in story


def test_without_mail_sms_alone_is_offered(console: Console, enlist: Enlist) -> None:
    issued = texted(enlist)
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset({"sms"}))
    desk = console.sign_in("operator")
    offered = desk.open(NEW).source
    assert '<option value="sms"' in offered
    assert '<option value="email"' not in offered
    desk.send(f"/console/main/enrollments/{issued.enrollment_id}/resend", {"message_type": "sms"})
    assert channels(enlist) == ["sms", "sms"]
    enlist.do(ChangeUser("ada", {"phone": ""}))
    page = desk.open(f"/console/main/devices/{issued.device_id}")
    assert "It cannot be sent by SMS: ada has no phone number." in page.main


def test_many_are_sent_the_way_that_each_can_be_reached(console: Console, enlist: Enlist) -> None:
    enlist.do(AddUser(enlist.root.id, "alan", "", "+4930123457"))
    ids = [texted(enlist).enrollment_id]
    details = DeviceDetails("Phone", "ios")
    ids.append(enlist.do(Register("", "alan", details, Delivery("sms"))).enrollment_id)
    desk = console.sign_in("operator")
    form: dict[str, object] = {"id": ids, "action": "reissue"}
    asked = desk.send("/console/main/enrollments/bulk", form)
    hidden = {name: values[-1] for name, values in asked.fields.items() if "preview-" in name}
    until = asked.fields["expires_at"][-1]
    again = {**form, **hidden, "confirmed": "yes", "send": "yes", "expires_at": until}
    desk.send("/console/main/enrollments/bulk", again)
    assert channels(enlist) == ["sms", "sms", "email", "sms"]


def test_resend_and_reissue_say_how_long_the_sms_is(console: Console, enlist: Enlist) -> None:
    """Measured as it would be sent: with the token's own length, or the one that is in force."""
    issued = texted(enlist)
    desk = console.sign_in("operator")
    address = f"/console/main/enrollments/{issued.enrollment_id}"
    size = f"/console/main/choices/size?enrollment={issued.enrollment_id}"
    for page, asked in (("resend", "&again=yes"), ("reissue", "")):
        source = desk.open(f"{address}/{page}").source
        assert f'hx-get="{size}{asked.replace("&", "&amp;")}"' in source
        # It is asked anew when something is chosen in the form, and this is the form.
        assert 'hx-trigger="load, change from:form.form-narrow"' in source
        assert '<form class="card form-narrow"' in source
    by_sms = "&message_type=sms&send=yes"
    told = desk.open(f"{size}&again=yes&message_type=sms").text
    sent = measured(enlist, issued)
    assert told == f"2 parts: {sent} of 306 characters (GSM-7). Each part is paid for."
    enlist.set(token_length=20)
    assert desk.open(f"{size}&again=yes&message_type=sms").text == told
    longer = desk.open(size + by_sms).text
    assert f"2 parts: {sent + 20} of 306" in longer, "the link holds it too"
    device = f"/console/main/choices/size?device={issued.device_id}{by_sms}"
    assert desk.open(device).text == longer
    words = "{EnrollmentUrl} …"
    enlist.do(PutTemplate("main", Wording("typo", "registration", "sms", "en", "", words)))
    assert "(UCS-2)" in desk.open(f"{size}{by_sms}&template=typo").text
    assert desk.open(f"{size}&message_type=email&send=yes").text == ""
    assert desk.open(f"{size}&message_type=sms").text == "", "nothing is sent"
    enlist.organization("alpha")
    elsewhere = console.sign_in("operator", "alpha")
    assert elsewhere.open(size.replace("/main/", "/alpha/") + by_sms).text == ""


def measured(enlist: Enlist, issued: Issued) -> int:
    """The characters of the SMS that goes out."""
    message_id = issued.message_id or ""
    message = enlist.store.read(lambda tx: outbox.find(tx, message_id))
    assert message is not None
    tools = enlist.driver.tools
    letter = enlist.store.read(lambda tx: read_letter(tools, tx, message))
    assert isinstance(letter, Letter)
    written = render(letter, tools.addresses.public_url)
    assert isinstance(written, Rendered)
    return len(written.text)
