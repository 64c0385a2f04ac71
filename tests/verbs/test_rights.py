"""Who may do what: every verb and every view of staff, for every role, here and next door.

The table is in `rights_table.py`. That none is missing there is itself tested: a new verb without
a line fails.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import enlist.verbs
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Role
from enlist.verbs import (
    register,
    staff,
)
from enlist.verbs.driver import AnyVerb, View
from enlist.verbs.issuing import Delivery
from tests.verbs.fresh import NEW
from tests.verbs.rights_table import (
    ADMINISTRATOR,
    ELSEWHERE,
    HELPDESK,
    HOST_ALONE,
    ON_PEOPLE,
    OPERATOR,
    READER,
    REQUESTS,
)
from tests.verbs.world import World

KNOWN_BELOW = {"ShowOwnRole"}
"""What an organization makes for those below it as well: a role, which can be given there."""


def _everything() -> set[str]:
    """The public name of every verb and view that is defined in `enlist.verbs`."""
    found = set()
    for module in pkgutil.iter_modules(enlist.verbs.__path__):
        loaded = importlib.import_module(f"enlist.verbs.{module.name}")
        for name, value in vars(loaded).items():
            own = isinstance(value, type) and value.__module__ == loaded.__name__
            if own and issubclass(value, AnyVerb | View) and not name.startswith("_"):
                found.add(name)
    return found - {"AnyVerb", "Verb", "QuickVerb", "HotVerb", "View", "Listed"}


def outcome(world: World, request: Any, caller: Any) -> Any:
    if isinstance(request, View):
        return world.look(request, caller)
    return world.perform(request, caller)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_a_role_may_do_what_it_may(world: World, name: str, role: Role) -> None:
    """S50, and S72, X18: whatever is done, or refused, is in the log, once: who, and from where."""
    asked = REQUESTS[name]
    caller = world.staff(role, "acme")
    request = asked.request(world, "acme")
    before = len(world.events())
    answer = outcome(world, request, caller)
    refused = isinstance(answer, Refusal)
    assert refused == (role not in asked.allowed), answer
    if refused and name == "WithdrawRole" and role is HELPDESK:
        assert answer.code in ("forbidden", "not_found")  # he does not see whose role it is
    elif refused:
        assert answer.code == "forbidden"
    added = world.events()[before:]
    assert len(added) == (1 if refused else asked.events)
    for event in added:
        assert (event.actor_kind, event.actor_id) == ("user", caller.id)
        if event.kind == "user.offboarded" and name == "Erase":
            assert not event.personal  # it names whom the same transaction erased
        else:
            assert event.personal["address"] == caller.address


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_next_door_nothing_exists(world: World, name: str) -> None:
    """S52: a sibling's ids and names answer as if there were nothing, and nothing is changed."""
    caller = world.staff(ADMINISTRATOR, "acme")
    request = REQUESTS[name].request(world, "beta")
    before = world.everything()
    answer = outcome(world, request, caller)
    assert isinstance(answer, Refusal), answer
    assert answer.code == "not_found"
    assert (answer.detail, answer.fields, answer.at) == ("", (), None)
    assert world.everything() == before


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - KNOWN_BELOW))
def test_above_nothing_exists_either(world: World, name: str) -> None:
    caller = world.staff(ADMINISTRATOR, "labs")
    answer = outcome(world, REQUESTS[name].request(world, "acme"), caller)
    assert isinstance(answer, Refusal), answer
    assert answer.code == "not_found"


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_below_counts_as_ones_own(world: World, name: str) -> None:
    caller = world.staff(ADMINISTRATOR, "acme")
    answer = outcome(world, REQUESTS[name].request(world, "labs"), caller)
    assert not isinstance(answer, Refusal), answer


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_without_a_role_nothing_may_be_done(world: World, name: str) -> None:
    caller = world.person(world.add_user("acme").id)
    answer = outcome(world, REQUESTS[name].request(world, "acme"), caller)
    assert isinstance(answer, Refusal), answer
    assert answer.code in ("not_found", "forbidden")


@pytest.mark.parametrize("name", HOST_ALONE)
def test_what_is_for_the_host_alone_is_for_nobody_else(world: World, name: str) -> None:
    caller = world.staff(ADMINISTRATOR, "main")
    before = [event.kind for event in world.events()]
    answer = outcome(world, HOST_ALONE[name], caller)
    assert isinstance(answer, Refusal), answer
    assert answer.code == "forbidden"
    assert [event.kind for event in world.events()] == [*before, "request.refused"]


def test_none_is_missing() -> None:
    missing = _everything() - set(REQUESTS) - set(HOST_ALONE) - ELSEWHERE
    assert not missing, "say in REQUESTS who may ask for these, or in ELSEWHERE why nobody is"


# --- nobody acts on someone with more rights (S51, X56) -------------------------------------------


@pytest.mark.parametrize("name", ON_PEOPLE)
@pytest.mark.parametrize(
    ("actor", "target", "place"),
    [
        (OPERATOR, ADMINISTRATOR, "acme"),
        (HELPDESK, OPERATOR, "acme"),
        (READER, ADMINISTRATOR, "acme"),
        (ADMINISTRATOR, ADMINISTRATOR, "main"),
    ],
)
def test_nobody_acts_on_someone_with_more_rights(
    world: World, name: str, actor: Role, target: Role, place: str
) -> None:
    caller = world.staff(actor, "acme")
    mighty = world.add_user("acme")
    world.do(staff.GrantRole(mighty.id, place, target.value))
    request = ON_PEOPLE[name](world, mighty.id)
    before = world.everything()
    answer = outcome(world, request, caller)
    assert isinstance(answer, Refusal), answer
    assert answer.code in ("forbidden", "not_found")
    assert world.everything() == before


@pytest.mark.parametrize("name", ON_PEOPLE)
def test_equals_may_act_on_each_other(world: World, name: str) -> None:
    caller = world.staff(ADMINISTRATOR, "acme")
    other = world.staff(ADMINISTRATOR, "acme")
    assert other.id is not None
    answer = outcome(world, ON_PEOPLE[name](world, other.id), caller)
    assert isinstance(answer, Done), answer


@pytest.mark.parametrize("name", ["ChangeUser", "SetUserState", "DeleteUser", "SetPassword"])
def test_an_operator_edits_only_users_without_roles(world: World, name: str) -> None:
    caller = world.staff(OPERATOR, "acme")
    other = world.staff(READER, "acme")
    assert other.id is not None
    assert outcome(world, ON_PEOPLE[name](world, other.id), caller).code == "forbidden"


def test_delivery_is_no_way_around(world: World) -> None:
    """Showing a token takes a permission that no role holds (X11)."""
    caller = world.staff(ADMINISTRATOR, "acme")
    shown = register.Register("", world.add_user("acme").id, NEW, Delivery("none"))
    assert world.refused(shown, caller).code == "forbidden"
