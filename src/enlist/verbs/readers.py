"""In which language and time zone somebody reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from enlist.core.model import Organization, User


def zones_of(user: User | None, above: Sequence[Organization]) -> tuple[str, ...]:
    """IANA names in order of preference: the user's own, else his organization's."""
    zones = (user.time_zone if user else "", _nearest(level.time_zone for level in above))
    return tuple(zone for zone in zones if zone)


def _nearest(values: Iterable[str]) -> str:
    """The first value that is set."""
    return next((value for value in values if value), "")


def languages_of(user: User | None, above: Sequence[Organization]) -> tuple[str, ...]:
    """Tags in order of preference, each followed by its language without the region."""
    own = user.language if user else ""
    wanted = (own, _nearest(level.language for level in above), "en")
    tags = [tag.replace("_", "-") for tag in wanted if tag]
    return tuple(dict.fromkeys(each for tag in tags for each in (tag, tag.partition("-")[0])))
