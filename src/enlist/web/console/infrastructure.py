"""System > Infrastructure diagram: what this installation is made of, and how each part does.

The picture is drawn on the server and looks again by itself. How a part does is judged in
`core.infrastructure`; here that gets words, and what somebody who looks needs to know beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core.clock import from_datetime
from enlist.core.counting import counted
from enlist.core.infrastructure import Part, Standing, State
from enlist.core.outcomes import Refusal
from enlist.store.infrastructure import MOST
from enlist.verbs.channels import EMAIL, SMS
from enlist.web.console import drawing, passcodes
from enlist.web.console.layout import Desk, mark_of, page
from enlist.web.console.navigation import N_
from enlist.web.console.popups import Fact, Seen, Told, known
from enlist.web.console.words import Word
from enlist.web.standings import standings

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
    return Told(line, tuple(facts), (seen.link(N_("Users"), "users"),))


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
    links = (seen.link(N_("Devices"), "devices"), seen.link(N_("Sessions"), "sessions"))
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
    return Told("", known(facts))


def _device(seen: Seen) -> Told:
    address = seen.desk.services.tools.addresses.device_url
    facts = [
        Fact(seen.say(N_("Address")), address, mono=True),
        Fact(seen.say(N_("Listens at")), seen.around.device, mono=True),
        Fact(seen.say(N_("Speaks")), seen.say(N_("TLS, certificates of Enlist's CA"))),
        *seen.checked(Part.DEVICE),
    ]
    return Told("", known(facts))


def _enlist(seen: Seen) -> Told:
    if seen.whole is None:
        return Told()
    facts = (
        Fact(seen.say(N_("Version")), seen.desk.services.version),
        Fact(seen.say(N_("Processes, on all machines")), f"{seen.whole.processes or 1}"),
        *seen.checked(Part.ENLIST),
    )
    return Told("", known(facts))


def _log(seen: Seen) -> Told:
    since = seen.whole.unsealed_since if seen.whole else None
    facts = (Fact(seen.say(N_("Not sealed since")), at=since),) if since else ()
    links = (seen.link(N_("Events"), "events"),)
    return Told("", facts, links)


def _database(seen: Seen) -> Told:
    kind = seen.whole.database if seen.whole else None
    facts = (
        Fact(seen.say(N_("Kind")), f"{kind.product} {kind.version}" if kind else ""),
        Fact(seen.say(N_("Where")), seen.around.database, mono=True),
        Fact(seen.say(N_("Size")), size(kind.size) if kind else ""),
        *seen.checked(Part.DATABASE),
    )
    return Told("", known(facts))


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
    channel = seen.now.found.channels[name]
    facts = [
        Fact(seen.say(N_("Handed to")), where, mono=True),
        Fact(seen.say(N_("Messages that wait")), seen.counted(channel.waiting)),
    ]
    if channel.waiting:
        facts.append(Fact(seen.say(N_("The first since")), at=channel.oldest))
    if channel.failing_since:
        facts.append(Fact(seen.say(N_("Away since")), at=channel.failing_since))
    if channel.refused:
        facts.append(Fact(seen.say(N_("Refused in a row")), f"{channel.refused:,}"))
    return Told("", known(facts), (seen.link(N_("Messages"), "messages"),))


_TELL: Final[Mapping[Part, Callable[[Seen], Told]]] = {
    Part.PEOPLE: _people,
    Part.DEVICES: _devices,
    Part.WEB: _web,
    Part.DEVICE: _device,
    Part.SELF_SERVICE: passcodes.told,
    Part.ENLIST: _enlist,
    Part.LOG: _log,
    Part.DATABASE: _database,
    Part.AUTHORITY: _authority,
    Part.EMAIL: _email,
    Part.SMS: _sms,
}


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
