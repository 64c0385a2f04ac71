"""Where a page of a list ended, as a text that its reader hands back for the next one."""

from __future__ import annotations

import base64
import json

from enlist.core.ids import parse_id


def make_cursor(sort: str, value: object, row_id: object, *, anywhere: bool) -> str:
    """The cursor after a row.

    Args:
        value: what the row is sorted by.
        anywhere: whether what is searched for was looked for anywhere in a text.
    """
    parts = [sort, value, str(row_id), *([True] if anywhere else [])]
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def open_cursor(text: str) -> tuple[object, object, str, bool] | None:
    """What `make_cursor` was given, or None for what is no cursor."""
    try:
        opened = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        sort, value, row_id, *anywhere = opened
    except (ValueError, TypeError):
        return None
    if not isinstance(row_id, str) or parse_id(row_id) is None or anywhere not in ([], [True]):
        return None
    return sort, value, row_id, bool(anywhere)
