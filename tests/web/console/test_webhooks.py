"""Webhooks in the console: added, tried, changed and stopped, and the secret shown once."""

from __future__ import annotations

import re

from enlist.store import webhooks
from enlist.verbs.sealing import Sealer
from tests.installation import Enlist
from tests.web.console.conftest import Console, Desk, Page

LIST = "/console/main/webhooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")
FAILED = webhooks.DeliveryState.FAILED
URL = "https://hooks.example.com/enlist?key=theirs"


def add(desk: Desk, **fields: object) -> Page:
    form = desk.open(f"{LIST}/new")
    typed = {"name": "Inventory", "organization": "main", "url": URL, "kinds": "device.*"}
    return desk.send(f"{LIST}/new", {"nonce": form.value("nonce"), **typed, **fields})


def test_a_webhook_is_added_tried_and_deleted(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    assert desk.open(LIST).leads_to(f"{LIST}/new")
    made = add(desk)
    [secret] = set(SECRET.findall(made.source))
    (hook,) = enlist.store.read(webhooks.active)
    here = f"{LIST}/{hook.id}"
    page = desk.follow(desk.send(f"{here}/test"))
    assert "webhook.tested" in page.main
    assert "not tried yet" in page.main
    with_all = [desk.open(LIST), page, desk.open(f"{here}/edit"), desk.open(f"{here}/secret")]
    assert all("key=theirs" not in each.source for each in with_all)
    assert all(secret not in each.source for each in with_all)
    desk.send(f"{here}/edit", {"name": "Stock", "url": hook.url.partition("?")[0], "kinds": "*"})
    (changed,) = enlist.store.read(webhooks.active)
    assert (changed.name, changed.url, changed.kinds) == ("Stock", URL, ("*",))
    renewed = desk.send(f"{here}/secret")
    assert SECRET.findall(renewed.source)[0] != secret
    assert "Stopped" in desk.follow(desk.send(f"{here}/stop")).main
    assert "This webhook is stopped" in desk.send(f"{here}/test").main
    desk.follow(desk.send(f"{here}/resume"))
    assert "Nothing more is posted" in desk.open(f"{here}/delete").main
    assert "Stock" in desk.follow(desk.send(f"{here}/delete")).main
    assert desk.open(here).status == 404


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(console: Console) -> None:
    desk = console.sign_in()
    page = add(desk, url="https://127.0.0.1/", kinds="device.gone")
    assert "must not lead to this machine" in page.main
    assert "device.gone is no kind of event" in page.main
    assert page.value("name") == "Inventory"


def test_what_was_given_up_can_be_posted_again(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    add(desk)
    (hook,) = enlist.store.read(webhooks.active)
    desk.send(f"{LIST}/{hook.id}/test")
    Sealer(enlist.store).look()
    (waiting,) = enlist.store.write(lambda tx: webhooks.due(tx, hook.id, 1))
    enlist.store.write(lambda tx: webhooks.claim(tx, waiting, tx.now + 1))
    told = enlist.store.read(lambda tx: webhooks.delivery(tx, waiting))
    assert told is not None
    enlist.store.write(lambda tx: webhooks.note(tx, told, FAILED, 0, 422, "no such field"))
    page = desk.open(f"{LIST}/{hook.id}")
    assert "no such field" in page.main
    assert "Given up" in page.main
    again = desk.follow(desk.send(f"{LIST}/{hook.id}/deliveries/{waiting}/replay"))
    assert "Waiting" in again.main


def test_readers_see_and_operators_do_not_touch(console: Console, enlist: Enlist) -> None:
    add(console.sign_in())
    (hook,) = enlist.store.read(webhooks.active)
    for role in ("reader", "operator"):
        desk = console.sign_in(role)
        page = desk.open(f"{LIST}/{hook.id}")
        assert page.status == 200
        assert not page.leads_to(f"{LIST}/{hook.id}/edit")
        assert desk.send(f"{LIST}/{hook.id}/test").status == 403
    assert console.sign_in("helpdesk").open(LIST).status == 403
