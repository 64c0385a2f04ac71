"""A request that comes twice is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.clock import DAY
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import ROLES, Permission, Right, Role
from enlist.store import holds
from enlist.store.tx import Reader, Statement, Tx
from enlist.verbs.api_keys import ApiKeyAgain, CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.idempotent import Idempotent, idempotency_key
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import AddOrganization, OrganizationAgain
from enlist.verbs.register import Issue, IssuedAgain, Register
from enlist.verbs.reissue import Reissue, Revoke
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser, UserAgain
from tests.verbs.world import World

BODY = b'{"some": "body"}'
REVEAL = Permission.ENROLLMENTS_REVEAL


USE = Statement("test.use", "UPDATE enrollment SET state = 'used', used_at = 1 WHERE id = :id")
EXPIRE = Statement("test.expire", "UPDATE enrollment SET expires_at = 1 WHERE id = :id")


def once(world: World, verb: Any, again: Callable[[str], Any], body: bytes = BODY) -> Any:
    """The verb under the key `k` of the host."""
    key = idempotency_key(world.host, "k", body)
    assert not isinstance(key, Refusal)
    return Idempotent(verb, key, again)


def issued_again(made: str) -> IssuedAgain:
    return IssuedAgain(made, revealed=True)


def add_user(_: World) -> Any:
    return AddUser("acme", "ada@example.com", email="ada@example.com")


def add_organization(_: World) -> Any:
    return AddOrganization("acme", "new", "New")


def register(world: World) -> Any:
    user = world.add_user("acme")
    return Register("", user.id, DeviceDetails("d", "linux"), Delivery("none"))


def issue(world: World) -> Any:
    issued = world.register(world.add_user("acme"))
    world.do(Revoke(issued.enrollment_id))
    return Issue(issued.device_id, Delivery("none"))


WAYS: dict[str, tuple[Callable[[World], Any], Callable[[str], Any]]] = {
    "user": (add_user, UserAgain),
    "organization": (add_organization, OrganizationAgain),
    "register": (register, issued_again),
    "issue": (issue, issued_again),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_second_request_gets_the_answer_of_the_first(either: World, way: str) -> None:
    make, again = WAYS[way]
    verb = make(either)
    first = either.do(once(either, verb, again))
    after = either.everything()
    assert either.do(once(either, verb, again)) == first
    assert either.everything() == after


def test_a_repeat_shows_no_token_but_the_one_that_it_made(either: World) -> None:
    """S05, S10: what was mailed since is its user's alone."""
    verb = register(either)
    first = either.do(once(either, verb, issued_again))
    either.do(Reissue(first.enrollment_id, Delivery("email")))
    assert either.do(once(either, verb, issued_again)).token is None
    assert either.events(kind="enrollment.revealed")[-1].data == {}


def test_a_repeat_shows_no_token_of_somebody_who_outranks_by_now(either: World) -> None:
    """S51: he was nobody when it was made."""
    caller = either.staff(Role.OPERATOR, "acme")
    acme = either.organizations["acme"].path
    caller = replace(caller, rights=(Right(acme, ROLES[Role.OPERATOR] | {REVEAL}),))
    user = either.add_user("acme")
    verb = Register("", user.id, DeviceDetails("d", "linux"), Delivery("none"))
    first = either.do(once(either, verb, issued_again), caller)
    assert either.do(once(either, verb, issued_again), caller) == first
    either.do(GrantRole(user.id, "acme", "administrator"))
    assert either.do(once(either, verb, issued_again), caller).token is None


