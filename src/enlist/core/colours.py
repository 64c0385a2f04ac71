"""Colours that can be read: an organization's own, made darker or lighter until they pass WCAG AA.

An organization chooses the colour of its brand, which was made for print or for a wall, not for
text. What is shown is the nearest shade of it with a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3), one
for light pages and one for dark ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

AA: Final = 4.5
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
"""On any ground, white or black passes; a softer dark would not."""

# Where the accent stands as text: the hardest grounds of pages and mails, light and dark.
_LIGHT_GROUND: Final = "#eef2f7"
_DARK_GROUND: Final = "#22303f"

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Shades:
    """A colour as it is shown: with its text, on light pages and on dark ones."""

    light: str
    on_light: str
    dark: str
    on_dark: str


def is_colour(text: str) -> bool:
    """Whether it is written `#rrggbb`, in small letters."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black and white)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def text_on(ground: str) -> str:
    """The text that can be read better there: white or black; one of them passes on any colour."""
    return max((WHITE, BLACK), key=lambda each: contrast(each, ground))


@lru_cache(64)
def shades(colour: str) -> Shades:
    """The nearest shades that pass as text and under text."""
    light = _towards(BLACK, colour, _LIGHT_GROUND)
    dark = _towards(WHITE, colour, _DARK_GROUND)
    return Shades(light, text_on(light), dark, text_on(dark))


def _towards(end: str, colour: str, ground: str) -> str:
    """The first mixture of a colour with `end` that can be read on `ground`, under its text too."""
    for step in range(_STEPS + 1):
        mixed = _mix(colour, end, step / _STEPS)
        if contrast(mixed, ground) >= AA and contrast(mixed, text_on(mixed)) >= AA:
            return mixed
    return end


def _mix(one: str, other: str, share: float) -> str:
    parts = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
