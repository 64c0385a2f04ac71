"""Roles put together from permissions: what they give, where, and that nobody gives more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from enlist.core.access import OwnRole
from enlist.core.caller import Caller
from enlist.core.permissions import ROLES, Permission, Role, held_at
from enlist.store import own_roles, roles
from enlist.store.tx import Tx
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey
from enlist.verbs.driver import AnyVerb, View
from enlist.verbs.organizations import AddOrganization
from enlist.verbs.own_role_changes import ChangeOwnRole, DeleteOwnRole
from enlist.verbs.own_roles import AddOwnRole, ListOwnRoles, ShowOwnRole
from enlist.verbs.second_factor_rules import SetSecondFactorRules, ShowSecondFactorRules
from enlist.verbs.staff import GrantRole, WithdrawRole
from enlist.verbs.users import DeleteUser
from enlist.verbs.views import ListDevices, ListRoles
from tests.installation import Enlist, code, done, refusal

READING = ("devices:read", "organizations:read", "users:read")


@pytest.fixture
def acme(enlist: Enlist) -> Enlist:
    """main ── acme ── berlin, and beta beside acme."""
    enlist.organization("acme")
    enlist.do(AddOrganization("acme", "berlin", "Berlin"))
    enlist.organization("beta")
    return enlist


def seen(enlist: Enlist, view: View[Any], caller: Caller) -> Any:
    """What a view shows him, or why not."""
    return enlist.driver.view(view, caller)


def add(enlist: Enlist, name: str = "Field support", place: str = "acme") -> OwnRole:
    return enlist.do(AddOwnRole(place, name, READING))


def editor(enlist: Enlist, place: str = "acme", *more: str) -> Caller:
    """Somebody who may edit roles and little else, by a role of his own."""
    needed = ("roles:edit", "users:read", "staff:read", "organizations:read", *more)
    role = enlist.do(AddOwnRole(place, f"editor {len(more)}", needed))
    user = enlist.user("eddy", organization=place)
    enlist.do(GrantRole(user.id, place, role.id))
    return enlist.caller(user)


def test_it_gives_its_permissions_there_and_below_and_no_others(acme: Enlist) -> None:
    role, ada = add(acme), acme.user("ada", organization="acme")
    (held,) = acme.do(GrantRole("ada", "acme", "field SUPPORT"))
    assert (held.role, held.name) == (role.id, "Field support")
    caller = acme.caller(ada)
    assert code(seen(acme, ListDevices("berlin"), caller)) == "done"
    assert code(seen(acme, ListDevices("beta"), caller)) == "not_found"
    assert code(seen(acme, ListDevices("main"), caller)) == "not_found"
    told = acme.perform(AddOrganization("acme", "fresh", "Fresh"), caller)
    assert code(told) == "forbidden"
    (listed,) = seen(acme, ListRoles("acme"), acme.host).items
    assert (listed.role.name, listed.username) == ("Field support", "ada")
    assert acme.do(WithdrawRole("ada", "acme", role.id)) == ()
    assert not acme.caller(ada).rights


def test_it_can_be_given_where_it_was_made_and_below_alone(acme: Enlist) -> None:
    add(acme)
    acme.user("ada")
    assert code(acme.perform(GrantRole("ada", "berlin", "Field support"), acme.host)) == "done"
    for place in ("main", "beta"):
        refused = refusal(acme.perform(GrantRole("ada", place, "Field support"), acme.host))
        assert (refused.code, refused.fields[0].field) == ("validation_failed", "role")


def test_a_change_counts_at_once(acme: Enlist) -> None:
    role, ada = add(acme), acme.user("ada", organization="acme")
    acme.do(GrantRole("ada", "acme", role.id))
    key = acme.do(CreateApiKey("hers", "reader", "acme"), acme.staff("administrator", "acme"))
    assert key.key.rights
    less = acme.do(ChangeOwnRole(role.id, {"permissions": ("users:read",)}))
    assert less.version == 2
    path = acme.root.path
    held = acme.store.read(lambda tx: roles.rights(tx, ada.id))
    assert {each for right in held for each in right.permissions} == {Permission.USERS_READ}
    assert not held_at(held, path)
    (event,) = acme.events("role.changed")
    assert event.data["before.permissions"] == ", ".join(READING)
    assert event.data["after.permissions"] == "users:read"
    stale = acme.perform(ChangeOwnRole(role.id, {"name": "x"}, version=1), acme.host)
    assert code(stale) == "precondition_failed"


def test_nobody_makes_changes_or_gives_more_than_he_has(acme: Enlist) -> None:
    more = acme.do(AddOwnRole("acme", "more", (*READING, "devices:delete")))
    eddy = editor(acme)
    acme.user("ada", organization="acme")
    verbs: tuple[AnyVerb[Any, Any, Any], ...] = (
        AddOwnRole("acme", "mine", ("devices:delete",)),
        ChangeOwnRole(more.id, {"permissions": ("users:read",)}),
        DeleteOwnRole(more.id),
        GrantRole("ada", "acme", "more"),
        SetSecondFactorRules("acme", ("more",)),
    )
    for verb in verbs:
        assert code(acme.perform(verb, eddy)) == "forbidden", verb
    mine = acme.do(AddOwnRole("acme", "mine", ("users:read",)), eddy)
    wider = ChangeOwnRole(mine.id, {"permissions": ("users:read", "devices:delete")})
    assert code(acme.perform(wider, eddy)) == "forbidden"
    assert code(acme.perform(GrantRole("ada", "acme", "mine"), eddy)) == "done"
    for verb in (AddOwnRole("main", "up", ("users:read",)), AddOwnRole("beta", "x", READING)):
        assert code(acme.perform(verb, eddy)) == "not_found"


def test_what_somebody_with_more_rights_holds_is_not_changed_under_him(acme: Enlist) -> None:
    small = acme.do(AddOwnRole("acme", "small", ("users:read",)))
    boss = acme.staff("administrator", "acme")
    acme.do(GrantRole(boss.id or "", "acme", small.id))
    eddy = editor(acme)
    change = ChangeOwnRole(small.id, {"permissions": ("staff:read",)})
    assert code(acme.perform(change, eddy)) == "forbidden"
    assert code(acme.perform(change, boss)) == "done"


def test_a_key_follows_the_own_role_of_its_maker(acme: Enlist) -> None:
    """S54: what the role gives, and no more once it gives less."""
    role = acme.do(AddOwnRole("acme", "keys", (*READING, "api_keys:edit", "api_keys:read")))
    ada = acme.user("ada", organization="acme")
    acme.do(GrantRole("ada", "acme", role.id))
    outranked = acme.perform(CreateApiKey("k", "reader", "acme"), acme.caller(ada))
    assert code(outranked) == "forbidden"
    acme.do(GrantRole("ada", "acme", "reader"))
    made = acme.do(CreateApiKey("k", "reader", "acme"), acme.caller(ada))
    acme.do(WithdrawRole("ada", "acme", "reader"))
    known = done(acme.perform(ByApiKey(made.secret), acme.stranger()))
    held = held_at(known.rights, ada.organization_path)
    assert held == {Permission(each) for each in (*READING, "api_keys:read")}
    acme.do(ChangeOwnRole(role.id, {"permissions": ("users:read",)}))
    known = done(acme.perform(ByApiKey(made.secret), acme.stranger()))
    assert held_at(known.rights, ada.organization_path) == {Permission.USERS_READ}


def test_what_is_no_role_is_told_at_its_field(acme: Enlist) -> None:
    add(acme)
    wrong: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        "name": [
            ("", READING),
            ("Reader", READING),
            ("field support", READING),
            ("x" * 300, READING),
        ],
        "permissions": [("x", ()), ("x", ("users:fly",)), ("x", ("enrollments:reveal",))],
    }
    for field, cases in wrong.items():
        for name, permissions in cases:
            refused = refusal(acme.perform(AddOwnRole("acme", name, permissions), acme.host))
            assert refused.code == "validation_failed", name
            assert field in {each.field for each in refused.fields}
    assert code(acme.perform(AddOwnRole("beta", "Field support", READING), acme.host)) == "done"


def test_only_what_nobody_holds_is_deleted_also_at_the_same_moment(acme: Enlist) -> None:
    role = add(acme)
    acme.user("ada", organization="acme")
    acme.do(SetSecondFactorRules("acme", ("Field support",)))
    acme.do(GrantRole("ada", "acme", role.id))
    assert code(acme.perform(DeleteOwnRole(role.id), acme.host)) == "conflict"
    acme.do(WithdrawRole("ada", "acme", role.id))
    deleting: Callable[[], Any] = partial(acme.perform, DeleteOwnRole(role.id), acme.host)
    giving: Callable[[], Any] = partial(acme.perform, GrantRole("ada", "acme", role.id), acme.host)
    ended = [code(each) for each in acme.together([deleting, giving])]
    assert ended in (["done", "validation_failed"], ["conflict", "done"])
    held = acme.rows("role_assignment", role=role.id)
    if ended[0] == "done":
        assert not held
        assert not acme.rows("second_factor_rule")
        assert code(seen(acme, ShowOwnRole(role.id), acme.host)) == "not_found"
    else:
        assert len(held) == 1


def test_what_becomes_of_its_holders_is_said(acme: Enlist) -> None:
    """Each is an event about the holder; with another role, it is one that can be given there."""
    role, other = add(acme), acme.do(AddOwnRole("acme", "small", ("users:read",)))
    below = acme.do(AddOwnRole("berlin", "below", ("users:read",)))
    for name in ("ada", "gone"):
        acme.user(name, organization="acme")
        acme.do(GrantRole(name, "berlin", role.id))
    acme.do(DeleteUser("gone"))
    assert code(acme.perform(DeleteOwnRole(role.id), acme.host)) == "conflict"
    for wrong in (below.id, role.id, "no such"):
        refused = refusal(acme.perform(DeleteOwnRole(role.id, instead=wrong), acme.host))
        assert (refused.code, refused.fields[0].field) == ("validation_failed", "instead")
    both = acme.perform(DeleteOwnRole(role.id, withdraw=True, instead="small"), acme.host)
    assert code(both) == "validation_failed"
    assert acme.do(DeleteOwnRole(role.id, instead="small")) == 1
    assert not acme.rows("role_assignment", role=role.id)
    assert len(acme.rows("role_assignment", role=other.id)) == 1
    (taken,), given = acme.events("role.revoked"), acme.events("role.granted")[-1]
    assert (taken.data["role"], taken.data["group_id"]) == ("Field support", "berlin")
    assert (given.data["role"], given.personal["user"]) == ("small", "ada")
    assert acme.do(DeleteOwnRole(other.id, withdraw=True)) == 1
    assert not acme.rows("role_assignment", role=other.id)
    assert acme.events("role.deleted")[-1].data["permissions"] == "users:read"


def test_nobody_gives_more_by_deleting(acme: Enlist) -> None:
    """Neither a role that holds more than he does, nor what somebody above him holds."""
    eddy = editor(acme)
    mine = acme.do(AddOwnRole("acme", "mine", ("users:read",)), eddy)
    more = acme.perform(DeleteOwnRole(mine.id, instead="administrator"), eddy)
    assert code(more) == "forbidden"
    boss = acme.staff("administrator", "acme")
    acme.do(GrantRole(boss.id or "", "acme", mine.id))
    assert code(acme.perform(DeleteOwnRole(mine.id, withdraw=True), eddy)) == "forbidden"
    assert acme.events("role.deleted") == []


def test_a_key_makes_and_gives_no_more_than_it_holds(acme: Enlist) -> None:
    """Not even where its maker could."""
    boss = acme.staff("administrator", "acme")
    extra = ("roles:edit",)
    made = acme.do(CreateApiKey("k", "reader", "acme", extra), boss)
    key = done(acme.perform(ByApiKey(made.secret), acme.stranger()))
    acme.user("ada", organization="acme")
    wide = acme.do(AddOwnRole("acme", "wide", ("devices:delete",)))
    verbs: tuple[AnyVerb[Any, Any, Any], ...] = (
        AddOwnRole("acme", "x", ("devices:delete",)),
        GrantRole("ada", "acme", "wide"),
        GrantRole("ada", "acme", "operator"),
        ChangeOwnRole(wide.id, {"permissions": ("users:read",)}),
    )
    for verb in verbs:
        assert code(acme.perform(verb, key)) == "forbidden", verb
    mine = acme.do(AddOwnRole("acme", "x", READING), key)
    grown = ChangeOwnRole(mine.id, {"permissions": (*READING, "devices:delete")})
    assert code(acme.perform(grown, key)) == "forbidden"
    assert acme.do(GrantRole("ada", "acme", "x"), key)


def test_who_may_make_keys_and_little_else_makes_none_that_reads_tokens(acme: Enlist) -> None:
    """A help desk that makes keys could else issue anybody's token anew, read it, and enroll."""
    desk = (*sorted(ROLES[Role.HELPDESK]), "api_keys:read", "api_keys:edit")
    acme.do(AddOwnRole("acme", "desk", desk))
    helper = acme.user("helper", organization="acme")
    acme.do(GrantRole("helper", "acme", "desk"))
    reading = CreateApiKey("k", "helpdesk", "acme", ("enrollments:reveal",))
    assert code(acme.perform(reading, acme.caller(helper))) == "forbidden"
    plain = CreateApiKey("k", "helpdesk", "acme")
    assert code(acme.perform(plain, acme.caller(helper))) == "done"
    assert code(acme.perform(reading, acme.staff("administrator", "acme"))) == "done"


