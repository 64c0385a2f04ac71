"""What forms that send a token have in common: to whom, which text, and until when it works."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from enlist.core.clock import HOUR
from enlist.core.model import Device, Enrollment, GrantKind, User, organization_at
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.policy import EnrollmentPolicy
from enlist.delivery.rendering import measure
from enlist.verbs.channels import EMAIL, SMS, address_of, enabled, reaching
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.reviewing import ReviewMessage
from enlist.verbs.templates import ListTemplates
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console import words
from enlist.web.console.forms import Form, from_picker, to_picker
from enlist.web.console.layout import Desk, page

YES: Final = "yes"
"""What a box says that is ticked."""

GRANTS: Final = (GrantKind.REGISTRATION_TOKEN, GrantKind.ONE_TIME_JWT)
"""What a device can be given to enroll with."""

FIELDS: Final = {"message.template": "template", "message.type": "message_type"}
"""The form's names of what verbs call otherwise."""


def addressee(desk: Desk, user: User | None, channel: str = "") -> str:
    """Whom a message goes to, as far as this person may know."""
    if user is None:
        return desk.gettext("a user of another organization")
    reached_by = (channel,) if channel else reaching(user, desk.services.tools.channels)
    addresses = [address_of(user, each) for each in reached_by]
    if len(addresses) > 1:
        either = desk.gettext("%(address)s or %(phone)s")
        return either % {"address": addresses[0], "phone": addresses[1]}
    return addresses[0] if addresses else user.email


def ways(desk: Desk, item: Device | Enrollment | None, user: User | None) -> list[tuple[str, str]]:
    """Value and name of the ways that the message of a device or an enrollment can go.

    Args:
        item: None for a device that is yet to be registered.
        user: None where he may not be named here, or is not known yet.
    """
    channels = desk.services.tools.channels
    possible = enabled(channels) if user is None else reaching(user, channels)
    if isinstance(item, Enrollment) and item.grant is GrantKind.ONE_TIME_JWT:
        possible = tuple(each for each in possible if each != SMS)
    return [(each, desk.gettext(words.CHANNELS[each].label)) for each in possible]


def unsendable(desk: Desk, item: Device | Enrollment, user: User | None) -> str:
    """Why no message can go to the user of a device or an enrollment; "" where one can.

    Args:
        user: None where he may not be named here.
    """
    if item.user_id is None:
        return desk.gettext("It cannot be sent: the device is nobody's.")
    if ways(desk, item, user):
        return ""
    possible = [each for each, _ in ways(desk, item, None)]
    if user is None or not possible:
        return desk.gettext("It cannot be sent by e-mail: no mail server is set up.")
    if SMS in possible and EMAIL in possible:
        told = desk.gettext("It cannot be sent: %(user)s has neither e-mail address nor phone.")
    elif SMS in possible:
        told = desk.gettext("It cannot be sent by SMS: %(user)s has no phone number.")
    else:
        told = desk.gettext("It cannot be sent by e-mail: %(user)s has no e-mail address.")
    return told % {"user": user.display_name}


def read_expiry(desk: Desk, form: Form) -> tuple[Form, int | None]:
    """The moment in the picker `expires_at`, in this person's zone; None where it is left empty."""
    text = form.value("expires_at")
    if not text:
        return form, None
    moment = from_picker(text, desk.zone)
    if moment is None:
        problem = desk.gettext("must be a date and a time")
        return form.refused(invalid("expires_at", problem)), None
    return form, moment


def read_grant(form: Form) -> GrantKind | None:
    """What the device enrolls with, where the form says it."""
    named = form.value("grant")
    return GrantKind(named) if named in GRANTS else None


def read_delivery(desk: Desk, form: Form) -> Delivery:
    """Whether the token is sent at once, how, and with which text."""
    if form.value("send") != YES:
        return LATER
    # A JWT goes with a text of its own, whatever was chosen before its grant was.
    if read_grant(form) is GrantKind.ONE_TIME_JWT:
        return Delivery(EMAIL)
    usual = next(iter(enabled(desk.services.tools.channels)), EMAIL)
    return Delivery(form.value("message_type") or usual, form.value("template"))


async def size(desk: Desk) -> Response:
    """How long the SMS would be that a form is about to send: a line of that form."""
    form = Form(desk.request.query_params)
    sends = form.value("again") or form.value("send") == YES
    measured = None
    if sends and form.value("message_type") == SMS:
        upcoming = ReviewMessage(
            Delivery(SMS, form.value("template")),
            form.value("device"),
            form.value("enrollment"),
            again=bool(form.value("again")),
            expires_at=read_expiry(desk, form)[1],
        )
        found = await desk.view(upcoming)
        if not isinstance(found, Refusal):
            measured = measure(found.letter, desk.services.public_url, found.token_length)
    return desk.show("console/_size.html", {"size": measured})


def channel_choices(desk: Desk) -> dict[str, words.Word]:
    """The message types that can be chosen: those that are set up here."""
    return {each: words.CHANNELS[each] for each in enabled(desk.services.tools.channels)}


def grant_choices() -> list[tuple[str, str]]:
    """Value and name of the grants that can be chosen."""
    return [(each.value, words.GRANTS[each].label) for each in GRANTS]


async def token_choices(desk: Desk, path: str) -> dict[str, Any]:
    """What a form that sends a token shows: the templates there, and how long a token lives."""
    place = organization_at(path)
    detail = await desk.view(ShowOrganization(place))
    policy = detail.policy if isinstance(detail, OrganizationDetail) else None
    return {
        "templates": await templates_at(desk, place, path),
        **lifetime(desk, policy),
    }


def lifetime(desk: Desk, policy: EnrollmentPolicy | None) -> dict[str, Any]:
    """How long a token lives where nobody says otherwise: hours, who says so, and until when."""
    if policy is None:
        return {"hours": 0, "hours_from": "", "until": desk.now, "soonest": ""}
    found = policy.settings["token_expiration_hours"]
    return {
        "hours": policy.token_expiration_hours,
        "hours_from": found.source,
        "until": desk.now + policy.token_expiration_hours * HOUR,
        "soonest": to_picker(desk.now, desk.zone),
    }


async def templates_at(desk: Desk, place: str, path: str) -> list[tuple[str, str]]:
    """Value and name of the templates that may be chosen beside the default one."""
    if not desk.may(Permission.TEMPLATES_READ, path):
        return []
    found = await desk.view(ListTemplates(place))
    if isinstance(found, Refusal):
        return []
    return [(name, name) for name in sorted({each.name for each in found} - {"default"})]


def send_at_first(grant: GrantKind) -> dict[str, str]:
    """What a form says of sending before anybody has: a JWT is usually handed over."""
    return {} if grant is GrantKind.ONE_TIME_JWT else {"send": YES}


ROUTES = [page("choices/size", size)]
