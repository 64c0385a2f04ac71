"""What the popup of a part tells: facts, where more of it stands, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from enlist.core.diagnosis import Level
from enlist.core.infrastructure import CHECKED, Part, Surroundings
from enlist.store.infrastructure import MOST
from enlist.verbs.infrastructure import Whole
from enlist.web.console.layout import Desk
from enlist.web.console.navigation import N_
from enlist.web.standings import Standings

CHECKS: Final = {
    "web-certificate": N_("Certificate"),
    "device-certificate": N_("Certificate"),
    "device-names": N_("More names"),
    "file-descriptors": N_("Open files"),
    "room": N_("Room"),
    "backup": N_("Last backup"),
    "database-clock": N_("Clock"),
    "postgres-fsync": N_("fsync"),
    "postgres-commit": N_("Commits"),
    "disk-space": N_("Disk"),
    "authority-certificate": N_("Ends"),
}
"""What the doctor looked at, in a word."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value: a text, or a moment."""

    label: str
    value: str = ""
    at: int | None = None
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Where more of it stands."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done about it.

    Attributes:
        sends: whether it is asked for at once, instead of on a page of its own.
    """

    label: str
    address: str
    icon: str
    sends: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What the picture tells of a part, besides its state.

    Attributes:
        line: below its name, instead of the state in words.
    """

    line: str = ""
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What there is to tell of, and to whom."""

    desk: Desk
    now: Standings

    @property
    def whole(self) -> Whole | None:
        return self.now.found.whole

    @property
    def around(self) -> Surroundings:
        return self.now.around

    def say(self, text: str) -> str:
        return self.desk.gettext(text)

    def counted(self, number: int) -> str:
        """A number that was counted no further than there is room for."""
        if number < MOST:
            return f"{number:,}"
        return self.say(N_("%(most)s or more")) % {"most": f"{MOST:,}"}

    def checked(self, part: Part) -> Iterator[Fact]:
        """What the doctor found to be in order, which tells something as well."""
        for name in CHECKED[part]:
            finding = self.around.findings.get(name)
            if finding is not None and finding.level is Level.OK:
                yield Fact(self.say(CHECKS[name]), finding.found)

    def link(self, label: str, address: str) -> Link:
        """A page of the console, by its address below the organization."""
        return Link(self.say(label), self.desk.address(address))


def known(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Those of which there is something to say."""
    return tuple(each for each in facts if each.value or each.at is not None)
