"""Offboarding: somebody leaves, and all that lets him or his devices in ends at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import HOUR
from enlist.core.ids import new_id
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.secrets import Secret
from enlist.core.sessions import Ending
from enlist.store import credentials
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey, BySignIn
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_sessions import Heartbeat
from enlist.verbs.offboard import (
    CancelOffboarding,
    CarryOut,
    Departure,
    DueOffboardings,
    Leaving,
    Offboard,
)
from enlist.verbs.register import Register
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import DeleteUser, SetUserState
from enlist.verbs.views_details import ShowUser
from tests.behaviour.resetting import connected, standing
from tests.installation import MAILED, PASSWORD, Enlist, Ticket, code, done


class Person:
    """Somebody with one of everything that lets him in."""

    def __init__(self, enlist: Enlist, username: str = "ada") -> None:
        self.enlist, self.username = enlist, username
        self.caller = enlist.staff("administrator", username=username)
        self.id = self.caller.id or ""
        self.enrolled = enlist.register(username, name="laptop")
        done(enlist.redeem(self.enrolled.token))
        self.process = new_id(enlist.clock.now)
        enlist.do(Heartbeat(self.process, ()), SYSTEM)
        self.session = connected(enlist, self.enrolled.device_id, self.process, "192.0.2.7")
        self.waiting = enlist.register(username, name="phone")
        enlist.do(Register("", username, DeviceDetails("tablet", "ios"), MAILED))
        start = StartSignIn(username, Secret(PASSWORD))
        self.cookie = enlist.do(start, enlist.stranger()).cookie
        self.key = enlist.do(CreateApiKey("nightly", "reader"), self.caller).secret

    def lets_in(self) -> dict[str, object]:
        """What still opens something for him."""
        enlist = self.enlist
        ended = enlist.do(Heartbeat(self.process, (self.session,)), SYSTEM)
        keyed = enlist.perform(ByApiKey(self.key), enlist.stranger())
        seen = enlist.perform(BySignIn(self.cookie), enlist.stranger())
        again = StartSignIn(self.username, Secret(PASSWORD))
        return {
            "certificate": standing(enlist, self.enrolled.device_id),
            "session": list(ended.values()),
            "sign-in": code(seen),
            "password": code(enlist.perform(again, enlist.stranger())),
            "API key": code(keyed),
            "token": code(enlist.redeem(self.waiting.token, key=3)),
            "messages": {row["state"] for row in enlist.rows("message", user_id=self.id)},
            "roles": len(enlist.rows("role_assignment", user_id=self.id)),
        }


NOTHING = {
    "certificate": ["credential_revoked"],
    "session": [Ending.CREDENTIAL_REVOKED],
    "sign-in": "unauthenticated",
    "password": "sign_in_failed",
    "API key": "unauthenticated",
    "token": "token_revoked",
    "messages": {"failed"},
    "roles": 0,
}
"""What each way in says once he has left."""


def foreseen(enlist: Enlist, user: str = "ada") -> tuple[Leaving, str]:
    """What a dry run tells, and the digest to confirm it with."""
    found = enlist.do(DryRun(Offboard(user)))
    assert isinstance(found.consequences, Leaving)
    return found.consequences, found.preview


def due(enlist: Enlist) -> list[Done[bool] | Refusal]:
    """What the background worker does at this moment."""
    found = enlist.driver.view(DueOffboardings(), SYSTEM)
    assert not isinstance(found, Refusal)
    return [enlist.perform(CarryOut(each), SYSTEM) for each in found]


def test_everything_dies_at_once(enlist: Enlist) -> None:
    """Issue 5: open sessions included; and what a dry run listed is what ended."""
    ada = Person(enlist)
    ends, preview = foreseen(enlist)
    assert (len(ends.credentials), len(ends.enrollments), ends.sessions) == (1, 2, 1)
    assert (ends.networks, ends.sign_ins, ends.messages) == (("192.0.2.0/24",), 1, 1)
    assert [each.name for each in ends.api_keys] == ["nightly"]
    assert [each.role for each in ends.roles] == ["administrator"]
    outcome = enlist.perform(Offboard("ada", preview=preview))
    assert isinstance(outcome, Done)
    assert outcome.value.leaving == ends
    assert outcome.effects == (Drop(ada.enrolled.device_id),)
    assert ada.lets_in() == NOTHING
    assert enlist.device(ada.enrolled.device_id).state == "unenrolled"
    (revoked,) = enlist.store.read(credentials.revoked)
    assert revoked.reason == "offboarded"
    (event,) = enlist.events("user.offboarded")
    assert event.data["api_keys_revoked"] == event.data["credentials_revoked"] == 1
    for kind, count in {"enrollment.revoked": 2, "api_key.revoked": 1, "role.revoked": 1}.items():
        assert len(enlist.events(kind)) == count
    enlist.do(SetUserState("ada", "active"))
    enlist.do(GrantRole("ada", enlist.root.id, "administrator"))
    enlist.clock.advance(seconds=10)
    assert ada.lets_in() == NOTHING | {"roles": 1}


CHANGES: dict[str, Callable[[Enlist, Ticket], object]] = {
    "another token": lambda e, _t: e.register("ada", name="watch"),
    "a token less": lambda e, t: e.revoke(t.enrollment_id),
    "a device enrolls": lambda e, t: e.redeem(t.token, key=2),
    "a sign-in": lambda e, _t: e.do(StartSignIn("ada", Secret(PASSWORD)), e.stranger()),
    "a message": lambda e, _t: e.do(Register("", "ada", DeviceDetails("new", "ios"), MAILED)),
    "a role": lambda e, _t: e.do(GrantRole("ada", e.root.id, "reader")),
    "disabled": lambda e, _t: e.do(SetUserState("ada", "disabled")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_confirmation_holds_for_what_was_shown(enlist: Enlist, change: str) -> None:
    """X45: whatever changed since, nothing ends, and the next look shows it."""
    ticket = enlist.register("ada")
    _, preview = foreseen(enlist)
    CHANGES[change](enlist, ticket)
    for at in (None, enlist.clock.now + HOUR):
        assert code(enlist.perform(Offboard("ada", at, preview))) == "preview_outdated"
    assert enlist.events("user.offboarded") == []
    _, preview = foreseen(enlist)
    assert code(enlist.perform(Offboard("ada", preview=preview))) == "done"


def test_what_changes_at_that_very_moment_is_not_confirmed(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X45: between the last look and the change."""
    enlist.register("ada")
    _, preview = foreseen(enlist)

    def meanwhile(_verb: Offboard, _tools: object, _caller: Caller, seen: Departure) -> Departure:
        monkeypatch.undo()
        enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
        return seen

    monkeypatch.setattr(Offboard, "work", meanwhile)
    assert code(enlist.perform(Offboard("ada", preview=preview))) == "preview_outdated"
    assert enlist.events("user.offboarded") == []


