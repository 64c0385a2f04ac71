"""What the console offers, in every state, beside what the verbs really answer there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from enlist.core.lifecycle import DeviceState, ShownState, shown_state
from enlist.core.model import GrantKind
from enlist.store import holds
from enlist.store.tx import Query
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import AnyVerb
from enlist.verbs.issuing import LATER, Delivery, Issued
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.reassign import Reassign
from enlist.verbs.register import Issue, Register
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend, Revoke
from enlist.verbs.replace import Replace
from enlist.verbs.reset import Reset
from enlist.verbs.views_details import DeviceDetail, ShowDevice
from enlist.web.console.offering import beside_device, of_device, of_enrollment
from tests.installation import Enlist, code

GRANTS = (GrantKind.REGISTRATION_TOKEN, GrantKind.ONE_TIME_JWT)
STATES: tuple[ShownState, ...] = ("active", "expired", "on_hold", "used", "revoked")
Verbs = dict[str, Callable[[str], AnyVerb[Any, Any, Any]]]
OF_ENROLLMENT: Verbs = {
    "resend": Resend,
    "download": ShowJwt,
    "reactivate": Reactivate,
    "reissue": Reissue,
    "revoke": Revoke,
    "delete": DeleteEnrollment,
}
OF_DEVICE: Verbs = {
    "reset": Reset,
    "replace": Replace,
    "reassign": lambda each: Reassign(each, "grace"),
    "issue": lambda each: Issue(each, LATER),
}
USE = Query(
    "test.use", "UPDATE enrollment SET state = 'used', used_at = :now WHERE device_id = :device"
)


def registered(enlist: Enlist, grant: GrantKind) -> Issued:
    delivery = LATER if grant is GrantKind.ONE_TIME_JWT else Delivery("none")
    details = DeviceDetails("laptop", "linux")
    return enlist.do(Register("", "ada", details, delivery, grant=grant))


def bring(enlist: Enlist, issued: Issued, state: ShownState) -> None:
    """An enrollment into a state."""
    if state == "expired":
        enlist.clock.now = issued.expires_at
    elif state == "on_hold":
        enlist.store.write(holds.hold_all)
    elif state == "used":
        enlist.store.write(lambda tx: tx.run(USE, device=issued.device_id, now=tx.now))
    elif state == "revoked":
        enlist.revoke(issued.enrollment_id)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("grant", GRANTS)
def test_what_an_enrollment_is_offered_is_what_the_verbs_accept(
    enlist: Enlist, grant: GrantKind, state: ShownState
) -> None:
    """D16: but *delete*, which the console keeps for a token that still works."""
    enlist.user("ada")
    accepted: set[str] = set()
    for act, verb in OF_ENROLLMENT.items():
        issued = registered(enlist, grant)
        bring(enlist, issued, state)
        found = enlist.enrollment(issued.enrollment_id)
        assert shown_state(found.state, found.expires_at, enlist.clock.now) == state
        if code(enlist.perform(verb(issued.enrollment_id))) == "done":
            accepted.add(act)
    if state != "active":
        accepted.discard("delete")
    assert of_enrollment(grant, state) == accepted
    assert beside_device(grant, state) <= accepted


def placed(enlist: Enlist, number: int, state: DeviceState, *, holding: bool) -> str:
    """A device in a state, with a certificate or with nothing at all."""
    ticket = enlist.register("ada", name=f"laptop {number}")
    if holding:
        enlist.redeem(ticket.token, key=number)
    else:
        enlist.revoke(ticket.enrollment_id)
    enlist.put_device(ticket.device_id, state)
    return ticket.device_id


@pytest.mark.parametrize("holding", [False, True])
@pytest.mark.parametrize("state", DeviceState)
def test_what_a_device_is_offered_its_verbs_accept(
    enlist: Enlist, state: DeviceState, holding: bool
) -> None:
    """But *reset* and *replace* where nothing is there to end: the verbs do them (ruling 1)."""
    enlist.user("grace")
    accepted: set[str] = set()
    offered: set[str] = set()
    for number, (act, verb) in enumerate(OF_DEVICE.items()):
        device_id = placed(enlist, number, state, holding=holding)
        detail = enlist.driver.view(ShowDevice(device_id), enlist.host)
        assert isinstance(detail, DeviceDetail)
        offered |= of_device(detail) & {act}
        if code(enlist.perform(verb(device_id))) == "done":
            accepted.add(act)
    assert accepted >= {"reset", "replace", "reassign"}
    if not holding and state in (DeviceState.REGISTERED, DeviceState.BLOCKED):
        accepted.discard("reset")
    if not holding and state is not DeviceState.ENROLLED:
        accepted.discard("replace")
    assert offered == accepted
