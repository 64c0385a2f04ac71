"""Settings > Devices & Users > General > Enrollment > Restrictions: who may enroll what, how often.

The page shows all that counts at the organization in force, its own and from above, in the order
in which it is looked through, and what each of it comes to there. What is set above is overridden
by setting the like here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.restrictions import MOST_DEVICES, MOST_RANK, Restriction
from enlist.store.listing import MOST_PER_PAGE
from enlist.verbs.groups import ListGroups
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.restrictions import (
    AddRestriction,
    ChangeRestriction,
    DeleteRestriction,
    ListRestrictions,
    Shown,
    Standing,
)
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console import people, settings
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.navigation import N_
from enlist.web.console.restriction_words import in_words
from enlist.web.console.words import OWNERSHIPS, PLATFORMS, Word

ADDRESS: Final = "settings/restrictions"
STANDINGS: Final = {
    Standing.IN_FORCE: Word(N_("In force"), "good"),
    Standing.OVERRIDDEN: Word(N_("Overridden"), "gone"),
    Standing.DISREGARDED: Word(N_("Without effect"), "warn"),
}
NUMBERS: Final = {
    "most_devices": N_("Devices of a user"),
    "most_corporate_dedicated": N_("of them corporate – dedicated"),
    "most_corporate_shared": N_("of them corporate – shared"),
    "most_employee_owned": N_("of them employee owned"),
    "most_at_organization": N_("Devices here and below, of all users"),
}
_TEXTS: Final = ("models", "manufacturers")
_OWNED: Final = tuple(each for each in OWNERSHIPS if each != Ownership.NONE)
_YES: Final = "yes"
_EDIT: Final = "settings:edit"
_READ_USERS: Final = Permission.USERS_READ


async def show(desk: Desk) -> Response:
    """The page, and saving its settings."""
    detail = await desk.view(ShowOrganization(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    if desk.request.method == "GET":
        return await _show(desk, detail, Form(settings.values_of(detail)))
    form = await read_form(desk.request)
    change = settings.change_of(form, detail, settings.RESTRICTIONS)
    if not change and desk.may(_EDIT):
        return desk.go(desk.address(ADDRESS), desk.gettext("Nothing was changed."))
    outcome = await desk.perform(ChangeSettings(detail.organization.id, change))
    if isinstance(outcome, Refusal):
        return await _show(desk, detail, form.refused(outcome))
    return desk.go(desk.address(ADDRESS), desk.gettext("Settings saved."))


async def add(desk: Desk) -> Response:
    """Add one, perhaps like another that is to be overridden."""
    closed = people.closed(desk, _EDIT)
    if closed is not None:
        return closed
    form, like = Form({"rank": "100", "may_enroll": _YES}), None
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await desk.perform(AddRestriction(desk.organization.id, _said(form)))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The restriction %(name)s was added.")
            return desk.go(desk.address(ADDRESS), text % {"name": outcome.value.name})
        form = form.refused(outcome)
    elif wanted := desk.request.query_params.get("like", ""):
        found = await _named(desk, wanted)
        if isinstance(found, Response):
            return found
        form, like = Form(_shown(found.restriction)), found
    return await _show_form(desk, form, None, like)


async def edit(desk: Desk) -> Response:
    """Change one of the organization's own."""
    found = await _own(desk)
    if isinstance(found, Response):
        return found
    before = _shown(found.restriction)
    form = Form(before)
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        was = _said(Form(before))
        change = {key: value for key, value in _said(form).items() if value != was[key]}
        if not change and desk.may(_EDIT):
            return desk.go(desk.address(ADDRESS), desk.gettext("Nothing was changed."))
        verb = ChangeRestriction(desk.organization.id, found.restriction.id, change)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address(ADDRESS), desk.gettext("Changes saved."))
        form = form.refused(outcome)
    return await _show_form(desk, form, found, None)


async def delete(desk: Desk) -> Response:
    """Take one of the organization's own away, once it was said what that means."""
    found = await _own(desk)
    if isinstance(found, Response):
        return found
    refusal = None
    if desk.request.method == "POST":
        verb = DeleteRestriction(desk.organization.id, found.restriction.id)
        outcome = await desk.perform(verb)
        if not isinstance(outcome, Refusal):
            text = desk.gettext("The restriction %(name)s counts no more.")
            return desk.go(desk.address(ADDRESS), text % {"name": found.restriction.name})
        refusal = outcome
    context = {"shown": found, "words": in_words(desk.gettext, found.restriction)}
    return desk.show("console/restriction_delete.html", context, refusal=refusal)


