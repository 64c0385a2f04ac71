"""What a message template may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlist.core.templates import (
    LONGEST_BODY,
    LOOKUPS,
    Lookup,
    cautions,
    fill,
    header_line,
    lookups_for,
    one_line,
    parse,
    problems,
    unfilled,
)

SUBJECT, BODY = "Your device {FriendlyName}", "Hello {FirstName|colleague}: {EnrollmentUrl}"


def wrong(subject: str = SUBJECT, body: str = BODY) -> str:
    return "; ".join(problems(subject, body, purpose="registration"))


def test_a_good_template_has_no_problems() -> None:
    assert problems(SUBJECT, BODY, purpose="registration") == ()
    assert problems("Done", "Your device is enrolled.", purpose="one_time_jwt") == ()


@pytest.mark.parametrize("name", sorted(lookups_for("registration", "email")))
def test_every_lookup_may_stand_in_a_body(name: str) -> None:
    assert wrong(body=f"{{{name}}} {{{name}|or else}} {{EnrollmentToken}}") == ""


@pytest.mark.parametrize(
    ("subject", "body", "told"),
    [
        (SUBJECT, BODY + " {Nonsense}", "the body asks for {Nonsense}"),
        ("{enrollmenturl}", BODY, "the subject asks for {enrollmenturl}"),
        (SUBJECT, BODY + " {CustomAttribute3}", "{CustomAttribute3}"),
        (SUBJECT, BODY + " {FirstName", "a brace that belongs to no lookup"),
        (SUBJECT, BODY + " FirstName}", "a brace that belongs to no lookup"),
        (SUBJECT, BODY + " { FirstName }", "a brace that belongs to no lookup"),
        (SUBJECT, BODY + " {FirstName|{LastName}}", "a brace that belongs to no lookup"),
        (SUBJECT, BODY + " {{EnrollmentToken}}", "a brace that belongs to no lookup"),
        (SUBJECT, BODY + " {}", "a brace that belongs to no lookup"),
        (SUBJECT, "Hello {FirstName}, welcome.", "must hold {EnrollmentUrl} or {EnrollmentToken}"),
        ("Token {EnrollmentToken}", BODY, "must not hold {EnrollmentToken}"),
        ("See {EnrollmentUrl}", BODY, "must not hold {EnrollmentUrl}"),
        ("", BODY, "the subject is empty"),
        (SUBJECT, " \n", "the body is empty"),
        ("One\nBcc: eve@example.com", BODY, "must be one line"),
        ("x" * 201, BODY, "the subject is longer than"),
        (SUBJECT, BODY + "x" * LONGEST_BODY, "the body is longer than"),
        (SUBJECT, BODY + "\x00", "a control character"),
        (SUBJECT, BODY + "\x1b[2J", "a control character"),
    ],
)
def test_a_slip_is_told_when_it_is_saved(subject: str, body: str, told: str) -> None:
    assert told in wrong(subject, body)


def test_each_kind_of_message_has_its_own_rules() -> None:
    """An SMS has no subject and no picture; what comes with a file holds no secret itself."""
    sms = {"purpose": "registration", "channel": "sms"}
    assert problems("", BODY, **sms) == ()
    assert "must be left out" in problems(SUBJECT, BODY, **sms)[0]
    assert "not for this kind of message" in problems("", BODY + "{QrCode}", **sms)[0]
    assert "is longer than 1000" in problems("", BODY + "x" * 1000, **sms)[0]
    assert "{EnrollmentUrl}" in problems(SUBJECT, BODY, purpose="one_time_jwt")[0]
    assert "QrCode" not in lookups_for("registration", "sms")
    assert not {"EnrollmentToken", "QrCode"} & lookups_for("one_time_jwt", "email").keys()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{EnrollmentUrl} {EnrollmentToken}", ""),
        ("{EnrollmentUrl}", "no {EnrollmentToken}"),
        ("{EnrollmentToken}", "no {EnrollmentUrl}"),
        ("neither", ""),
    ],
)
def test_one_without_link_or_token_is_cautioned(body: str, told: str) -> None:
    found = cautions(body, purpose="registration")
    assert (told in found[0]) if told else found == ()
    assert cautions(body, purpose="one_time_jwt") == ()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{EnrollmentUrl} {OneTimeUser} {OneTimePassword}", ""),
        ("{EnrollmentUrl}", "no {OneTimeUser} and {OneTimePassword} to type"),
        ("{EnrollmentUrl} {OneTimePassword}", "no {OneTimeUser} to type"),
        ("{OneTimeUser} {OneTimePassword}", "everybody has to type the credentials"),
    ],
)
def test_one_time_credentials_are_cautioned_for_what_is_typed(body: str, told: str) -> None:
    found = cautions(body, purpose="credentials")
    assert (told in found[0]) if told else found == ()
    assert problems("Yours", body, purpose="credentials") == ()
    (unusable,) = problems("Yours", "{OneTimeUser}", purpose="credentials")
    assert "must hold {EnrollmentUrl} or {OneTimeUser} and {OneTimePassword}" in unusable
    assert "{OneTimePassword}" in problems("{OneTimePassword}", body, purpose="credentials")[0]
    assert "OneTimePassword" not in lookups_for("registration", "email")


def test_parsing() -> None:
    assert parse("a {FirstName|b c} d{LastName}") == (
        "a ",
        Lookup("FirstName", "b c"),
        " d",
        Lookup("LastName"),
    )


def test_a_value_is_never_looked_at_again() -> None:
    values = {"FirstName": "{EnrollmentToken}", "EnrollmentToken": "secret"}
    assert fill(parse("Hello {FirstName}"), values) == "Hello {EnrollmentToken}"


def test_an_empty_value_needs_a_fallback() -> None:
    pieces = parse("{FirstName} {LastName|} {GroupId|none} {FirstName}")
    assert unfilled(pieces, {"FirstName": "", "LastName": "", "GroupId": ""}) == ("FirstName",)
    assert fill(parse("{LastName|}{GroupId|none}"), {"LastName": "", "GroupId": ""}) == "none"


@given(st.text(), st.text())
def test_no_lookup_stays_in_what_was_filled(before: str, after: str) -> None:
    """Whatever surrounds it: a template without problems leaves no lookup behind."""
    body = f"{before}{{EnrollmentUrl}}{after}"
    if problems("Subject", body, purpose="registration"):
        return
    values = dict.fromkeys(LOOKUPS, "value")
    filled = fill(parse(body), values)
    assert "{" not in filled
    assert "}" not in filled


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Bob\r\nBcc: a@b", "Bob Bcc: a@b"),
        ("Bob\x00\x0b\x0c\x85\u2028\u2029Ada", "Bob Ada"),
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("Müller-Lüdenscheidt 日本", "Müller-Lüdenscheidt 日本"),
    ],
)
def test_a_value_is_one_line(value: str, line: str) -> None:
    assert one_line(value) == line


def test_a_header_is_short_and_reads_forwards() -> None:
    assert header_line("x" * 10_000) == "x" * 199 + "…"
    assert header_line("ada\u202elive\u2066") == "adalive"
    assert "=?" not in header_line("=?utf-8?q?Bob=0D=0ABcc:_eve?= =\u202e?x")


@given(st.text())
def test_no_text_breaks_a_header(value: str) -> None:
    line = header_line(value)
    assert len(line.splitlines()) <= 1
    assert "\x00" not in line
