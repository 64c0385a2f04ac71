"""System > Infrastructure diagram: what this installation is made of, and how each part does.

The picture is drawn on the server and looks again by itself. How a part does is judged in
`core.infrastructure`; here that gets words, and what somebody who looks needs to know beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core import infrastructure as judging
from enlist.core.clock import from_datetime
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, Level, problem
from enlist.core.infrastructure import CHECKED, Channel, Part, Standing, State, Surroundings
from enlist.core.outcomes import Refusal
from enlist.store.infrastructure import MOST
from enlist.verbs.channels import EMAIL, SMS
from enlist.verbs.infrastructure import InfrastructureDetail, ShowInfrastructure, Whole
from enlist.web.console import drawing
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

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
class Told:
    """What the picture tells of a part.

    Attributes:
        standing: None for those who only come to the installation.
        line: below its name, instead of the state in words.
    """

    standing: Standing | None = None
    line: str = ""
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part as it stands in the picture."""

    part: Part
    place: drawing.Place
    told: Told


@dataclass(frozen=True)
class Seen:
    """What there is to tell of, and to whom."""

    desk: Desk
    found: InfrastructureDetail
    around: Surroundings

    @property
    def whole(self) -> Whole | None:
        return self.found.whole

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

    def amiss(self, part: Part) -> tuple[Finding, ...]:
        """What the doctor found here, and what other machines said of their certificates."""
        own = self.around.of(part)
        alerts = self.whole.expiring if self.whole else ()
        remedy = self.say(N_("Renew it as enlist doctor on that machine says."))
        others = (
            problem(each.details, remedy)
            for each in alerts
            if each.subject.partition(" ")[0] in CHECKED[part]
            and not any(finding.found in each.details for finding in own)
        )
        return (*own, *others)


