"""What a reset would end is shown first, and a confirmation holds for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.ids import new_id
from enlist.core.secrets import Secret
from enlist.core.sessions import Ending
from enlist.verbs.consequences import network
from enlist.verbs.device_sessions import Disconnect, Heartbeat
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reset import Reset
from enlist.verbs.sign_in import StartSignIn
from tests.behaviour.resetting import connected, enrolled, reset, situation
from tests.installation import PASSWORD, Enlist, Ticket, code, done, refusal


def test_a_dry_run_tells_what_ends_and_changes_nothing(enlist: Enlist) -> None:
    """D10, X44, X45: what it lists is what the reset then does."""
    ticket = enrolled(enlist)
    outstanding = reset(enlist, ticket.device_id)
    done(enlist.redeem(outstanding.token, key=1))
    before = situation(enlist, ticket.device_id)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id, "lost")))
    assert situation(enlist, ticket.device_id) == before
    (credential,) = foreseen.consequences.credentials
    assert credential.serial == enlist.credentials_of(ticket.device_id)[0].serial
    assert foreseen.consequences.enrollments == ()
    begun = enlist.do(Reset(ticket.device_id, "lost", preview=foreseen.preview))
    assert begun.ended == foreseen
    newer = enlist.do(DryRun(Reset(ticket.device_id))).consequences
    assert newer.credentials == ()
    assert [each.id for each in newer.enrollments] == [begun.issued.enrollment_id]


def test_a_dry_run_is_refused_as_the_reset_would_be(enlist: Enlist) -> None:
    """X44: it validates."""
    ticket = enrolled(enlist)
    for verb in (
        Reset(ticket.device_id, expires_at=enlist.clock.now),
        Reset(ticket.device_id, "bored"),
        Reset(ticket.enrollment_id),
        Reset(ticket.device_id, version=99),
    ):
        assert code(enlist.perform(DryRun(verb))) == code(enlist.perform(verb)) != "done"


CHANGES: dict[str, Callable[[Enlist, Ticket], object]] = {
    "the device enrolls": lambda e, t: e.redeem(t.token, key=2),
    "the token is reissued": lambda e, t: e.reissue(t.enrollment_id),
    "the token is revoked": lambda e, t: e.revoke(t.enrollment_id),
    "the token expires": lambda e, _t: e.clock.advance(hours=24),
    "somebody else resets it": lambda e, t: reset(e, t.device_id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_situation_asks_again(enlist: Enlist, change: str) -> None:
    """X45: what was confirmed is not what would happen now; nothing is done."""
    first = enrolled(enlist)
    ticket = reset(enlist, first.device_id)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id)))
    CHANGES[change](enlist, ticket)
    before = situation(enlist, ticket.device_id)
    told = refusal(enlist.perform(Reset(ticket.device_id, preview=foreseen.preview)))
    assert told.code == "preview_outdated"
    after = situation(enlist, ticket.device_id)
    assert {**after, "event": 0} == {**before, "event": 0}
    again = enlist.do(DryRun(Reset(ticket.device_id))).preview
    assert again != foreseen.preview
    assert code(enlist.perform(Reset(ticket.device_id, preview=again))) == "done"


def test_what_does_not_matter_does_not_ask_again(enlist: Enlist) -> None:
    """X45: a new name, another device and passing time end nothing else."""
    ticket = enrolled(enlist)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id)))
    enlist.clock.advance(minutes=5)
    enrolled(enlist, name="phone", key=1)
    assert code(enlist.perform(Reset(ticket.device_id, preview=foreseen.preview))) == "done"


def test_a_preview_is_of_one_act_on_one_device(enlist: Enlist) -> None:
    """X45: that of another device, or with the sign-ins ended, binds nothing."""
    ticket, other = enrolled(enlist), enrolled(enlist, name="phone", key=1)
    done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    preview = enlist.do(DryRun(Reset(other.device_id, "compromised"))).preview
    verbs = (
        Reset(ticket.device_id, "compromised", preview=preview),
        Reset(other.device_id, "compromised", end_sign_ins=True, preview=preview),
    )
    assert [code(enlist.perform(verb)) for verb in verbs] == ["preview_outdated"] * 2


def test_a_reset_drops_the_live_sessions(enlist: Enlist) -> None:
    """D04, D06, X45: told beforehand, with where they come from; others go on."""
    process_id = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process_id, ()), SYSTEM)
    ticket, other = enrolled(enlist), enrolled(enlist, "grace", key=1)
    connect = partial(connected, enlist, ticket.device_id, process_id)
    dropped = [connect(each) for each in ("192.0.2.7", "192.0.2.9", "2001:db8:1:2::3")]
    stays = connected(enlist, other.device_id, process_id, "198.51.100.1")
    verb = Reset(ticket.device_id, "lost")
    foreseen = enlist.do(DryRun(verb))
    assert foreseen.consequences.sessions == 3
    assert foreseen.consequences.networks == ("192.0.2.0/24", "2001:db8:1::/48")
    every = (*dropped, stays)
    assert enlist.do(Heartbeat(process_id, every), SYSTEM) == {}
    assert enlist.do(verb).ended == foreseen
    ended = enlist.do(Heartbeat(process_id, every), SYSTEM)
    assert dict(ended) == dict.fromkeys(dropped, Ending.CREDENTIAL_REVOKED)
    (event,) = enlist.events("device.reset")
    assert event.data["sessions"] == 3


def test_another_session_asks_again_but_not_one_that_came_back(enlist: Enlist) -> None:
    """X45: one more from the same place, or as many from another, are another situation; a device
    that reconnects from where it was is not.
    """
    process_id = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process_id, ()), SYSTEM)
    ticket = enrolled(enlist)
    connect = partial(connected, enlist, ticket.device_id, process_id)
    first = connect("192.0.2.7")
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    enlist.do(Disconnect(first))
    connect("192.0.2.8")
    assert enlist.do(DryRun(Reset(ticket.device_id))).preview == preview
    second = connect("192.0.2.9")
    told = enlist.perform(Reset(ticket.device_id, preview=preview))
    assert code(told) == "preview_outdated", "one more from there"
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    enlist.do(Disconnect(second))
    connect("198.51.100.7")
    assert enlist.do(DryRun(Reset(ticket.device_id))).consequences.sessions == 2
    told = enlist.perform(Reset(ticket.device_id, preview=preview))
    assert code(told) == "preview_outdated", "as many, but from elsewhere"


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_an_address_is_told_by_its_network(address: str, where: str) -> None:
    assert network(address) == where
