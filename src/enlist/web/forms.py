"""Forms as browsers send them: read strictly, before anything looks into them.

What no browser sends from our own pages is refused here, once for all pages: another media type,
broken UTF-8, control characters (PostgreSQL stores no NUL, and line breaks forge log lines).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request

from enlist.core.outcomes import Refusal
from enlist.core.secrets import support_code

MOST_FIELDS: Final = 40
LONGEST_FIELD: Final = 8192
"""Characters; what a page remembers about itself is the longest (see `visits`)."""

_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str] | Refusal:
    """The fields of a posted form, their values trimmed of nothing.

    Refusals: `malformed`, with a support code and no event (ruling 11).
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        return _malformed("not a form")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        return _malformed("not URL-encoded UTF-8")
    fields = dict(pairs)
    if len(fields) < len(pairs) or not all(map(_plain, fields.values())):
        return _malformed("a field twice, too long or with control characters")
    return fields


def secret_in(text: str) -> str:
    """What was typed, or the secret in a whole link that was pasted instead of it.

    Mail trackers append `?utm_…` or `&utm_…`, some of them behind the fragment.
    """
    _, found, fragment = text.partition("#")
    pairs = fragment.replace("?", "&").split("&") if found else []
    return next((unquote(pair[2:]) for pair in pairs if pair.startswith("t=")), text)


def _plain(value: str) -> bool:
    return len(value) <= LONGEST_FIELD and not any(
        letter < " " or letter == "\x7f" for letter in value
    )


def _malformed(reason: str) -> Refusal:
    return Refusal("malformed", reason=reason, support_code=support_code())
