"""The whole story of a device that enrolls with JWTs, as the log tells it afterwards (D23)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.clock import MINUTE
from enlist.core.model import EventRow, GrantKind
from enlist.core.secrets import Kind, Secret
from enlist.core.sessions import Ending
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_sessions import EndSessions
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.reissue import DeleteEnrollment, Reissue, Resend
from enlist.verbs.reset import Reset
from tests.behaviour.jwts import parts
from tests.connections import Enrolled, Process
from tests.installation import Enlist, code
from tests.requests import csr


@dataclass
class Story:
    """What happened to a device, and every secret that was shown meanwhile.

    Attributes:
        began: when the first step was done.
        before: how many events there were.
    """

    enlist: Enlist
    staff: Caller
    device: Caller
    thief: Caller
    before: int
    began: int
    device_id: str = ""
    secrets: list[str] = field(default_factory=list)

    def shown(self, enrollment_id: str) -> Secret:
        """The token of a JWT that is shown."""
        jwt = self.enlist.do(ShowJwt(enrollment_id), self.staff).jwt
        jti = parts(jwt)[1]["jti"]
        self.secrets.extend((jwt.reveal(), jti, jti.replace("-", "")))
        return Secret(jti)

    def events(self) -> list[EventRow]:
        return self.enlist.events()[self.before :]


def redeem(jti: Secret, key: int) -> Redeem:
    return Redeem(Presented(jti, kind=Kind.ONE_TIME_JWT), DeviceReport(), csr(key))


@pytest.fixture
def story(enlist: Enlist) -> Story:
    """Registered, sent, enrolled, connected; tried again by somebody else; reset, and let go."""
    enlist.user("ada")
    staff, device, thief = enlist.staff("operator"), enlist.stranger(), enlist.stranger()
    story = Story(enlist, staff, device, thief, len(enlist.events()), enlist.clock.now)
    verb = Register(
        "", "ada", DeviceDetails("laptop", "linux"), LATER, None, GrantKind.ONE_TIME_JWT
    )
    issued = enlist.do(verb, staff)
    story.device_id = issued.device_id
    jti = story.shown(issued.enrollment_id)
    enlist.do(Resend(issued.enrollment_id), staff)
    enlist.clock.advance(minutes=1)
    enlist.do(redeem(jti, 0), device)
    (held,) = enlist.credentials_of(issued.device_id)
    session = Process.of(enlist).open(Enrolled(issued.device_id, held.serial, device))
    enlist.clock.advance(minutes=1)
    assert code(enlist.perform(redeem(jti, 1), thief)) == "token_used"
    enlist.clock.advance(minutes=1)
    again = enlist.do(Reset(issued.device_id, "lost", LATER), staff).issued
    enlist.do(EndSessions(((session, Ending.CREDENTIAL_REVOKED),)), SYSTEM)
    enlist.clock.advance(minutes=1)
    story.shown(again.enrollment_id)
    enlist.do(Reissue(again.enrollment_id, Delivery("later"), reason="on leave"), staff)
    story.shown(again.enrollment_id)
    enlist.clock.advance(minutes=1)
    enlist.do(DeleteEnrollment(again.enrollment_id), staff)
    return story


def test_every_step_is_in_the_log_with_who_when_and_where(story: Story) -> None:
    """D23: made, handed over, used, refused, reset, reissued, deleted, dropped."""
    told = [
        (each.kind, each.personal.get("address", ""), (each.at - story.began) // MINUTE)
        for each in story.events()
        if each.device_id == story.device_id
    ]
    ours, its = story.staff.address, story.device.address
    assert told == [
        ("device.registered", ours, 0),
        ("enrollment.revealed", ours, 0),
        ("enrollment.resent", ours, 0),
        ("enrollment.redeemed", its, 1),
        ("session.opened", its, 1),
        ("enrollment.refused", story.thief.address, 2),
        ("device.reset", ours, 3),
        ("session.dropped", "", 3),
        ("enrollment.revealed", ours, 4),
        ("enrollment.reissued", ours, 4),
        ("enrollment.revealed", ours, 4),
        ("enrollment.deleted", ours, 5),
    ]
    by_staff = [each.actor_id for each in story.events() if each.actor_kind == "user"]
    assert set(by_staff) == {story.staff.id}


def test_no_secret_of_it_is_kept_anywhere(story: Story) -> None:
    """D23: neither a JWT nor its token, however it is written."""
    tables = ("event", "message", "device", "enrollment")
    written = repr([story.enlist.rows(table) for table in tables])
    assert len(story.secrets) == 9
    assert not [each for each in story.secrets if each in written]
