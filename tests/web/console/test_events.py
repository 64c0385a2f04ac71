"""Events: sentences with their exact reason, filters, and what a support code stands for."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from enlist.core.clock import MINUTE
from enlist.core.events import KINDS
from enlist.core.secrets import support_code
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.users import AddUser
from enlist.web.console.describing import describe
from enlist.web.console.event_reasons import REASONS, reason_in_words
from enlist.web.console.event_texts import SENTENCES
from tests.installation import Enlist, refusal
from tests.web.console.conftest import Console

LIST = "/console/main/events"


def told(enlist: Enlist, kind: str) -> str:
    """The newest event of a kind: its sentence and its reasons."""
    described = describe(enlist.events(kind)[-1], "en")
    return " ".join((described.text.striptags(), *described.why))


def test_every_kind_of_event_is_a_sentence() -> None:
    assert set(SENTENCES) == set(KINDS)
    assert all(text.endswith(".") for text in SENTENCES.values())


def test_every_reason_is_a_sentence() -> None:
    for reason in (*REASONS, "lacks users:edit", "unknown token or Group ID; wrong password"):
        words = reason_in_words(reason, str)
        assert words.endswith("."), reason
        assert "%(" not in words
    assert reason_in_words("something new", str) == "something new."


def test_sentences_say_who_did_what(enlist: Enlist) -> None:
    ticket = enlist.register("ada", name="laptop")
    assert told(enlist, "user.created") == "root at the command line added the user ada."
    assert told(enlist, "device.registered").startswith(
        "root at the command line registered laptop for ada."
    )
    enlist.redeem(ticket.token)
    assert told(enlist, "enrollment.redeemed") == "laptop enrolled and belongs to ada."


def test_roles_are_called_as_everywhere_else(enlist: Enlist) -> None:
    first = describe(enlist.events("role.granted")[0], "en").text.striptags()
    assert first.endswith(" the role Administrator on main.")
    enlist.staff("helpdesk", "", "helen")
    assert told(enlist, "role.granted").endswith(" gave helen the role Help desk on main.")


def test_the_exact_reason_and_how_long_ago(enlist: Enlist) -> None:
    """X38: expired three minutes ago, not just expired."""
    ticket = enlist.register("ada", expires_at=enlist.clock.now + MINUTE)
    enlist.clock.advance(minutes=4)
    enlist.redeem(ticket.token)
    assert "It had expired 3 minutes before." in told(enlist, "enrollment.refused")
    enlist.check("ABCDEFGHJK")
    assert "No enrollment has this token" in told(enlist, "enrollment.refused")
    enlist.check("ABCDEFGHJK", login=("nobody", "whatever it is"))
    words = told(enlist, "enrollment.refused")
    assert "Neither a token nor a Group ID fits. There is no user of that name." in words


def test_used_names_the_earlier_use(console: Console, enlist: Enlist) -> None:
    """X37: device, address and time of the first use, and of this try."""
    ticket = enlist.register("ada", name="laptop")
    first, second = enlist.stranger(), enlist.stranger()
    enlist.redeem(ticket.token, key=1, caller=first)
    enlist.clock.advance(hours=2)
    enlist.redeem(ticket.token, key=2, caller=second)
    event = enlist.events("enrollment.refused")[-1]
    page = console.sign_in().open(f"{LIST}/{event.id}")
    assert "Possible interception" in page.main
    assert "It had been used 2 hours before." in page.main
    assert "The first use" in page.main
    assert first.address in page.main
    assert second.address in page.main
    assert page.leads_to(f"/console/main/devices/{ticket.device_id}")
    assert page.leads_to(f"/console/main/enrollments/{ticket.enrollment_id}")


def test_changes_stand_before_and_after(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    change = {"enrollment_mode": "registered_only", "token_length": 16}
    enlist.do(ChangeSettings("alpha", change))
    page = console.sign_in().open(f"{LIST}?kind=settings.changed")
    assert "changed the enrollment settings of Alpha" in page.main
    assert "Devices Enrollment Mode: inherited → Registered Devices Only" in page.main
    assert "Registration Token Length: inherited → 16" in page.main


def test_a_changed_message_is_shown_as_it_was(console: Console, enlist: Enlist) -> None:
    """X18: whoever was led astray by a message got the wording of that day."""
    for body in ("Open {EnrollmentUrl}", "Open {EnrollmentUrl} and pay"):
        wording = Wording("default", "registration", "email", "en", "Your device", body)
        enlist.do(PutTemplate("main", wording))
    event = enlist.events("template.changed")[-1]
    page = console.sign_in().open(f"{LIST}/{event.id}")
    assert "Body Open {EnrollmentUrl} Open {EnrollmentUrl} and pay" in page.main


def test_filters_stand_in_the_address(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada", name="laptop")
    enlist.register("grace", name="phone")
    enlist.clock.advance(hours=30)
    enlist.check("ABCDEFGHJK")
    desk = console.sign_in()
    refused = desk.open(f"{LIST}?kind=enrollment.refused").main
    assert "tried to enroll and was refused" in refused
    assert "registered laptop" not in refused
    device = desk.open(f"{LIST}?device={ticket.device_id}")
    assert "registered laptop" in device.main
    assert "phone" not in device.main
    assert "Device: laptop" in device.main
    assert device.value("device") == ticket.device_id, "the search keeps it"
    strangers = desk.open(f"{LIST}?actor_kind=stranger").main
    assert "tried to enroll" in strangers
    assert "registered laptop" not in strangers
    today = desk.open(f"{LIST}?since=day").main
    assert "tried to enroll" in today
    assert "registered laptop" not in today
    assert "registered laptop" in desk.open(f"{LIST}?since=week").main
    assert "registered laptop" in desk.open(f"{LIST}?q=laptop").main


def test_a_period_of_one_s_own(console: Console, enlist: Enlist) -> None:
    """In the reader's time zone, as its fields are filled in; the export has the same."""
    for name in ("ada", "grace", "adele"):
        enlist.clock.advance(hours=2)
        enlist.user(name)
    desk = console.sign_in()
    asked = "kind=user.created&from=2026-03-02T16%3A00&until=2026-03-02T18%3A00"
    page = desk.open(f"{LIST}?{asked}")
    assert "grace" in page.main
    assert "ada" not in page.main
    assert "adele" not in page.main
    assert page.value("from") == "2026-03-02T16:00"
    [export] = [link for link in page.links if link.startswith("/api/v1/events/export")]
    lines = [json.loads(line) for line in desk.client.get(export).text.splitlines()]
    assert [line["personal"]["user"] for line in lines] == ["grace"]
    later = desk.open(f"{LIST}?since=hour&from=2026-03-02T13%3A00")
    assert "grace" not in later.main, "of two beginnings the later one counts"
    assert desk.open(f"{LIST}?from=0001-01-01T00%3A00&until=never").status == 200


