"""What a page remembers between two requests, without a table and without showing it.

A form must prove that it came from a page of ours, opened in the same browser, not long ago
(X03). The second step must know what was typed in the first, but a page never repeats a secret.
And whoever goes back or reloads shall find the attempt that he began (ruling 23). All three are
one thing: a few values, encrypted and signed (Fernet) under a key made from the look-up key,
bound to a random cookie of that browser and to one purpose, with the time they were sealed.
The first administrator's form needs the first two as well.

Any process of the installation opens what another one sealed, and a rotated key opens what the
one before it sealed.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import Response

from enlist.core.clock import HOUR, SECOND
from enlist.core.secrets import KeyRing, Kind, Secret
from enlist.verbs.begin import ATTEMPT_LIFETIME
from enlist.web.services import Services

FORM_LIFETIME: Final = HOUR
MOST_CARRIED: Final = 3_800
"""Characters that a browser surely keeps in one cookie, its name and attributes beside it."""
_VISIT: Final = re.compile(r"[A-Za-z0-9_-]{32}")


class Purpose(StrEnum):
    """What was sealed; one is never taken for another."""

    FORM = "form"
    """An empty first step."""
    CHECKED = "checked"
    """What was presented in the first step, and what came of it."""
    SETUP = "setup"
    """An empty set-up form, or the link that came with one that was not filled in right."""
    RECOVERY = "recovery"
    """The same, of a form for a new password."""
    PASSWORD = "password"
    """The same, behind a link that was sent."""
    SELF_SERVICE = "self_service"
    """The self-service form, or the link behind which the passcode was mistyped."""
    SECOND_FACTOR = "second_factor"
    """The secret that a QR code shows, until the first code proves that an app has it."""
    ATTEMPT = "attempt"
    """The attempt that was begun, with its code."""
    PROGRESS = "progress"
    """Which attempt a page waits for; no secret."""

    @property
    def lifetime(self) -> int:
        """How long it is good for, in microseconds."""
        return ATTEMPT_LIFETIME if self is Purpose.ATTEMPT else FORM_LIFETIME


@dataclass(frozen=True, slots=True)
class Visit:
    """One browser's visit: its cookie, and what is sealed for that browser alone."""

    services: Services
    cookie: str

    def seal(self, purpose: Purpose, values: Mapping[str, str] | None = None) -> str:
        """Values as text that only this installation can read, for this browser."""
        whole = [purpose.value, self.cookie, dict(values or {})]
        content = json.dumps(whole, ensure_ascii=False).encode()
        tools = self.services.tools
        return _fernet(tools.keys).encrypt_at_time(content, tools.clock() // SECOND).decode()

    def unseal(self, purpose: Purpose, text: str) -> dict[str, str] | None:
        """The values again; None when they are foreign, tampered with, too old or missing."""
        now = self.services.tools.clock() // SECOND
        try:
            content = _fernet(self.services.tools.keys).decrypt_at_time(
                text.encode(), purpose.lifetime // SECOND, now
            )
        except InvalidToken:
            return None
        sealed_for, cookie, values = json.loads(content)
        if sealed_for != purpose.value or not secrets.compare_digest(cookie, self.cookie):
            return None
        return dict(values)


def visit_of(request: Request, services: Services) -> Visit | None:
    """The visit that a request belongs to, if its browser has begun one."""
    cookie = request.cookies.get(_name(services, "enlist-visit"), "")
    return Visit(services, cookie) if _VISIT.fullmatch(cookie) else None


def begin_visit(services: Services) -> Visit:
    """A fresh visit; `keep_visit` must give its cookie to the browser."""
    return Visit(services, secrets.token_urlsafe(24))


def keep_visit(response: Response, visit: Visit) -> None:
    """Give the browser its visit for another hour. It signs nobody in (X02)."""
    _set(response, visit.services, "enlist-visit", visit.cookie, FORM_LIFETIME)


def carried(request: Request, visit: Visit, purpose: Purpose) -> str:
    """What this browser carries for a purpose since an earlier answer, still sealed."""
    return request.cookies.get(_name(visit.services, f"enlist-{purpose.value}"), "")


def carry(response: Response, visit: Visit, purpose: Purpose, sealed: str) -> None:
    """Let the browser carry what was sealed until a later request."""
    _set(response, visit.services, f"enlist-{purpose.value}", sealed, purpose.lifetime)


def fingerprint(keys: KeyRing, parts: Mapping[str, str]) -> str:
    """A keyed digest by which the same thing presented again is recognised."""
    text = json.dumps(sorted(parts.items()))
    return keys.digest(Kind.IDEMPOTENCY, Secret(f"presented\0{text}")).value.hex()


def _fernet(keys: KeyRing) -> MultiFernet:
    materials = keys.digests(Kind.FORM, Secret("sealing"))
    return MultiFernet([Fernet(base64.urlsafe_b64encode(material)) for material in materials])


def _name(services: Services, name: str) -> str:
    """`__Host-` ties the cookie to this host and to HTTPS; plain localhost has neither."""
    return f"__Host-{name}" if services.secure else name


def _set(response: Response, services: Services, name: str, value: str, lifetime: int) -> None:
    response.set_cookie(
        _name(services, name),
        value,
        max_age=lifetime // SECOND,
        path="/",
        secure=services.secure,
        httponly=True,
        samesite="lax",
    )
