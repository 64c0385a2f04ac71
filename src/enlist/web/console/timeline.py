"""Events in plain words: what happened, who did it, and exactly why something was refused.

A kind of event has a sentence; what its data say is added as short details, each known by the
name of the value, so that a new kind with known values reads well at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.events import KINDS
from enlist.core.model import EventRow
from enlist.core.refusals import CATALOGUE
from enlist.web.console import words
from enlist.web.console.navigation import N_

INTERCEPTION: Final = "possible_interception"
"""Flag of a refusal: a used token came again with another key (X24)."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a person reads it.

    Attributes:
        subject: the device and the user that it is about, for where that is not clear.
        who: who did it.
        moments: further moments that it speaks of, each with its label.
    """

    event: EventRow
    title: str
    subject: str
    icon: str
    tone: str
    who: str
    details: tuple[str, ...]
    moments: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Manner:
    title: str
    icon: str = "circle-dashed"
    tone: str = "calm"


_MANNERS: Final = {
    "installation.created": _Manner(N_("Enlist was set up"), "home"),
    "installation.started": _Manner(N_("A server process started"), "server"),
    "organization.created": _Manner(N_("Organization added"), "sitemap"),
    "organization.changed": _Manner(N_("Organization changed"), "sitemap"),
    "organization.deleted": _Manner(N_("Organization deleted"), "trash", "warn"),
    "settings.changed": _Manner(N_("Enrollment settings changed"), "settings", "warn"),
    "user.created": _Manner(N_("User added"), "user-plus"),
    "user.changed": _Manner(N_("User changed"), "pencil"),
    "user.password_changed": _Manner(N_("Password set"), "lock"),
    "user.disabled": _Manner(N_("User disabled, signed out everywhere"), "ban", "warn"),
    "user.enabled": _Manner(N_("User enabled again"), "user-check", "good"),
    "user.deleted": _Manner(N_("User deleted"), "trash", "warn"),
    "role.granted": _Manner(N_("Role given"), "shield-check"),
    "role.revoked": _Manner(N_("Role taken away"), "shield-check", "warn"),
    "sign_in.started": _Manner(N_("Signed in"), "login"),
    "sign_in.refused": _Manner(N_("A sign-in was refused"), "lock", "warn"),
    "sign_in.ended": _Manner(N_("Signed out"), "logout"),
    "sign_in.all_ended": _Manner(N_("Signed out everywhere"), "logout"),
    "sign_in.confirmed": _Manner(N_("Confirmed by password"), "shield-lock"),
    "sign_in.confirmation_refused": _Manner(
        N_("A confirmation by password was refused"), "lock", "warn"
    ),
    "api_key.created": _Manner(N_("API key made"), "key"),
    "api_key.revoked": _Manner(N_("API key revoked"), "key", "warn"),
    "api_key.refused": _Manner(N_("A request with a bad API key was refused"), "key", "warn"),
    "request.refused": _Manner(N_("A request was refused"), "circle-x", "warn"),
    "device.registered": _Manner(N_("Registered, and a token was issued"), "plus", "wait"),
    "device.changed": _Manner(N_("Details changed"), "pencil"),
    "device.deleted": _Manner(N_("Device deleted"), "trash", "warn"),
    "enrollment.issued": _Manner(N_("A new token was issued"), "ticket", "wait"),
    "enrollment.revealed": _Manner(
        N_("The token was shown to somebody instead of being sent"), "eye", "warn"
    ),
    "enrollment.reissued": _Manner(
        N_("Reissued: a new token was made, the one before it stopped working"), "refresh", "wait"
    ),
    "enrollment.resent": _Manner(N_("The message was queued once more"), "mail-forward"),
    "enrollment.revoked": _Manner(N_("Revoked: the token is dead"), "ban", "warn"),
    "enrollment.opened": _Manner(N_("The link in the message was opened"), "external-link"),
    "enrollment.checked": _Manner(N_("The token was looked at; nothing was used up"), "eye"),
    "enrollment.redeemed": _Manner(
        N_("Enrolled: the token was used and the device got its credential"),
        "circle-check",
        "good",
    ),
    "enrollment.repeated": _Manner(N_("The device asked again and got the same answer"), "rotate"),
    "enrollment.refused": _Manner(N_("A try to enroll was refused"), "circle-x", "bad"),
    "attempt.started": _Manner(N_("A device began to enroll"), "hourglass", "wait"),
    "attempt.cancelled": _Manner(N_("The attempt was cancelled"), "x"),
    "credential.refused": _Manner(
        N_("A certificate that no longer counts was shown"), "certificate", "bad"
    ),
    "template.changed": _Manner(N_("Message template changed"), "template"),
    "message.sent": _Manner(N_("The message was handed to the mail server"), "mail"),
    "message.failed": _Manner(N_("The message could not be delivered"), "mail-x", "bad"),
}


def tell(event: EventRow, gettext: Callable[[str], str]) -> Told:
    """One event in plain words, in the language of `gettext`."""
    manner = _MANNERS.get(event.kind) or _Manner(KINDS.get(event.kind, event.kind))
    flagged = event.data.get("flag") == INTERCEPTION
    return Told(
        event,
        gettext(N_("Possible interception") if flagged else manner.title),
        _subject(event),
        "alert-triangle" if flagged else manner.icon,
        "bad" if flagged else manner.tone,
        _who(event, gettext),
        tuple(_details(event, gettext)),
        tuple(_moments(event, gettext)),
    )


def tell_all(events: Sequence[EventRow], gettext: Callable[[str], str]) -> list[Told]:
    """Several events, in their order."""
    return [tell(event, gettext) for event in events]


def _who(event: EventRow, _: Callable[[str], str]) -> str:
    name = event.personal.get("actor", "")
    place = event.personal.get("address", "")
    match event.actor_kind:
        case "user":
            return name or _("Somebody of the staff")
        case "api_key":
            return _("API key %(name)s") % {"name": name} if name else _("An API key")
        case "host":
            return _("%(name)s at the command line") % {"name": name or "?"}
        case "device":
            return _("The device")
        case "system":
            return "Enlist"
    if event.kind == "sign_in.started" and event.personal.get("user"):
        return _("%(name)s from %(address)s") % {"name": event.personal["user"], "address": place}
    return _("Somebody at %(address)s") % {"address": place} if place else _("Somebody unknown")


def _subject(event: EventRow) -> str:
    """Device and user, as far as the event names them and the actor is somebody else."""
    personal = event.personal
    device = personal.get("device") or personal.get("first_device", "")
    user = personal.get("user") or personal.get("first_user", "")
    own = event.kind.startswith("sign_in.") or user == personal.get("actor")
    return " · ".join(name for name in (device, "" if own else user) if name)


_OF_DATA: Final = (
    ("serial", N_("Certificate %(value)s")),
    ("credentials_revoked", N_("Certificates revoked: %(value)s")),
    ("enrollments_revoked", N_("Enrollments revoked: %(value)s")),
    ("sign_ins_ended", N_("Sign-ins ended: %(value)s")),
    ("ended", N_("Sign-ins ended: %(value)s")),
)
_OF_PERSONAL: Final = (
    ("recipient", N_("To %(value)s")),
    ("reason", N_("Reason: %(value)s")),
)


def _details(event: EventRow, _: Callable[[str], str]) -> list[str]:
    data, personal = event.data, event.personal
    told = [*_refused(event, _), *_special(event, _)]
    told += [
        _(text) % {"value": personal[name]} for name, text in _OF_PERSONAL if personal.get(name)
    ]
    told += [_(text) % {"value": data[name]} for name, text in _OF_DATA if data.get(name)]
    if data.get("platform"):
        platform = words.word(words.PLATFORMS, str(data["platform"])).label
        told.append(_("Platform: %(platform)s") % {"platform": platform})
    if data.get("role"):
        place = {"role": data["role"], "place": data.get("group_id", "?")}
        told.append(_("%(role)s on %(place)s") % place)
    return told


def _special(event: EventRow, _: Callable[[str], str]) -> list[str]:
    """What the values of one kind mean, where their names alone do not say it."""
    data = event.data
    match event.kind:
        case "device.registered" | "enrollment.issued" if data.get("message") == "none":
            return [_("Shown once instead of being sent")]
        case "device.registered" | "enrollment.issued":
            return [_("Sent by e-mail to %(user)s") % {"user": event.personal.get("user", "?")}]
        case "enrollment.opened" if data.get("scanner"):
            return [_("By a program, probably one that checks mail for bad links")]
        case "enrollment.reissued":
            number = {"number": data.get("generation")}
            return [_("Token number %(number)s of this enrollment") % number]
        case "device.changed" | "user.changed":
            return [_("Changed: %(fields)s") % {"fields": data.get("fields") or "—"}]
    return []


def _refused(event: EventRow, _: Callable[[str], str]) -> list[str]:
    """Why, exactly: what the caller was told, and the reason that only staff see."""
    data, personal = event.data, event.personal
    code, reason = str(data.get("code") or ""), str(data.get("reason") or "")
    told = []
    if code in CATALOGUE:
        told.append(_(CATALOGUE[code].title))
    if reason and reason != code:
        told.append(_("Reason: %(value)s") % {"value": reason.replace("_", " ")})
    if data.get("flag") == INTERCEPTION:
        told.append(
            _("A used token came again with another key; it was used first from %(address)s")
            % {"address": personal.get("first_address") or "?"}
        )
    if event.support_code:
        told.append(_("Support code %(code)s") % {"code": event.support_code})
    return told


def _moments(event: EventRow, _: Callable[[str], str]) -> list[tuple[str, int]]:
    names = (("expires_at", N_("Valid until")), ("first_used_at", N_("First used")))
    return [
        (_(label), value) for name, label in names if isinstance(value := event.data.get(name), int)
    ]
