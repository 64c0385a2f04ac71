"""Branding: how an organization looks to its people, in messages and on public pages.

Each value is either inherited or set here, one by one, as on Settings. Beside the form stand a
message and a public page as they would look, which follow what is typed; nothing is kept before
Save. What is shown of a colour is its nearest shade that can be read, and the page says which.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import UploadFile
from starlette.responses import Response

from enlist.core.branding import (
    ACCENT,
    COLOURS,
    KEYS,
    LOGO,
    TEMPLATE_OF,
    TEXT_OF,
    TEXTS,
    Branding,
)
from enlist.core.colours import contrast, is_colour, text_on
from enlist.core.outcomes import Refusal, invalid
from enlist.core.png import MOST_BYTES
from enlist.core.policy import ChildPermission, Effective
from enlist.core.prompts import TELLING, Message
from enlist.delivery.rendering import Rendered, render
from enlist.verbs.branding import BrandingDetail, ChangeBranding, ShowBranding
from enlist.verbs.branding_preview import PreviewBranding
from enlist.verbs.issuing import DEFAULT_TEMPLATE
from enlist.verbs.letters import Letter
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web import pages
from enlist.web.console import framing
from enlist.web.console.event_texts import FIELDS
from enlist.web.console.forms import UNSHOWABLE, Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.sending import templates_at
from enlist.web.console.settings import INHERIT, OWN
from enlist.web.console.words import PLATFORMS
from enlist.web.look import shown_as

_PAGE: Final = "#ffffff"
_DARK_PAGE: Final = "#171e28"
"""What public pages write on, light and dark; see `public.css`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One value on the page.

    Attributes:
        force: what is in force, and where that comes from.
        above: what it would be if it were inherited.
    """

    key: str
    label: str
    force: Effective
    above: Effective
    own: bool


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour as it is shown, with the text on it.

    Attributes:
        ratio: the contrast of both, which WCAG AA wants to be 4.5 at least.
        changed: it is not the one that was chosen, which could not be read.
    """

    label: str
    ground: str
    ink: str
    ratio: float
    changed: bool


