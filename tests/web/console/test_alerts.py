"""The console's page of alerts, the line at the top of every page, and who is told."""

from __future__ import annotations

from enlist.verbs.alert_routes import SetAlertRoutes, ShowAlertRoutes
from enlist.verbs.webhooks import AddWebhook
from tests.alerts import raise_alert
from tests.installation import Enlist, done
from tests.web.console.conftest import Console

PAGE = "/console/main/alerts"


def test_what_is_amiss_stands_at_the_top_of_every_page(enlist: Enlist, console: Console) -> None:
    desk = console.sign_in()
    assert "Nothing is amiss" in desk.open(PAGE).main
    assert "E-mail cannot be sent" not in desk.open("/console/main/devices").main
    raise_alert(enlist.store, enlist.root, kind="sms_cap_reached", details="200 of 200")
    raise_alert(enlist.store, enlist.root, kind="email_failing", details="no answer")
    shown = desk.open("/console/main/devices").main
    assert shown.index("E-mail cannot be sent") < shown.index("1 more alert")
    listed = desk.open(PAGE).main
    assert "no answer" in listed
    assert "200 of 200" in listed
    assert "Run enlist doctor" in listed
    assert "Nothing found" not in desk.open(f"{PAGE}?state=open").main


def test_an_organization_below_is_not_bothered_with_what_is_above(
    enlist: Enlist, console: Console
) -> None:
    desk = console.sign_in()
    enlist.organization("berlin")
    raise_alert(enlist.store, enlist.root, kind="email_failing")
    assert "E-mail cannot be sent" not in desk.open("/console/berlin/devices").main


def test_who_is_told_is_changed_in_a_form(enlist: Enlist, console: Console) -> None:
    desk = console.sign_in()
    form = f"{PAGE}/routes"
    assert "the administrators are told" in desk.open(form).main
    wrong = desk.send(form, {"roles": ["reader"], "kinds": ["email_failing"], "addresses": "x"})
    assert wrong.status == 422
    assert "x: must" in wrong.main
    sent = {"roles": ["reader"], "kinds": ["email_failing"], "addresses": "it@example.com"}
    desk.send(form, sent)
    told = enlist.see(ShowAlertRoutes()).routes
    assert (told.roles, told.addresses, told.source) == (("reader",), ("it@example.com",), "main")
    assert "sms_failing" in told.switched_off
    assert "email_failing" not in told.switched_off
    desk.send(form, {"inherit": "yes"})
    told = enlist.see(ShowAlertRoutes()).routes
    assert told.source == "default"


def test_a_test_shows_what_came_of_each_way(enlist: Enlist, console: Console) -> None:
    desk = console.sign_in()
    enlist.do(AddWebhook("Pager", "https://hooks.example.com/", "", ("alert.*",)))
    done(enlist.perform(SetAlertRoutes("", ("administrator",))))
    page = desk.follow(desk.send(f"{PAGE}/test"))
    assert "Pager" in page.main
    assert "On its way" in page.main
