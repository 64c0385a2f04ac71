"""Moments for people: weekday, minutes, and a zone that nobody has to guess.

Lists show seconds and dates in digits; a person who must act before a moment reads a sentence.
The zone stands there by name and by its distance from UTC, because neither alone is understood
everywhere (X07).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, format_time, get_timezone_name

from enlist.core.clock import to_datetime


def in_full(moment: int, zone: ZoneInfo, locale: Locale) -> str:
    """`Sat, Jan 31, 2026, 2:05 PM CET (UTC+1)`."""
    local = to_datetime(moment).astimezone(zone)
    day = format_skeleton("yMMMEd", local, tzinfo=zone, locale=locale)
    name = zone_label(local, locale)
    offset = _offset(local)
    zones = name if name.startswith("UTC") else f"{name} ({offset})"
    return f"{day}, {format_time(local, 'short', tzinfo=zone, locale=locale)} {zones}"


def clock(moment: int, zone: ZoneInfo, locale: Locale) -> str:
    """`2:05 PM CET`, for what is over within minutes."""
    local = to_datetime(moment).astimezone(zone)
    shown = format_time(local, "short", tzinfo=zone, locale=locale)
    return f"{shown} {zone_label(local, locale)}"


def day(value: date, locale: Locale) -> str:
    """A day near today, as on the axis of a chart: without its year."""
    return format_skeleton("MMMd", value, locale=locale)


def zone_label(local: datetime, locale: Locale) -> str:
    """`CET`, `MEZ`; where neither the language nor the zone has such a name, `UTC+5:30`."""
    for name in (get_timezone_name(local, width="short", locale=locale), local.tzname()):
        if name and name.isalpha():
            return name
    return _offset(local)


def zone_in_words(zone: ZoneInfo, now: int, locale: Locale) -> str:
    """`Central European Time (Europe/Berlin)`, for whoever is asked for a moment in it."""
    # What lies in no country has a name only together with a moment.
    placed = "/" in zone.key and not zone.key.startswith("Etc/")
    name = get_timezone_name(zone if placed else to_datetime(now).astimezone(zone), locale=locale)
    return name if name == zone.key else f"{name} ({zone.key})"


def _offset(local: datetime) -> str:
    distance = local.utcoffset() or timedelta()
    minutes = int(distance.total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"
