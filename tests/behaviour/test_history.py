"""The log: one event for each thing that happened, and a device's whole story in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from enlist.verbs.devices import DeleteDevice
from enlist.verbs.register import Issue
from enlist.verbs.reissue import Reissue
from tests.installation import MAILED, PASSWORD, SHOWN, Enlist, Ticket, code, done
from tests.requests import tampered

Step = Callable[[Enlist, Ticket], object]
ADA = ("ada", PASSWORD)


def reissued(enlist: Enlist, ticket: Ticket) -> object:
    return enlist.perform(Reissue(ticket.enrollment_id, MAILED))


def used(enlist: Enlist, ticket: Ticket) -> object:
    return enlist.redeem(ticket.token)


def cancelled(enlist: Enlist, ticket: Ticket) -> object:
    begun = done(enlist.begin(ticket.token))
    return enlist.cancel(begun.attempt_id, begun.code)


def after(first: Step, then: Step) -> Step:
    """The second step, once the first was taken."""

    def step(enlist: Enlist, ticket: Ticket) -> object:
        first(enlist, ticket)
        return then(enlist, ticket)

    return step


STEPS: dict[str, tuple[Step, str, list[str]]] = {
    "check": (lambda e, t: e.check(t.token), "done", ["enrollment.checked"]),
    "begin": (lambda e, t: e.begin(t.token), "done", ["attempt.started"]),
    "cancel": (cancelled, "done", ["attempt.started", "attempt.cancelled"]),
    "redeem": (used, "done", ["enrollment.redeemed"]),
    "repeat": (after(used, used), "done", ["enrollment.redeemed", "enrollment.repeated"]),
    "another key": (
        after(used, lambda e, t: e.redeem(t.token, key=1)),
        "token_used",
        ["enrollment.redeemed", "enrollment.refused"],
    ),
    "bad request": (
        lambda e, t: e.redeem(t.token, key=tampered()),
        "csr_invalid",
        ["enrollment.refused"],
    ),
    "wrong platform": (
        lambda e, t: e.redeem(t.token, platform="ios"),
        "platform_mismatch",
        ["enrollment.refused"],
    ),
    "wrong token": (lambda e, _t: e.redeem("abcdefghij"), "token_invalid", ["enrollment.refused"]),
    "wrong login": (
        lambda e, _t: e.redeem(group_id="main", login=("ada", "wrong")),
        "credentials_invalid",
        ["enrollment.refused"],
    ),
    "mistyped": (lambda e, _t: e.redeem("BCDF-GHJK-Z"), "token_invalid", []),
    "sign-in": (
        lambda e, _t: e.redeem(group_id="main", login=ADA, platform="macos"),
        "done",
        ["enrollment.redeemed"],
    ),
    "resend": (lambda e, t: e.resend(t.enrollment_id), "done", ["enrollment.resent"]),
    "reissue": (reissued, "done", ["enrollment.reissued"]),
    "reveal": (
        lambda e, t: e.perform(Reissue(t.enrollment_id, SHOWN)),
        "done",
        ["enrollment.reissued", "enrollment.revealed"],
    ),
    "revoke": (lambda e, t: e.revoke(t.enrollment_id), "done", ["enrollment.revoked"]),
    "revoke twice": (
        after(lambda e, t: e.revoke(t.enrollment_id), lambda e, t: e.revoke(t.enrollment_id)),
        "token_revoked",
        ["enrollment.revoked", "request.refused"],
    ),
    "issue too many": (
        lambda e, t: e.perform(Issue(t.device_id, MAILED)),
        "enrollment_exists",
        ["request.refused"],
    ),
    "issue again": (
        after(
            lambda e, t: e.revoke(t.enrollment_id),
            lambda e, t: e.perform(Issue(t.device_id, MAILED)),
        ),
        "done",
        ["enrollment.revoked", "enrollment.issued"],
    ),
    # Whoever follows the enrollment is told of its end by itself.
    "delete": (
        lambda e, t: e.perform(DeleteDevice(t.device_id)),
        "done",
        ["device.deleted", "enrollment.revoked"],
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_step_is_one_event(enlist: Enlist, name: str) -> None:
    """S72, X18: neither none nor two, be it done or refused; ruling 11 for what was unreadable."""
    step, answer, kinds = STEPS[name]
    ticket = enlist.register("ada")
    before = {event.id for event in enlist.events()}
    assert code(step(enlist, ticket)) == answer
    added = [event.kind for event in enlist.events() if event.id not in before]
    assert sorted(added) == sorted(kinds)


def test_a_devices_whole_story_is_one_timeline(enlist: Enlist) -> None:
    """X18: from the registration to the deletion, each with who and from where."""
    steps: list[Callable[[], Any]] = []
    ticket = enlist.register("ada")
    begun: list[Any] = []
    steps = [
        lambda: enlist.check(ticket.token),
        lambda: begun.append(done(enlist.begin(ticket.token))),
        lambda: enlist.redeem(begun[0].code, key=tampered()),
        lambda: enlist.redeem(begun[0].code),
        lambda: enlist.redeem(begun[0].code),
        lambda: enlist.redeem(ticket.token, key=1),
        lambda: enlist.perform(DeleteDevice(ticket.device_id)),
    ]
    for step in steps:
        enlist.clock.advance(seconds=1)
        step()
    story = enlist.events(device=ticket.device_id)
    assert [event.kind for event in story if event.kind != "enrollment.revealed"] == [
        "device.registered",
        "enrollment.checked",
        "attempt.started",
        "enrollment.refused",
        "enrollment.redeemed",
        "enrollment.repeated",
        "enrollment.refused",
        "device.deleted",
    ]
    assert {event.actor_kind for event in story} == {"host", "stranger"}
    assert all(event.personal["address"] for event in story if event.actor_kind == "stranger")
    assert {event.organization_id for event in story} == {enlist.root.id}
    flags = [event.data.get("flag") for event in story]
    assert flags.count("possible_interception") == 1


def test_no_event_holds_a_secret(enlist: Enlist) -> None:
    """X18, S04: neither in what is sealed nor in what can be erased."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.redeem(begun.code, login=ADA)
    enlist.redeem("abcdefghij", login=("ada", "wr0ng-passw0rd"))
    for event in enlist.events():
        told = f"{event.entry}{dict(event.personal)}"
        for secret in (ticket.token.reveal(), begun.code.reveal(), PASSWORD, "wr0ng", "abcdefghij"):
            assert secret not in told