def test_a_role_that_grew_meanwhile_is_not_given(acme: Enlist) -> None:
    """Who may give it was decided by what it held before."""
    small = acme.do(AddOwnRole("acme", "small", ("users:read",)))
    acme.user("ada", organization="acme")
    eddy = editor(acme)
    grown = ChangeOwnRole(small.id, {"permissions": ("users:read", "devices:delete")})
    at_once: list[Callable[[], Any]] = [
        partial(acme.perform, GrantRole("ada", "acme", "small"), eddy),
        partial(acme.perform, grown, acme.host),
    ]
    ended = [code(each) for each in acme.together(at_once)]
    # Given before it grew, or refused after; and then it is not held.
    assert ended in (["done", "done"], ["forbidden", "done"])
    assert len(acme.rows("role_assignment", role=small.id)) == (ended[0] == "done")


def test_two_edits_at_once_are_told_apart(acme: Enlist) -> None:
    role = add(acme)
    edits: list[Callable[[], Any]] = [
        partial(acme.perform, ChangeOwnRole(role.id, {"name": name}, role.version), acme.host)
        for name in ("one", "two")
    ]
    ended = sorted(code(each) for each in acme.together(edits))
    assert ended == ["done", "precondition_failed"]
    assert len(acme.events("role.changed")) == 1


