"""What an OpenZiti client does with a session, and how it is told that one is over."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.web.protocols.conftest import PREFIX, Ziti, error_of


def authenticate(ziti: Ziti, prefix: str = PREFIX, **more: Any) -> httpx2.Response:
    sent = {"content": b"{}", "headers": {"content-type": "application/json"}, **more}
    return ziti.post(f"{prefix}/authenticate", params={"method": "cert"}, **sent)


def signed_in(ziti: Ziti) -> tuple[str, dict[str, Any]]:
    """A session's token, and what was told of it."""
    answer = authenticate(ziti)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data["token"], data


def show(ziti: Ziti, token: str, path: str = "/current-api-session") -> httpx2.Response:
    return ziti.get(f"{PREFIX}{path}", headers={"zt-session": token})


def over(answer: httpx2.Response) -> bool:
    return error_of(answer) == (401, "UNAUTHORIZED")
