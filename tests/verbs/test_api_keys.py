"""API keys: made with no more rights than their maker's, used, revoked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from enlist.core.access import InForce
from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import DAY
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission, Role
from enlist.core.secrets import Secret, parse_machine_secret
from enlist.store.tx import StoreUnavailable
from enlist.verbs.api_keys import ApiKeyAgain, CreateApiKey, CreatedApiKey, RevokeApiKey
from enlist.verbs.callers import ByApiKey
from enlist.verbs.sign_in import FRESH
from enlist.verbs.staff import GrantRole, WithdrawRole
from enlist.verbs.users import DeleteUser, SetUserState
from enlist.verbs.views import ListApiKeys, ListDevices
from tests.verbs.world import STRANGER, World


def fields(refusal: Any) -> set[str]:
    assert refusal.code == "validation_failed", refusal
    return {error.field for error in refusal.fields}


def use(world: World, secret: Secret, address: str = STRANGER.address) -> Any:
    """The caller that a key makes, or the refusal."""
    outcome = world.perform(ByApiKey(secret), replace(STRANGER, address=address))
    return outcome if isinstance(outcome, Refusal) else outcome.value


def create(world: World, caller: Caller | None = None, **details: Any) -> CreatedApiKey:
    return world.do(CreateApiKey("robot", details.pop("role", "operator"), **details), caller)


def test_a_key_is_shown_once_and_works(either: World) -> None:
    made = create(either, organization="acme")
    assert parse_machine_secret("enk", made.secret.reveal()) is not None
    for told in (made, ByApiKey(made.secret)):
        assert made.secret.reveal() not in repr(told)
    caller = use(either, made.secret)
    assert (caller.kind, caller.id, caller.name) == (CallerKind.API_KEY, made.key.id, "robot")
    assert caller.may(Permission.DEVICES_REGISTER, either.organizations["labs"].path)
    assert not caller.may(Permission.DEVICES_READ, either.organizations["beta"].path)
    assert either.see(ListDevices(), caller).items == ()
    listed = either.see(ListApiKeys()).items
    assert [key.id for key in listed] == [made.key.id]
    assert listed[0].last_used_at is not None


def test_a_mistyped_key_costs_nothing(either: World) -> None:
    """S03: not one query, be it to count; so it is told also while the database is away."""
    key = create(either).secret.reveal()
    either.installation.store.close()
    for place in range(4, len(key)):
        other = "B" if key[place] != "B" else "C"
        told = use(either, Secret(f"{key[:place]}{other}{key[place + 1 :]}"))
        assert (told.code, told.counted_only) == ("unauthenticated", True)
        assert told.support_code
    with pytest.raises(StoreUnavailable):
        use(either, Secret(key))


def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    made = create(world)
    world.do(RevokeApiKey(made.key.id))
    assert use(world, made.secret).code == "unauthenticated"
    world.do(RevokeApiKey(made.key.id))
    assert len(world.events(kind="api_key.revoked")) == 1
    assert [key.id for key in world.see(ListApiKeys(filters={"state": "revoked"})).items] == [
        made.key.id
    ]


def test_a_key_runs_out(world: World) -> None:
    made = create(world, expires_at=world.clock.now + DAY)
    use(world, made.secret)
    world.clock.forward(DAY)
    assert use(world, made.secret).code == "unauthenticated"


def test_a_key_works_only_from_its_networks(world: World) -> None:
    made = create(world, addresses=("192.0.2.99/24", "2001:db8::1"))
    assert made.key.addresses == ("192.0.2.0/24", "2001:db8::1/128")
    assert isinstance(use(world, made.secret, "192.0.2.1"), Caller)
    assert use(world, made.secret, "198.51.100.1").code == "unauthenticated"


@pytest.mark.parametrize(
    ("field", "details"),
    [
        ("role", {"role": "owner"}),
        ("permissions", {"permissions": ("devices:steal",)}),
        ("addresses", {"addresses": ("everywhere",)}),
        ("expires_at", {"expires_at": 0}),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    world: World, field: str, details: dict[str, Any]
) -> None:
    wanted = {"role": "reader", **details}
    assert fields(world.refused(CreateApiKey("robot", **wanted))) == {field}
    assert fields(world.refused(CreateApiKey(" ", "reader"))) == {"name"}


@pytest.mark.parametrize("role", Role)
def test_a_key_never_exceeds_its_maker(world: World, role: Role) -> None:
    """S51: a key that may make keys gives no more than it has."""
    weak = create(world, role="reader", permissions=("api_keys:edit",)).secret
    outcome = world.perform(CreateApiKey("k", role.value), use(world, weak))
    assert isinstance(outcome, Refusal) == (role is not Role.READER)
    assert not isinstance(outcome, Refusal) or outcome.code == "forbidden"


def test_a_key_of_a_key_has_its_bounds(either: World) -> None:
    """S51: neither a longer life nor another network; unless told, it gets those of its maker."""
    end, near = either.clock.now + DAY, STRANGER.address
    bounds: dict[str, Any] = {"expires_at": end, "addresses": (f"{near}/24",)}
    maker = use(either, create(either, role="administrator", **bounds).secret)
    made = create(either, maker, role="reader").key
    assert (made.expires_at, made.addresses) == (end, ("192.0.2.0/24",))
    within = create(either, maker, role="reader", expires_at=end - 1, addresses=(near,)).key
    assert (within.expires_at, within.addresses) == (end - 1, (f"{near}/32",))
    for field, wanted in (
        ("expires_at", {"expires_at": end + 1}),
        ("addresses", {"addresses": ("192.0.0.0/16",)}),
        ("addresses", {"addresses": (near, "2001:db8::1")}),
    ):
        details: dict[str, Any] = wanted
        assert fields(either.refused(CreateApiKey("k", "reader", **details), maker)) == {field}
    free = use(either, create(either, role="administrator").secret)
    assert create(either, free, role="reader", expires_at=end + DAY).key.addresses == ()


@pytest.mark.parametrize("permission", [p for p in Permission if p != "enrollments:reveal"])
def test_a_permission_takes_holding_it(world: World, permission: Permission) -> None:
    weak = use(world, create(world, role="reader", permissions=("api_keys:edit",)).secret)
    outcome = world.perform(CreateApiKey("k", "reader", permissions=(permission,)), weak)
    held = weak.may(permission, weak.home)
    assert isinstance(outcome, Refusal) != held


def test_revealing_may_be_given_by_whoever_may_make_keys(world: World) -> None:
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    made = create(world, caller, permissions=("enrollments:reveal",))
    path = world.organizations["acme"].path
    assert use(world, made.secret).may(Permission.ENROLLMENTS_REVEAL, path)
    assert not caller.may(Permission.ENROLLMENTS_REVEAL, path)


def gone(world: World, secret: Secret) -> bool:
    told = use(world, secret)
    return isinstance(told, Refusal) and (told.code, told.holder) == ("unauthenticated", False)


def in_force(world: World) -> list[tuple[InForce, frozenset[Permission]]]:
    """How each key is listed: how much of its rights it has now, and what it can do."""
    return [
        (key.in_force, frozenset().union(*(right.permissions for right in key.rights)))
        for key in world.see(ListApiKeys()).items
    ]


@pytest.mark.parametrize("how", ["disabled", "deleted", "withdrawn"])
def test_a_key_does_not_outlive_its_makers_rights(either: World, how: str) -> None:
    """S54: what was taken from its maker is gone with the next request, and comes back with it."""
    maker = either.staff(Role.ADMINISTRATOR, "acme")
    assert maker.id is not None
    key = create(either, maker, organization="labs").secret
    of_the_key = either.do(
        CreateApiKey("child", "reader", organization="labs"),
        replace(maker, kind=CallerKind.API_KEY, id=use(either, key).id),
    ).secret
    assert not gone(either, key)
    if how == "disabled":
        either.do(SetUserState(maker.id, "disabled"))
    elif how == "deleted":
        either.do(DeleteUser(maker.id))
    else:
        either.do(WithdrawRole(maker.id, "acme", "administrator"))
    assert gone(either, key)
    assert gone(either, of_the_key)
    assert set(in_force(either)) == {(InForce.NONE, frozenset())}
    (event,) = either.events(kind="api_key.refused")[:1]
    assert event.data["reason"] == "its maker's rights are gone"
    if how == "disabled":
        either.do(SetUserState(maker.id, "active"))
        assert not gone(either, key)
        assert {left for left, _ in in_force(either)} == {InForce.ALL}


def test_a_key_keeps_what_its_maker_keeps(either: World) -> None:
    """S54: less, or at fewer places; never what he got besides."""
    acme, labs = either.organizations["acme"].path, either.organizations["labs"].path
    maker = either.staff(Role.ADMINISTRATOR, "acme")
    assert maker.id is not None
    key = create(either, maker, organization="acme", permissions=("enrollments:reveal",)).secret
    assert use(either, key).may(Permission.ENROLLMENTS_REVEAL, acme)
    assert [left for left, _ in in_force(either)] == [InForce.ALL]
    either.do(GrantRole(maker.id, "labs", "reader"))
    either.do(WithdrawRole(maker.id, "acme", "administrator"))
    left = use(either, key)
    assert left.may(Permission.DEVICES_READ, labs)
    assert not left.may(Permission.DEVICES_READ, acme)
    assert not left.may(Permission.DEVICES_EDIT, labs)
    assert not left.may(Permission.ENROLLMENTS_REVEAL, labs)
    assert in_force(either) == [(InForce.SOME, left.rights[0].permissions)]


def test_a_key_made_at_the_machine_needs_nobody(either: World) -> None:
    """Only people lose rights; whoever sits at the machine has made no user's key."""
    key = create(either, organization="acme").secret
    child = either.do(CreateApiKey("child", "reader", organization="acme")).secret
    assert not gone(either, key)
    assert not gone(either, child)
    assert {left for left, _ in in_force(either)} == {InForce.ALL}


def test_making_a_key_takes_a_fresh_proof(world: World) -> None:
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    stale = replace(caller, proved_at=world.clock.now - FRESH)
    assert world.refused(CreateApiKey("k", "reader"), stale).code == "proof_too_old"
    assert create(world, caller, role="reader").key.group_id == "acme"


def test_a_lost_key_is_not_shown_again(world: World) -> None:
    made = create(world)
    refusal = world.refused(ApiKeyAgain(made.key.id))
    assert (refusal.code, refusal.data) == ("already_shown", {"id": made.key.id})
