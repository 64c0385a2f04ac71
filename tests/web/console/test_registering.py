"""Registering a device: a form, a review that changes nothing, then Save (A78)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enlist.core.clock import HOUR, from_datetime
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.users import ChangeUser
from tests.installation import ADMINISTRATOR, Enlist
from tests.web.console.conftest import Console, Page

NEW = "/console/main/devices/new"
FIELDS = {
    "user": "ada",
    "name": "Ada's laptop",
    "platform": "linux",
    "ownership": "corporate_dedicated",
    "serial": "SN-1",
    "tags": "field, loan",
    "custom_attributes": "cost center=4711",
    "grant": "registration_token",
    "send": "yes",
}
JWT = {**FIELDS, "grant": "one_time_jwt", "send": ""}


def carried(page: Page) -> dict[str, object]:
    """The hidden fields of the review, as its button sends them on."""
    return {name: values[-1] for name, values in page.fields.items() if name not in ("", "q")}


def state(enlist: Enlist) -> tuple[int, ...]:
    return tuple(len(enlist.rows(t)) for t in ("device", "enrollment", "message", "event"))


@pytest.fixture
def ada(enlist: Enlist) -> None:
    enlist.user("ada")


@pytest.mark.usefixtures("ada")
def test_the_review_shows_device_and_message_and_changes_nothing(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in("operator")
    before = state(enlist)
    page = desk.send(NEW, {**FIELDS, "step": "review"})
    assert page.status == 200
    for shown in (
        "Ada's laptop",
        "Linux",
        "Corporate – dedicated",
        "SN-1",
        "field, loan",
        "cost center",
        "4711",
        "ada@example.com",
    ):
        assert shown in page.main
    assert "Nothing has been saved or sent yet" in page.main
    assert "valid for 24 hours from saving" in page.main
    assert "Mar 3, 2026" in page.main
    assert "UTC" in page.main
    assert state(enlist) == before, "leaving the page leaves nothing"


@pytest.mark.usefixtures("ada")
def test_the_review_shows_a_device_of_which_little_is_known(console: Console) -> None:
    fields = {"user": "ada", "name": "Ada's laptop", "platform": "linux", "step": "review"}
    unsaid = {"tags": "", "custom_attributes": "", "serial": ""}
    page = console.sign_in("operator").send(NEW, {**fields, **unsaid})
    assert page.status == 200
    assert "Is this right?" in page.source
    assert "Tags" not in page.main


@pytest.mark.usefixtures("ada")
def test_save_registers_and_queues_the_message(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    review = desk.send(NEW, {**FIELDS, "step": "review"})
    saved = desk.send(NEW, {**carried(review), "step": "save"})
    device = enlist.devices()[0]
    assert saved.location == f"/console/main/devices/{device.id}"
    assert (device.name, device.serial, device.username) == ("Ada's laptop", "SN-1", "ada")
    assert [row["recipient"] for row in enlist.rows("message")] == ["ada@example.com"]
    page = desk.follow(saved)
    assert "on its way to ada" in page.main
    assert "on its way" not in desk.open(saved.location).main, "a notice is shown once"


@pytest.mark.usefixtures("ada")
def test_pressing_save_twice_registers_once(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    review = desk.send(NEW, {**FIELDS, "step": "review"})
    first = desk.send(NEW, {**carried(review), "step": "save"})
    second = desk.send(NEW, {**carried(review), "step": "save"})
    assert first.location == second.location
    assert len(enlist.devices()) == len(enlist.rows("message")) == 1


@pytest.mark.usefixtures("ada")
def test_another_review_registers_another_device(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    for _ in range(2):
        review = desk.send(NEW, {**FIELDS, "step": "review"})
        desk.send(NEW, {**carried(review), "step": "save"})
    assert len(enlist.devices()) == 2


@pytest.mark.usefixtures("ada")
def test_from_the_review_back_to_the_form_keeps_everything(console: Console) -> None:
    desk = console.sign_in("operator")
    review = desk.send(NEW, {**FIELDS, "step": "review"})
    form = desk.send(NEW, {**carried(review), "step": "edit"})
    for name, value in FIELDS.items():
        assert name == "custom_attributes" or form.value(name) == value
    assert FIELDS["custom_attributes"] in form.main


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in("operator")
    page = desk.send(NEW, {"user": "nobody", "name": "", "serial": "SN-7", "step": "review"})
    assert page.status == 422
    assert 'id="user-error">nobody here has this user name' in page.source
    assert 'id="name-error"' in page.source
    assert 'id="platform-error">Choose one<' in page.source
    assert page.value("user") == "nobody"
    assert page.value("serial") == "SN-7"
    assert 'aria-describedby="user-error' in page.source
    assert 'aria-invalid="true"' in page.source


def test_a_user_without_an_address_is_told_at_once(console: Console, enlist: Enlist) -> None:
    enlist.user("silent", email="")
    page = console.sign_in("operator").send(NEW, {**FIELDS, "user": "silent", "step": "review"})
    assert page.status == 422
    assert "This user has no e-mail address" in page.main
    assert page.value("name") == "Ada's laptop"


@pytest.mark.usefixtures("ada")
def test_the_expiry_is_typed_in_ones_own_time_zone(console: Console, enlist: Enlist) -> None:
    enlist.do(ChangeUser(ADMINISTRATOR, {"time_zone": "Asia/Kolkata"}))
    desk = console.sign_in()
    assert "Asia/Kolkata" in desk.open(NEW).main
    review = desk.send(NEW, {**FIELDS, "expires_at": "2026-03-04T17:30", "step": "review"})
    assert "UTC+5:30" in review.main
    assert "5:30" in review.main
    desk.send(NEW, {**carried(review), "step": "save"})
    wanted = from_datetime(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
    assert enlist.rows("enrollment")[0]["expires_at"] == wanted


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "text", ["2026-03-01T10:00", "soon", "2030-01-01T00:00", "9999-12-31T23:59"]
)
def test_an_impossible_expiry_is_refused_at_its_field(console: Console, text: str) -> None:
    page = console.sign_in("operator").send(NEW, {**FIELDS, "expires_at": text, "step": "review"})
    assert page.status == 422
    assert 'id="expires_at-error"' in page.source
    assert page.value("expires_at") == text


@pytest.mark.usefixtures("ada")
def test_left_empty_the_hours_of_the_organization_count(console: Console, enlist: Enlist) -> None:
    enlist.set(token_expiration_hours=48)
    desk = console.sign_in("operator")
    assert "48 hours from now" in desk.open(NEW).main
    review = desk.send(NEW, {**FIELDS, "step": "review"})
    desk.send(NEW, {**carried(review), "step": "save"})
    assert enlist.rows("enrollment")[0]["expires_at"] == enlist.clock.now + 48 * HOUR


@pytest.mark.usefixtures("ada")
def test_a_template_is_chosen_and_named(console: Console, enlist: Enlist) -> None:
    wording = Wording(
        "Welcome", "registration", "email", "en", "Your device", "Open {EnrollmentUrl}, please."
    )
    enlist.do(PutTemplate("main", wording))
    desk = console.sign_in("operator")
    assert ">Welcome</option>" in desk.open(NEW).source
    review = desk.send(NEW, {**FIELDS, "template": "Welcome", "step": "review"})
    assert "Welcome" in review.main
    desk.send(NEW, {**carried(review), "step": "save"})
    assert enlist.rows("message")[0]["template"] == "Welcome"


def test_a_jwt_is_handed_over_and_needs_no_address(console: Console, enlist: Enlist) -> None:
    """D26-D30: as a file or a QR code, from the page that Save leads to."""
    enlist.user("ada", email="")
    desk = console.sign_in("operator")
    review = desk.send(NEW, {**JWT, "step": "review"})
    assert "One-time JWT" in review.main
    assert "Nothing is sent yet" in review.main
    saved = desk.send(NEW, {**carried(review), "step": "save"})
    page = desk.follow(saved)
    (enrollment,) = enlist.enrollments_of(enlist.devices()[0].id)
    assert (enrollment.grant, enrollment.state) == ("one_time_jwt", "active")
    assert not enlist.rows("message")
    assert "Registered. Below is how its token gets to its user." in page.main
    assert page.leads_to(f"/console/main/enrollments/{enrollment.id}/jwt")
    assert page.leads_to(f"/console/main/enrollments/{enrollment.id}/qr")


@pytest.mark.usefixtures("ada")
def test_a_jwt_can_be_sent_at_once_with_a_text_of_its_own(console: Console, enlist: Enlist) -> None:
    """A template that was chosen before the grant was is for registration tokens."""
    desk = console.sign_in("operator")
    asked = {**JWT, "send": "yes", "template": "Welcome", "step": "review"}
    review = desk.send(NEW, asked)
    assert "ada@example.com" in review.main
    assert "Welcome" not in review.main
    desk.send(NEW, {**carried(review), "step": "save"})
    (message,) = enlist.rows("message")
    assert (message["purpose"], message["template"]) == ("one_time_jwt", "")


@pytest.mark.usefixtures("ada")
def test_a_token_can_wait_to_be_sent(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    form = desk.open(NEW)
    assert (form.value("grant"), form.value("send")) == ("registration_token", "yes")
    review = desk.send(NEW, {**FIELDS, "send": "", "step": "review"})
    edit = desk.send(NEW, {**carried(review), "step": "edit"})
    assert "send" not in edit.fields, "it stays unticked"
    page = desk.follow(desk.send(NEW, {**carried(review), "step": "save"}))
    assert not enlist.rows("message")
    (enrollment,) = enlist.enrollments_of(enlist.devices()[0].id)
    assert page.leads_to(f"/console/main/enrollments/{enrollment.id}/resend")


def test_the_picker_offers_who_is_here(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.user("ada", organization="alpha")
    enlist.user("adam", organization="beta")
    desk = console.sign_in("operator", "alpha")
    page = desk.open("/console/alpha/choices/users?user=ad")
    assert 'data-value="ada"' in page.source
    assert "adam" not in page.source
    assert "<html" not in page.source, "a part of a page"
    assert "Nobody here is called" in desk.open("/console/alpha/choices/users?user=zz").source


def test_a_link_can_choose_the_user_already(console: Console, enlist: Enlist) -> None:
    user = enlist.user("ada")
    assert console.sign_in("operator").open(f"{NEW}?user={user.id}").value("user") == "ada"
