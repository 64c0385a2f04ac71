"""Ids that sort by age, and time in one unit."""

from __future__ import annotations

import importlib
import os
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from enlist.core.clock import (
    DAY,
    HOUR,
    SECOND,
    from_datetime,
    rfc3339,
    system_clock,
    to_datetime,
)
from enlist.core.ids import LATEST, least_id, new_id, parse_id

NOW = 1_780_000_000_123_456


def test_ids_are_uuids_of_version_7() -> None:
    """RFC 9562 section 5.7: the first 48 bits are milliseconds."""
    moment = NOW + 1_000 * DAY
    made = uuid.UUID(new_id(moment))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == moment // 1_000


def test_a_forked_process_makes_other_ids() -> None:
    """Workers are forked: what was drawn for the ids of one must not be used by all."""
    importlib.import_module("enlist.web.serving")  # which sees to it
    new_id(NOW)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, new_id(NOW)[-12:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 12).decode() != new_id(NOW)[-12:]


def test_ids_sort_by_age_down_to_the_microsecond() -> None:
    """Newest first is key order, also within a millisecond."""
    moments = [NOW + step for step in (0, 1, 2, 10, 999, 1_000, 10**6, 10**12)]
    made = [new_id(moment) for moment in moments]
    assert made == sorted(made)


def test_ids_of_one_moment_sort_as_they_were_made() -> None:
    """More than the counter holds: a bulk issue is one transaction, with one `now`."""
    made = [new_id(NOW) for _ in range(40_000)]
    assert made == sorted(set(made))


def test_a_clock_that_goes_back_a_little_leaves_the_order() -> None:
    made = [new_id(NOW - step * SECOND) for step in range(5)]
    assert made == sorted(made)


def test_a_clock_that_was_set_right_is_followed() -> None:
    """Else one moment in 2099 would date everything until the next start."""
    new_id(NOW + 40 * 365 * DAY)
    assert uuid.UUID(new_id(NOW)).int >> 80 == NOW // 1_000


def test_the_least_id_of_a_moment_bounds_all_others() -> None:
    """What looks for a period by id misses nothing of it, whatever the order of the clock."""
    for moment in (NOW, NOW + 1, NOW - 5 * SECOND, NOW + DAY):
        made = new_id(moment)
        assert least_id(moment) <= made < least_id(moment + LATEST)
    assert least_id(NOW) < least_id(NOW + 1)
    assert uuid.UUID(least_id(0)).version == 7


@pytest.mark.parametrize("text", ["", "x", "g" * 32, "0" * 31, "0" * 36, "{" + "0" * 34, "0" * 33])
def test_what_is_no_id(text: str) -> None:
    assert parse_id(text) is None


def test_an_id_has_one_form() -> None:
    made = new_id(NOW)
    assert parse_id(made.upper()) == parse_id(made.replace("-", "")) == parse_id(made) == made


@pytest.mark.parametrize(
    "moment", [0, 1, 999_999, NOW, NOW + 1, 253_402_300_799_999_999, -1, -1_000_001]
)
def test_moments_survive_the_way_through_datetime(moment: int) -> None:
    """X08: to the microsecond, before 1970 as well."""
    assert from_datetime(to_datetime(moment)) == moment
    assert to_datetime(moment).tzinfo is UTC


def test_a_time_without_a_zone_is_nobodys_time() -> None:
    """X07, X08."""
    with pytest.raises(ValueError, match="needs a zone"):
        from_datetime(datetime(2026, 1, 1))  # noqa: DTZ001


def test_one_moment_in_many_zones_is_one_number() -> None:
    """X08."""
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    for zone in (ZoneInfo("Pacific/Auckland"), timezone(timedelta(hours=-7)), UTC):
        assert from_datetime(moment.astimezone(zone)) == from_datetime(moment)


@pytest.mark.parametrize(("month", "day"), [(3, 28), (10, 24)])
def test_a_day_is_a_day_across_daylight_saving(month: int, day: int) -> None:
    """X08: 86,400 seconds on the clock are 23 or 25 hours on the wall."""
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime(2026, month, day, 20, 0, tzinfo=berlin)
    after = to_datetime(from_datetime(evening) + DAY).astimezone(berlin)
    assert after.hour == (21 if month == 3 else 19)


def test_moments_are_written_with_their_zone() -> None:
    """X07: RFC 3339, UTC, to the microsecond."""
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert rfc3339(HOUR + 1) == "1970-01-01T01:00:00.000001Z"


def test_the_machines_clock_counts_microseconds() -> None:
    assert abs(system_clock() - time.time() * SECOND) < 60 * SECOND
