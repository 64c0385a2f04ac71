"""The console path of seed 000: a user, his message, *Save and Add Device*, the device, Save.

Menu names as in `docs/reference/seed-paths.md`; the same journey in a browser is `tests/browser`.
"""

from __future__ import annotations

import pytest

from enlist.settings import Settings, Sms
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.users import AddUser
from tests.installation import Enlist
from tests.web.console.conftest import Console, Desk, Page

PERSON = {"organization": "main", "username": "ada", "email": "ada@example.com"}
PHONE = "+4930123456"
DEVICE = {"name": "Ada's phone", "platform": "ios", "ownership": "none"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With an SMS gateway that is named and never spoken to."""
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


def written(enlist: Enlist) -> tuple[int, ...]:
    return tuple(len(enlist.rows(table)) for table in ("device", "enrollment", "message"))


def onwards(page: Page) -> dict[str, object]:
    """The fields of a form as they stand there, for its next button."""
    return {name: values[-1] for name, values in page.fields.items() if name not in ("", "q")}


def finish(enlist: Enlist, desk: Desk, page: Page) -> Page:
    """From *Add Device* through the review to Save; nothing is written before that (A78)."""
    before = written(enlist)
    review = desk.send("/console/main/devices/new", {**onwards(page), **DEVICE, "step": "review"})
    assert review.status == 200, review.main
    assert written(enlist) == before
    assert "••••" in review.main
    saved = desk.send("/console/main/devices/new", {**onwards(review), "step": "save"})
    assert "/devices/" in saved.location
    return review


@pytest.mark.parametrize(
    ("chosen", "channel", "recipient"),
    [("email", "email", "ada@example.com"), ("sms", "sms", PHONE)],
)
def test_while_creating_a_user(
    console: Console, enlist: Enlist, chosen: str, channel: str, recipient: str
) -> None:
    """A12, A13: one registration, one token, one queued message, as it was chosen there."""
    desk = console.sign_in("operator")
    form = desk.open("/console/main/users/new")
    assert form.value("message_type") == "sms", "a basic user's (A14)"
    sent = {**PERSON, "phone": PHONE, "message_type": chosen, "next": "device"}
    page = desk.follow(desk.send("/console/main/users/new", sent))
    assert page.value("user") == "ada"
    assert page.value("message_type") == chosen
    review = finish(enlist, desk, page)
    assert recipient in review.main
    assert written(enlist) == (1, 1, 1)
    (message,) = enlist.rows("message")
    assert (message["channel"], message["recipient"]) == (channel, recipient)


@pytest.mark.parametrize(
    ("phone", "offered"), [(PHONE, "sms"), ("", "email")], ids=["reachable", "no phone"]
)
def test_while_editing_a_user(console: Console, enlist: Enlist, phone: str, offered: str) -> None:
    """A12, A14, A15: with a template of one's own; who cannot be reached by SMS is offered mail."""
    wording = Wording("Welcome", "registration", "email", "en", "Hello", "Come: {EnrollmentUrl}")
    enlist.do(PutTemplate(enlist.root.id, wording))
    enlist.do(AddUser(enlist.root.id, "ada", "ada@example.com", phone))
    (row,) = enlist.rows("app_user", username="ada")
    edit = f"/console/main/users/{row['id']}/edit"
    desk = console.sign_in()
    form = desk.open(edit)
    assert form.value("message_type") == offered
    sent = {**onwards(form), "first_name": "Ada", "message_type": "email", "template": "Welcome"}
    page = desk.follow(desk.send(edit, {**sent, "next": "device"}))
    assert (page.value("message_type"), page.value("template")) == ("email", "Welcome")
    review = finish(enlist, desk, page)
    assert "Come: " in review.main
    assert written(enlist) == (1, 1, 1)
    (message,) = enlist.rows("message")
    assert (message["template"], message["channel"]) == ("Welcome", "email")


def test_templates_open_beside_the_form(console: Console, enlist: Enlist) -> None:
    """A15: in a new tab that cannot reach back; coming back, the list has what was written."""
    desk = console.sign_in()
    for page in ("users/new", "devices/new"):
        source = desk.open(f"/console/main/{page}").source
        link = next(part for part in source.split("<a ") if "templates/write" in part)
        assert 'target="_blank" rel="noopener"' in link
    assert "Welcome" not in desk.open("/console/main/choices/templates").source
    wording = Wording("Welcome", "registration", "email", "en", "Hello", "Come: {EnrollmentUrl}")
    enlist.do(PutTemplate(enlist.root.id, wording))
    chosen = desk.open("/console/main/choices/templates?template=Welcome")
    assert chosen.value("template") == "Welcome"


def test_what_cannot_be_sent_is_told_before_save(console: Console, enlist: Enlist) -> None:
    """A13, A19: the missing address at the user, an unknown type at its field."""
    enlist.do(AddUser(enlist.root.id, "ada"))
    desk = console.sign_in("operator")
    fields = {**DEVICE, "user": "ada", "grant": "registration_token", "send": "yes"}
    for channel, field in (("email", "user"), ("sms", "user"), ("pigeon", "message_type")):
        sent = {**fields, "message_type": channel, "step": "review"}
        page = desk.send("/console/main/devices/new", sent)
        assert page.status == 422
        assert f'id="{field}-error"' in page.source
    assert written(enlist) == (0, 0, 0)


def test_saving_the_user_alone_sends_nothing(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    page = desk.send("/console/main/users/new", {**PERSON, "message_type": "email"})
    assert "/users/" in page.location
    assert written(enlist) == (0, 0, 0)