def test_at_a_given_time_it_happens_once(enlist: Enlist) -> None:
    """Issue 5: nothing before; then once, however many processes look, by what there is then."""
    ada = Person(enlist)
    at = enlist.clock.now + HOUR
    planned = enlist.do(Offboard("ada", at, foreseen(enlist)[1]))
    assert planned.at == at
    assert standing(enlist, ada.enrolled.device_id) == ["done"]
    assert due(enlist) == []
    shown = enlist.driver.view(ShowUser("ada"), enlist.host)
    assert not isinstance(shown, Refusal)
    assert shown.offboarding is not None
    assert shown.offboarding.due_at == at
    enlist.clock.advance(hours=1)
    found = enlist.driver.view(DueOffboardings(), SYSTEM)
    assert not isinstance(found, Refusal)
    moves = [partial(enlist.perform, CarryOut(found[0]), SYSTEM) for _ in range(6)]
    assert sorted(done(each) for each in enlist.together(moves)) == [False] * 5 + [True]
    (event,) = enlist.events("user.offboarded")
    assert event.actor_kind == "system"
    assert ada.lets_in() == NOTHING
    assert due(enlist) == []


def test_what_is_planned_can_be_put_off_and_cancelled(enlist: Enlist) -> None:
    """Issue 5: then nothing happens when its time comes."""
    enlist.register("ada")
    soon, later = enlist.clock.now + HOUR, enlist.clock.now + 2 * HOUR
    enlist.do(Offboard("ada", soon))
    (stale,) = (enlist.rows("offboarding"),)
    assert [row["due_at"] for row in stale] == [soon]
    enlist.do(Offboard("ada", later))
    enlist.clock.advance(hours=1)
    assert due(enlist) == []
    enlist.do(CancelOffboarding("ada"))
    assert code(enlist.perform(CancelOffboarding("ada"))) == "not_found"
    enlist.clock.advance(hours=2)
    assert due(enlist) == []
    assert enlist.events("user.offboarded") == []
    assert len(enlist.events("user.offboarding_planned")) == 2
    assert len(enlist.events("user.offboarding_cancelled")) == 1


