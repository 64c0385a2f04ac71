"""An enrollment restriction in words, one line for each thing that it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from enlist.core.restrictions import Restriction
from enlist.web.console.navigation import N_
from enlist.web.console.words import OWNERSHIPS, PLATFORMS, word

_NUMBERS: Final = {
    "most_devices": N_("Devices a user: %(count)s at most"),
    "most_corporate_dedicated": N_("Corporate – dedicated a user: %(count)s at most"),
    "most_corporate_shared": N_("Corporate – shared a user: %(count)s at most"),
    "most_employee_owned": N_("Employee owned a user: %(count)s at most"),
    "most_at_organization": N_("Devices there and below: %(count)s at most"),
}


def in_words(gettext: Callable[[str], str], found: Restriction) -> list[str]:
    """What a restriction allows; where it forbids all, that alone."""
    told = [] if found.may_enroll else [gettext("Nobody may enroll")]
    if found.may_enroll:
        told = _devices(gettext, found)
    for key, text in _NUMBERS.items():
        count = getattr(found, key)
        if count is not None and (found.may_enroll or key == "most_at_organization"):
            told.append(gettext(text) % {"count": count})
    return told or [gettext("Everything is allowed")]


def _devices(gettext: Callable[[str], str], found: Restriction) -> list[str]:
    platforms = [gettext(word(PLATFORMS, each).label) for each in found.platforms]
    owned = [gettext(word(OWNERSHIPS, each).label) for each in found.ownership]
    lists = (
        (N_("Only %(these)s"), platforms),
        (N_("Only %(these)s"), owned),
        (N_("Models: %(these)s"), found.models),
        (N_("Manufacturers: %(these)s"), found.manufacturers),
    )
    told = [gettext(text) % {"these": ", ".join(these)} for text, these in lists if these]
    return told + [
        gettext("%(platform)s %(version)s or newer")
        % {"platform": word(PLATFORMS, platform).label, "version": version}
        for platform, version in sorted(found.least_os.items())
    ]