async def _show(desk: Desk, detail: OrganizationDetail, form: Form) -> Response:
    found = await desk.view(ListRestrictions(detail.organization.id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {
        **settings.common(desk, detail, form, settings.RESTRICTIONS),
        "items": [(each, in_words(desk.gettext, each.restriction)) for each in found],
        "standings": STANDINGS,
    }
    return desk.show("console/restrictions.html", context, refusal=form.refusal)


async def _show_form(desk: Desk, form: Form, found: Shown | None, like: Shown | None) -> Response:
    groups = await _groups(desk)
    if isinstance(groups, Refusal):
        return desk.refuse(groups)
    chosen = form.value("user_group_id")
    if chosen and chosen not in dict(groups):
        groups.append((chosen, desk.gettext("A group that you may not see")))
    context = {
        "form": form,
        "found": found,
        "like": like,
        "groups": groups,
        "platforms": PLATFORMS,
        "ownerships": {key: OWNERSHIPS[key] for key in _OWNED},
        "numbers": NUMBERS,
        "most_rank": MOST_RANK,
        "most_devices": MOST_DEVICES,
    }
    return desk.show("console/restriction_form.html", context, refusal=form.refusal)


async def _groups(desk: Desk) -> list[tuple[str, str]] | Refusal:
    """Groups whose members may enroll here: those from below, and from as far up as one sees."""
    above = next((each for each in desk.place.trail if desk.may(_READ_USERS, each.path)), None)
    found: dict[str, str] = {}
    for place in dict.fromkeys((desk.organization, above) if above else ()):
        listed = await desk.view(ListGroups(place.id, limit=MOST_PER_PAGE))
        if isinstance(listed, Refusal):
            return listed
        for each in listed.items:
            paths = each.organization_path, desk.organization.path
            if max(paths).startswith(min(paths)):
                found[each.id] = f"{each.name} ({each.group_id})"
    return list(found.items())


async def _named(desk: Desk, wanted: str) -> Shown | Response:
    """The restriction with this id that counts here or would, wherever it is set."""
    found = await desk.view(ListRestrictions(desk.organization.id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    shown = next((each for each in found if each.restriction.id == wanted), None)
    return shown or desk.refuse(Refusal("not_found"))


async def _own(desk: Desk) -> Shown | Response:
    """The organization's own restriction that the address names, for a change."""
    found = await _named(desk, str(desk.request.path_params["restriction"]))
    if isinstance(found, Response):
        return found
    if found.organization.id != desk.organization.id:
        return desk.refuse(Refusal("not_found"))
    return people.closed(desk, _EDIT) or found


def _shown(found: Restriction) -> dict[str, str]:
    """A restriction as it stands in the form."""
    values = {
        "name": found.name,
        "user_group_id": found.user_group_id or "",
        "rank": str(found.rank),
        "may_enroll": _YES if found.may_enroll else "no",
    }
    values |= {f"platform_{each}": _YES for each in found.platforms}
    values |= {f"ownership_{each}": _YES for each in found.ownership}
    values |= {f"least_os_{platform}": version for platform, version in found.least_os.items()}
    values |= {key: "\n".join(getattr(found, key)) for key in _TEXTS}
    numbers = {key: getattr(found, key) for key in NUMBERS}
    return values | {key: "" if held is None else str(held) for key, held in numbers.items()}


def _said(form: Form) -> Mapping[str, object]:
    """What the form says, as the verb takes it; what fits no type stays text, and is refused so."""

    def ticked(name: str, choices: tuple[str, ...]) -> list[str]:
        return [each for each in choices if form.value(f"{name}_{each}") == _YES]

    platforms = tuple(Platform)
    versions = {each: form.value(f"least_os_{each}") for each in platforms}
    return {
        "name": form.value("name"),
        "user_group_id": form.value("user_group_id") or None,
        "rank": _number(form.value("rank") or "100"),
        "may_enroll": form.value("may_enroll") != "no",
        "platforms": ticked("platform", platforms),
        "ownership": ticked("ownership", _OWNED),
        "least_os": {platform: version for platform, version in versions.items() if version},
        **{key: form.lines(key) for key in _TEXTS},
        **{key: _number(form.value(key)) for key in NUMBERS},
    }


def _number(text: str) -> int | str | None:
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


ROUTES = [
    page(ADDRESS, show, methods=("GET", "POST")),
    page(f"{ADDRESS}/new", add, methods=("GET", "POST")),
    page(f"{ADDRESS}/{{restriction}}", edit, methods=("GET", "POST")),
    page(f"{ADDRESS}/{{restriction}}/delete", delete, methods=("GET", "POST")),
]
