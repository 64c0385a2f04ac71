"""Which browser a sign-in came from, in two words that its owner recognises."""

from __future__ import annotations

import re
from typing import Final

# In this order: nearly all of them call themselves Chrome and Safari too.
_BROWSERS: Final = (
    (re.compile(r"Edg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|Opera"), "Opera"),
    (re.compile(r"SamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"HeadlessChrome/|Chrome/|CriOS/|Chromium/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Macintosh"), "macOS"),
    (re.compile(r"Linux"), "Linux"),
)


def browser_in(user_agent: str) -> tuple[str, str]:
    """`("Firefox", "Windows")`; "" for what is not recognised."""
    browser = next((name for shape, name in _BROWSERS if shape.search(user_agent)), "")
    return browser, next((name for shape, name in _SYSTEMS if shape.search(user_agent)), "")
