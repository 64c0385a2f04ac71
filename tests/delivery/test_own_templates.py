"""Templates of an organization: written, listed, previewed, deleted."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from enlist.core.outcomes import Refusal
from enlist.core.templates import LOOKUPS
from enlist.delivery.builtin import built_in
from enlist.delivery.channels import Outgoing
from enlist.delivery.channels.mime import address, compose, sender
from enlist.delivery.rendering import Rendered, render
from enlist.store.templates import Template
from enlist.verbs.letters import Letter
from enlist.verbs.samples import SAMPLE_TOKEN
from enlist.verbs.templates import (
    DeleteTemplate,
    ListLookups,
    ListTemplates,
    PreviewTemplate,
    PutTemplate,
    Wording,
)
from tests.delivery.world import LINK, PUBLIC_URL, Outbox
from tests.installation import Enlist, code, refusal
from tests.peers.base import find_program

WORDING = Wording(
    "default", "registration", "email", "en", "Hi {FirstName|you}", "Open {EnrollmentUrl}"
)


def visible(enlist: Enlist, organization: str) -> tuple[Template, ...]:
    found = enlist.driver.view(ListTemplates(organization), enlist.host)
    assert isinstance(found, tuple)
    return found


def test_a_template_counts_for_all_below(enlist: Enlist) -> None:
    enlist.organization("child")
    enlist.organization("sibling")
    own = enlist.do(PutTemplate("child", replace(WORDING, name="own")))
    above = enlist.do(PutTemplate("main", WORDING))
    assert {each.id for each in visible(enlist, "child")} == {own.id, above.id}
    assert [each.id for each in visible(enlist, "sibling")] == [above.id]


def test_a_template_is_replaced_and_keeps_its_id(enlist: Enlist) -> None:
    first = enlist.do(PutTemplate("main", WORDING))
    second = enlist.do(PutTemplate("main", replace(WORDING, subject="New")))
    assert (second.id, second.subject, second.version) == (first.id, "New", 2)
    german = enlist.do(PutTemplate("main", replace(WORDING, language="de")))
    assert german.id != first.id
    kinds = [
        (event.data["name"], event.data["deleted"]) for event in enlist.events("template.changed")
    ]
    assert kinds == [("default", False)] * 3


def test_a_deleted_template_counts_no_more(enlist: Enlist) -> None:
    made = enlist.do(PutTemplate("main", WORDING))
    enlist.do(DeleteTemplate(made.id))
    assert visible(enlist, "main") == ()
    assert code(enlist.perform(DeleteTemplate(made.id))) == "not_found"
    deleted = sorted(bool(event.data["deleted"]) for event in enlist.events("template.changed"))
    assert deleted == [False, True]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"purpose": "spam"}, "purpose"),
        ({"channel": "pigeon"}, "channel"),
        ({"purpose": "one_time_jwt", "channel": "sms"}, "channel"),
        ({"purpose": "one_time_jwt", "name": "ours", "body": "See the file"}, "name"),
        ({"language": "German"}, "language"),
        ({"language": "de_DE"}, "language"),
        ({"language": ""}, "language"),
    ],
)
def test_what_names_it_must_be_right(enlist: Enlist, change: dict[str, str], field: str) -> None:
    found = refusal(enlist.perform(PutTemplate("main", replace(WORDING, **change))))
    assert (found.code, [error.field for error in found.fields]) == ("validation_failed", [field])


def test_what_it_says_must_be_right(enlist: Enlist) -> None:
    wrong = replace(WORDING, body="Hello {Nobody}, {oops")
    found = refusal(enlist.perform(PutTemplate("main", wrong)))
    assert found.code == "template_invalid"
    assert "{Nobody}" in found.detail
    assert "{EnrollmentUrl} or {EnrollmentToken}" in found.detail
    assert [error.field for error in found.fields] == ["body"]
    assert visible(enlist, "main") == ()
    preview = enlist.driver.view(PreviewTemplate("main", wrong), enlist.host)
    assert refusal(preview).code == "template_invalid"


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_who_works_with_messages_reads_templates_and_changes_none(
    enlist: Enlist, role: str
) -> None:
    made = enlist.do(PutTemplate("main", WORDING))
    caller = enlist.staff(role)
    assert code(enlist.perform(PutTemplate("main", WORDING), caller)) == "forbidden"
    assert code(enlist.perform(DeleteTemplate(made.id), caller)) == "forbidden"
    listed = enlist.driver.view(ListTemplates("main"), caller)
    shown = enlist.driver.view(PreviewTemplate("main", WORDING), caller)
    assert listed == (made,)
    assert code(shown) == "done"
    assert visible(enlist, "main") == (made,)


def test_siblings_do_not_exist_for_each_other(enlist: Enlist) -> None:
    enlist.organization("one")
    enlist.organization("two")
    made = enlist.do(PutTemplate("two", WORDING))
    stranger = enlist.staff("administrator", "one")
    assert code(enlist.perform(PutTemplate("two", WORDING), stranger)) == "not_found"
    assert code(enlist.perform(DeleteTemplate(made.id), stranger)) == "not_found"
    listed = enlist.driver.view(ListTemplates("two"), stranger)
    assert code(listed) == "not_found"


@pytest.mark.parametrize(("language", "mark"), [("en", "[Sample] "), ("de", "[Muster] ")])
def test_a_preview_is_marked_and_never_real(enlist: Enlist, language: str, mark: str) -> None:
    enlist.register("ada")
    wording = replace(WORDING, language=language, body="{EnrollmentUrl} {FirstName} {Platform}")
    letter = enlist.driver.view(PreviewTemplate("main", wording), enlist.host)
    assert isinstance(letter, Letter)
    shown = render(letter, PUBLIC_URL)
    assert isinstance(shown, Rendered)
    assert shown.subject.startswith(mark)
    assert f"#t={SAMPLE_TOKEN} Ada Linux" in shown.text
    # It cannot be anybody's: tokens have no zero.
    assert "0" in SAMPLE_TOKEN
    assert code(enlist.check(SAMPLE_TOKEN)) == "token_invalid"
    assert enlist.rows("message") == []


@pytest.mark.parametrize(
    ("purpose", "channel", "told"),
    [
        ("registration", "email", "A device has been registered for you"),
        ("registration", "sms", "Works once, until"),
        ("one_time_jwt", "email", "The file that comes with this message"),
        ("credentials", "email", "type this user name and this password"),
        ("credentials", "sms", "or sign in as"),
    ],
)
def test_every_kind_begins_with_ours_and_may_be_saved_and_previewed(
    enlist: Enlist, purpose: str, channel: str, told: str
) -> None:
    ours = built_in(purpose, "en", channel)
    assert ours is not None
    assert told in ours.body
    wording = Wording("default", purpose, channel, "en", ours.subject, ours.body)
    assert enlist.do(PutTemplate("main", wording)).version == 1
    letter = enlist.driver.view(PreviewTemplate("main", wording), enlist.host)
    assert isinstance(letter, Letter)
    shown = render(letter, PUBLIC_URL)
    assert isinstance(shown, Rendered)
    assert "{" not in shown.text
    assert (shown.size is not None) == (channel == "sms")


def test_lookup_values_are_listed_by_organization_and_type(enlist: Enlist) -> None:
    """A62."""
    enlist.organization("one")
    enlist.organization("two")
    mail = enlist.driver.view(ListLookups("one", "registration", "email"), enlist.host)
    assert not isinstance(mail, Refusal)
    others = {"OneTimeUser", "OneTimePassword"}
    assert dict(mail) == {name: LOOKUPS[name] for name in LOOKUPS if name not in others}
    sms = enlist.driver.view(ListLookups("one", "registration", "sms"), enlist.host)
    assert not isinstance(sms, Refusal)
    assert mail.keys() - sms.keys() == {"QrCode"}
    spam = enlist.driver.view(ListLookups("one", "spam", "email"), enlist.host)
    wrong = refusal(spam)
    assert [error.field for error in wrong.fields] == ["purpose"]
    stranger = enlist.staff("administrator", "two")
    unseen = enlist.driver.view(ListLookups("one", "registration", "email"), stranger)
    assert code(unseen) == "not_found"


@pytest.mark.peer("zbar")
def test_a_qr_code_goes_beside_the_html_and_holds_the_link(outbox: Outbox, tmp_path: Path) -> None:
    body = "Scan this:\n\n{QrCode}\n\nOr type {EnrollmentToken} ({EnrollmentUrl})."
    outbox.enlist.do(PutTemplate("main", replace(WORDING, body=body)))
    outbox.queue()
    outbox.deliver()
    [message] = outbox.mailbox.messages()
    [picture] = message.pictures
    assert f'src="cid:{picture.name}"' in message.html
    assert "Scan this:\n\nOr type" in message.text
    [token] = LINK.findall(message.text)
    mail = compose(
        Outgoing("<1@x>", 0, "a@x.test", "", "s", "t", message.html, "en", pictures=(picture,)),
        sender("e@x.test"),
        address("a@x.test"),
    )
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds[1:] == ["text/plain", "multipart/related", "text/html", "image/png"]
    [drawn] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert drawn["content-id"] == f"<{picture.name}>"
    (tmp_path / "code.png").write_bytes(picture.content)
    asked = [find_program("zbarimg") or "", "-q", "--raw", str(tmp_path / "code.png")]
    read = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    assert read in message.text
    assert read.endswith(f"#t={token}")
