"""Renewing a certificate natively: both count until the new one has come (D63, X45)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from enlist.core.ids import Id
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.renewal import MOST_ASKED, RenewCertificate
from enlist.verbs.reset import Reset
from tests.behaviour.renewing import confirm, held, renewed, stands
from tests.connections import enrolled
from tests.installation import Enlist, SettableClock, code
from tests.requests import csr, weak


def test_both_count_until_the_new_one_says_so(enlist: Enlist) -> None:
    device = enrolled(enlist)
    fresh = renewed(enlist, device)
    assert stands(enlist, device, device.serial) == stands(enlist, device, fresh) == "done"
    assert confirm(enlist, device, fresh) == "done"
    assert stands(enlist, device, device.serial) == "credential_revoked"
    assert stands(enlist, device, fresh) == "done"
    old, new = held(enlist, device.device_id)
    assert (old.revocation_reason, new.renews_id) == ("renewed", old.id)
    kinds = [row.kind for row in enlist.events() if row.kind.startswith("credential.")]
    assert kinds[:2] == ["credential.extended", "credential.renewed"]


def test_what_was_confirmed_can_be_confirmed_again(enlist: Enlist) -> None:
    """An answer was lost; and whoever never renewed has nothing to confirm."""
    device = enrolled(enlist)
    assert confirm(enlist, device, device.serial) == "done"
    fresh = renewed(enlist, device)
    assert [confirm(enlist, device, fresh) for _ in range(3)] == ["done"] * 3
    assert len(enlist.events("credential.renewed")) == 1
    assert stands(enlist, device, fresh) == "done"


def test_an_answer_that_never_came_leaves_nothing_behind(enlist: Enlist) -> None:
    device = enrolled(enlist)
    lost = renewed(enlist, device)
    fresh = renewed(enlist, device)
    assert stands(enlist, device, lost) == confirm(enlist, device, lost) == "credential_revoked"
    assert stands(enlist, device, device.serial) == stands(enlist, device, fresh) == "done"


@pytest.mark.parametrize("ending", [Reset, DeleteDevice])
def test_a_reset_ends_both(enlist: Enlist, ending: Callable[[Id], Any]) -> None:
    device = enrolled(enlist)
    fresh = renewed(enlist, device)
    enlist.do(ending(device.device_id))
    for serial in (device.serial, fresh):
        assert stands(enlist, device, serial) == "credential_revoked"
        assert confirm(enlist, device, serial) == "credential_revoked"
        again = RenewCertificate(device.device_id, serial, csr(2))
        assert code(enlist.perform(again, device.caller)) == "credential_revoked"


def test_who_may_not_renew(enlist: Enlist) -> None:
    """With another device's serial, with a weak key; nothing is issued."""
    device, other = enrolled(enlist, "ada", 1), enrolled(enlist, "grace", 2)
    stolen = RenewCertificate(device.device_id, other.serial, csr(3))
    assert code(enlist.perform(stolen, device.caller)) == "credential_revoked"
    bad = RenewCertificate(device.device_id, device.serial, weak())
    assert code(enlist.perform(bad, device.caller)) == "csr_invalid"
    kinds = {row.kind: row.data["code"] for row in enlist.events() if row.kind.endswith("refused")}
    assert kinds == {"credential.refused": "credential_revoked", "request.refused": "csr_invalid"}
    assert len(held(enlist, device.device_id)) == len(held(enlist, other.device_id)) == 1


@pytest.mark.parametrize("wrong", [False, True], ids=["renewals", "requests that are no good"])
def test_a_device_cannot_renew_without_end(
    enlist: Enlist, clock: SettableClock, wrong: bool
) -> None:
    """Each is an event, and each that is replaced is told to all who follow revocations."""
    device = enrolled(enlist)
    renewing = RenewCertificate(device.device_id, device.serial, weak() if wrong else csr(1))
    usual = "csr_invalid" if wrong else "done"
    asked = [code(enlist.perform(renewing, device.caller)) for _ in range(MOST_ASKED + 2)]
    assert asked == [usual] * MOST_ASKED + ["rate_limited"] * 2
    clock.advance(hours=1)
    assert code(enlist.perform(renewing, device.caller)) == usual