async def show(desk: Desk) -> Response:
    """The picture, as it is right now."""
    found = await desk.view(ShowInfrastructure(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    around = await desk.services.look_around() if found.whole else Surroundings()
    seen = Seen(desk, found, around)
    picture = drawing.WHOLE if found.whole else drawing.OWN
    parts = [Drawn(part, place, _TELL[part](seen)) for part, place in picture.places.items()]
    states = {each.part: each.told.standing.state for each in parts if each.told.standing}
    # A database grows with every event: that alone is no news.
    mark = mark_of(*((each.part, each.told.standing, each.told.line) for each in parts))
    if unchanged := desk.unchanged(mark):
        return unchanged
    context = {
        "parts": parts,
        "wires": picture.drawn(states),
        "view_box": picture.view_box,
        "whole": found.whole,
        "overall": judging.gravest(states.values()),
        "amiss": [each for each in parts if states.get(each.part) in _AMISS],
        "mark": mark,
        "words": PARTS,
        "states": STATES,
        "whole_states": WHOLE_STATES,
    }
    return desk.show("console/infrastructure.html", context)


_AMISS: Final = (State.PROBLEM, State.ATTENTION)


def _people(seen: Seen) -> Told:
    users = seen.found.counts.users
    facts = [Fact(seen.say(N_("Users")), seen.counted(users))]
    if seen.whole:
        facts.append(Fact(seen.say(N_("Come to")), seen.desk.services.public_url, mono=True))
    line = counted(users, seen.say(N_("user"))) if users < MOST else facts[0].value
    return Told(None, line, tuple(facts), (_link(seen, N_("Users"), "users"),))


def _devices(seen: Seen) -> Told:
    counts = seen.found.counts
    facts = [
        Fact(seen.say(N_("Enrolled")), seen.counted(counts.enrolled)),
        Fact(seen.say(N_("Connected now")), seen.counted(counts.connected)),
    ]
    if seen.whole:
        address = seen.desk.services.tools.addresses.device_url
        facts.append(Fact(seen.say(N_("Come to")), address, mono=True))
    line = seen.say(N_("%(count)s enrolled")) % {"count": seen.counted(counts.enrolled)}
    links = (_link(seen, N_("Devices"), "devices"), _link(seen, N_("Sessions"), "sessions"))
    return Told(None, line, tuple(facts), links)


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
    well = seen.say(N_("Console, portal, enrollment pages and API are answered here."))
    return Told(judging.judged(seen.amiss(Part.WEB), well), "", _known(facts))


def _device(seen: Seen) -> Told:
    address = seen.desk.services.tools.addresses.device_url
    facts = [
        Fact(seen.say(N_("Address")), address, mono=True),
        Fact(seen.say(N_("Listens at")), seen.around.device, mono=True),
        Fact(seen.say(N_("Speaks")), seen.say(N_("TLS, certificates of Enlist's CA"))),
        *seen.checked(Part.DEVICE),
    ]
    well = seen.say(N_("Devices renew their certificates and stay connected here."))
    return Told(judging.judged(seen.amiss(Part.DEVICE), well), "", _known(facts))


def _self_service(seen: Seen) -> Told:
    why = seen.say(N_("No company passcode has been generated."))
    remedy = seen.say(N_("Other ways to enroll go on."))
    return Told(judging.off(why, remedy))


def _enlist(seen: Seen) -> Told:
    if seen.whole is None:
        well = seen.say(N_("It answers you. Whoever runs this installation sees the rest."))
        return Told(judging.judged((), well))
    facts = (
        Fact(seen.say(N_("Version")), seen.desk.services.version),
        Fact(seen.say(N_("Processes, on all machines")), f"{seen.whole.processes or 1}"),
        *seen.checked(Part.ENLIST),
    )
    well = seen.say(N_("It decides who and what may join."))
    return Told(judging.judged(seen.amiss(Part.ENLIST), well), "", _known(facts))


def _log(seen: Seen) -> Told:
    since = seen.whole.unsealed_since if seen.whole else None
    facts = (Fact(seen.say(N_("Not sealed since")), at=since),) if since else ()
    links = (_link(seen, N_("Events"), "events"),)
    return Told(judging.sealed_log(since, seen.desk.now), "", facts, links)


def _database(seen: Seen) -> Told:
    known = seen.whole.database if seen.whole else None
    facts = (
        Fact(seen.say(N_("Kind")), f"{known.product} {known.version}" if known else ""),
        Fact(seen.say(N_("Where")), seen.around.database, mono=True),
        Fact(seen.say(N_("Size")), size(known.size) if known else ""),
        *seen.checked(Part.DATABASE),
    )
    well = seen.say(N_("It answers."))
    return Told(judging.judged(seen.amiss(Part.DATABASE), well), "", _known(facts))


def _authority(seen: Seen) -> Told:
    authority = seen.desk.services.tools.authority
    facts = (
        Fact(seen.say(N_("Signs until")), at=authority.not_after),
        Fact(seen.say(N_("Root until")), at=from_datetime(authority.root.not_valid_after_utc)),
        Fact(seen.say(N_("Root, SHA-256")), authority.root_fingerprint, mono=True),
    )
    well = seen.say(N_("It signs the certificates of devices."))
    return Told(judging.judged(seen.amiss(Part.AUTHORITY), well), "", facts)


def _email(seen: Seen) -> Told:
    missing = Finding(
        Level.SKIPPED,
        seen.say(N_("No mail server is set up, so no token goes out by e-mail.")),
        seen.say(N_("Start Enlist with ENLIST_SMTP_HOST and what belongs to it.")),
    )
    away = seen.say(N_("The mail server is away, or refuses what it is given"))
    return _channel(seen, EMAIL, seen.around.email, away, missing)


def _sms(seen: Seen) -> Told:
    missing = Finding(
        Level.SKIPPED,
        seen.say(N_("No SMS gateway is set up, so no token goes out by SMS.")),
        seen.say(N_("Start Enlist with ENLIST_SMS_DRIVER and what belongs to it.")),
    )
    away = seen.say(N_("The SMS gateway is away, or refuses what it is given"))
    return _channel(seen, SMS, seen.around.sms, away, missing)


def _channel(seen: Seen, name: str, where: str, away: str, missing: Finding) -> Told:
    known: Channel = seen.found.channels[name]
    remedy = seen.say(N_("Whoever runs this installation has been told."))
    if seen.whole:
        remedy = seen.say(N_("Run enlist doctor on the server: it says which step fails."))
    else:
        missing = Finding(missing.level, missing.found)
    set_up = name in seen.desk.services.tools.channels
    standing = judging.channel(
        known, seen.desk.now, set_up=set_up, away=away, remedy=remedy, missing=missing
    )
    facts = [Fact(seen.say(N_("Handed to")), where, mono=True)]
    if set_up:
        facts.append(Fact(seen.say(N_("Messages that wait")), seen.counted(known.waiting)))
    if known.waiting:
        facts.append(Fact(seen.say(N_("The first since")), at=known.oldest))
    if known.failing_since:
        facts.append(Fact(seen.say(N_("Away since")), at=known.failing_since))
    if known.refused:
        facts.append(Fact(seen.say(N_("Refused in a row")), f"{known.refused:,}"))
    links = (_link(seen, N_("Messages"), "messages"),) if set_up else ()
    return Told(standing, "", _known(facts), links)


def _directories(seen: Seen) -> Told:
    why = seen.say(N_("Not set up yet."))
    remedy = seen.say(N_("People from LDAP, Active Directory and SCIM come with a later version."))
    return Told(judging.off(why, remedy))


_TELL: Final[Mapping[Part, Callable[[Seen], Told]]] = {
    Part.PEOPLE: _people,
    Part.DEVICES: _devices,
    Part.WEB: _web,
    Part.DEVICE: _device,
    Part.SELF_SERVICE: _self_service,
    Part.ENLIST: _enlist,
    Part.LOG: _log,
    Part.DATABASE: _database,
    Part.AUTHORITY: _authority,
    Part.EMAIL: _email,
    Part.SMS: _sms,
    Part.DIRECTORIES: _directories,
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
