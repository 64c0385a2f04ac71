"""Message templates: what is wrong is told when they are saved, and previews are samples."""

from __future__ import annotations

import pytest

from enlist.core.templates import lookups_for
from enlist.verbs.templates import PutTemplate, Wording
from tests.installation import ADMINISTRATOR, Enlist
from tests.web.console.conftest import Console, Desk, Page

LIST = "/console/main/templates"
WRITE = f"{LIST}/write"
PREVIEW = f"{LIST}/preview"


def wording(**changed: str) -> dict[str, str]:
    return {
        "name": "default",
        "purpose": "registration",
        "channel": "email",
        "language": "en",
        "subject": "Your {Platform} device",
        "body": "Dear {FirstName|colleague},\n\n{EnrollmentUrl}\n\nIT",
        **changed,
    }


def save(desk: Desk, **changed: str) -> Page:
    return desk.send(WRITE, wording(**changed))


def test_the_built_in_ones_are_listed_until_there_are_others(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    page = desk.open(LIST)
    assert page.main.count("built in") >= 2
    done = desk.follow(save(desk))
    assert "Template saved." in done.main
    assert "Your {Platform} device" in done.main
    assert "not used here: a nearer one goes before it" in done.main
    below = desk.open("/console/alpha/templates").main
    assert "Main" in below or enlist.root.name in below
    assert "Your {Platform} device" in below


def test_the_editor_begins_with_what_counts_now(console: Console) -> None:
    desk = console.sign_in()
    built_in = desk.open(f"{WRITE}?name=default&language=de")
    assert built_in.value("language") == "de"
    assert "Registrieren" in built_in.value("subject")
    save(desk)
    own = desk.open(f"{WRITE}?name=default&language=en")
    assert own.value("subject") == "Your {Platform} device"
    for name, meaning in lookups_for("registration", "email").items():
        assert f"{{{name}}}" in own.main
        assert meaning in own.main


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("subject", "", "the subject is empty"),
        ("subject", "{EnrollmentToken}", "subjects are logged"),
        ("body", "Hello", "must hold {EnrollmentUrl} or {EnrollmentToken}"),
        ("body", "{EnrollmentUrl} {FirstNmae}", "{FirstNmae}, which does not exist"),
        ("body", "{EnrollmentUrl} {", "a brace that belongs to no lookup value"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_text_stays(
    console: Console, enlist: Enlist, field: str, text: str, told: str
) -> None:
    page = save(console.sign_in(), **{field: text})
    assert page.status == 422
    assert told in page.main
    assert f'id="{field}-error"' in page.source
    assert text in page.source
    assert not enlist.rows("message_template")


def test_a_new_one_never_replaces_another_unseen(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    save(desk, subject="First")
    page = save(desk, new="yes", subject="Second")
    assert page.status == 422
    assert 'id="name-error"' in page.source
    [row] = enlist.rows("message_template")
    assert row["subject"] == "First"
    save(desk, subject="Third")
    [row] = enlist.rows("message_template")
    assert row["subject"] == "Third"


def test_a_preview_is_a_marked_sample_in_a_locked_frame(console: Console) -> None:
    desk = console.sign_in()
    editor = desk.open(f"{WRITE}?name=default&language=en")
    assert "frame-src 'self'" in editor.headers["content-security-policy"]
    assert "sandbox></iframe>" in editor.source
    page = desk.send(PREVIEW, wording(**{"as": "html"}))
    assert page.status == 200
    assert "[Sample] Your Linux device" in page.text
    assert "This is a sample. Its link and its token do not work." in page.text
    assert "Dear Ada," in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    text = desk.send(PREVIEW, wording(**{"as": "text"}))
    assert "SAMPLE0000" in text.text


def test_a_preview_of_what_is_wrong_says_so(console: Console) -> None:
    desk = console.sign_in()
    page = desk.send(PREVIEW, wording(body="<b>{Nothing}</b>"))
    assert "which does not exist" in page.text
    evil = desk.send(PREVIEW, wording(subject="<script>alert(1)</script>"))
    assert "<script>" not in evil.source
    page = desk.send(PREVIEW, wording(body="{EnrollmentUrl} <img src=x onerror=alert(1)>"))
    assert "<img" not in page.source


def test_one_is_deleted_and_the_built_in_one_counts_again(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    listed = desk.follow(save(desk))
    [delete] = {link for link in listed.links if link.endswith("/delete")}
    assert "the built-in one" in desk.open(delete).main
    done = desk.follow(desk.send(delete))
    assert "Template deleted." in done.main
    assert not enlist.rows("message_template")


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_only_administrators_change_them_others_read(
    console: Console, enlist: Enlist, role: str
) -> None:
    made = enlist.do(PutTemplate("main", Wording(**wording())))
    desk = console.sign_in(role)
    listed = desk.open(LIST)
    assert "Your {Platform} device" in listed.main
    shown = f"{WRITE}?name=default&language=en&purpose=registration&channel=email"
    assert shown in listed.links
    assert "Write" not in listed.main
    assert not any(link.endswith("/delete") for link in listed.links)
    page = desk.open(shown)
    assert page.value("subject") == "Your {Platform} device"
    assert page.source.count(" readonly") == 2
    assert ">Save<" not in page.source
    assert "Dear Ada" in desk.send(PREVIEW, wording()).text
    for address in (WRITE, f"{LIST}/{made.id}/delete"):
        assert desk.open(address).status == 403, address
        assert desk.send(address, wording(subject="Mine")).status == 403, address
    [row] = enlist.rows("message_template")
    assert row["subject"] == "Your {Platform} device"


def test_a_sibling_s_template_does_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    made = enlist.do(PutTemplate("beta", Wording(**wording(subject="Secret project"))))
    above = enlist.do(PutTemplate("main", Wording(**wording(subject="From above"))))
    desk = console.sign_in("administrator", "alpha")
    listed = desk.open("/console/alpha/templates")
    assert "Secret project" not in listed.main
    assert "From above" in listed.main
    for place, template in (("alpha", made), ("beta", made), ("alpha", above)):
        address = f"/console/{place}/templates/{template.id}/delete"
        assert desk.open(address).status == 404
        assert desk.send(address).status == 404
    assert len(enlist.rows("message_template")) == 2


def test_a_sample_is_sent_from_the_editor_saved_or_not(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    editor = desk.open(f"{WRITE}?name=default&language=en")
    assert f"to yourself, {ADMINISTRATOR}" in editor.main
    told = desk.send(f"{LIST}/test", wording())
    assert f"On its way to {ADMINISTRATOR}." in told.text
    [link] = [each for each in told.links if "/messages/" in each]
    page = desk.open(link)
    assert "Sample of a template" in page.main
    assert "A sample, with made-up people." in page.main
    to_him = desk.send(f"{LIST}/test", wording(recipient="grace@example.com"))
    assert "On its way to grace@example.com." in to_him.text
    wrong = desk.send(f"{LIST}/test", wording(recipient="nobody"))
    assert "Nothing was sent. Send to must be an e-mail address" in wrong.text
    wrong = desk.send(f"{LIST}/test", wording(body="{Nothing}"))
    assert "which does not exist" in wrong.text
    sms = desk.send(f"{LIST}/test", wording(channel="sms", subject="", recipient="+493023125001"))
    assert "Nothing was sent." in sms.text
    assert "There is no way to send this message." in sms.text
    assert [row["recipient"] for row in enlist.rows("message")] == [
        ADMINISTRATOR,
        "grace@example.com",
    ]
    assert not enlist.rows("message_template")
    events = desk.open("/console/main/events").main
    assert "sent a sample of the message template default to grace@example.com" in events
    reader = console.sign_in("reader")
    assert "Nothing was sent." in reader.send(f"{LIST}/test", wording()).text
    assert "Send a sample" not in reader.open(f"{WRITE}?name=default&language=en").main
