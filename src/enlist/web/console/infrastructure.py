"""System > Infrastructure diagram: what this installation is made of, and how each part does.

The picture is drawn on the server and looks again by itself. How a part does is judged in
`core.infrastructure`; here that gets words, and what somebody who looks needs to know beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core.clock import from_datetime
from enlist.core.counting import counted
from enlist.core.diagnosis import Level
from enlist.core.infrastructure import CHECKED, Part, Standing, State, Surroundings
from enlist.core.outcomes import Refusal
from enlist.store.infrastructure import MOST
from enlist.verbs.channels import EMAIL, SMS
from enlist.verbs.infrastructure import Whole
from enlist.web.console import drawing
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word
from enlist.web.standings import Standings, standings

STATES: Final = {
    State.WORKS: Word(N_("Works")),
    State.ATTENTION: Word(N_("Needs a look")),
    State.PROBLEM: Word(N_("Problem")),
    State.OFF: Word(N_("Off")),
}
WHOLE_STATES: Final = {
    State.WORKS: Word(N_("Everything works")),
    State.ATTENTION: Word(N_("Something needs a look")),
    State.PROBLEM: Word(N_("There is a problem")),
    State.OFF: Word(N_("Everything is off")),
}
PARTS: Final = {
    Part.PEOPLE: Word(N_("People"), icon="users"),
    Part.DEVICES: Word(N_("Devices"), icon="devices"),
    Part.WEB: Word(N_("Web listener"), icon="world"),
    Part.DEVICE: Word(N_("Device listener"), icon="plug"),
    Part.SELF_SERVICE: Word(N_("Self-service enrollment"), icon="key"),
    Part.ENLIST: Word(N_("Enlist"), icon="server"),
    Part.LOG: Word(N_("Audit log"), icon="history"),
    Part.DATABASE: Word(N_("Database"), icon="database"),
    Part.AUTHORITY: Word(N_("Certificate authority"), icon="certificate"),
    Part.EMAIL: Word(N_("E-mail"), icon="mail"),
    Part.SMS: Word(N_("SMS"), icon="message"),
    Part.DIRECTORIES: Word(N_("Directories"), icon="sitemap"),
}
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


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part as it stands in the picture.

    Attributes:
        standing: None for those who only come to the installation.
    """

    part: Part
    place: drawing.Place
    standing: Standing | None
    told: Told


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


async def show(desk: Desk) -> Response:
    """The picture, as it is right now."""
    now = await standings(desk.services, desk.caller, desk.group_id)
    if isinstance(now, Refusal):
        return desk.refuse(now)
    seen = Seen(desk, now)
    picture = drawing.WHOLE if seen.whole else drawing.OWN
    parts = [
        Drawn(part, place, now.parts.get(part), _tell(seen, part))
        for part, place in picture.places.items()
    ]
    mark = mark_of(*map(_news, parts))
    if unchanged := desk.unchanged(mark):
        return unchanged
    states = {part: standing.state for part, standing in now.parts.items()}
    context = {
        "parts": parts,
        "wires": picture.drawn(states),
        "view_box": picture.view_box,
        "whole": seen.whole,
        "overall": now.overall,
        "mark": mark,
        "words": PARTS,
        "states": STATES,
        "whole_states": WHOLE_STATES,
    }
    return desk.show("console/infrastructure.html", context)


def _tell(seen: Seen, part: Part) -> Told:
    return _TELL[part](seen) if part in _TELL else Told()


def _news(drawn: Drawn) -> object:
    """What would be news if it changed. A database grows with every event: that alone is none."""
    facts = () if drawn.part is Part.DATABASE else drawn.told.facts
    return drawn.part, drawn.standing, drawn.told.line, facts


def _people(seen: Seen) -> Told:
    users = seen.now.found.counts.users
    facts = [Fact(seen.say(N_("Users")), seen.counted(users))]
    if seen.whole:
        facts.append(Fact(seen.say(N_("Come to")), seen.desk.services.public_url, mono=True))
    line = counted(users, seen.say(N_("user"))) if users < MOST else facts[0].value
    return Told(line, tuple(facts), (_link(seen, N_("Users"), "users"),))


def _devices(seen: Seen) -> Told:
    counts = seen.now.found.counts
    facts = [
        Fact(seen.say(N_("Enrolled")), seen.counted(counts.enrolled)),
        Fact(seen.say(N_("Connected now")), seen.counted(counts.connected)),
    ]
    if seen.whole:
        address = seen.desk.services.tools.addresses.device_url
        facts.append(Fact(seen.say(N_("Come to")), address, mono=True))
    line = seen.say(N_("%(count)s enrolled")) % {"count": seen.counted(counts.enrolled)}
    links = (_link(seen, N_("Devices"), "devices"), _link(seen, N_("Sessions"), "sessions"))
    return Told(line, tuple(facts), links)