@pytest.mark.parametrize("end", ["used", "revoked", "expired", "on hold"])
def test_a_repeat_shows_no_token_that_is_dead(either: World, end: str) -> None:
    """S06: its derivation key may be gone by then, and is gone where it has leaked."""
    verb = register(either)
    first = either.do(once(either, verb, issued_again))
    if end == "used":
        either.installation.store.write(lambda tx: tx.run(USE, id=first.enrollment_id))
    elif end == "revoked":
        either.do(Revoke(first.enrollment_id))
    elif end == "expired":
        either.installation.store.write(lambda tx: tx.run(EXPIRE, id=first.enrollment_id))
    else:
        either.installation.store.write(holds.hold_all)
    again = either.do(once(either, verb, issued_again))
    assert (again.enrollment_id, again.token) == (first.enrollment_id, None)


@pytest.mark.parametrize("way", WAYS)
def test_two_at_once_are_done_once(either: World, way: str) -> None:
    make, again = WAYS[way]
    verb = make(either)
    start = threading.Barrier(4)
    outcomes: list[Any] = []

    def ask() -> None:
        request = once(either, verb, again)
        start.wait()
        outcomes.append(either.perform(request))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert len({repr(outcome.value) for outcome in outcomes}) == 1


def test_a_random_secret_is_not_shown_again(either: World) -> None:
    verb = CreateApiKey("robot", "reader")
    made = either.do(once(either, verb, ApiKeyAgain))
    refusal = either.refused(once(either, verb, ApiKeyAgain))
    assert (refusal.code, refusal.data["id"]) == ("already_shown", made.key.id)


def test_another_body_is_refused(world: World) -> None:
    world.do(once(world, add_user(world), UserAgain))
    other = once(world, AddUser("acme", "eve"), UserAgain, b"other")
    assert world.refused(other).code == "idempotency_key_reused"


def test_a_refused_request_leaves_its_key_free(either: World) -> None:
    either.add_user("acme", "ada@example.com")
    assert either.refused(once(either, add_user(either), UserAgain)).code == "username_taken"
    assert either.everything()["idempotency"] == []
    either.do(once(either, AddUser("acme", "eve"), UserAgain, b"other"))


class RefusedLate(Verb[None, None, str]):
    """A verb that finds out only in its transaction."""

    name = "refused_late"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> None:
        return None

    def work(self, tools: Tools, caller: Caller, seen: None) -> None:
        return None

    def apply(self, tx: Tx, caller: Caller, ready: None) -> Refusal:
        return Refusal("conflict")

    def made(self, value: str) -> str:
        return value


def test_a_refusal_in_the_transaction_leaves_the_key_free_too(either: World) -> None:
    assert either.refused(once(either, RefusedLate(), UserAgain)).code == "conflict"
    assert either.everything()["idempotency"] == []
    either.do(once(either, add_user(either), UserAgain))


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    world.do(once(world, add_user(world), UserAgain))
    world.clock.forward(DAY)
    assert world.refused(once(world, add_user(world), UserAgain)).code == "username_taken"


def test_a_key_belongs_to_its_caller(world: World) -> None:
    ours = idempotency_key(world.host, "k", BODY)
    theirs = idempotency_key(world.administrator(), "k", BODY)
    assert not isinstance(ours, Refusal)
    assert not isinstance(theirs, Refusal)
    assert ours.caller != theirs.caller


def test_what_is_shown_again_takes_the_right_to_see_it(world: World) -> None:
    """A right that was taken away meanwhile is not given back by a key."""
    issued = world.do(register(world))
    reader = world.person(world.add_user("beta").id)
    assert world.refused(issued_again(issued.enrollment_id), reader).code == "not_found"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "ä"])
def test_a_key_is_short_and_printable(world: World, key: str) -> None:
    refusal = idempotency_key(world.host, key, BODY)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "validation_failed"


def test_only_what_makes_something_can_be_wrapped(world: World) -> None:
    with pytest.raises(TypeError):
        once(world, Revoke("x"), issued_again)


def test_the_wrapped_verb_is_known_by_its_own_name(world: World) -> None:
    world.refused(once(world, AddUser("nowhere", "x"), UserAgain))
    assert world.events(kind="request.refused")[-1].data["verb"] == "add_user"
