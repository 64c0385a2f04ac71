"""Events as people read them: who did what to whom, and why it was refused.

An event's entry is for machines; a sentence is made of it here, for lists and timelines, with the
exact reason beside it where there is one (X13). Names are personal: where they were erased, or
belong to staff that the reader may not see, the sentence still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from enlist.core.caller import CallerKind
from enlist.core.model import EventRow
from enlist.core.refusals import CATALOGUE
from enlist.web.console.event_reasons import VERBS, reason_in_words
from enlist.web.console.navigation import N_
from enlist.web.console.words import Word

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after; "" for none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Description:
    """An event in words.

    Attributes:
        text: the sentence; names stand out in it.
        why: the exact reason, or further details; "" where there is nothing to add.
        moment: the moment that a refusal speaks of (expired, used, replaced), microseconds UTC.
        tone: as a state's (`words`).
    """

    text: Markup
    why: str = ""
    moment: int | None = None
    tone: str = "gone"
    changes: tuple[Change, ...] = ()


KINDS: Final[Mapping[str, Word]] = {
    "installation.created": Word(N_("Enlist was set up."), "calm"),
    "installation.started": Word(N_("A server process started."), "calm"),
    "organization.created": Word(
        N_("%(who)s added the organization %(name)s (%(group_id)s)."), "good"
    ),
    "organization.changed": Word(N_("%(who)s changed an organization's details."), "calm"),
    "organization.deleted": Word(
        N_("%(who)s deleted the organization %(name)s (%(group_id)s)."), "warn"
    ),
    "settings.changed": Word(N_("%(who)s changed enrollment settings."), "calm"),
    "user.created": Word(N_("%(who)s added the user %(user)s."), "good"),
    "user.changed": Word(N_("%(who)s changed the details of %(user)s."), "calm"),
    "user.password_changed": Word(N_("%(who)s set the password of %(user)s."), "calm"),
    "user.disabled": Word(N_("%(who)s disabled %(user)s; all sign-ins ended."), "warn"),
    "user.enabled": Word(N_("%(who)s enabled %(user)s again."), "good"),
    "user.deleted": Word(N_("%(who)s deleted the user %(user)s."), "warn"),
    "role.granted": Word(N_("%(who)s gave %(user)s the role %(role)s on %(group_id)s."), "calm"),
    "role.revoked": Word(
        N_("%(who)s took the role %(role)s on %(group_id)s from %(user)s."), "calm"
    ),
    "sign_in.started": Word(N_("%(user)s signed in."), "calm"),
    "sign_in.refused": Word(N_("%(who)s tried to sign in and was refused."), "warn"),
    "sign_in.ended": Word(N_("%(who)s signed out."), "calm"),
    "sign_in.all_ended": Word(N_("%(who)s ended all sign-ins of %(user)s."), "calm"),
    "sign_in.confirmed": Word(N_("%(who)s confirmed by password who he or she is."), "calm"),
    "sign_in.confirmation_refused": Word(
        N_("%(who)s tried to confirm a sign-in by password and was refused."), "warn"
    ),
    "api_key.created": Word(N_("%(who)s made the API key %(name)s."), "calm"),
    "api_key.revoked": Word(N_("%(who)s revoked the API key %(name)s."), "calm"),
    "api_key.refused": Word(N_("A request with an API key was refused."), "warn"),
    "request.refused": Word(N_("%(who)s wanted to %(verb)s and was refused."), "warn"),
    "device.registered": Word(N_("%(who)s registered %(device)s for %(user)s."), "good"),
    "device.changed": Word(N_("%(who)s changed the details of %(device)s."), "calm"),
    "device.deleted": Word(N_("%(who)s deleted the device %(device)s."), "warn"),
    "enrollment.issued": Word(N_("%(who)s issued a new enrollment for %(device)s."), "good"),
    "enrollment.revealed": Word(N_("%(who)s was shown the token for %(device)s."), "warn"),
    "enrollment.reissued": Word(
        N_("%(who)s reissued the token for %(device)s; the one before stopped working."), "calm"
    ),
    "enrollment.resent": Word(N_("%(who)s sent the same token for %(device)s again."), "calm"),
    "enrollment.revoked": Word(N_("%(who)s revoked the enrollment of %(device)s."), "warn"),
    "enrollment.opened": Word(N_("%(who)s opened an enrollment link."), "calm"),
    "enrollment.checked": Word(N_("%(who)s looked at what a token is for."), "calm"),
    "enrollment.redeemed": Word(N_("%(device)s enrolled and belongs to %(user)s."), "good"),
    "enrollment.repeated": Word(
        N_("%(who)s repeated an enrollment request and got the same answer again."), "calm"
    ),
    "enrollment.refused": Word(N_("%(who)s tried to enroll and was refused."), "warn"),
    "attempt.started": Word(N_("%(who)s began to enroll %(device)s."), "wait"),
    "attempt.cancelled": Word(N_("%(who)s gave up an attempt to enroll."), "gone"),
    "credential.refused": Word(N_("A device showed a certificate that no longer counts."), "warn"),
    "template.changed": Word(N_("%(who)s changed the message template %(name)s."), "calm"),
    "message.sent": Word(N_("A message to %(recipient)s was handed over."), "good"),
    "message.failed": Word(N_("A message to %(recipient)s was given up."), "bad"),
}
"""Every kind of event as a sentence; a test compares the kinds with `core.events.KINDS`."""

INTERCEPTED: Final = N_(
    "Another device had used this token before. If that was not the user, somebody may have"
    " intercepted the message."
)

_ACTORS: Final[Mapping[str, str]] = {
    CallerKind.STRANGER.value: N_("Somebody"),
    CallerKind.USER.value: N_("A member of staff"),
    CallerKind.API_KEY.value: N_("An API key"),
    CallerKind.HOST.value: N_("Somebody on the server"),
    CallerKind.DEVICE.value: N_("The device"),
    CallerKind.SYSTEM.value: N_("Enlist"),
}

FIELDS: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "time_zone": N_("Time zone"),
    "language": N_("Language"),
    "username": N_("User name"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "ownership": N_("Ownership"),
    "asset_number": N_("Asset number"),
    "serial": N_("Serial number"),
    "model": N_("Model"),
    "enrollment_mode": N_("Devices Enrollment Mode"),
    "require_registration_token": N_("Require Registration Token"),
    "token_type": N_("Registration Token Type"),
    "token_length": N_("Registration Token Length"),
    "token_expiration_hours": N_("Token Expiration Time (in hours)"),
    "lease_minutes": N_("Lease (in minutes)"),
    "allow_bare_enrollment": N_("Allow enrollment without a credential"),
    "child_permission": N_("Child permission"),
}
"""What the fields of organizations, users, devices and settings are called."""


def actor(event: EventRow, gettext: Translate) -> str:
    """Who did it, as far as the reader may know."""
    named = event.personal.get("actor", "")
    if event.actor_kind == CallerKind.API_KEY.value and named:
        return gettext("API key %(name)s") % {"name": named}
    if event.actor_kind == CallerKind.HOST.value and named:
        return gettext("%(name)s on the server") % {"name": named}
    if event.actor_kind in (CallerKind.SYSTEM.value, CallerKind.STRANGER.value) or not named:
        return gettext(_ACTORS.get(event.actor_kind, N_("Somebody")))
    return named


def describe(event: EventRow, gettext: Translate) -> Description:
    """The event as a sentence, with the reason and the changes that it tells of."""
    word = KINDS.get(event.kind)
    names = {name: Markup("<strong>{}</strong>").format(value) for name, value in _names(event)}
    names["who"] = Markup("<strong>{}</strong>").format(actor(event, gettext))
    names.setdefault("user", escape(gettext("a user")))
    names.setdefault("device", escape(gettext("a device")))
    names.setdefault("recipient", escape(gettext("a user")))
    names["verb"] = escape(gettext(VERBS.get(str(event.data.get("verb")), N_("do something"))))
    for name in ("name", "group_id", "role"):
        names.setdefault(name, escape("—"))
    sentence = escape(gettext(word.label if word else event.kind)) % names
    flagged = event.data.get("flag") == "possible_interception"
    moment = event.data.get("moment") or event.data.get("first_used_at")
    return Description(
        sentence,
        " ".join(_reasons(event, gettext)),
        moment if isinstance(moment, int) else None,
        "bad" if flagged else word.tone if word else "gone",
        tuple(_changes(event, gettext)),
    )


def _names(event: EventRow) -> list[tuple[str, str]]:
    """What a sentence may name: personal values, then plain data."""
    told = {**{name: str(value) for name, value in event.data.items()}, **event.personal}
    wanted = ("user", "device", "recipient", "name", "group_id", "role")
    return [(name, told[name]) for name in wanted if told.get(name)]


def _reasons(event: EventRow, gettext: Translate) -> list[str]:
    """Why it was refused or failed, or what else it came to, as sentences."""
    found: list[str] = []
    code = str(event.data.get("code") or "")
    if code in CATALOGUE:
        found.append(gettext(CATALOGUE[code].title) + ".")
    reason = str(event.data.get("reason") or event.personal.get("reason") or "")
    if reason and reason != code:
        found.append(reason_in_words(reason, gettext))
    if event.data.get("fields") and code:
        found.append(gettext("Fields: %(fields)s.") % {"fields": event.data["fields"]})
    if event.data.get("flag") == "possible_interception":
        found.append(gettext(INTERCEPTED))
    if "first_address" in event.personal:
        address = event.personal["first_address"]
        found.append(gettext("The first use came from %(address)s.") % {"address": address})
    if event.data.get("scanner"):
        found.append(gettext("Probably a mail scanner: it only looked, as no person does."))
    for name, text in _COUNTS.items():
        if event.data.get(name):
            found.append(gettext(text) % {"count": event.data[name]})
    return found


_COUNTS: Final = {
    "sign_ins_ended": N_("Sign-ins ended: %(count)s."),
    "ended": N_("Sign-ins ended: %(count)s."),
    "enrollments_revoked": N_("Enrollments revoked: %(count)s."),
    "credentials_revoked": N_("Certificates revoked: %(count)s."),
}


def _changes(event: EventRow, gettext: Translate) -> list[Change]:
    """What was changed, before and after, with the fields' names."""
    told: dict[str, object] = {**event.data, **event.personal}
    order = {name: place for place, name in enumerate(FIELDS)}
    names = [name.removeprefix("after.") for name in told if name.startswith("after.")]
    pairs = [
        Change(
            gettext(FIELDS.get(name, name)),
            _shown(told.get(f"before.{name}"), gettext),
            _shown(told.get(f"after.{name}"), gettext),
        )
        for name in sorted(names, key=lambda name: order.get(name, len(order)))
    ]
    return [pair for pair in pairs if pair.before != pair.after]


def _shown(value: object, gettext: Translate) -> str:
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    return "" if value is None else str(value)
