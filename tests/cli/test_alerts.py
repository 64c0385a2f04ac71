"""`enlist alert …`, here and on a server elsewhere."""

from __future__ import annotations

import pytest

from enlist.verbs.webhooks import AddWebhook
from tests.alerts import raise_alert
from tests.cli.conftest import Run
from tests.installation import Enlist


@pytest.fixture(params=["here", "elsewhere"])
def either(request: pytest.FixtureRequest, enlist: Enlist) -> Run:
    assert enlist.root.group_id == "main"
    run: Run = request.getfixturevalue("run" if request.param == "here" else "remote")
    return run


def test_alerts_are_listed_with_what_to_do(enlist: Enlist, either: Run) -> None:
    assert "Nothing is amiss" in either("alert", "list").out
    raise_alert(enlist.store, enlist.root, kind="email_failing", details="no answer")
    (alert,) = either("alert", "list", "--state", "open", "--json").json["items"]
    assert (alert["kind"], alert["severity"], alert["details"]) == (
        "email_failing",
        "problem",
        "no answer",
    )
    assert "enlist doctor" in " ".join(either("alert", "list").out.split())
    assert either("alert", "list", "--state", "closed", "--json").json["items"] == []


def test_who_is_told_is_shown_and_changed(either: Run) -> None:
    assert "by default" in either("alert", "routes").out
    words = ("--role", "operator", "--address", "it@example.com", "--off", "sms_cap_reached")
    said = either("alert", "routes", *words, "--json").json
    assert (said["roles"], said["addresses"]) == (["operator"], ["it@example.com"])
    assert (said["switched_off"], said["source"]) == (["sms_cap_reached"], "main")
    assert "it@example.com" in either("alert", "routes", "--organization", "main").out
    assert "addresses.0: " in either("alert", "routes", "--address", "x", expect=1).err
    assert "by default" in either("alert", "routes", "--inherit").out


def test_a_test_says_what_came_of_it(enlist: Enlist, either: Run) -> None:
    either("alert", "routes", "--role", "helpdesk")
    enlist.do(AddWebhook("Pager", "https://hooks.example.com/", "", ("alert.opened",)))
    assert either("alert", "test", "--wait", "0").out == "webhook to Pager: waiting\n"
    either("alert", "routes", "--inherit")
    tried = either("alert", "test", "--wait", "0", "--json").json
    assert [(each["way"], each["to"]) for each in tried["tried"]] == [
        ("email", "root@example.com"),
        ("webhook", "Pager"),
    ]
    assert tried["over"] is False
    late = either("alert", "test", "--wait", "1", expect=1)  # no server runs that would send it
    assert "email to root@example.com: waiting" in late.out


def test_a_test_that_nobody_gets_fails(either: Run) -> None:
    either("alert", "routes", "--role", "helpdesk")
    assert "Nobody is told" in either("alert", "test", expect=1).out
