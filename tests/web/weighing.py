"""What a browser transfers for a page: the page, and all that it loads."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

_LOADED = re.compile(
    r'<(?:script|img|source|iframe)\b[^>]*\ssrc="([^"#]+)|<link\b[^>]*\shref="([^"#]+)'
    r'|<use\b[^>]*\shref="([^"#]+)'
)


def weight(client: TestClient, path: str) -> dict[str, int]:
    """Bytes by address, as they cross the wire for a browser that takes gzip."""
    page = client.get(path)
    assert page.is_success, page
    found = {path: _size(page)}
    for match in _LOADED.finditer(page.text):
        address = next(filter(None, match.groups()))
        assert address.startswith(("/", "data:")), f"from elsewhere: {address}"
        assert not address.startswith("//"), f"from elsewhere: {address}"
        if address.startswith("/") and address not in found:
            loaded = client.get(address, headers={"accept-encoding": "gzip"})
            assert loaded.status_code == 200, address
            found[address] = _size(loaded)
    return found


def _size(answer: Any) -> int:
    return int(answer.headers["content-length"])
