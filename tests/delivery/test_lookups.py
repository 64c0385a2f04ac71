"""The values in a message: links, moments, names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from enlist.core.branding import Branding
from enlist.core.clock import DAY, HOUR, MINUTE, SECOND, from_datetime
from enlist.core.secrets import Secret
from enlist.core.templates import LOOKUPS
from enlist.delivery.channels import Outgoing
from enlist.delivery.channels.mime import address, compose
from enlist.delivery.lookups import ascii_url, moment, span, values
from enlist.locales import locale_of
from tests.delivery.conftest import TOKEN, LetterMaker
from tests.delivery.world import ENROLLMENT, PUBLIC_URL

BUILT_IN = {"HappenedAt", "HappenedFrom", "PasswordUrl", "ProofUrl"}
"""What only Enlist's own messages hold, which are no templates of an organization."""


def at(*parts: int) -> int:
    return from_datetime(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def test_every_lookup_has_a_value(make_letter: LetterMaker) -> None:
    help_at = Branding({"support_email": "it@example.test", "support_phone": "+493023125000"})
    found = values(make_letter(branding=help_at), locale_of("en"), PUBLIC_URL)
    assert set(found) == set(LOOKUPS) | BUILT_IN
    assert all(found[name] for name in LOOKUPS)
    assert found["EnrollmentUrl"] == f"{PUBLIC_URL}/enroll/{ENROLLMENT}#t={TOKEN}"
    assert found["EnrollmentToken"] == TOKEN
    assert found["Platform"] == "Linux"


def test_where_no_person_issued_it_the_organization_did(make_letter: LetterMaker) -> None:
    found = values(make_letter(sender=""), locale_of("en"), PUBLIC_URL)
    assert found["SenderName"] == "Acme"


def test_values_are_single_lines(make_letter: LetterMaker) -> None:
    letter = make_letter(user={"first_name": "Bob\r\n\r\nBcc: a@b\x00"}, device={"name": "a\nb"})
    found = values(letter, locale_of("en"), PUBLIC_URL)
    assert found["FirstName"] == "Bob Bcc: a@b"
    assert found["FriendlyName"] == "a b"


# --- links (X62) -----------------------------------------------------------------------------


@pytest.mark.parametrize("public_url", [PUBLIC_URL, "https://einschreibung.münchen.example:8443"])
def test_links_are_short_and_plain(
    make_letter: LetterMaker, outgoing: Outgoing, public_url: str
) -> None:
    letter = make_letter(token=Secret("W" * 20))
    link = values(letter, locale_of("en"), public_url)["EnrollmentUrl"]
    assert len(link) <= 200
    assert link.isascii()
    assert set(link) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/.-#=")
    # It comes back whole from the wire, quoted-printable and all.
    message = replace(outgoing, text=f"Open {link} now\n")
    sent = compose(message, address("enlist@example.test"), address("ada@example.test"))
    received = message_from_bytes(sent.as_bytes(), policy=policy.default)
    body = received.get_body(("plain",))
    assert body is not None
    assert f"Open {link} now" in body.get_content()
    assert all(len(line) <= 78 for line in sent.as_bytes().splitlines())


def test_a_foreign_host_name_is_written_in_idna() -> None:
    assert ascii_url("https://münchen.example:8443/x") == "https://xn--mnchen-3ya.example:8443/x"


# --- moments (X07) ---------------------------------------------------------------------------

NOON = at(2026, 1, 31, 12, 4, 59)


@pytest.mark.parametrize(
    ("zone", "language", "shown"),
    [
        (
            "Pacific/Auckland",
            "en",
            "Sunday, February 1, 2026, 1:04\u202fAM (UTC+13:00, Pacific/Auckland)",
        ),
        (
            "America/Los_Angeles",
            "en",
            "Saturday, January 31, 2026, 4:04\u202fAM (UTC-08:00, America/Los_Angeles)",
        ),
        (
            "Pacific/Auckland",
            "de",
            "Sonntag, 1. Februar 2026, 01:04 (UTC+13:00, Pacific/Auckland)",
        ),
        (
            "America/Los_Angeles",
            "de-AT",
            "Samstag, 31. Jänner 2026, 04:04 (UTC-08:00, America/Los_Angeles)",
        ),
        ("Asia/Kolkata", "en-GB", "Saturday, 31 January 2026, 17:34 (UTC+05:30, Asia/Kolkata)"),
        ("America/St_Johns", "de", "Samstag, 31. Januar 2026, 08:34 (UTC-03:30, America/St_Johns)"),
        ("UTC", "en-GB", "Saturday, 31 January 2026, 12:04 (UTC)"),
    ],
)
def test_a_moment_carries_its_zone_and_offset(zone: str, language: str, shown: str) -> None:
    assert moment(NOON, (zone,), locale_of(language)) == shown


def test_the_offset_is_that_of_the_moment_not_of_today() -> None:
    """Clocks in Los Angeles went forward on 8 March 2026 at 10:00 UTC."""
    zone, locale = ("America/Los_Angeles",), locale_of("en-GB")
    assert "01:59 (UTC-08:00" in moment(at(2026, 3, 8, 9, 59), zone, locale)
    assert "03:00 (UTC-07:00" in moment(at(2026, 3, 8, 10, 0), zone, locale)
    # And back on 1 November at 09:00 UTC: the same hour twice, told apart by the offset.
    assert "01:30 (UTC-07:00" in moment(at(2026, 11, 1, 8, 30), zone, locale)
    assert "01:30 (UTC-08:00" in moment(at(2026, 11, 1, 9, 30), zone, locale)


@pytest.mark.parametrize("zones", [(), ("",), ("Mars/Olympus",), ("../../etc/passwd", "UTC")])
def test_a_zone_that_does_not_exist_is_passed_over(zones: tuple[str, ...]) -> None:
    assert moment(NOON, zones, locale_of("en-GB")).endswith("12:04 (UTC)")


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (24 * HOUR, "24 hours"),
        (24 * HOUR - 3 * MINUTE, "24 hours"),
        (24 * HOUR - 10 * MINUTE, "23 hours"),
        (47 * HOUR, "47 hours"),
        (7 * DAY, "7 days"),
        (20 * DAY + 20 * HOUR, "20 days"),
        (90 * MINUTE, "90 minutes"),
        (5 * SECOND, "1 minute"),
    ],
)
def test_how_long_is_never_overstated_by_much(length: int, shown: str) -> None:
    assert span(length, locale_of("en")) == shown


def test_how_long_in_german() -> None:
    assert span(24 * HOUR, locale_of("de")) == "24 Stunden"
    assert span(1 * MINUTE, locale_of("de-AT")) == "1 Minute"
