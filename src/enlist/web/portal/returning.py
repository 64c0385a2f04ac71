"""Where to go after signing in: only ever to a page of our own (S37).

Browsers read more into an address than servers do: `//host`, `/\\host`, tabs and line breaks
inside, user names before `@`. So what is not plainly a path of ours is not followed at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from enlist.core.caller import Caller

_OWN: Final = re.compile(r"(?:/[A-Za-z0-9._~%@:+-]+)+/?(?:\?[A-Za-z0-9._~%@:+/=&,-]*)?")
_LONGEST: Final = 1500
_NEVER: Final = (
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/confirm",
    "/setup",
    "/recover",
    "/set-password",
    "/forgot-password",
)
"""Coming back to one of these would be a loop."""


def own_path(text: str) -> str:
    """`text` if it is a path of ours to come back to, else ""."""
    if len(text) > _LONGEST or _OWN.fullmatch(text) is None:
        return ""
    path = text.partition("?")[0]
    if any(part in (".", "..") for part in path.lower().replace("%2e", ".").split("/")):
        return ""
    return "" if path.rstrip("/") in _NEVER else text


def asked_next(fields: Mapping[str, str]) -> str:
    """Where a form or an address asks to go back to, if that is ours."""
    return own_path(fields.get("next", ""))


def home_of(caller: Caller) -> str:
    """Where somebody lands who asked for nothing else: staff on the console, others at theirs."""
    return "/console" if caller.rights else "/my-devices"


def see(path: str) -> Response:
    """On to another page by GET."""
    return RedirectResponse(path, status_code=303)


def to_confirm(back: str) -> Response:
    """To the page that asks for the password once more, and from there back."""
    return see(f"/confirm?{urlencode({'next': back})}")


def to_sign_in(request: Request, back: str = "") -> Response:
    """To the sign-in page, and back afterwards; to this very page unless told otherwise."""
    return see(f"/sign-in?{urlencode({'next': back or request.url.path})}")
