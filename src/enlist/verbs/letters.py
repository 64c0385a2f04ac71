"""What a message is made of: a letter, read from what its row speaks of; or why there is none.

A row holds whom to write to and what about. Everything else is as it is at the moment of sending,
so a token that died meanwhile is never sent, and a reader who moved reads in his new language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.branding import Branding
from enlist.core.caller import Caller, CallerKind
from enlist.core.ids import Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import (
    Device,
    Enrollment,
    GrantKind,
    Message,
    MessageState,
    Organization,
    User,
    UserState,
)
from enlist.core.secrets import Secret, group_code
from enlist.store import (
    alert_messages,
    credential_requests,
    devices,
    enrollment_secrets,
    enrollments,
    events,
    one_time_logins,
    organizations,
    outbox,
    passcodes,
    password_links,
    recoveries,
    templates,
    users,
)
from enlist.store import alerts as alert_store
from enlist.store.ahead import ReadAhead
from enlist.store.alerts import Alert
from enlist.store.templates import Template
from enlist.store.tx import Reader
from enlist.verbs import alert_tests, alerts, notices, recovery, report_keys, self_service
from enlist.verbs import password_links as links
from enlist.verbs.alert_kinds import ALERT_KINDS, EMAIL_FAILING, PASSCODE_LOCKED
from enlist.verbs.branding import pictured
from enlist.verbs.channels import SMS, address_of
from enlist.verbs.driver import Tools
from enlist.verbs.issuing import (
    DEFAULT_TEMPLATE,
    HANDING_OVER,
    REGISTRATION,
    REMINDER,
    Delivery,
    purpose_of,
)
from enlist.verbs.readers import languages_of, zones_of
from enlist.verbs.verdicts import Rejected, Retry

NO_BRANDING: Final = Branding()
OVER: Final = "alert_over"
"""The purpose of an alert's letter where all is well again by the time it is written."""


@dataclass(frozen=True, slots=True)
class OneTimeLogin:
    """The typed half of one-time credentials, as a message brings it."""

    username: str
    password: Secret


