"""Previews: a message, or a public page, in a frame of the page that it is shown on.

What is framed is a sample, and may do nothing: no scripts, no forms, nothing from outside. It may
be framed by us alone. A message may use inline style, as mail does; a page may not.
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import escape
from starlette.responses import HTMLResponse, Response

from enlist.core.outcomes import Refusal
from enlist.delivery.rendering import Rendered
from enlist.web.boundary import CONTENT_POLICY

INVALID: Final = ("validation_failed", "template_invalid")
"""Refusals of what was typed; a preview tells them in the frame."""

_FRAMING: Final = f"{CONTENT_POLICY}; frame-src 'self'"
_FRAMED: Final = "sandbox; default-src 'none'; {}; img-src {}; frame-ancestors 'self'"
_MESSAGE: Final = _FRAMED.format("style-src 'unsafe-inline'", "data:")
_PAGE: Final = _FRAMED.format("style-src 'self'", "'self' data:")

_BODY: Final = re.compile(r"<body[^>]*>", re.IGNORECASE)
_TEXT: Final = '<pre style="padding:16px;font:14px/1.5 monospace;white-space:pre-wrap">{}</pre>'
_BAR: Final = (
    '<div style="padding:12px 16px;border-bottom:1px solid #8c98a4;'
    'font:14px/1.4 system-ui,sans-serif">{}</div>'
)


def framing(response: Response) -> Response:
    """A page that frames previews."""
    response.headers["content-security-policy"] = _FRAMING
    return response


def page_framed(response: Response) -> Response:
    """A page of ours, for a frame."""
    response.headers["content-security-policy"] = _PAGE
    return response


def told(text: str) -> Response:
    """A line instead of a preview."""
    return _framed(_BAR.format(escape(text)))


def why_not(refusal: Refusal, otherwise: str) -> Response:
    """What is wrong with what was typed, instead of a preview."""
    return told(
        refusal.detail or "; ".join(f"{e.field} {e.message}" for e in refusal.fields) or otherwise
    )


def text_message(rendered: Rendered, above: str) -> Response:
    """A message as plain text, below a line that says something of it."""
    return _framed(_BAR.format(escape(above)) + _TEXT.format(escape(rendered.text)))


def mail(rendered: Rendered) -> Response:
    """A mail, below its subject."""
    subject = _BAR.format(f"<strong>{escape(rendered.subject)}</strong>")
    return _framed(_BODY.sub(lambda found: found[0] + subject, rendered.standalone, count=1))


def _framed(html: str) -> Response:
    return HTMLResponse(html, headers={"content-security-policy": _MESSAGE})
