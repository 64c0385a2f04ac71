"""The canonical entry of an event, and what of it can be forgotten."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlist.core.caller import Caller, CallerKind
from enlist.core.events import (
    KINDS,
    Happening,
    canonical,
    make_events,
    personal_digest,
    refused,
)
from enlist.core.ids import parse_id
from enlist.core.outcomes import FieldError, Refusal, Subjects

NOW = 1_780_000_000_123_456
ZOE = Caller(
    CallerKind.USER, id="u1", name="zoë", address="192.0.2.7", user_agent="Firefox " + "x" * 400
)
ABOUT = Subjects("o", "u", "d", "e", "a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        ({"z": {"y": 1, "x": 2}}, '{"z":{"x":2,"y":1}}'),
        ({"t": "line\n\x00\u2028"}, '{"t":"line\\n\\u0000\u2028"}'),
        ({}, "{}"),
    ],
)
def test_the_same_value_is_always_the_same_bytes(value: object, text: str) -> None:
    """X18: sorted keys, no spaces, UTF-8."""
    assert canonical(value) == text
    assert json.loads(text) == value


def test_an_entry_says_who_did_what_to_whom_when() -> None:
    """X18: everything but what can be erased, which stands there as a digest."""
    happening = Happening(
        "enrollment.issued", ABOUT, {"n": 1, "flag": True}, {"user": "bob"}, "BCDF-GHJK-L"
    )
    (event,) = make_events([(ZOE, happening)], NOW)
    entry = json.loads(event.entry)
    assert event.entry == canonical(entry)
    assert entry == {
        "v": 2,
        "id": event.id,
        "at": NOW,
        "kind": "enrollment.issued",
        "actor": {"kind": "user", "id": "u1"},
        "about": {
            "organization": "o",
            "user": "u",
            "device": "d",
            "enrollment": "e",
            "attempt": "a",
        },
        "data": {"n": 1, "flag": True},
        "personal": {
            name: personal_digest(event.salt, value) for name, value in event.personal.items()
        },
        "support_code": "BCDF-GHJK-L",
    }
    assert parse_id(event.id)
    assert set(event.personal) == {"actor", "address", "user_agent", "user"}


@given(
    texts=st.dictionaries(st.text(), st.text()),
    data=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
    subject=st.none() | st.text(),
)
def test_an_entry_is_canonical_whatever_is_in_it(
    texts: dict[str, str], data: dict[str, str | int | bool | None], subject: str | None
) -> None:
    """It is written out piece by piece, which must give the bytes that the one form gives."""
    about = Subjects(subject, subject, None, subject)
    happening = Happening("enrollment.issued", about, data, texts, subject or "")
    (event,) = make_events([(ZOE, happening)], NOW)
    assert event.entry == canonical(json.loads(event.entry))
    read = json.loads(event.entry)
    assert (read["data"], read["about"]["user"]) == (data, subject)
    assert set(read["personal"]) == set(event.personal)


def test_events_that_are_made_together_share_no_salt() -> None:
    made = make_events([(ZOE, Happening("attempt.started"))] * 3, NOW)
    assert len({event.salt for event in made}) == len({event.id for event in made}) == 3
    assert all(len(event.salt) == 16 for event in made)


def test_personal_values_stand_in_the_entry_as_salted_digests() -> None:
    """S74: without the salt a digest tells nothing, and two events share none."""
    happening = Happening("enrollment.issued", ABOUT, {}, {"user": "bob"})
    (one,), (two,) = (make_events([(ZOE, happening)], NOW) for _ in range(2))
    for text in ("zoë", "bob", "192.0.2.7", "Firefox"):
        assert text not in one.entry
    assert one.salt != two.salt
    assert len(one.salt) == 16
    digests = [json.loads(each.entry)["personal"]["user"] for each in (one, two)]
    assert digests[0] != digests[1]
    assert digests[0] == hashlib.sha256(one.salt + b"bob").hexdigest()


def test_empty_personal_values_are_left_out_and_long_ones_cut() -> None:
    (event,) = make_events([(ZOE, Happening("attempt.started"))], NOW)
    assert len(event.personal["user_agent"]) == 300
    (nobody,) = make_events([(Caller(CallerKind.SYSTEM), Happening("attempt.started"))], NOW)
    assert nobody.personal == {}


def test_what_is_not_documented_is_never_recorded() -> None:
    """X18, S72."""
    with pytest.raises(KeyError):
        make_events([(ZOE, Happening("something.happened"))], NOW)
    assert all(text.endswith(".") for text in KINDS.values())


def test_a_refusal_is_recorded_with_its_exact_reason() -> None:
    """X13, S78: what the caller is not told stands in the log, under the code he was shown."""
    refusal = Refusal(
        "credentials_invalid",
        reason="wrong password",
        about=ABOUT,
        fields=(FieldError("a", "x"), FieldError("b", "y")),
        data={"verb": "redeem"},
        personal={"first_user": "eve"},
        support_code="BCDF-GHJK-L",
    )
    happening = refused("enrollment.refused", refusal)
    assert happening == Happening(
        "enrollment.refused",
        ABOUT,
        {
            "code": "credentials_invalid",
            "reason": "wrong password",
            "verb": "redeem",
            "fields": "a, b",
        },
        {"first_user": "eve"},
        "BCDF-GHJK-L",
    )
