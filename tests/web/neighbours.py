"""Two organizations side by side and the one above, each full of things that tell whose they are.

main ── acme, where callers work
     └─ beta, next door

Whatever is made in an organization carries its mark in every text. An answer that holds another
organization's mark, or an id of it that the caller did not write himself, has leaked.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from typing import Final

from enlist.core.device_lists import DeviceList
from enlist.core.ids import parse_id
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Role
from enlist.core.secrets import Secret, parse_code, support_code
from enlist.core.terms import TermsText
from enlist.store.redemptions import DeviceReport
from enlist.store.waves import Plan
from enlist.verbs.alert_tests import TestAlerts
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_lists import Entry, ListListed, PutOnList
from enlist.verbs.groups import AddGroup
from enlist.verbs.imports import AddImport
from enlist.verbs.organizations import AddOrganization, ChangeOrganization
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.register import Register
from enlist.verbs.restrictions import AddRestriction
from enlist.verbs.saved_views import SaveView
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import GrantRole
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.terms import Draft, PublishTerms
from enlist.verbs.users import AddUser
from enlist.verbs.waves import StartWave, Whom
from enlist.verbs.webhooks import AddWebhook, ListDeliveries, TestWebhook
from tests.alerts import raise_alert
from tests.connections import live_session
from tests.installation import MAILED, PASSWORD, Enlist, done, refusal

PLAN: Final = Plan("wave", "linux", "none", "laptop", "email", "", 0, 0, 0, 0, 0)
REFERENCES: Final[dict[str, tuple[str, ...]]] = {
    "organization": ("organization", "group_id", "child"),
    "parent": ("organization", "group_id", "child_group_id"),
    "path:group_id": ("group_id", "child_group_id"),
    "named": ("group_id", "child_group_id"),
    "user": ("user", "username", "staff"),
    "device": ("device", "enrolled_device"),
    "enrollment": ("enrollment", "used_enrollment"),
    "key": ("api_key",),
    "template": ("template", "template_name"),
    "event": ("event",),
    "device_session": ("device_session",),
    "import": ("import_job",),
    "wave": ("wave",),
    "message": ("message",),
    "attempt": ("attempt",),
    "sign_in": ("sign_in",),
    "path:code": ("support_code",),
    "support_code": ("support_code",),
    "external_id": ("external_id",),
    "search": ("username", "device", "support_code", "email"),
    "after": ("event",),
    "webhook": ("webhook",),
    "delivery": ("delivery",),
    "user_group": ("user_group",),
    "own_role": ("own_role",),
    "restriction": ("restriction",),
    "terms": ("terms",),
    "allowed": ("allowed",),
    "denied": ("denied",),
    "saved_view": ("saved_view",),
    "alert_test": ("alert_test",),
}
"""What can stand where a thing is named, by the name of the place."""


@dataclass(frozen=True)
class Things:
    """One of everything that an organization has."""

    organization: str
    group_id: str
    child: str
    child_group_id: str
    user: str
    username: str
    email: str
    staff: str
    staff_username: str
    device: str
    enrolled_device: str
    external_id: str
    enrollment: str
    used_enrollment: str
    attempt: str
    api_key: str
    template: str
    template_name: str
    webhook: str
    delivery: str
    event: str
    import_job: str
    wave: str
    device_session: str
    message: str
    sign_in: str
    support_code: str
    user_group: str
    own_role: str
    restriction: str
    terms: str
    allowed: str
    denied: str
    saved_view: str
    alert_test: str

    @property
    def ids(self) -> list[str]:
        """The ids of all of them, but for its own: the organization above is named by many."""
        found = [getattr(self, each.name) for each in fields(self) if each.name != "organization"]
        return [each for each in found if parse_id(each) is not None]

    def named(self, kind: str) -> list[str]:
        """What can stand where a thing of this kind is named (`REFERENCES`)."""
        return [getattr(self, each) for each in REFERENCES[kind]]


def _tested(enlist: Enlist, place: str) -> str:
    """A test of who is told of alerts; a webhook hears of them, as e-mail is not set up."""
    enlist.do(AddWebhook(f"{place} pager", "https://hooks.example.com/", place, ("alert.*",)))
    return enlist.do(TestAlerts(place)).id


def furnish(enlist: Enlist, place: str, mark: str) -> Things:
    """Fill an organization; `mark` stands in every text.

    Args:
        place: the organization's Group ID.
    """
    home = enlist.do(ChangeOrganization(place, f"{mark} Ltd"))
    child = enlist.do(AddOrganization(place, f"{mark}-child", f"{mark} child"))
    secret = Secret(PASSWORD)
    names = (f"{mark}@example.com", "", f"{mark} first", f"{mark} last")
    user = enlist.do(AddUser(place, f"{mark}-user", *names, secret))
    staff = enlist.do(AddUser(place, f"{mark}-staff", f"{mark}-s@example.com", password=secret))
    enlist.do(GrantRole(staff.id, place, Role.OPERATOR.value))
    kinds = ("model", "os_version", "serial", "udid", "asset_number", "external_id")
    texts = {kind: f"{mark} {kind}" for kind in kinds}
    details = DeviceDetails(f"{mark} laptop", "linux", **texts)
    mailed = enlist.do(Register(place, user.id, details, MAILED))
    ticket = enlist.register(user.username, name=f"{mark} phone", organization=place)
    attempt = done(enlist.begin(ticket.token))
    report = DeviceReport(f"{mark} own", "linux", f"{mark} own model", f"{mark} own os")
    enrolled = done(enlist.redeem(ticket.token, report=report))
    again = refusal(enlist.redeem(ticket.token, key=1))
    # What the organization above words, and what it allows, is for all below it.
    house = "house" if place == "main" else mark
    named = f"{house} text"
    wording = Wording(named, "registration", "email", "en", "s", "{EnrollmentUrl}")
    signed_in = done(enlist.perform(StartSignIn(staff.username, secret), enlist.stranger()))
    hook = enlist.do(AddWebhook(f"{mark} hook", "https://hooks.example.com/", place)).hook.id
    enlist.do(TestWebhook(hook))
    told = enlist.driver.view(ListDeliveries(filters={"webhook": hook}), enlist.host)
    assert not isinstance(told, Refusal)
    raise_alert(enlist.store, home, user.id, details=f"{mark} details")
    return Things(
        organization=home.id,
        group_id=home.group_id,
        child=child.id,
        child_group_id=child.group_id,
        user=user.id,
        username=user.username,
        email=f"{mark}@example.com",
        staff=staff.id,
        staff_username=staff.username,
        device=mailed.device_id,
        enrolled_device=enrolled.device_id,
        external_id=texts["external_id"],
        enrollment=mailed.enrollment_id,
        used_enrollment=ticket.enrollment_id,
        attempt=attempt.attempt_id,
        api_key=enlist.do(CreateApiKey(f"{mark} key", "reader", place)).key.id,
        template=enlist.do(PutTemplate(place, wording)).id,
        template_name=wording.name,
        webhook=hook,
        delivery=told.items[0].id,
        event=enlist.events("device.registered", device=mailed.device_id)[0].id,
        import_job=enlist.do(
            AddImport(place, "simple", f"{mark} people.csv", "", ("username",), 1)
        ).id,
        wave=enlist.do(StartWave(place, PLAN, Whom(users=(user.id,)))).id,
        device_session=live_session(enlist.store, enrolled.device_id),
        message=mailed.message_id or "",
        sign_in=signed_in.sign_in.id,
        support_code=again.support_code,
        user_group=enlist.do(AddGroup(place, f"{mark} group")).id,
        own_role=enlist.do(AddOwnRole(place, f"{house} role", ("users:read",))).id,
        alert_test=_tested(enlist, place),
        restriction=enlist.do(AddRestriction(place, {"name": f"{house} rule"})).id,
        terms=_terms(enlist, place, house),
        allowed=_listed(enlist, place, DeviceList.ALLOW, f"{mark}-allowed"),
        saved_view=enlist.do(
            SaveView(place, f"{mark} view", filters={"user": user.id}, shared=True)
        ).id,
        denied=_listed(enlist, place, DeviceList.DENY, f"{mark}-denied"),
    )


def _terms(enlist: Enlist, place: str, house: str) -> str:
    """A version in force, for devices that nothing here enrolls."""
    draft = Draft((TermsText("en", f"{house} terms", "Be kind."),), "windows")
    return enlist.do(PublishTerms(place, draft)).id


def _listed(enlist: Enlist, place: str, kind: DeviceList, serial: str) -> str:
    enlist.do(PutOnList(place, kind, (Entry("serial", serial),)))
    page = enlist.driver.view(ListListed(place, search=serial), enlist.host)
    assert not isinstance(page, Refusal)
    return page.items[0].id


def unknown(value: str) -> str:
    """Something of the same form that does not exist: an id, a support code or a text."""
    if parse_id(value) is not None:
        return str(uuid.UUID(int=uuid.UUID(value).int ^ 0xABCDEF))
    if parse_code(value) is not None:
        return support_code()
    return "".join(_OTHER.get(letter, letter) for letter in value)


_OTHER = dict(zip("aeiou", "eioua", strict=True))
