"""Waves in the console: how far people are, by state, and what can be done from where it stands."""

from __future__ import annotations

from dataclasses import replace

from enlist.store.waves import Plan
from enlist.verbs.groups import AddGroup
from enlist.verbs.verdicts import Rejected
from enlist.verbs.waves import StartWave, Whom
from enlist.verbs.waving import Waving
from tests.behaviour.waving import post
from tests.web.console.conftest import Console

PLAN = Plan("Autumn <b>", "ios", "none", "{user}'s phone", "email", "", 0, 0, 50, 80, 6)


def test_a_wave_is_watched_and_led(console: Console) -> None:
    enlist, desk = console.enlist, console.sign_in("operator")
    assert "There was no wave yet" in desk.open("/console/main/waves").text
    enlist.do(AddGroup("main", "field staff"))
    form = desk.open("/console/main/waves/new")
    assert "field staff (0)" in form.text
    for name in ("ada", "bob"):
        enlist.user(name, password="")
    wave = enlist.do(StartWave("", PLAN, Whom(users=("ada", "bob", "nobody"))))
    at = f"/console/main/waves/{wave.id}"
    assert "0 of 3 people had a turn" in desk.open(at).text
    assert "Autumn <b>" in desk.open("/console/main/waves").text
    work = Waving(enlist.driver, enlist.store).work
    desk.send(f"{at}/pause", {})
    assert not work()
    assert ("post", f"{at}/resume") in desk.open(at).forms
    desk.send(f"{at}/resume", {})
    assert work()
    waiting = desk.open(at)
    assert "0 of 2" in waiting.text
    assert "Go on with the others (1)" in waiting.text
    assert ("post", "/console/main/enrollments/bulk") in waiting.forms  # cards of those who wait
    desk.send(f"{at}/continue", {})
    assert work()
    done = desk.open(f"{at}?state=failed")
    assert "There is nobody of this name here." in done.text
    assert "ada@" not in done.text
    reader = console.sign_in("reader")
    assert [each for each in reader.open(at).forms if "post" in each and "waves" in each[1]] == []
    assert not reader.open("/console/main/waves").leads_to("/console/main/waves/new")
    assert reader.open("/console/main/waves/new").status == 403


def test_who_got_no_message_can_be_sent_another(console: Console) -> None:
    """A mail server refused it, but the token lives; not while a message is on its way."""
    enlist, desk = console.enlist, console.sign_in("operator")
    enlist.user("ada", password="")
    wave = enlist.do(
        StartWave("", replace(PLAN, canary_percent=0, canary_needs=0), Whom(users=("ada",)))
    )
    at = f"/console/main/waves/{wave.id}"
    resend = ("post", f"{at}/resend")
    work = Waving(enlist.driver, enlist.store).work
    assert work()
    assert resend not in desk.open(at).forms
    post(enlist, Rejected("no such mailbox"))
    shown = desk.open(at)
    assert "no such mailbox" in shown.text
    assert resend in shown.forms
    desk.send(f"{at}/resend", {})
    assert work()
    assert resend not in desk.open(at).forms
    assert len(enlist.rows("message")) == 2
