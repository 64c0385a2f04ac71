"""The values that stand in for the lookups of a letter, in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta

from enlist.core.clock import DAY, HOUR, MINUTE, to_datetime
from enlist.core.model import Platform
from enlist.core.templates import one_line
from enlist.locales import translations
from enlist.store.alerts import Alert
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.channels import SMS
from enlist.verbs.issuing import BY_FILE
from enlist.verbs.letters import Letter
from enlist.verbs.password_links import PURPOSE as PASSWORD_LINK
from enlist.verbs.self_service import PROOF

LONGEST_LINK: Final = 200
"""Longer ones are broken by mail clients and by those who copy them (X62)."""

_PLATFORMS: Final[Mapping[Platform, str]] = {
    Platform.ANDROID: "Android",
    Platform.IOS: "iOS",
    Platform.MACOS: "macOS",
    Platform.WINDOWS: "Windows",
    Platform.LINUX: "Linux",
}


def values(letter: Letter, locale: Locale, public_url: str) -> dict[str, str]:
    """A value for every lookup; "" where there is none. Each is one line of text."""
    user, device = letter.user, letter.device
    server = ascii_url(public_url)
    by_link, proves = letter.purpose == PASSWORD_LINK, letter.purpose == PROOF
    no_token = letter.purpose == BY_FILE or by_link or proves
    token = "" if no_token else letter.token.reveal()
    # Spelt out, a date alone takes a third of an SMS, and in English a letter that it has not.
    written = short_moment if letter.channel == SMS else moment
    link = enrollment_link(server, letter.enrollment_id, token) if token else ""
    found = {
        "EnrollmentUrl": link,
        "QrCode": link,
        "EnrollmentToken": token,
        "PasswordUrl": password_link(server, letter.token.reveal()) if by_link else "",
        "ProofUrl": proof_link(server, letter.token.reveal()) if proves else "",
        "OneTimeUser": letter.login.username if letter.login else "",
        "OneTimePassword": letter.login.password.reveal() if letter.login else "",
        "GroupId": letter.organization.group_id,
        "ServerUrl": server,
        "SelfServiceUrl": f"{server}/account",
        "TokenExpiresAt": written(letter.expires_at, letter.time_zones, locale),
        "TokenExpiresIn": span(letter.expires_at - letter.at, locale),
        "FriendlyName": device.name if device else "",
        "Platform": _PLATFORMS[device.platform] if device else "",
        "DeviceSerialNumber": device.serial if device else "",
        "DeviceUid": device.udid if device else "",
        "OrganizationName": letter.organization.name,
        "SupportEmail": letter.branding.value("support_email"),
        "SupportPhone": letter.branding.value("support_phone"),
        "SenderName": letter.sender or letter.organization.name,
        "FirstName": user.first_name if user else "",
        "LastName": user.last_name if user else "",
        "EmailAddress": user.email if user and letter.channel == SMS else letter.recipient,
        "EnrollmentUser": user.username if user else "",
        "UserPrincipalName": user.username if user and "@" in user.username else "",
        "HappenedAt": moment(letter.happened_at, letter.time_zones, locale),
        "HappenedFrom": letter.happened_from,
        **(_of_alert(letter.alert, letter, locale, server) if letter.alert else {}),
    }
    return {name: one_line(value) for name, value in found.items()}


def _of_alert(alert: Alert, letter: Letter, locale: Locale, server: str) -> dict[str, str]:
    """What an alert's letter says, in the reader's language."""
    kind = ALERT_KINDS[alert.kind]
    _ = translations(locale.language).gettext
    about = ", ".join(filter(None, (alert.device_name, alert.username)))
    place = quote(alert.group_id)
    page = f"events/{alert.event_id}" if alert.event_id else "alerts"
    return {
        "AlertTitle": _(kind.title),
        "AlertText": _(kind.meaning),
        "AlertRemedy": _(kind.remedy),
        "AlertDetails": ": ".join(filter(None, (about, alert.details))),
        "AlertUrl": f"{server}/console/{place}/{page}",
        "AlertOverAt": moment(alert.closed_at or letter.at, letter.time_zones, locale),
    }


def enrollment_link(public_url: str, enrollment_id: str, token: str) -> str:
    """The link of an enrollment: its handle in the path, the secret in the fragment (ruling 9)."""
    return f"{public_url}/enroll/{enrollment_id}#t={token}"


def password_link(public_url: str, secret: str) -> str:
    """The link to set a password with: in the fragment, which no server and no log sees."""
    return f"{public_url}/set-password#t={secret}"


def self_service_url(public_url: str, group_id: str) -> str:
    """The self-service page of an organization; the passcode may follow in the fragment, `#t=`."""
    return f"{public_url}/self-service/{group_id}"


def proof_link(public_url: str, secret: str) -> str:
    """The link to prove one's mailbox with, likewise."""
    return f"{public_url}/self-service/proof#t={secret}"


def report_url(public_url: str, handle: str) -> str:
    """Where a gateway reports of a message; see `verbs.report_keys`."""
    return f"{public_url}/sms/reports/{handle}"


def ascii_url(url: str) -> str:
    """An address in ASCII, its host in IDNA, so that no mail client re-encodes it (X62)."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))


def moment(at: int, zones: Iterable[str], locale: Locale) -> str:
    """A moment in the first known time zone, with its offset from UTC and the zone's name (X07).

    Seconds are cut off: what is printed is never later than what counts.
    """
    zone = _zone(zones)
    local = to_datetime(at).astimezone(zone)
    day = format_date(local, "full", locale)
    time = format_time(local, "short", tzinfo=zone, locale=locale)
    named = "" if zone.key == "UTC" else f", {zone.key}"
    return f"{day}, {time} ({_offset(local)}{named})"


def short_moment(at: int, zones: Iterable[str], _locale: Locale) -> str:
    """The same in few letters, which every phone can show and everybody can read (ISO 8601)."""
    local = to_datetime(at).astimezone(_zone(zones))
    return f"{local:%Y-%m-%d %H:%M} {_offset(local)}"


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    if str(local.tzinfo) == "UTC":
        return "UTC"
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"UTC{sign}{hours:02}:{minutes:02}"


def _zone(names: Iterable[str]) -> ZoneInfo:
    """The first that exists; a misspelt one must not keep anybody from his token."""
    for name in names:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def span(length: int, locale: Locale) -> str:
    """How long something lasts: in days from two days on, in hours from two hours on, or minutes.

    Rounded down, but for a tenth: 24 hours are still that when the message leaves a minute later.
    """
    unit: Literal["day", "hour", "minute"]
    if length >= 2 * DAY:
        unit, micros = "day", DAY
    elif length >= 2 * HOUR:
        unit, micros = "hour", HOUR
    else:
        unit, micros = "minute", MINUTE
    count = max(1, (length + micros // 10) // micros)
    whole = timedelta(microseconds=count * micros)
    # A threshold that nothing reaches: neither "1 day" for 24 hours nor weeks for days.
    return format_timedelta(whole, granularity=unit, threshold=1e9, locale=locale)
