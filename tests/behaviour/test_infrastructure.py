"""What is known of an installation's parts, and who may know it; on both stores."""

from __future__ import annotations

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.infrastructure import SEALED_SOON, SEALED_WITHIN
from enlist.store import channel_health, infrastructure
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.infrastructure import ShowInfrastructure
from enlist.verbs.register import Register
from enlist.verbs.sealing import Sealer
from enlist.verbs.watching import OfMachine, WatchOver
from tests.connections import live_session
from tests.installation import MAILED, Enlist, refusal


def test_it_counts_what_is_there_and_waits(enlist: Enlist) -> None:
    enlist.organization("alpha")
    ticket = enlist.register("ada", organization="alpha")
    enlist.redeem(ticket.token)
    enlist.user("bob")
    enlist.do(Register("", "bob", DeviceDetails("phone", "ios"), MAILED))
    began = enlist.clock.now
    enlist.clock.advance(hours=1)
    live_session(enlist.store, ticket.device_id)
    alpha = enlist.see(ShowInfrastructure("alpha"))
    assert alpha.organization.group_id == "alpha"
    assert (alpha.counts.users, alpha.counts.enrolled, alpha.counts.connected) == (1, 1, 1)
    assert alpha.channels["email"].waiting == 0
    everything = enlist.see(ShowInfrastructure())
    assert (everything.counts.users, everything.counts.enrolled) == (3, 1)
    email = everything.channels["email"]
    assert (email.waiting, email.oldest, everything.channels["sms"].waiting) == (1, began, 0)
    assert everything.whole is not None
    assert everything.whole.processes == 1
    assert everything.whole.database.size > 100_000
    assert everything.whole.database.version[0].isdigit()


def test_the_counts_end_where_there_is_enough(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infrastructure, "MOST", 2)
    for name in ("ada", "bob", "eve"):
        enlist.user(name)
    assert enlist.see(ShowInfrastructure()).counts.users == 2


def test_whoever_runs_one_organization_is_not_told_of_machines(enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "mail.example.com away"))
    alpha = enlist.see(ShowInfrastructure("alpha"), enlist.staff("administrator", "alpha"))
    assert alpha.whole is None
    assert alpha.channels["email"].failing_since == enlist.clock.now
    assert "mail.example.com" not in repr(alpha)
    root = enlist.see(ShowInfrastructure("alpha"), enlist.staff("administrator"))
    assert root.whole is not None
    assert root.channels["email"].reason == "mail.example.com away"
    for role in ("operator", "helpdesk", "reader"):
        told = enlist.driver.view(ShowInfrastructure("alpha"), enlist.staff(role, "alpha"))
        assert refusal(told).code == "forbidden", role


def test_a_log_that_is_not_sealed_is_noticed(enlist: Enlist) -> None:
    def unsealed() -> int | None:
        found = enlist.see(ShowInfrastructure()).whole
        assert found is not None
        return found.unsealed_since

    Sealer(enlist.store).seal_all()
    enlist.clock.advance(hours=1)
    assert unsealed() is None
    enlist.user("ada")
    happened = enlist.clock.now
    assert unsealed() is None  # a moment ago
    enlist.clock.advance(microseconds=SEALED_SOON + 1)
    assert unsealed() == happened
    enlist.clock.advance(microseconds=SEALED_WITHIN)
    enlist.user("bob")
    enlist.clock.advance(microseconds=SEALED_SOON + 1)
    assert unsealed() == happened  # the newest one alone would seem to be of just now
    Sealer(enlist.store).seal_all()
    assert unsealed() is None


def test_the_open_alerts_of_certificates_are_told(enlist: Enlist) -> None:
    ended = OfMachine("web-certificate far", "far, certificate files: it ended")
    enlist.do(WatchOver((ended,)), SYSTEM)
    found = enlist.see(ShowInfrastructure()).whole
    assert found is not None
    (alert,) = found.expiring
    assert (alert.subject, alert.details) == (ended.subject, ended.details)