def _web(seen: Seen) -> Told:
    services, around = seen.desk.services, seen.around
    facts = [
        Fact(seen.say(N_("Address")), services.public_url, mono=True),
        Fact(seen.say(N_("Listens at")), around.web, mono=True),
        Fact(seen.say(N_("Speaks")), around.web_speaks),
        *seen.checked(Part.WEB),
    ]
    if services.own_ca:
        facts.append(Fact(seen.say(N_("Own CA")), services.own_ca, mono=True))
    return Told("", _known(facts))


def _device(seen: Seen) -> Told:
    address = seen.desk.services.tools.addresses.device_url
    facts = [
        Fact(seen.say(N_("Address")), address, mono=True),
        Fact(seen.say(N_("Listens at")), seen.around.device, mono=True),
        Fact(seen.say(N_("Speaks")), seen.say(N_("TLS, certificates of Enlist's CA"))),
        *seen.checked(Part.DEVICE),
    ]
    return Told("", _known(facts))


def _enlist(seen: Seen) -> Told:
    if seen.whole is None:
        return Told()
    facts = (
        Fact(seen.say(N_("Version")), seen.desk.services.version),
        Fact(seen.say(N_("Processes, on all machines")), f"{seen.whole.processes or 1}"),
        *seen.checked(Part.ENLIST),
    )
    return Told("", _known(facts))


def _log(seen: Seen) -> Told:
    since = seen.whole.unsealed_since if seen.whole else None
    facts = (Fact(seen.say(N_("Not sealed since")), at=since),) if since else ()
    links = (_link(seen, N_("Events"), "events"),)
    return Told("", facts, links)


def _database(seen: Seen) -> Told:
    known = seen.whole.database if seen.whole else None
    facts = (
        Fact(seen.say(N_("Kind")), f"{known.product} {known.version}" if known else ""),
        Fact(seen.say(N_("Where")), seen.around.database, mono=True),
        Fact(seen.say(N_("Size")), size(known.size) if known else ""),
        *seen.checked(Part.DATABASE),
    )
    return Told("", _known(facts))


def _authority(seen: Seen) -> Told:
    authority = seen.desk.services.tools.authority
    facts = (
        Fact(seen.say(N_("Signs until")), at=authority.not_after),
        Fact(seen.say(N_("Root until")), at=from_datetime(authority.root.not_valid_after_utc)),
        Fact(seen.say(N_("Root, SHA-256")), authority.root_fingerprint, mono=True),
    )
    return Told("", facts)


def _email(seen: Seen) -> Told:
    return _channel(seen, EMAIL, seen.around.email)


def _sms(seen: Seen) -> Told:
    return _channel(seen, SMS, seen.around.sms)


def _channel(seen: Seen, name: str, where: str) -> Told:
    if name not in seen.desk.services.tools.channels:
        return Told()
    known = seen.now.found.channels[name]
    facts = [
        Fact(seen.say(N_("Handed to")), where, mono=True),
        Fact(seen.say(N_("Messages that wait")), seen.counted(known.waiting)),
    ]
    if known.waiting:
        facts.append(Fact(seen.say(N_("The first since")), at=known.oldest))
    if known.failing_since:
        facts.append(Fact(seen.say(N_("Away since")), at=known.failing_since))
    if known.refused:
        facts.append(Fact(seen.say(N_("Refused in a row")), f"{known.refused:,}"))
    return Told("", _known(facts), (_link(seen, N_("Messages"), "messages"),))


_TELL: Final[Mapping[Part, Callable[[Seen], Told]]] = {
    Part.PEOPLE: _people,
    Part.DEVICES: _devices,
    Part.WEB: _web,
    Part.DEVICE: _device,
    Part.ENLIST: _enlist,
    Part.LOG: _log,
    Part.DATABASE: _database,
    Part.AUTHORITY: _authority,
    Part.EMAIL: _email,
    Part.SMS: _sms,
}


def _link(seen: Seen, label: str, address: str) -> Link:
    return Link(seen.say(label), seen.desk.address(address))


def _known(facts: list[Fact] | tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Those of which there is something to say."""
    return tuple(each for each in facts if each.value or each.at is not None)


def size(octets: int) -> str:
    """`3.2 MB`, as file managers have it."""
    amount, units = float(octets), ["B", "KB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return (
        f"{amount:.0f} {units[0]}"
        if amount >= 10 or amount == octets
        else f"{amount:.1f} {units[0]}"
    )


ROUTES = [page("infrastructure", show)]