_LEFT_OUT: Final = OneTimeLogin("…", Secret("…"))


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a message is made of. The token is readable in here, and only here.

    Attributes:
        languages: BCP 47 tags in the order in which the recipient wants them; ends with `en`.
        time_zones: IANA names, the recipient's own first; may hold nonsense, may be empty.
        own_templates: the organizations' own templates in order of preference; the built-in one
            of a language stands behind an own one of the same language.
        built_in: whether a built-in template may be used; not where another one was named.
        recipient_name: how the person it goes to is called; "" where it is no user.
        user: whom it is about.
        sender: name of the person who issued the token; "" where it was no person.
        jwt: goes along as a file, where the token is a JWT's `jti` and so stands in no text.
        happened_at: when that happened which a notice tells; microseconds UTC.
        happened_from: the address that it was done from, where the user is to know it.
        branding: how the organization looks; with its logo, where it has one.
        sample: made up, for a preview.
        report: the end of the address where a gateway reports of it; "" for e-mail.
        alert: what staff is told of.
        login: what may be typed instead of the token.
    """

    purpose: str
    channel: str
    recipient: str
    recipient_name: str
    message_id: str
    at: int
    enrollment_id: Id
    token: Secret
    expires_at: int
    organization: Organization
    user: User | None
    device: Device | None
    sender: str
    languages: tuple[str, ...]
    time_zones: tuple[str, ...]
    own_templates: tuple[Template, ...] = ()
    built_in: bool = True
    sample: bool = False
    jwt: Secret | None = None
    happened_at: int = 0
    branding: Branding = NO_BRANDING
    happened_from: str = ""
    report: str = ""
    alert: Alert | None = None
    login: OneTimeLogin | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must show up in no log and no reason."""
        jwt = (self.jwt.reveal(),) if self.jwt is not None else ()
        key = self.report.partition("=")[2]
        password = (self.login.password.reveal(),) if self.login is not None else ()
        return (*jwt, *password, self.token.reveal(), *((key,) if key else ()))


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a registration is about that was not made yet."""

    organization: Organization
    user: User
    device: Device
    delivery: Delivery
    grant: GrantKind
    expires_at: int


def read_ahead(tx: Reader, messages: Iterable[Message]) -> ReadAhead:
    """A reader that knows what `read_letter` will ask for these, which share most of it."""
    ahead, asked = ReadAhead(tx), list(messages)
    issued = {each.enrollment_id: each.generation for each in asked if each.enrollment_id}
    enrollments.read_ahead(ahead, issued)
    users.find_ahead(ahead, {each.user_id for each in asked if each.user_id})
    enrollment_secrets.read_ahead(ahead, issued.items())
    outbox.read_issuers_ahead(ahead, issued)
    ahead.read()
    found = (enrollments.find(ahead, each) for each in issued)
    devices.read_ahead(ahead, {each.device_id for each in found if each and each.device_id})
    ahead.read()
    return ahead


def read_letter(tools: Tools, tx: Reader, message: Message) -> Letter | Rejected | Retry:
    """The letter that a message stands for, or why it is not to be sent any more."""
    if message.purpose == recovery.PURPOSE:
        return _told_of_recovery(tx, message)
    if message.purpose in notices.PURPOSES:
        return _notice(tx, message)
    if message.purpose in _BY_LINK:
        return _BY_LINK[message.purpose](tools, tx, message)
    if message.purpose in (alerts.PURPOSE, alert_tests.PURPOSE):
        return _told_of_alert(tx, message)
    found = enrollments.find(tx, message.enrollment_id) if message.enrollment_id else None
    organization = organizations.find(tx, message.organization_id)
    if found is None or organization is None:
        return Rejected("the enrollment ended")
    user = users.find(tx, message.user_id) if message.user_id else None
    pointless = _pointless(found, user, message, tx.now)
    if pointless is not None:
        return pointless
    row = enrollment_secrets.derivation(tx, found.id, message.generation)
    if row is None or row.leaked:
        why = "the key of its token has leaked" if row else "the enrollment has no token"
        return Rejected(why)
    try:
        token = tools.keys.derive_again(
            found.id, row.generation, row.key_id, row.length, row.alphabet
        )
        login = _login(tools, tx, found) if found.grant is GrantKind.PASSCODE else None
    except KeyError as error:
        return Retry(str(error.args[0]), unreachable=True)
    letter = replace(_compose(tx, message, found, organization, user, token), login=login)
    if message.channel == SMS:
        letter = replace(letter, report=report_keys.handle(tools.keys, message.id))
    return letter


def letter_without_token(tx: Reader, message: Message) -> Letter | None:
    """The letter as its recipient may look at it again: what it handed over is left out of it.

    None for what handed over nothing, and once the enrollment or the organization is gone.
    """
    found = enrollments.find(tx, message.enrollment_id) if message.enrollment_id else None
    organization = organizations.find(tx, message.organization_id)
    if found is None or organization is None or message.purpose not in HANDING_OVER:
        return None
    user = users.find(tx, message.user_id) if message.user_id else None
    letter = _compose(tx, message, found, organization, user, Secret(""))
    return replace(letter, login=_LEFT_OUT) if found.grant is GrantKind.PASSCODE else letter


def _login(tools: Tools, tx: Reader, found: Enrollment) -> OneTimeLogin | None:
    """The user name and password that go with the newest generation.

    Raises:
        KeyError: the key that the password was made with is not in the ring any more.
    """
    row = one_time_logins.of_generation(tx, found.id, found.generation)
    if row is None:
        return None
    keys = tools.keys
    password = keys.derive_password_again(found.id, found.generation, row.key_id, row.length)
    grouped = Secret(group_code(password.reveal()))
    return OneTimeLogin(f"{row.locator}@{found.group_id}", grouped)


def letter_ahead(tx: Reader, caller: Caller, ahead: Ahead) -> Letter:
    """The letter that a registration would send, before anything is registered (A78)."""
    user, place, delivery = ahead.user, ahead.organization, ahead.delivery
    message = Message(
        id="",
        organization_id=place.id,
        user_id=user.id,
        username=user.username,
        enrollment_id=None,
        generation=1,
        purpose=purpose_of(ahead.grant),
        template=delivery.template,
        channel=delivery.type,
        recipient=address_of(user, delivery.type),
        state=MessageState.QUEUED,
        tries=0,
        next_try_at=tx.now,
        reason="",
        message_id="",
        queued_at=tx.now,
        sent_at=None,
    )
    letter = _without_token(tx, message, place, user)
    sender = users.find(tx, caller.id) if caller.id and caller.kind is CallerKind.USER else None
    return replace(
        letter,
        enrollment_id="…",
        expires_at=ahead.expires_at,
        device=ahead.device,
        sender=sender.display_name if sender else "",
        own_templates=_preferred(tx, place.path, message, letter, ahead.device),
        built_in=delivery.template in ("", DEFAULT_TEMPLATE),
    )


def _told_of_recovery(tx: Reader, message: Message) -> Letter | Rejected:
    """What every administrator is told when a way in is made at the machine; it holds no secret."""
    made = recoveries.made_at(tx, message.queued_at)
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if made is None or reader is None or organization is None:
        return Rejected("whoever it was for is gone")
    letter = _without_token(tx, message, organization, reader)
    until = message.queued_at + recovery.LIFETIME
    user = users.find(tx, made.user_id)
    return replace(letter, expires_at=until, user=user, sender=made.actor)


def _notice(tx: Reader, message: Message) -> Letter | Rejected:
    """What a user is told of his device or his account; it holds no secret."""
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if reader is None or organization is None:
        return Rejected("whoever it was for is gone")
    letter = _without_token(tx, message, organization, reader)
    letter = replace(letter, happened_at=message.queued_at)
    found = enrollments.find(tx, message.enrollment_id) if message.enrollment_id else None
    if found is None:
        return letter
    device = devices.find(tx, found.device_id) if found.device_id else None
    used = events.first_use(tx, found.id) if message.purpose == notices.DEVICE_ENROLLED else None
    came_from = used.personal.get("address", "") if used else ""
    return replace(letter, device=device, happened_from=came_from)


def _password_link(tools: Tools, tx: Reader, message: Message) -> Letter | Rejected | Retry:
    """What brings a link to set a password, while that is the newest and of any use."""
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if reader is None or organization is None or reader.state is not UserState.ACTIVE:
        return Rejected("the user's account is disabled or was deleted")
    kept = password_links.of_message(tx, reader.id, message.id)
    if kept is None:
        return Rejected("a newer message was sent")
    if kept.used or kept.expires_at <= tx.now:
        return Rejected("the link was used, or ended before the message could be sent")
    try:
        secret = tools.keys.derive_link_again(message.id, kept.derive_key_id)
    except KeyError as error:
        return Retry(str(error.args[0]), unreachable=True)
    letter = _without_token(tx, message, organization, reader)
    return replace(letter, token=secret, expires_at=kept.expires_at)


def _proof_link(tools: Tools, tx: Reader, message: Message) -> Letter | Rejected | Retry:
    """What brings the link by which somebody proves that he reads his mailbox (X49)."""
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if reader is None or organization is None or reader.state is not UserState.ACTIVE:
        return Rejected("the user's account is disabled or was deleted")
    asked = credential_requests.find(tx, message.id)
    if asked is None or asked.state != "proof" or asked.expires_at <= tx.now:
        return Rejected("the link was used, or ended before the message could be sent")
    try:
        secret = tools.keys.derive_link_again(message.id, asked.derive_key_id)
    except KeyError as error:
        return Retry(str(error.args[0]), unreachable=True)
    letter = _without_token(tx, message, organization, reader)
    return replace(letter, token=secret, expires_at=asked.expires_at)


_BY_LINK: Final = {links.PURPOSE: _password_link, self_service.PROOF: _proof_link}
"""What reads the letters that bring a link which is no enrollment's."""


