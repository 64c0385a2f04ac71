"""The third step: how the person goes on, on the device that is to be enrolled."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import segno
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.model import Platform
from enlist.verbs.begin import Begun, Next
from enlist.verbs.landing import Surroundings
from enlist.web.callers import services_of
from enlist.web.pages import render

_PHONES: Final = (Platform.ANDROID.value, Platform.IOS.value)


def next_step(request: Request, begun: Begun, around: Surroundings, here: str) -> Response:
    """What to do now, with the attempt's code, on this device or on another one.

    Args:
        here: the platform of the device that shows the page, "" where it is not known.
    """
    public_url = services_of(request).public_url
    code = begun.code.reveal()
    elsewhere = begun.purpose.next is Next.OTHER_DEVICE
    target = begun.purpose.platform or here
    context = {
        "begun": begun,
        "around": around,
        "code": code,
        "target": target,
        "elsewhere": elsewhere,
        "phone": target in _PHONES,
        "from_phone": here in _PHONES,
        "command": (
            f"enlist-agent enroll {code}",
            f"--server {public_url}",
            "--state enlist-device",
        ),
        "address": short_address(public_url),
        "qr": qr_of(f"{public_url}/enroll#t={code}"),
    }
    return render(request, "enroll/next.html", context, zone=around.zone)


def short_address(public_url: str) -> str:
    """The page's address as a person types it: browsers add `https://` by themselves."""
    parts = urlsplit(public_url)
    scheme = "" if parts.scheme == "https" else f"{parts.scheme}://"
    return f"{scheme}{parts.netloc}{parts.path}/enroll"


def qr_of(link: str) -> str:
    """A QR code of a link as the address of a picture, without anything from outside."""
    return segno.make(link, error="m", micro=False).png_data_uri(scale=6, border=4)
