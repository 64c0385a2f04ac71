"""How long a token lives: to the microsecond, by one clock, and never again afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enlist.core.clock import HOUR, MINUTE, from_datetime, rfc3339, to_datetime
from enlist.core.secrets import Secret
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey, BySignIn
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.sign_in import StartSignIn
from tests.installation import ADMINISTRATOR, PASSWORD, SHOWN, Enlist, code, done, refusal

BEFORE_SPRING = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # Europe springs forward in that night
BEFORE_AUTUMN = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # and falls back in this one


@pytest.mark.parametrize("hours", [1, 24, 8760])
def test_a_token_lives_the_hours_that_were_set_exactly(enlist: Enlist, hours: int) -> None:
    """A06: expires_at - issued_at = hours x 3600 s."""
    enlist.set(token_expiration_hours=hours)
    ticket = enlist.register("ada")
    found = enlist.enrollment(ticket.enrollment_id)
    assert found.expires_at - found.issued_at == hours * 3_600_000_000


def test_a_token_works_until_the_last_microsecond(enlist: Enlist) -> None:
    """A07, S19: valid while now < expires_at."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at - 1
    assert code(enlist.check(ticket.token)) == "done"
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_token_does_not_work_at_its_last_moment(enlist: Enlist) -> None:
    """A07, S19: at T its holder is told that it expired, and when; nothing changes."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at
    for present in (enlist.check, enlist.begin, enlist.redeem):
        told = refusal(present(ticket.token))
        assert (told.code, told.at, told.holder) == ("token_expired", ticket.expires_at, True)
    assert enlist.enrollment(ticket.enrollment_id).state == "active"
    assert enlist.device(ticket.device_id).state == "registered"


def test_an_attempt_begun_in_time_does_not_outlive_its_token(enlist: Enlist) -> None:
    """A07, ruling 24: validity covers opening the link and enrolling."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at - 1_000_000
    begun = done(enlist.begin(ticket.token))
    assert begun.expires_at == ticket.expires_at
    enlist.clock.now = ticket.expires_at
    assert code(enlist.redeem(begun.code)) == "token_expired"


def test_the_claim_itself_looks_at_the_clock(enlist: Enlist) -> None:
    """A07, S13: a token that ends while the certificate is signed is not used."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at - 1
    tools = enlist.installation.tools
    sign = type(tools.authority).issue_device

    def slowly(*arguments: object) -> object:
        enlist.clock.now = ticket.expires_at
        return sign(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(tools.authority), "issue_device", slowly)
        assert code(enlist.redeem(ticket.token)) == "token_expired"
    assert enlist.credentials_of(ticket.device_id) == []
    assert enlist.enrollment(ticket.enrollment_id).state == "active"


def test_more_hours_revive_nothing(enlist: Enlist) -> None:
    """A08: an expired token needs a new one."""
    enlist.set(token_expiration_hours=1)
    ticket = enlist.register("ada")
    enlist.clock.advance(hours=1)
    enlist.set(token_expiration_hours=8760)
    assert code(enlist.redeem(ticket.token)) == "token_expired"
    assert code(enlist.resend(ticket.enrollment_id)) == "not_resendable"
    assert enlist.enrollment(ticket.enrollment_id).expires_at == ticket.expires_at


@pytest.mark.parametrize("evening", [BEFORE_SPRING, BEFORE_AUTUMN], ids=["spring", "autumn"])
def test_a_day_has_86400_seconds_also_when_the_clocks_change(
    enlist: Enlist, evening: datetime
) -> None:
    """X08: lifetimes are exact across both changes of daylight saving time."""
    enlist.clock.now = from_datetime(evening)
    enlist.organization("berlin")
    ticket = enlist.register("ada", organization="berlin")
    assert ticket.expires_at - enlist.clock.now == 86_400_000_000
    assert rfc3339(ticket.expires_at).endswith("T20:00:00.000000Z")
    assert to_datetime(ticket.expires_at).date().day == evening.day + 1
    enlist.clock.now = ticket.expires_at - 1
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_token_may_end_earlier_or_later_than_the_organizations_hours(enlist: Enlist) -> None:
    """A06, ruling 29: as asked, else the organization's hours."""
    wanted = enlist.clock.now + 90_000_001
    assert enlist.register("ada", expires_at=wanted).expires_at == wanted


@pytest.mark.parametrize(
    "offset", [0, -1, -HOUR, 8760 * HOUR + 1, 10**18], ids=["now", "past", "hour", "year", "ever"]
)
def test_impossible_ends_are_refused(enlist: Enlist, offset: int) -> None:
    """S21: not in the past, not beyond a year."""
    enlist.user("ada")
    wanted = enlist.clock.now + offset
    verb = Register("", "ada", DeviceDetails("laptop", "linux"), SHOWN, wanted)
    assert code(enlist.perform(verb)) == "validation_failed"
    assert enlist.devices() == ()


def test_each_transaction_has_one_moment(enlist: Enlist) -> None:
    """S19: everything that a redemption writes carries the same time."""
    ticket = enlist.register("ada")
    enlist.clock.advance(minutes=3)
    done(enlist.redeem(ticket.token))
    found, device = enlist.enrollment(ticket.enrollment_id), enlist.device(ticket.device_id)
    (credential,) = enlist.credentials_of(ticket.device_id)
    (event,) = enlist.events("enrollment.redeemed")
    moments = {found.used_at, found.ended_at, device.enrolled_at, credential.issued_at, event.at}
    assert moments == {enlist.clock.now}


def test_an_api_key_works_until_the_last_microsecond(enlist: Enlist) -> None:
    """S19: valid while now < expires_at."""
    end = enlist.clock.now + HOUR
    key = enlist.do(CreateApiKey("nightly", "reader", expires_at=end)).secret
    for moment, expected in ((end - 1, "done"), (end, "unauthenticated")):
        enlist.clock.now = moment
        assert code(enlist.perform(ByApiKey(key), enlist.stranger())) == expected


def test_a_sign_in_ends_when_nobody_uses_it_and_after_twelve_hours(enlist: Enlist) -> None:
    """S19: to the microsecond; use puts off the first end, and never the second."""
    start = StartSignIn(ADMINISTRATOR, Secret(PASSWORD))

    def used(cookie: Secret) -> str:
        return code(enlist.perform(BySignIn(cookie), enlist.stranger()))

    idle = done(enlist.perform(start, enlist.stranger())).cookie
    for pause, expected in ((-1, "done"), (0, "unauthenticated")):
        enlist.clock.advance(minutes=30, microseconds=pause)
        assert used(idle) == expected
    busy, began = done(enlist.perform(start, enlist.stranger())).cookie, enlist.clock.now
    for step in range(1, 25):
        enlist.clock.now = began + step * 29 * MINUTE
        assert used(busy) == "done"
    for moment, expected in ((12 * HOUR - 1, "done"), (12 * HOUR, "unauthenticated")):
        enlist.clock.now = began + moment
        assert used(busy) == expected


def test_the_store_tells_how_far_its_clock_is_off(enlist: Enlist) -> None:
    """X08, S19: what readiness is decided by; SQLite shares our clock."""
    enlist.clock.now += 10 * 60 * 1_000_000
    ahead = enlist.store.check()
    if enlist.store.dialect == "sqlite":
        assert ahead == 0
    else:
        # The cluster's clock is the machine's, ours was set: it cannot agree with both.
        enlist.clock.now += ahead
        assert abs(enlist.store.check()) < 60 * 1_000_000
