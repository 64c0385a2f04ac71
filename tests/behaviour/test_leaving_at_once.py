"""Somebody goes while he, or a device of his, gets something: nothing that he gets outlives him."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from enlist.core.lifecycle import DeviceState
from enlist.store import credentials, redemptions
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.driver import AnyVerb
from enlist.verbs.offboard import Offboard
from enlist.verbs.renewal import RenewCertificate
from enlist.verbs.reset import Reset
from enlist.verbs.users import DeleteUser
from tests.behaviour.renewing import stands
from tests.behaviour.resetting import standing
from tests.connections import Enrolled, enrolled
from tests.installation import PASSWORD, Enlist, code
from tests.peers.base import DEADLINE
from tests.requests import csr

ENDINGS: dict[str, Callable[[Enrolled], AnyVerb[Any, Any, Any]]] = {
    "deleting the user": lambda _: DeleteUser("ada"),
    "offboarding": lambda _: Offboard("ada"),
    "deleting the device": lambda device: DeleteDevice(device.device_id),
    "reset": lambda device: Reset(device.device_id),
}


class Meanwhile:
    """Holds a transaction up behind a statement, until something else has run, or waits for it."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self._reached, self._over = threading.Event(), threading.Event()

    def behind(self, statement: Callable[..., Any]) -> Callable[..., Any]:
        """The statement, behind which the transaction is held up."""

        def slowly(*arguments: Any, **named: Any) -> Any:
            found = statement(*arguments, **named)
            self._reached.set()
            self._over.wait(0.5)
            return found

        return slowly

    def __call__(self) -> str:
        assert self._reached.wait(DEADLINE)
        outcome = code(self._run())
        self._over.set()
        return outcome


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_renewal_under_way_outlives_what_ends_its_device(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """D21: the new certificate is there, and nobody else can see that yet."""
    device = enrolled(enlist)
    renewal = RenewCertificate(device.device_id, device.serial, csr(1))
    ended = Meanwhile(lambda: enlist.perform(ENDINGS[ending](device)))
    monkeypatch.setattr(credentials, "renew", ended.behind(credentials.renew))
    moves: list[Callable[[], str]] = [
        lambda: code(enlist.perform(renewal, device.caller)),
        ended,
    ]
    assert enlist.together(moves) == ["done", "done"]
    assert len(enlist.credentials_of(device.device_id)) == 2
    assert set(standing(enlist, device.device_id)) == {"credential_revoked"}
    assert all(each.revoked_at for each in enlist.credentials_of(device.device_id))


@pytest.mark.parametrize("ending", [DeleteUser, Offboard])
def test_no_sign_in_under_way_enrolls_for_somebody_who_is_gone(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, ending: Callable[[str], Any]
) -> None:
    """X31: his device was registered, its token revoked, and he enrolls it by his login."""
    ticket = enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    ended = Meanwhile(lambda: enlist.perform(ending("ada")))
    monkeypatch.setattr(redemptions, "_bind", ended.behind(redemptions._bind))
    login = ("ada", PASSWORD)
    moves: list[Callable[[], str]] = [
        lambda: code(enlist.redeem(login=login, group_id="main")),
        ended,
    ]
    assert enlist.together(moves) == ["done", "done"]
    (held,) = enlist.credentials_of(ticket.device_id)
    assert held.revoked_at is not None
    assert standing(enlist, ticket.device_id) == ["credential_revoked"]
    assert enlist.device(ticket.device_id).state == "unenrolled"


@pytest.mark.parametrize("state", [DeviceState.REGISTERED, DeviceState.UNENROLLED])
def test_a_device_that_is_not_enrolled_is_let_in_by_no_certificate(
    enlist: Enlist, state: DeviceState
) -> None:
    """Gateways ask this (`forward_auth`); sessions have always asked it."""
    device = enrolled(enlist)
    enlist.put_device(device.device_id, state)
    assert stands(enlist, device, device.serial) == "credential_revoked"