def _told_of_alert(tx: Reader, message: Message) -> Letter | Rejected:
    """What staff is told of something amiss, as it is by now; or a test of that."""
    reader = users.find(tx, message.user_id) if message.user_id else None
    organization = organizations.find(tx, message.organization_id)
    if organization is None or (message.user_id and reader is None):
        return Rejected("whoever it was for is gone")
    letter = replace(
        _without_token(tx, message, organization, reader), happened_at=message.queued_at
    )
    if message.purpose == alert_tests.PURPOSE:
        return letter
    alert_id = alert_messages.alert_of(tx, message.id)
    found = alert_store.find(tx, alert_id) if alert_id else None
    if found is None or found.kind not in ALERT_KINDS:
        return Rejected("nobody knows any more what it was about")
    # Who reads by e-mail that e-mail cannot be sent must not go looking for what is wrong now.
    over = found.state == "closed" or found.kind == EMAIL_FAILING
    return replace(
        letter,
        purpose=OVER if over else message.purpose,
        alert=_whence(tx, alerts.as_told(tx, found, reader.id if reader else None)),
        happened_at=found.first_at,
    )


def _whence(tx: Reader, alert: Alert) -> Alert:
    """An alert about a passcode says where wrong entries came from, as far as that is known (B09).

    In the letter alone: the log keeps for ever what an alert says, and these are addresses.
    """
    if alert.kind != PASSCODE_LOCKED:
        return alert
    found = passcodes.sources(tx, alert.subject)
    places = ", ".join(f"{each.source} ({each.failed})" for each in found)
    return replace(alert, details=f"{alert.details}; {places}") if places else alert


