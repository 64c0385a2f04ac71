"""The third step: how the person goes on, on the device that is to be enrolled."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.model import Platform
from enlist.verbs.begin import Begun, Next
from enlist.verbs.landing import Surroundings
from enlist.web.callers import services_of
from enlist.web.enroll.programs import POWERSHELL, SHELL
from enlist.web.look import Look
from enlist.web.pages import render

_JOINTS: Final = re.compile(r"(?<=//)|(?<=[^/:])(?=[./]|:\d+(?:/|$))")
"""Where an address may go on in the next line: behind `//`, and before a dot, slash or port."""
_PHONES: Final = (Platform.ANDROID.value, Platform.IOS.value)


def next_step(
    request: Request, begun: Begun, around: Surroundings, here: str, progress: str, look: Look
) -> Response:
    """What to do now, with the attempt's code, on this device or on another one.

    Args:
        progress: where this browser learns what became of the attempt.
        here: the platform of the device that shows the page, "" where it is not known.
    """
    services = services_of(request)
    public_url = services.public_url
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
        "command": [breakable(part) for part in command(code, public_url, services.own_ca)],
        "script": POWERSHELL if target == Platform.WINDOWS.value else SHELL,
        "checksum": checksum_command(target),
        "by_script": [
            breakable(part) for part in by_script(target, code, public_url, services.own_ca)
        ],
        "own_ca": services.own_ca,
        "progress": progress,
        "address": breakable(short_address(public_url)),
        "qr": qr_of(f"{public_url}/enroll#t={code}"),
    }
    return render(request, "enroll/next.html", context, zone=around.zone, look=look)


def command(code: str, public_url: str, own_ca: str) -> tuple[str, ...]:
    """What to type on a computer, in parts that stay together where the line is long enough.

    Args:
        own_ca: see `Services`; without it a fresh device could not trust the server.
    """
    return (f"enlist-agent enroll {code}", *_options(public_url, own_ca))


def by_script(platform: str, code: str, public_url: str, own_ca: str) -> tuple[str, ...]:
    """The same where there is no agent. A computer that says nothing of itself has a shell."""
    if platform != Platform.WINDOWS.value:
        return (f"sh {SHELL.name} {code}", *_options(public_url, own_ca))
    trust = (f"-CaFingerprint {own_ca}",) if own_ca else ()
    run = f"powershell -ExecutionPolicy Bypass -File {POWERSHELL.name} {code}"
    return (run, f"-Server {public_url}", *trust, "-State enlist-device")


def checksum_command(platform: str) -> str:
    """What shows the checksum of the script that was downloaded."""
    if platform == Platform.WINDOWS.value:
        return f"Get-FileHash {POWERSHELL.name}"
    program = "shasum -a 256" if platform == Platform.MACOS.value else "sha256sum"
    return f"{program} {SHELL.name}"


def _options(public_url: str, own_ca: str) -> tuple[str, ...]:
    trust = (f"--ca-fingerprint {own_ca}",) if own_ca else ()
    return (f"--server {public_url}", *trust, "--state enlist-device")


def breakable(text: str) -> Markup:
    """An address that goes on in the next line at its joints; a copy of it is as it was."""
    return Markup("<wbr>").join(_JOINTS.split(text))


def short_address(public_url: str) -> str:
    """The page's address as a person types it: browsers add `https://` by themselves."""
    parts = urlsplit(public_url)
    scheme = "" if parts.scheme == "https" else f"{parts.scheme}://"
    return f"{scheme}{parts.netloc}{parts.path}/enroll"


def qr_of(link: str) -> str:
    """A QR code of a link as the address of a picture, without anything from outside."""
    return segno.make(link, error="m", micro=False).png_data_uri(scale=6, border=4)
