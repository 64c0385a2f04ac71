"""Who opens an enrollment link: a person or a program, and on which platform.

Mail systems open every link before its reader does, some of them in a real browser (X06). What is
found here decides nothing but how the visit is labelled, and which instructions come first.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

from enlist.core.model import Platform

_SCANNER: Final = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|headless|proofpoint|mimecast|barracuda|safelinks"
    r"|urldefense|microsoft office|ms-office|facebookexternalhit|whatsapp|skypeuri|googleimageproxy"
    r"|curl/|wget/|python|go-http|java/|okhttp|libwww|httpclient|node|axios",
    re.IGNORECASE,
)
_AHEAD: Final = ("purpose", "sec-purpose", "x-purpose", "x-moz")

_HINTS: Final = {
    "android": Platform.ANDROID,
    "ios": Platform.IOS,
    "linux": Platform.LINUX,
    "macos": Platform.MACOS,
    "windows": Platform.WINDOWS,
}
# In this order: an Android browser says Linux too, an iPhone's says "like Mac OS X".
_USER_AGENTS: Final = (
    (re.compile(r"iPhone|iPad|iPod"), Platform.IOS),
    (re.compile(r"Android"), Platform.ANDROID),
    (re.compile(r"Windows NT"), Platform.WINDOWS),
    (re.compile(r"Macintosh"), Platform.MACOS),
    (re.compile(r"Linux|X11"), Platform.LINUX),
)


def by_person(request: Request) -> bool:
    """Whether a person seems to have opened the link; in doubt it was a scanner (S34).

    Browsers say of a page that they navigate to it; what fetches a link on the reader's behalf
    does not, sends HEAD, announces that it only looks ahead, or names itself.
    """
    headers = request.headers
    if request.method != "GET" or any(headers.get(name) for name in _AHEAD):
        return False
    if headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest") != "document":
        return False
    return _SCANNER.search(headers.get("user-agent", "")) is None


def platform_of(request: Request) -> Platform | None:
    """What the visitor's device runs, as its browser tells; None where it does not.

    A recent iPad presents itself as a Mac; its person can choose.
    """
    hint = request.headers.get("sec-ch-ua-platform", "").strip('" ').lower()
    if hint:
        return _HINTS.get(hint)
    agent = request.headers.get("user-agent", "")[:300]
    if "CrOS" in agent:
        return None
    return next((platform for shape, platform in _USER_AGENTS if shape.search(agent)), None)