def test_two_deleted_in_favour_of_each_other_are_locked_in_one_order(
    acme: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each would wait for the other. Of the two one stays, with the holders of both."""
    pair = [add(acme, name) for name in ("one", "two")]
    for name, role in zip(("ada", "bob"), pair, strict=True):
        acme.user(name, organization="acme")
        acme.do(GrantRole(name, "acme", role.id))
    deletions: list[Callable[[], Any]] = [
        partial(acme.perform, DeleteOwnRole(pair[at].id, instead=pair[1 - at].id), acme.host)
        for at in (0, 1)
    ]
    ended = [code(each) for each in acme.together(deletions)]
    assert ended.count("done") == 1
    (left,) = acme.rows("own_role")
    assert len(acme.rows("role_assignment", role=left["id"])) == 2
    earlier = add(acme, "earlier")
    later, locked, hold = add(acme, "later"), list[str](), own_roles.hold

    def noted(tx: Tx, role_id: str) -> bool:
        locked.append(role_id)
        return hold(tx, role_id)

    monkeypatch.setattr(own_roles, "hold", noted)
    acme.do(DeleteOwnRole(later.id, instead=earlier.id))
    assert locked[:2] == [earlier.id, later.id]


def test_it_is_known_where_it_was_made_and_below(acme: Enlist) -> None:
    """Who else holds it is the business of those above."""
    role = add(acme)
    acme.user("ada", organization="acme")
    for place in ("acme", "berlin"):
        acme.do(GrantRole("ada", place, role.id))
    above, below, beside = (acme.staff("reader", place) for place in ("acme", "berlin", "beta"))
    for caller, held in ((above, 2), (below, 1)):
        assert seen(acme, ShowOwnRole(role.id), caller).held == held
        (listed,) = seen(acme, ListOwnRoles(), caller)
        assert listed.held == held
    assert code(seen(acme, ShowOwnRole(role.id), beside)) == "not_found"
    assert seen(acme, ListOwnRoles(), beside) == ()
    assert seen(acme, ListOwnRoles("main"), acme.host) == ()
    below_main = seen(acme, ListOwnRoles("main", below=True), acme.host)
    assert [each.id for each in below_main] == [role.id]


def test_it_may_need_a_second_factor(acme: Enlist) -> None:
    role, ada = add(acme), acme.user("ada", organization="acme")
    acme.do(GrantRole("ada", "berlin", role.id))
    less = acme.do(AddOwnRole("acme", "less", READING[1:]))
    acme.do(SetSecondFactorRules("acme", ("Field support", "reader")))
    (held,) = acme.store.read(lambda tx: roles.of_user(tx, ada.id))
    assert held.needs_factor
    rules = seen(acme, ShowSecondFactorRules("berlin"), acme.host)
    assert set(rules.in_force) == {role.id, *Role}, "each of these may do as much"
    assert set(rules.in_force.values()) == {"acme"}
    acme.do(GrantRole("ada", "berlin", less.id))
    acme.do(WithdrawRole("ada", "berlin", role.id))
    (held,) = acme.store.read(lambda tx: roles.of_user(tx, ada.id))
    assert not held.needs_factor
    (event,) = acme.events("second_factor.rule_changed")
    assert event.data["after.second_factor_roles"] == "Field support, reader"


def test_the_nearest_of_one_name_is_meant(acme: Enlist) -> None:
    far, near = add(acme), add(acme, place="berlin")
    acme.user("ada", organization="acme")
    (held,) = acme.do(GrantRole("ada", "berlin", "Field support"))
    assert held.role == near.id
    usable = seen(acme, ListOwnRoles("berlin"), acme.host)
    assert [each.id for each in usable] == [near.id, far.id]
    assert acme.do(WithdrawRole("ada", "berlin", far.id))


def test_without_a_fresh_password_nothing_is_changed(acme: Enlist) -> None:
    role, boss = add(acme), acme.staff("administrator", "acme")
    acme.clock.advance(minutes=11)
    verbs: tuple[AnyVerb[Any, Any, Any], ...] = (
        AddOwnRole("acme", "late", READING),
        ChangeOwnRole(role.id, {"name": "late"}),
        DeleteOwnRole(role.id),
    )
    for verb in verbs:
        assert code(acme.perform(verb, boss)) == "proof_too_old"
