"""What the pages about people and organizations share: roles in words, zones, languages, places."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core.access import OwnRole
from enlist.core.model import Organization
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs.own_roles import ListOwnRoles
from enlist.verbs.views import ListOrganizations
from enlist.web.console.layout import Desk
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

ROLES: Final = {
    "administrator": Word(
        N_("Administrator"), meaning=N_("Everything, but for reading a token that was sent.")
    ),
    "operator": Word(
        N_("Operator"), meaning=N_("Runs enrollments: people, devices, tokens. No settings.")
    ),
    "helpdesk": Word(
        N_("Help desk"), meaning=N_("Finds people and devices, resends and reissues tokens.")
    ),
    "reader": Word(N_("Reader"), meaning=N_("Sees everything but secrets, and changes nothing.")),
}


def role_choices(desk: Desk, own: Iterable[OwnRole]) -> list[tuple[str, str, str]]:
    """All roles to choose from, each with its name and a sentence: the built-in ones first.

    What an organization calls its own is text as it is: it is never looked up as a translation.
    """
    built_in = [
        (name, desk.gettext(word.label), desk.gettext(word.meaning)) for name, word in ROLES.items()
    ]
    return built_in + [(each.id, _named(desk, each), _meaning(desk, each)) for each in own]


async def roles_to_choose(desk: Desk, *, below: bool = False) -> list[tuple[str, str, str]]:
    """The roles that can be given here, and in the organizations below as well."""
    own = await desk.view(ListOwnRoles(desk.group_id, below))
    return role_choices(desk, () if isinstance(own, Refusal) else own)


def _named(desk: Desk, role: OwnRole) -> str:
    return role.name if role.group_id == desk.group_id else f"{role.name} ({role.group_id})"


def _meaning(desk: Desk, role: OwnRole) -> str:
    count = desk.gettext("%(num)s permissions") % {"num": len(role.permissions)}
    return role.description or count


MOST_PLACES: Final = 1000
_MOST_CHOICES: Final = 200


@functools.cache
def zones() -> Sequence[str]:
    """Names of time zones to choose from: those of places, and UTC."""
    known = zoneinfo.available_timezones()
    return [*sorted(name for name in known if "/" in name and not name.startswith("Etc/")), "UTC"]


@dataclass(frozen=True, slots=True)
class Place:
    """An organization in the tree; `depth` counts from the organization in force."""

    organization: Organization
    depth: int


async def places(desk: Desk) -> list[Place] | Refusal:
    """The organization in force and those below it, as a tree: children follow their parent.

    At most `MOST_PLACES`; whoever looks for others goes to an organization nearer to them first.
    """
    found: list[Organization] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < MOST_PLACES:
        page = await desk.view(
            ListOrganizations(desk.group_id, limit=MOST_PER_PAGE, cursor=cursor or "")
        )
        if isinstance(page, Refusal):
            return page
        found += page.items
        cursor = page.next_cursor
    return _tree(found, desk.organization)


async def organization_choices(desk: Desk) -> list[tuple[str, str]]:
    """The organization in force and those below it, to choose one from."""
    return await _choices_below(desk, desk.group_id)


async def choices_of_all(desk: Desk) -> list[tuple[str, str]]:
    """The same from one's own organization on, whichever is in force."""
    return await _choices_below(desk, "")


async def _choices_below(desk: Desk, top: str) -> list[tuple[str, str]]:
    found = await desk.view(ListOrganizations(top, limit=_MOST_CHOICES))
    items = () if isinstance(found, Refusal) else found.items
    return [(each.group_id, f"{each.name} ({each.group_id})") for each in items]


def _tree(found: Sequence[Organization], top: Organization) -> list[Place]:
    """By name within each parent; paths alone would put them in the order they were added."""
    children: dict[str | None, list[Organization]] = {}
    for each in sorted(found, key=lambda each: (each.name.casefold(), each.id)):
        children.setdefault(each.parent_id, []).append(each)
    line: list[Place] = []
    waiting = [Place(top, 0)]
    while waiting:
        place = waiting.pop()
        line.append(place)
        below = children.get(place.organization.id, [])
        waiting += [Place(child, place.depth + 1) for child in reversed(below)]
    return line


def choices(line: Sequence[Place]) -> list[tuple[str, str]]:
    """Organizations for a select: Group ID, and the name moved in by its depth."""
    return [
        (
            place.organization.group_id,
            "\u2003" * place.depth + f"{place.organization.name} ({place.organization.group_id})",
        )
        for place in line
    ]


def closed(desk: Desk, permission: str, path: str = "") -> Response | None:
    """The answer to whoever asks for a form that he may not send; what is sent, verbs refuse."""
    if desk.request.method != "GET" or desk.may(permission, path):
        return None
    return desk.refuse(Refusal("forbidden"))


async def typed_password(desk: Desk, name: str = "password") -> Secret | None:
    """A password exactly as it was typed, spaces and all; None for an empty field."""
    sent = (await desk.request.form()).get(name, "")
    return Secret(sent) if isinstance(sent, str) and sent else None