async def show(desk: Desk) -> Response:
    """The page, and saving it."""
    detail = await desk.view(ShowBranding(desk.group_id))
    place = await desk.view(ShowOrganization(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    if isinstance(place, Refusal):
        return desk.refuse(place)
    if desk.request.method == "GET":
        return await _show(desk, detail, place, Form(_values(detail)))
    form, change, file = await _read(desk, detail)
    outcome: object = form.refusal
    if outcome is None:
        if not change and not file and desk.may("settings:edit"):
            return desk.go(desk.address("branding"), desk.gettext("Nothing was changed."))
        outcome = await desk.perform(ChangeBranding(detail.organization.id, change, file))
    if not isinstance(outcome, Refusal):
        return desk.go(desk.address("branding"), desk.gettext("Branding saved."))
    if outcome.code in UNSHOWABLE:
        return desk.refuse(outcome)
    return await _show(desk, detail, place, form.refused(outcome))


def _values(detail: BrandingDetail) -> dict[str, str]:
    """What stands in the form: own values, and those in force where there are none."""
    values = {key: detail.branding.value(key) for key in KEYS if key != LOGO}
    values |= {f"source.{key}": OWN if key in detail.own else INHERIT for key in KEYS}
    # A picker of colours knows no empty one.
    values["accent_color"] = values["accent_color"] or ACCENT
    values["header_color"] = values["header_color"] or _PAGE
    return values


async def _read(desk: Desk, detail: BrandingDetail) -> tuple[Form, dict[str, str | None], bytes]:
    """The form, what it changes of the organization's own values, and the file of a new logo."""
    form = await read_form(desk.request)
    sent = (await desk.request.form()).get(LOGO)
    own_logo = form.value(f"source.{LOGO}") == OWN
    file = await sent.read() if own_logo and isinstance(sent, UploadFile) else b""
    change: dict[str, str | None] = {}
    for key in KEYS:
        inherits = form.value(f"source.{key}") != OWN
        value = None if inherits else form.value(key).replace("\r\n", "\n") or None
        if key == LOGO:
            if inherits and LOGO in detail.own:
                change[LOGO] = None
        elif value != detail.own.get(key):
            change[key] = value
    if own_logo and not file and LOGO not in detail.own:
        form = form.refused(invalid(LOGO, desk.gettext("choose a PNG file")))
    return form, change, file


async def _show(
    desk: Desk, detail: BrandingDetail, place: OrganizationDetail, form: Form
) -> Response:
    above = place.above.child_permission if place.above else ChildPermission.BOTH
    inherit_only = above is ChildPermission.INHERIT_ONLY
    templates = await templates_at(desk, desk.group_id, desk.organization.path)
    default = (DEFAULT_TEMPLATE, desk.gettext("The default template"))
    context = {
        "form": form,
        "detail": detail,
        "lines": {key: _line(desk, detail, key) for key in KEYS},
        "shown": _shown(desk, detail),
        "colours": COLOURS,
        "template_keys": {key: PLATFORMS[platform] for platform, key in TEMPLATE_OF.items()},
        "templates": [default, *templates],
        "may_edit": desk.may("settings:edit") and not inherit_only,
        "inherit_only": inherit_only,
        "override_only": False,
        "visible": {each.group_id for each in desk.place.trail},
        "source_page": "branding",
        "landing_hosts": sorted(desk.services.tools.landing_hosts),
        "logo": f"/look/{detail.branding.logo}.png" if detail.branding.logo else "",
        "most_bytes": MOST_BYTES,
        "longest": TEXTS,
        "message_texts": {TEXT_OF[each]: TELLING[each] for each in Message},
        "told": {TEXT_OF[each] for each in place.policy.messages},
        "swatches": _swatches(desk, detail.branding),
    }
    return framing.framing(desk.show("console/branding.html", context, refusal=form.refusal))


def _line(desk: Desk, detail: BrandingDetail, key: str) -> Line:
    branding, above = detail.branding, detail.above
    return Line(
        key,
        desk.gettext(FIELDS[key]),
        Effective(branding.value(key), branding.sources.get(key, "default")),
        Effective(above.value(key), above.sources.get(key, "default")),
        key in detail.own,
    )


def _shown(desk: Desk, detail: BrandingDetail) -> Mapping[str, Mapping[str, str]]:
    """Values in words, by key; others stand for themselves."""
    nothing = desk.gettext("none")
    words: dict[str, Mapping[str, str]] = {key: {"": nothing} for key in KEYS}
    logos = {detail.branding.logo, detail.above.logo} - {""}
    words[LOGO] = {"": nothing, **dict.fromkeys(logos, desk.gettext("a picture"))}
    words |= {key: {"": desk.gettext("Enlist's own")} for key in COLOURS}
    default = desk.gettext("The default template")
    words |= {key: {"": default, DEFAULT_TEMPLATE: default} for key in TEMPLATE_OF.values()}
    return words


async def colours(desk: Desk) -> Response:
    """How the colours typed so far would be shown: a part of the page."""
    asked = desk.request.query_params
    detail = await desk.view(ShowBranding(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    values = {}
    for key in COLOURS:
        own = asked.get(f"source.{key}") == OWN
        value = asked.get(key, "").lower() if own else detail.above.value(key)
        if is_colour(value):
            values[key] = value
    return desk.show("console/_swatches.html", {"swatches": _swatches(desk, Branding(values))})


def _swatches(desk: Desk, branding: Branding) -> list[Swatch]:
    """The colours as people see them, each with its contrast."""
    chosen, shown = branding.value("accent_color"), branding.shades
    on_light = bool(chosen) and shown.light != chosen
    on_dark = bool(chosen) and shown.dark != chosen
    links, buttons = desk.gettext("Links"), desk.gettext("Buttons")
    light, dark = desk.gettext("on light pages"), desk.gettext("on dark pages")
    found = [
        _swatch(f"{links} {light}", _PAGE, shown.light, changed=on_light),
        _swatch(f"{buttons} {light}", shown.light, shown.on_light, changed=on_light),
        _swatch(f"{links} {dark}", _DARK_PAGE, shown.dark, changed=on_dark),
        _swatch(f"{buttons} {dark}", shown.dark, shown.on_dark, changed=on_dark),
    ]
    if header := branding.value("header_color"):
        found.append(_swatch(desk.gettext("Header"), header, text_on(header), changed=False))
    return found


def _swatch(label: str, ground: str, ink: str, *, changed: bool) -> Swatch:
    return Swatch(label, ground, ink, contrast(ground, ink), changed)


async def preview_message(desk: Desk) -> Response:
    """A message as it would look: for the frame."""
    letter = await _foreseen(desk)
    if isinstance(letter, Response):
        return letter
    rendered = render(letter, desk.services.public_url)
    return (
        framing.mail(rendered) if isinstance(rendered, Rendered) else framing.told(rendered.reason)
    )


async def preview_page(desk: Desk) -> Response:
    """A public page as it would look: for the frame."""
    letter = await _foreseen(desk)
    if isinstance(letter, Response):
        return letter
    look = shown_as(letter.branding, desk.services.tools.landing_hosts)
    if picture := letter.branding.picture:
        look = replace(look, logo=f"data:image/png;base64,{b64encode(picture).decode('ascii')}")
    user, device = letter.user, letter.device
    platform = device.platform.value if device else ""
    shown = {
        "organization": letter.organization.name,
        "person": user.display_name if user else "",
        "username": user.username if user else "",
        "device": device.name if device else "",
        "platform": platform,
        "here": platform,
        "elsewhere": "",
    }
    context = {
        "shown": shown,
        "expires_at": letter.expires_at,
        "sealed": "",
        "action": "/enroll",
        "terms": None,
        "questions": (),
        "wrong": (),
        "typed": {},
    }
    response = pages.render(
        desk.request, "console/branding_page.html", context, zone=desk.zone, look=look
    )
    return framing.page_framed(response)


async def _foreseen(desk: Desk) -> Letter | Response:
    """A letter with the look that the form describes; or what to show instead."""
    detail = await desk.view(ShowBranding(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    _, change, file = await _read(desk, detail)
    asked = PreviewBranding(
        ChangeBranding(detail.organization.id, change, file), desk.services.tools
    )
    letter = await desk.view(asked)
    if not isinstance(letter, Refusal):
        return letter
    if letter.code not in framing.INVALID:
        return desk.refuse(letter)
    named = [f"{desk.gettext(FIELDS.get(e.field, e.field))}: {e.message}" for e in letter.fields]
    return framing.told("; ".join(named))


ROUTES = [
    page("branding", show, methods=("GET", "POST")),
    page("branding/colours", colours),
    page("branding/message", preview_message, methods=("POST",)),
    page("branding/page", preview_page, methods=("POST",)),
]