def test_interceptions_are_found_by_one_filter(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token, key=1)
    enlist.redeem(ticket.token, key=2)
    enlist.check("ABCDEFGHJK")
    page = console.sign_in().open(f"{LIST}?kind=possible_interception")
    assert page.main.count("tried to enroll and was refused") == 1
    assert "This token has already been used" in page.main


def test_pages_follow_each_other(console: Console, enlist: Enlist) -> None:
    for number in range(30):
        enlist.user(f"user{number:02}", password="")
    desk = console.sign_in()
    first = desk.open(f"{LIST}?kind=user.created")
    assert "user29" in first.main
    [following] = {link for link in first.links if "page=2" in link}
    assert "user00" in desk.open(following).main


def test_an_event_shows_its_entry_to_the_letter(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    event = enlist.events("user.created")[-1]
    page = console.sign_in().open(f"{LIST}/{event.id}")
    assert json.loads(event.entry)["kind"] in page.main
    start = page.main.index('{"about":')
    assert page.main[start:].startswith(event.entry)
    assert "ada@example.com" in page.main


def test_a_sentence_stands_without_the_names_that_were_erased(enlist: Enlist) -> None:
    enlist.register("ada", name="laptop")
    event = replace(enlist.events("device.registered")[-1], personal={})
    described = describe(event, "en")
    told = "Somebody at the command line registered a device for somebody."
    assert described.text.striptags() == told


# --- support codes -------------------------------------------------------------------------------


def test_a_support_code_leads_to_the_exact_reason(console: Console, enlist: Enlist) -> None:
    """S78, X38."""
    ticket = enlist.register("ada", expires_at=enlist.clock.now + MINUTE)
    enlist.clock.advance(minutes=4)
    code = refusal(enlist.redeem(ticket.token)).support_code
    enlist.clock.advance(minutes=1)
    for typed in (code, code.lower(), code.replace("-", " ")):
        page = console.sign_in("helpdesk").open(f"{LIST}?q={typed}")
        assert f"Support code {code}" in page.main
        assert "It had expired 3 minutes before." in page.main


def test_a_code_without_an_event_was_refused_unread(console: Console) -> None:
    """Ruling 34."""
    page = console.sign_in().open(f"{LIST}?q={support_code()}")
    assert "Refused unread: mistyped, malformed, too large or throttled." in page.main


def test_a_mistyped_code_is_said_to_be(console: Console, enlist: Enlist) -> None:
    code = refusal(enlist.check("ABCDEFGHJK")).support_code
    slip = code[:-1] + ("B" if code[-1] != "B" else "C")
    page = console.sign_in().open(f"{LIST}?q={slip}")
    assert "check it letter by letter" in page.main


def test_a_sibling_s_code_looks_like_none_at_all(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    ticket = enlist.register("beatrice", organization="beta")
    enlist.revoke(ticket.enrollment_id)
    code = refusal(enlist.redeem(ticket.token)).support_code
    assert "It had been revoked" in console.sign_in().open(f"{LIST}?q={code}").main
    page = console.sign_in("administrator", "alpha").open(f"/console/alpha/events?q={code}")
    assert "Refused unread" in page.main


# --- rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["administrator", "operator", "helpdesk", "reader"])
def test_the_export_is_offered_to_who_may_export(console: Console, role: str) -> None:
    desk = console.sign_in(role)
    page = desk.open(f"{LIST}?kind=user.created&since=week&q=o")
    links = [link for link in page.links if link.startswith("/api/v1/events/export")]
    assert bool(links) is (role != "helpdesk")
    if links:
        asked = parse_qs(urlsplit(links[0]).query)
        assert asked["organization"] == ["main"]
        assert asked["kind"] == ["user.created"]
        assert asked["search"] == ["o"]
        assert "since" in asked
        answer = desk.client.get(links[0])
        assert answer.status_code == 200
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines
        assert {line["kind"] for line in lines} == {"user.created"}
    else:
        assert desk.client.get("/api/v1/events/export").status_code == 403


def test_the_help_desk_learns_nothing_about_staff(console: Console, enlist: Enlist) -> None:
    operator = enlist.staff("operator", "", "olga")
    enlist.do(AddUser("main", "ada", "ada@example.com"), operator)
    event = enlist.events("user.created")[-1]
    page = console.sign_in("helpdesk").open(LIST)
    assert "added the user ada" in page.main
    assert "olga" not in page.text
    assert "A member of staff added the user ada" in page.main
    single = console.sign_in("helpdesk").open(f"{LIST}/{event.id}")
    assert "olga" not in single.text
    assert "They belong to staff" in single.main
    assert "gave" not in page.main


def test_a_sibling_s_events_do_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.user("beatrice", organization="beta")
    event = enlist.events("user.created")[-1]
    desk = console.sign_in("administrator", "alpha")
    assert "beatrice" not in desk.open("/console/alpha/events").main
    for place in ("alpha", "beta"):
        assert desk.open(f"/console/{place}/events/{event.id}").status == 404
    elsewhere = console.sign_in().open(f"/console/alpha/events/{event.id}")
    assert elsewhere.status == 303
    assert "beatrice" in console.sign_in().open(elsewhere.location).main
    assert console.sign_in().open(f"{LIST}/nonsense").status == 404


def test_what_people_type_is_only_ever_text(console: Console, enlist: Enlist) -> None:
    evil = "<script>alert(1)</script>%(who)s{{7*7}}"
    enlist.register("ada", name=evil)
    page = console.sign_in().open(LIST)
    assert "&lt;script&gt;alert(1)" in page.source
    assert "<script>alert" not in page.source
    assert "%(who)s{{7*7}}" in page.text


def test_old_and_new_events_are_read_alike(enlist: Enlist) -> None:
    """A kind or a reason that this version does not know is still told."""
    event = replace(enlist.events("user.created")[-1], kind="moon.landed", data={"reason": "x"})
    described = describe(event, "en")
    assert described.text == "moon.landed"
    assert described.why == ("x.",)


def test_who_signed_in_was_not_signed_in_before(console: Console, enlist: Enlist) -> None:
    """Not "by: not known", as if something were missing."""
    desk = console.sign_in()
    (event,) = enlist.events("sign_in.started")[:1]
    shown = desk.open(f"/console/main/events/{event.id}").main
    assert "By somebody who was not signed in" in shown
    assert "Proved by nothing but what the request held" in shown
