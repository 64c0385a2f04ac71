"""How many parts a text takes: 160/153 in the GSM alphabet, 70/67 outside of it."""

from __future__ import annotations

import pytest

from enlist.core.sms import size


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts", "room"),
    [
        ("", "GSM-7", 0, 1, 160),
        ("a" * 160, "GSM-7", 160, 1, 160),
        ("a" * 161, "GSM-7", 161, 2, 306),
        ("a" * 306, "GSM-7", 306, 2, 306),
        ("a" * 307, "GSM-7", 307, 3, 459),
        ("ÄÖÜäöüß à è\n" * 13, "GSM-7", 156, 1, 160),
        ("a" * 158 + "€", "GSM-7", 160, 1, 160),
        ("a" * 159 + "€", "GSM-7", 161, 2, 306),
        # The euro sign takes two and is not cut in two: it moves into the second part.
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, 459),
        ("ç", "UCS-2", 1, 1, 70),
        ("я" * 70, "UCS-2", 70, 1, 70),
        ("я" * 71, "UCS-2", 71, 2, 134),
        ("a" * 68 + "😀", "UCS-2", 70, 1, 70),
        ("a" * 69 + "😀", "UCS-2", 71, 2, 134),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 134, 3, 201),
    ],
)
def test_parts(text: str, encoding: str, units: int, parts: int, room: int) -> None:
    found = size(text)
    assert (found.encoding, found.units, found.parts, found.room) == (encoding, units, parts, room)
