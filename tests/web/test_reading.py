"""Reading bodies and values: what is refused before anything looks at its meaning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.web.api.operations import version_of
from enlist.web.reading import DEEPEST, MOST_ERRORS, read_json, unfit
from enlist.web.values import IdGiven, Line, MomentGiven, SecretGiven
from tests.fuzzing import effort
from tests.web.malformed import MALFORMED
from tests.work import work_of


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:24]))
def test_what_is_no_json(body: bytes) -> None:
    refusal = read_json(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "malformed"
    assert refusal.detail
    assert refusal.support_code


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": "x\\u0000"}', "a"),
        (b'{"a": {"b": ["c", "\\u0000"]}}', "a.b.1"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a": "\\udc00\\ud800"}', "a"),
        (b'{"x\\ud800": 1}', "x\ufffd"),
        (b'["\\u0000"]', "0"),
        (b'"\\u0000"', ""),
    ],
)
def test_text_that_cannot_be_stored(body: bytes, field: str) -> None:
    refusal = read_json(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "validation_failed"
    assert [each.field for each in refusal.fields] == [field]


def test_only_so_many_problems_are_told() -> None:
    refusal = read_json(b'{"' + b'": 1, "'.join(b"%d\\u0000" % n for n in range(100)) + b'": 1}')
    assert isinstance(refusal, Refusal)
    assert len(refusal.fields) == MOST_ERRORS
    assert max(len(each.field) for each in refusal.fields) <= 100


def test_what_is_deep_enough() -> None:
    text = "[" * DEEPEST + '"[[[{{{"' + "]" * DEEPEST
    assert isinstance(read_json(text.encode()), list)


def test_pairs_of_surrogates_are_a_letter() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def _keys() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)


@settings(**effort(100))
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys(), inner, max_size=3),
        max_leaves=20,
    )
)
def test_all_other_json_is_read_as_it_was_written(value: Any) -> None:
    found = read_json(json.dumps(value, ensure_ascii=False).encode())
    assert found == value or (isinstance(found, Refusal) and found.code == "malformed")


@settings(**effort(100))
@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault(body: bytes) -> None:
    read_json(body)


@pytest.mark.parametrize(
    "body",
    [b'"' + b'\\"' * 32_000, b"[" * 21 + b'"\\' * 32_000, b'["' + b"[" * 65_000, b'{"a":[' * 9000],
)
def test_nothing_takes_long_to_refuse(body: bytes) -> None:
    """A second is far more than any of these needs, and far less than a quadratic scan would."""
    _refusal, seconds = work_of(lambda: read_json(body))
    assert seconds < 1


class Values(BaseModel):
    line: Line = ""
    moment: MomentGiven = 0
    id: IdGiven = ""
    secret: SecretGiven | None = None


@pytest.mark.parametrize(
    ("given_text", "meant"),
    [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000000Z"),
        ("2026-03-01t09:30:00z", "2026-03-01T09:30:00.000000Z"),
        ("2026-03-01 09:30:00+13:00", "2026-02-28T20:30:00.000000Z"),
        ("2026-03-01T09:30:00.1-08:00", "2026-03-01T17:30:00.100000Z"),
        ("2026-03-01T09:30:00.123456789Z", "2026-03-01T09:30:00.123456Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_moments(given_text: str, meant: str) -> None:
    assert rfc3339(Values.model_validate({"moment": given_text}).moment) == meant


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:30:00",
        "2026-03-01",
        "2026-03-01T09:30Z",
        "2026-02-30T00:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T09:30:60Z",
        "2026-03-01T09:30:00+99:99",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "\uff12026-03-01T09:30:00Z",
        "2026-03-01T09:30:00Z\n",
        "now",
        "",
        1772481600,
        True,
        None,
    ],
)
def test_moments_that_are_none(text: object) -> None:
    with pytest.raises(ValidationError) as found:
        Values.model_validate({"moment": text})
    assert unfit(found.value.errors()).fields[0].field == "moment"


@pytest.mark.parametrize("text", ["a\nb", "a\x1bb", "a\x7f", "a\u2028b", "x" * 201, 5, None])
def test_lines_that_are_none(text: object) -> None:
    with pytest.raises(ValidationError):
        Values.model_validate({"line": text})


def test_lines_are_trimmed() -> None:
    assert Values.model_validate({"line": "  Ada\u00a0L. "}).line == "Ada\u00a0L."


def test_a_secret_is_never_shown() -> None:
    values = Values.model_validate({"secret": "correct horse"})
    assert "correct" not in repr(values)
    with pytest.raises(ValidationError) as found:
        Values.model_validate({"secret": {"value": "correct horse"}})
    assert "correct" not in str(unfit(found.value.errors()))


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (None, None),
        ("*", None),
        (' "7" ', 7),
        ("7", -1),
        ('W/"7"', -1),
        ('"x"', -1),
        ('"\u0667"', -1),
        ('""', -1),
        ('"7", "8"', -1),
        ('"99999999999999999999"', -1),
    ],
)
def test_if_match(header: str | None, version: int | None) -> None:
    assert version_of(header) == version
