"""How long a text message is: what the networks count, and charge for (3GPP TS 23.038, 23.040).

A text whose letters are all in the GSM alphabet takes seven bits each, 160 of them in one part; one
letter outside of it, such as an emoji, and the whole text takes sixteen bits each, 70 in one part.
What is longer goes in parts, which are a little shorter: each says which one it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

MOST_PARTS: Final = 10
"""Parts of one message; gateways and networks drop what is longer."""

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE: Final = frozenset("\f^{}\\[~]|€")
"""Letters that take an escape before them."""

Encoding = Literal["GSM-7", "UCS-2"]
_ONE_PART: Final[dict[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
_EACH_PART: Final[dict[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Size:
    """How long a text is.

    Attributes:
        units: what it takes, in units of its encoding.
        room: units that its parts hold.
    """

    encoding: Encoding
    units: int
    parts: int
    room: int


def size(text: str) -> Size:
    """How much a text takes, and in how many parts it goes."""
    gsm = all(letter in _BASIC or letter in _TWICE for letter in text)
    encoding: Encoding = "GSM-7" if gsm else "UCS-2"
    taken = [_taken(letter, encoding) for letter in text]
    units = sum(taken)
    if units <= _ONE_PART[encoding]:
        return Size(encoding, units, 1, _ONE_PART[encoding])
    parts = _parts(taken, _EACH_PART[encoding])
    return Size(encoding, units, parts, parts * _EACH_PART[encoding])


def _taken(letter: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if letter in _TWICE else 1
    return 2 if ord(letter) > 0xFFFF else 1


def _parts(taken: list[int], room: int) -> int:
    """How many parts, as no letter of two units is cut in two."""
    parts, left = 1, room
    for units in taken:
        if units > left:
            parts, left = parts + 1, room
        left -= units
    return parts
