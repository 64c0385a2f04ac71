"""Saved views beside the list of enrollments."""

from __future__ import annotations

from tests.installation import Enlist
from tests.web.console.conftest import Console

LIST = "/console/main/enrollments"


def test_a_view_is_kept_opened_and_deleted(console: Console, enlist: Enlist) -> None:
    enlist.register("ada", name="laptop")
    enlist.register("ada", name="phone", platform="ios")
    desk = console.sign_in("operator")
    assert "Save this view" not in desk.open(LIST).main, "there is nothing to keep"
    page = desk.open(f"{LIST}?q=pho&platform=ios&sort=-device")
    assert "Save this view" in page.main
    said = {"q": page.fields["q"][0], "platform": page.value("platform"), "sort": "-device"}
    kept = desk.follow(desk.send("/console/main/views", {**said, "name": "Phones & more"}))
    assert "The view Phones &amp; more is kept." in kept.source
    links = desk.open(LIST).links
    (address,) = [each for each in links if "sort=-device" in each and "pho" in each]
    shown = desk.open(address)
    assert "phone" in shown.main
    assert "laptop" not in shown.main
    assert "Save this view" not in shown.main
    (delete,) = [action for _, action in shown.forms if action.endswith("/delete")]
    again = desk.follow(desk.send("/console/main/views", {**said, "name": "phones & MORE"}))
    assert "The view was not kept. name: there is a view of this name here already." in again.text
    assert "The view is deleted." in desk.follow(desk.send(delete)).text
    assert "Phones" not in desk.open(LIST).main


def test_a_shared_view_is_offered_to_others_who_cannot_delete_it(
    console: Console, enlist: Enlist
) -> None:
    enlist.register("ada")
    desk = console.sign_in("operator")
    desk.send("/console/main/views", {"name": "Linux", "platform": "linux", "shared": "yes"})
    reader = console.sign_in("reader").open(f"{LIST}?platform=linux")
    assert "Shared: Linux" in reader.main
    assert not any(action.endswith("/delete") for _, action in reader.forms)
    assert "Delete view" in console.sign_in("administrator").open(f"{LIST}?platform=linux").main


def test_a_view_is_renamed_shared_and_shows_something_else(
    console: Console, enlist: Enlist
) -> None:
    """The list as it is shown now takes the place of what the view has shown."""
    enlist.register("ada")
    desk = console.sign_in("operator")
    desk.send("/console/main/views", {"name": "Linux", "platform": "linux"})
    shown = desk.open(f"{LIST}?platform=linux")
    (edit,) = [action for _, action in shown.forms if action.endswith("/edit")]
    said = {"name": "All of Linux", "sharing": "asked", "shared": "yes", "back": "platform=linux"}
    changed = desk.follow(desk.send(edit, said))
    assert "The view All of Linux is changed." in changed.text
    reader = console.sign_in("reader").open(f"{LIST}?platform=linux")
    assert "Shared: All of Linux" in reader.main
    assert "Edit view" not in reader.main
    failed = desk.follow(desk.send(edit, {**said, "name": " "}))
    assert "The view was not kept. name: must not be empty." in failed.text
    assert "Edit view" in failed.main, "the list is shown as it was"
    other = desk.open(f"{LIST}?platform=ios")
    assert "Or in place of what a view has shown so far:" in other.main
    replaced = desk.follow(desk.send(edit.replace("/edit", "/replace"), {"platform": "ios"}))
    assert "The view All of Linux is changed." in replaced.text
    assert any("platform=ios" in each for each in desk.open(LIST).links)
    inside = console.sign_in("administrator").open(f"{LIST}?platform=ios")
    assert "Edit view" in inside.main
    assert 'name="sharing"' not in inside.source, "only whose it is takes it back"
