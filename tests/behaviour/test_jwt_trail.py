"""The whole story of a device that enrolls with JWTs, as the log tells it afterwards (D23)."""

from __future__ import annotations

from enlist.core.caller import SYSTEM
from enlist.core.clock import MINUTE
from enlist.core.model import GrantKind
from enlist.core.secrets import Kind, Secret
from enlist.core.sessions import Ending
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_sessions import EndSessions
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import DeviceDetails, Register
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend
from enlist.verbs.reset import Reset
from tests.behaviour.test_one_time_jwt import parts
from tests.connections import Enrolled, Process
from tests.installation import Enlist, code
from tests.requests import csr


def test_every_step_is_in_the_log_with_who_when_and_where(enlist: Enlist) -> None:
    """D23: made, handed over, used, refused, reset, reissued, deleted, dropped; and no secret."""
    enlist.user("ada")
    staff, device, thief = enlist.staff("operator"), enlist.stranger(), enlist.stranger()
    secrets: list[str] = []
    before = len(enlist.events())
    moments: list[int] = []

    def pass_time() -> None:
        enlist.clock.advance(minutes=1)
        moments.append(enlist.clock.now)

    def shown(enrollment_id: str) -> Secret:
        jwt = enlist.do(ShowJwt(enrollment_id), staff).jwt
        jti = parts(jwt)[1]["jti"]
        secrets.extend((jwt.reveal(), jti, jti.replace("-", "")))
        return Secret(jti)

    def redeem(jti: Secret, key: int) -> Redeem:
        return Redeem(Presented(jti, kind=Kind.ONE_TIME_JWT), DeviceReport(), csr(key))

    details = DeviceDetails("laptop", "linux")
    verb = Register("", "ada", details, LATER, None, GrantKind.ONE_TIME_JWT)
    pass_time()
    issued = enlist.do(verb, staff)
    jti = shown(issued.enrollment_id)
    enlist.do(Resend(issued.enrollment_id), staff)
    pass_time()
    enlist.do(redeem(jti, 0), device)
    (held,) = enlist.credentials_of(issued.device_id)
    process = Process.of(enlist)
    session = process.open(Enrolled(issued.device_id, held.serial, device))
    pass_time()
    assert code(enlist.perform(redeem(jti, 1), thief)) == "token_used"
    pass_time()
    again = enlist.do(Reset(issued.device_id, "lost", LATER), staff).issued
    enlist.do(EndSessions(((session, Ending.CREDENTIAL_REVOKED),)), SYSTEM)
    pass_time()
    shown(again.enrollment_id)
    enlist.do(Reissue(again.enrollment_id, Delivery("later"), reason="on leave"), staff)
    shown(again.enrollment_id)
    pass_time()
    enlist.do(DeleteEnrollment(again.enrollment_id), staff)

    told = [
        (each.kind, each.personal.get("address", ""), (each.at - moments[0]) // MINUTE)
        for each in enlist.events()[before:]
        if each.device_id == issued.device_id
    ]
    ours, its = staff.address, device.address
    assert told == [
        ("device.registered", ours, 0),
        ("enrollment.revealed", ours, 0),
        ("enrollment.resent", ours, 0),
        ("enrollment.redeemed", its, 1),
        ("session.opened", its, 1),
        ("enrollment.refused", thief.address, 2),
        ("device.reset", ours, 3),
        ("session.dropped", "", 3),
        ("enrollment.revealed", ours, 4),
        ("enrollment.reissued", ours, 4),
        ("enrollment.revealed", ours, 4),
        ("enrollment.deleted", ours, 5),
    ]
    written = repr([enlist.rows(table) for table in ("event", "message", "device", "enrollment")])
    assert len(secrets) == 9
    assert not [each for each in secrets if each in written]
    by_staff = [each.actor_id for each in enlist.events()[before:] if each.actor_kind == "user"]
    assert set(by_staff) == {staff.id}
