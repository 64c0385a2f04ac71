"""Staging in the console: who may say who stages, and a device that is handed out."""

from __future__ import annotations

from enlist.verbs.users import AddUser
from tests.installation import Enlist, done
from tests.web.console.conftest import Console

GRACE = {"organization": "main", "username": "grace", "first_name": "Grace", "last_name": "Hopper"}


def test_only_who_may_says_who_stages(console: Console, enlist: Enlist) -> None:
    """A63: others see no such field, and change the rest of such a user."""
    desk, operator = console.sign_in(), console.sign_in("operator")
    assert 'name="staging"' not in operator.open("/console/main/users/new").source
    sent = {**GRACE, "staging": "single_user_advanced"}
    assert operator.send("/console/main/users/new", sent).status == 403
    page = desk.follow(desk.send("/console/main/users/new", sent))
    assert "handed out for good" in page.main
    (row,) = enlist.rows("app_user", username="grace")
    edit = f"/console/main/users/{row['id']}/edit"
    assert 'name="staging"' not in operator.open(edit).source
    assert desk.open(edit).value("staging") == "single_user_advanced"
    operator.send(edit, {"first_name": "G.", "version": "1"})
    (row,) = enlist.rows("app_user", username="grace")
    assert (row["first_name"], row["staging"]) == ("G.", "single_user_advanced")


def test_a_staged_device_is_handed_out_and_taken_back(console: Console, enlist: Enlist) -> None:
    """A64: offered where it fits; what it does is said first."""
    enlist.do(AddUser("", "depot", staging="multiple_user_single_user_advanced"))
    ticket = enlist.register("depot", name="tablet")
    enlist.user("grace")
    desk, here = console.sign_in("operator"), f"/console/main/devices/{ticket.device_id}"
    assert f"{here}/hand-out" not in desk.open(here).source
    done(enlist.redeem(ticket.token))
    assert f'href="{here}/hand-out"' in desk.open(here).source
    assert f"{here}/hand-out" not in console.sign_in("helpdesk").open(here).source
    page = desk.open(f"{here}/hand-out")
    assert "stays enrolled" in page.main
    assert 'name="for_good"' in page.source
    sent = {"user": "nobody", "version": page.value("version")}
    wrong = desk.send(f"{here}/hand-out", sent)
    assert "There is no such user that you may see." in wrong.source.partition('id="user-error"')[2]
    shown = desk.follow(desk.send(f"{here}/hand-out", {**sent, "user": "grace"}))
    assert "tablet is grace's now, as it is." in shown.main
    assert "handed tablet out, as it is: depot has it no more." in shown.main
    assert "handed tablet out, as it is: grace has it now." in shown.main
    late = desk.send(f"{here}/hand-out", {**sent, "user": "depot"})
    assert late.status == 412
    back = desk.open(f"{here}/hand-out?user=depot")
    assert (back.value("user"), "Take back" in shown.main) == ("depot", True)
    told = desk.send(f"{here}/hand-out", {"user": "depot", "version": back.value("version")})
    assert "tablet is depot's now" in desk.follow(told).main
