"""Settings > Devices & Users > General > Enrollment > Authentication, as seed 000 describes it.

Each setting is either inherited or set here, one by one (A09, A10). What belongs to *Registered
Devices Only* shows and hides by style alone, so the page is right without JavaScript too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.policy import (
    SETTINGS,
    ChildPermission,
    Effective,
    EnrollmentMode,
    Setting,
    SettingValue,
)
from enlist.core.prompts import ASKING, TELLING, WINDOWS_MUTUAL_TLS
from enlist.core.secrets import entropy_bits
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console.event_texts import FIELDS
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.setting_words import CHOICES

RECOMMENDED_LENGTH: Final = 12
"""Letters that a token should have; ten wrong logins revoke it, but nobody limits patience."""

INHERIT: Final = "inherit"
OWN: Final = "own"
_ON: Final = "yes"

RESTRICTIONS: Final = ("sign_in_device_limit", "guard_known_devices")
"""The settings of the page Restrictions."""

PROMPTS: Final = (*ASKING.values(), *TELLING.values(), WINDOWS_MUTUAL_TLS)
"""The settings of the page Optional Prompt; all others are on Authentication."""

AUTHENTICATION: Final = tuple(key for key in SETTINGS if key not in (*RESTRICTIONS, *PROMPTS))


@dataclass(frozen=True, slots=True)
class Line:
    """One setting on the page.

    Attributes:
        force: its value in force, and where that comes from.
        above: what it would be if it were inherited.
        choices: value, name and explanation, where there are few.
    """

    key: str
    label: str
    setting: Setting
    force: Effective
    above: Effective
    own: bool
    choices: tuple[tuple[str, str, str], ...]


async def authentication(desk: Desk) -> Response:
    """The page, and saving it."""
    detail = await desk.view(ShowOrganization(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    if desk.request.method == "GET":
        return _show(desk, detail, Form(values_of(detail)))
    form = await read_form(desk.request)
    change = change_of(form, detail, AUTHENTICATION)
    if not change and desk.may("settings:edit"):
        return desk.go(desk.address("settings"), desk.gettext("Nothing was changed."))
    outcome = await desk.perform(ChangeSettings(detail.organization.id, change))
    if isinstance(outcome, Refusal):
        return _show(desk, detail, form.refused(outcome))
    return desk.go(desk.address("settings"), desk.gettext("Settings saved."))


def values_of(detail: OrganizationDetail) -> dict[str, str]:
    """What stands in the form: own values, and those in force where there are none."""
    values = {}
    for key, effective in detail.policy.settings.items():
        values[f"source.{key}"] = OWN if key in detail.own else INHERIT
        value = detail.own.get(key, effective.value)
        values[key] = (_ON if value else "") if isinstance(value, bool) else str(value)
    return values


def change_of(form: Form, detail: OrganizationDetail, keys: Sequence[str]) -> dict[str, object]:
    """What the form changes of the organization's own settings; None for what it inherits now."""
    wanted: dict[str, object] = {}
    for key in keys:
        setting = SETTINGS[key]
        inherits = form.value(f"source.{key}") != OWN
        value = None if inherits else _read(setting, form.value(key))
        # `bool` is an `int`: 1 and True must not count as the same.
        if (type(value), value) != (type(detail.own.get(key)), detail.own.get(key)):
            wanted[key] = value
    if _mode(form, detail) != EnrollmentMode.REGISTERED_ONLY:
        # The toggle does not exist there (A02); a hidden one that is still ticked says nothing.
        wanted.pop("require_registration_token", None)
    return wanted


def _read(setting: Setting, text: str) -> object:
    """A field's text as the setting's type; what does not fit stays text, and is refused so."""
    if isinstance(setting.default, bool):
        return text == _ON
    if isinstance(setting.default, int):
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
    return text


def _mode(form: Form, detail: OrganizationDetail) -> str:
    """The enrollment mode that would be in force after saving."""
    if form.value("source.enrollment_mode") == OWN:
        return form.value("enrollment_mode")
    return str(_above(detail, "enrollment_mode").value)


def _above(detail: OrganizationDetail, key: str) -> Effective:
    if detail.above is None:
        return Effective(SETTINGS[key].default, "default")
    return detail.above.settings[key]


def _show(desk: Desk, detail: OrganizationDetail, form: Form) -> Response:
    policy = detail.policy
    context = {
        **common(desk, detail, form, AUTHENTICATION),
        "above_mode": _above(detail, "enrollment_mode").value,
        "bits": {length: round(entropy_bits(length)) for length in range(6, 21)},
        "recommended": RECOMMENDED_LENGTH,
        "undeliverable": policy.require_token and not desk.services.tools.channels,
    }
    return desk.show("console/settings.html", context, refusal=form.refusal)


def common(
    desk: Desk, detail: OrganizationDetail, form: Form, keys: Sequence[str]
) -> dict[str, object]:
    """What the parts of `_settings.html` are made of."""
    above = detail.above.child_permission if detail.above else ChildPermission.BOTH
    return {
        "form": form,
        "detail": detail,
        "lines": {key: _line(desk, detail, key) for key in keys},
        "shown": _shown(desk),
        "may_edit": desk.may("settings:edit") and above is not ChildPermission.INHERIT_ONLY,
        "inherit_only": above is ChildPermission.INHERIT_ONLY,
        "override_only": above is ChildPermission.OVERRIDE_ONLY,
        "visible": {place.group_id for place in desk.place.trail},
    }


def _line(desk: Desk, detail: OrganizationDetail, key: str) -> Line:
    choices = tuple(
        (value, desk.gettext(word.label), desk.gettext(word.meaning))
        for value, word in CHOICES.get(key, {}).items()
    )
    return Line(
        key,
        desk.gettext(FIELDS[key]),
        SETTINGS[key],
        detail.policy.settings[key],
        _above(detail, key),
        key in detail.own,
        choices,
    )


def _shown(desk: Desk) -> Mapping[str, Mapping[SettingValue, str]]:
    """Values in words, by setting; numbers stand for themselves."""
    switch: dict[SettingValue, str] = {True: desk.gettext("On"), False: desk.gettext("Off")}
    words: dict[str, Mapping[SettingValue, str]] = {
        key: switch for key, setting in SETTINGS.items() if isinstance(setting.default, bool)
    }
    for key, choices in CHOICES.items():
        words[key] = {value: desk.gettext(word.label) for value, word in choices.items()}
    return words


ROUTES = [page("settings", authentication, methods=("GET", "POST"))]
