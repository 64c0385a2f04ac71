"""What tests of resets have in common."""

from __future__ import annotations

from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import new_id
from enlist.core.sessions import ProvedBy
from enlist.verbs.device_sessions import OpenSession
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.reset import Reset
from tests.installation import SHOWN, Enlist, Ticket, code, done


def enrolled(enlist: Enlist, user: str = "ada", name: str = "laptop", key: int = 0) -> Ticket:
    """A device that has enrolled, with the token that it used."""
    ticket = enlist.register(user, name=name)
    done(enlist.redeem(ticket.token, key=key))
    return ticket


def connected(enlist: Enlist, device_id: str, process_id: str, address: str) -> str:
    """A live session of a device with its newest credential, held by this process."""
    (credential, *_) = enlist.credentials_of(device_id)
    session_id = new_id(enlist.clock.now)
    caller = Caller(CallerKind.DEVICE, id=device_id, address=address)
    proved = ProvedBy.CERTIFICATE
    verb = OpenSession(session_id, process_id, device_id, credential.serial, proved, 5)
    enlist.do(verb, caller)
    return session_id


def standing(enlist: Enlist, device_id: str) -> list[str]:
    """What each credential of a device is answered when it is shown; newest first."""
    return [
        code(enlist.perform(DeviceStatus(device_id, each.serial), enlist.stranger()))
        for each in enlist.credentials_of(device_id)
    ]


def reset(enlist: Enlist, device_id: str, reason: str = "") -> Ticket:
    """Reset a device, and be shown its new token."""
    issued = enlist.do(Reset(device_id, reason, SHOWN)).issued
    assert issued.token is not None
    return Ticket(
        device_id, issued.enrollment_id, issued.token, issued.generation, issued.expires_at
    )


def situation(enlist: Enlist, device_id: str) -> dict[str, object]:
    """Every row that a reset touches."""
    found = [each.id for each in enlist.enrollments_of(device_id)]
    return {
        "device": enlist.rows("device", id=device_id),
        "credential": enlist.rows("credential", device_id=device_id),
        "enrollment": enlist.rows("enrollment", device_id=device_id),
        "secrets": [enlist.rows("enrollment_secret", enrollment_id=each) for each in found],
        "message": enlist.rows("message"),
        "event": len(enlist.rows("event")),
    }