def test_one_who_was_deleted_meanwhile_is_left_alone(enlist: Enlist) -> None:
    """X31."""
    enlist.user("ada")
    enlist.do(Offboard("ada", enlist.clock.now + HOUR))
    enlist.do(DeleteUser("ada"))
    enlist.clock.advance(hours=1)
    assert [done(each) for each in due(enlist)] == [False]
    assert enlist.rows("offboarding") == []


def test_the_last_administrator_stays(enlist: Enlist) -> None:
    """Issue 5: neither now nor later; and who is the last one by then stays until he is not."""
    enlist.staff("administrator", username="eve")
    enlist.do(Offboard("eve", enlist.clock.now + HOUR))
    enlist.do(Offboard("root@example.com"))
    for at in (None, enlist.clock.now + HOUR):
        assert code(enlist.perform(Offboard("eve", at))) == "last_administrator"
    enlist.clock.advance(hours=1)
    for _ in range(2):
        assert [done(each) for each in due(enlist)] == [False]
    assert len(enlist.events("user.offboarding_held_up")) == 1
    enlist.staff("administrator", username="ida")
    assert [done(each) for each in due(enlist)] == [True]
    assert enlist.events("user.offboarded")[-1].personal["user"] == "eve"


def test_two_administrators_cannot_offboard_each_other(enlist: Enlist) -> None:
    """S51: whoever comes second is the last one."""
    eve = enlist.staff("administrator", username="eve")
    ida = enlist.staff("administrator", username="ida")
    enlist.do(Offboard("root@example.com"))

    def by(caller: Caller, user: str) -> Done[Departure] | Refusal:
        return enlist.perform(Offboard(user), caller)

    found = enlist.together([partial(by, eve, "ida"), partial(by, ida, "eve")])
    assert sorted(code(each) for each in found) == ["done", "last_administrator"]


def test_offboarding_and_enrolling_in_the_same_moment(enlist: Enlist) -> None:
    """X21, S54: whoever was first, no credential is left that counts."""
    for number in range(6):
        user = f"user{number}"
        ticket = enlist.register(user)
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token, key=number),
            partial(enlist.perform, Offboard(user)),
        ]
        _, offboarded = enlist.together(moves)
        assert code(offboarded) == "done"
        assert set(standing(enlist, ticket.device_id)) <= {"credential_revoked"}
        assert all(row["revoked_at"] for row in enlist.rows("credential"))


@pytest.mark.parametrize("at", [-1, 0])
def test_a_time_that_is_over_is_refused(enlist: Enlist, at: int) -> None:
    enlist.user("ada")
    outcome = enlist.perform(Offboard("ada", enlist.clock.now + at))
    assert isinstance(outcome, Refusal)
    assert [each.field for each in outcome.fields] == ["at"]
