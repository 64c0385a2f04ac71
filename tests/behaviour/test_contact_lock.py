"""Where messages reach a user, once a device of his was enrolled with a token (A21, recipe 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.model import User
from enlist.store import users
from enlist.verbs.reset import Reset
from enlist.verbs.users import ChangeUser
from tests.installation import Enlist, code, refusal

ELSEWHERE = {"email": "elsewhere@example.com", "phone": "+49 30 901820"}


def person(enlist: Enlist) -> User:
    found = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert found is not None
    return found


def enrolled(enlist: Enlist) -> User:
    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token)) == "done"
    return person(enlist)


def notices(enlist: Enlist) -> list[str]:
    return [row["recipient"] for row in enlist.rows("message", purpose="address_changed")]


def test_before_a_token_enrollment_they_are_ones_own(enlist: Enlist) -> None:
    """A19, A21: completed and corrected by the user; the address from before hears of it."""
    ada = enlist.user("ada")
    enlist.register("ada")  # a token that nobody has used locks nothing
    assert code(enlist.perform(ChangeUser(ada.id, ELSEWHERE), enlist.caller(ada))) == "done"
    assert (person(enlist).email, person(enlist).phone) == (
        "elsewhere@example.com",
        "+4930901820",
    )
    assert notices(enlist) == ["ada@example.com"]
    wrong = refusal(enlist.perform(ChangeUser(ada.id, {"phone": "030 901820"}), enlist.caller(ada)))
    assert [each.field for each in wrong.fields] == ["phone"]


@pytest.mark.parametrize("field", ["email", "phone"])
@pytest.mark.parametrize("value", ["elsewhere", None])
def test_after_it_only_staff_changes_them(enlist: Enlist, field: str, value: str | None) -> None:
    """A21: refused with the field; emptying is a change too; what stays the same is none."""
    ada = enrolled(enlist)
    caller = enlist.caller(ada)
    enlist.do(ChangeUser(ada.id, {"phone": "+4930123456"}))
    sent = value and ELSEWHERE[field]
    told = refusal(enlist.perform(ChangeUser(ada.id, {field: sent}), caller))
    assert (told.code, [each.field for each in told.fields]) == ("contact_locked", [field])
    same = {"email": "ada@example.com", "phone": "+4930123456", "first_name": "Ada"}
    assert code(enlist.perform(ChangeUser("ada", same), caller)) == "done"
    operator = enlist.staff("operator")
    assert code(enlist.perform(ChangeUser(ada.id, {field: sent}), operator)) == "done"
    event = enlist.events("user.changed", user=ada.id)[-1]
    assert event.actor_id == operator.id
    assert event.personal.get(f"after.{field}", "") == getattr(person(enlist), field)
    assert notices(enlist) == (["ada@example.com"] if field == "email" else [])


def test_the_lock_outlives_the_device(enlist: Enlist) -> None:
    """A stolen device that was reset, or deleted, must not open the way to the next token."""
    ada = enrolled(enlist)
    (device,) = enlist.devices()
    enlist.do(Reset(device.id))
    caller = enlist.caller(ada)
    assert code(enlist.perform(ChangeUser(ada.id, ELSEWHERE), caller)) == "contact_locked"


def test_nobody_slips_through_while_his_device_enrolls(enlist: Enlist) -> None:
    """The write itself asks: what `look` saw a moment ago does not count."""
    ada = enrolled(enlist)
    after = replace(ada, email="elsewhere@example.com", version=ada.version + 1)
    assert not enlist.store.write(lambda tx: users.change(tx, after, ada.version, unlocked=True))
    assert enlist.store.write(lambda tx: users.change(tx, after, ada.version))


def test_an_administrator_stays_one_for_himself(enlist: Enlist) -> None:
    """Who may edit staff may edit himself; an operator asks him, like everybody."""
    for role, answer in (("administrator", "done"), ("operator", "contact_locked")):
        caller = enlist.staff(role, username=role)
        ticket = enlist.register(role, name=role)
        assert code(enlist.redeem(ticket.token, key=len(role))) == "done"
        change = ChangeUser(role, {"email": f"new-{role}@example.com"})
        assert code(enlist.perform(change, caller)) == answer


def test_where_ones_links_go_takes_a_fresh_password(enlist: Enlist) -> None:
    """A74: a link to set a password goes there. Who finds an open session must not turn it."""
    ada = enlist.user("ada")
    stale = replace(enlist.caller(ada), proved_at=0)
    elsewhere = {"email": "elsewhere@example.com"}
    assert code(enlist.perform(ChangeUser("ada", elsewhere), stale)) == "proof_too_old"
    assert person(enlist).email == "ada@example.com"
    for harmless in ({"first_name": "Ada"}, {"email": " ada@example.com"}, {"phone": None}):
        assert code(enlist.perform(ChangeUser("ada", harmless), stale)) == "done"
    assert code(enlist.perform(ChangeUser("ada", elsewhere), enlist.caller(ada))) == "done"


def test_so_does_where_links_for_staff_go(enlist: Enlist) -> None:
    enlist.user("ada")
    boss = replace(enlist.staff("administrator", username="boss"), proved_at=0)
    enlist.staff("operator", username="olga")
    elsewhere = {"email": "elsewhere@example.com"}
    assert code(enlist.perform(ChangeUser("olga", elsewhere), boss)) == "proof_too_old"
    assert code(enlist.perform(ChangeUser("ada", elsewhere), boss)) == "done"