def _without_token(
    tx: Reader, message: Message, organization: Organization, reader: User | None
) -> Letter:
    """A letter to a user, or to an address that is no user's, as far as it holds no secret."""
    above = organizations.upwards(tx, organization.path)
    return Letter(
        purpose=message.purpose,
        channel=message.channel,
        recipient=message.recipient,
        recipient_name=reader.display_name if reader else "",
        message_id=message.message_id,
        at=tx.now,
        enrollment_id="",
        token=Secret(""),
        expires_at=message.queued_at,
        organization=organization,
        user=reader,
        device=None,
        sender="",
        languages=languages_of(reader, above),
        time_zones=zones_of(reader, above),
        branding=pictured(tx, organization.path),
    )


def _pointless(
    found: Enrollment, user: User | None, message: Message, now: int
) -> Rejected | Retry | None:
    """Why nobody needs this message any more, or now; a dead token is never sent."""
    if found.state is EnrollmentState.ON_HOLD:
        return Retry("the enrollment is on hold")
    if found.state is not EnrollmentState.ACTIVE:
        return Rejected("the enrollment ended")
    if found.generation != message.generation:
        return Rejected("a newer message was sent")
    if found.expires_at <= now:
        last = f" (last try: {message.reason})" if message.reason else ""
        return Rejected(f"the enrollment expired before the message could be sent{last}")
    if message.user_id is not None and (user is None or user.state is not UserState.ACTIVE):
        return Rejected("the user's account is disabled or was deleted")
    return None


def _compose(
    tx: Reader,
    message: Message,
    found: Enrollment,
    organization: Organization,
    user: User | None,
    token: Secret,
) -> Letter:
    letter = _without_token(tx, message, organization, user)
    device = devices.find(tx, found.device_id) if found.device_id else None
    return replace(
        letter,
        enrollment_id=found.id,
        token=token,
        expires_at=found.expires_at,
        device=device,
        sender=outbox.issuer(tx, found.id),
        own_templates=_preferred(tx, organization.path, message, letter, device),
        built_in=message.template in ("", DEFAULT_TEMPLATE),
    )


def _preferred(
    tx: Reader, path: str, message: Message, letter: Letter, device: Device | None
) -> tuple[Template, ...]:
    """The templates of the name that the message asks for; where it asks for none, those of the
    platform, then the default ones (A60)."""
    found: tuple[Template, ...] = ()
    by_platform = message.purpose in (REGISTRATION, REMINDER)
    if message.template in ("", DEFAULT_TEMPLATE) and by_platform:
        platform = letter.branding.template_of(device.platform if device else None)
        if platform not in ("", DEFAULT_TEMPLATE):
            found = _own_templates(tx, path, message, letter.languages, platform)
    name = message.template or DEFAULT_TEMPLATE
    return (*found, *_own_templates(tx, path, message, letter.languages, name))


def _own_templates(
    tx: Reader, path: str, message: Message, languages: tuple[str, ...], name: str
) -> tuple[Template, ...]:
    """For each language the nearest template in it; last, the nearest in any."""
    found: dict[Id, Template] = {}
    others: dict[Id, Template] = {}
    for language in languages:
        nearest = templates.nearest(
            tx,
            path,
            name=name,
            purpose=message.purpose,
            channel=message.channel,
            language=language,
        )
        if nearest is not None:
            (found if nearest.language == language else others)[nearest.id] = nearest
    return (*found.values(), *others.values())
