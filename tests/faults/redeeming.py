"""Tokens made before something fails, and redeemed while it does."""

from __future__ import annotations

import httpx2

from tests.requests import request_pem
from tests.serving import Server


def registered(server: Server, key: str, name: str) -> str:
    """A fresh token."""
    body = {"user": "ada", "name": name, "platform": "linux", "message": {"type": "none"}}
    with server.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        answer = client.post("/api/v1/devices", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["enrollment"]["token"])


def redeem(server: Server, token: str, number: int = 0) -> httpx2.Response:
    body = {
        "token": token,
        "device": {"platform": "linux"},
        "csr": request_pem(number).decode(),
    }
    with server.client() as client:
        return client.post("/api/v1/redeem", json=body)


def prepared(server: Server) -> str:
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    return server.api_key("operator", "enrollments:reveal")
