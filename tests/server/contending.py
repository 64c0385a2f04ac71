"""Many devices that want the same token from a real server at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.peers.base import DEADLINE
from tests.requests import request_pem
from tests.serving import Server


def register(client: httpx2.Client, key: str, count: int) -> list[str]:
    """Fresh tokens, shown to a caller who may see them."""
    headers = {"Authorization": f"Bearer {key}"}
    tokens = []
    for number in range(count):
        body = {
            "user": "ada",
            "name": f"device {number}",
            "platform": "linux",
            "message": {"type": "none"},
        }
        made = client.post("/api/v1/devices", json=body, headers=headers)
        assert made.status_code == 201, made.text
        tokens.append(made.json()["enrollment"]["token"])
    return tokens


def contend(server: Server, tokens: list[str], contenders: int) -> list[list[httpx2.Response]]:
    """Each contender redeems each token, all at the same moment, with a key of his own."""
    barrier = threading.Barrier(contenders)
    requests = [request_pem(number).decode() for number in range(contenders)]

    def redeem_all(number: int) -> list[httpx2.Response]:
        answers = []
        with server.client() as client:
            for token in tokens:
                barrier.wait(DEADLINE)
                body = {
                    "token": token,
                    "device": {"platform": "linux"},
                    "csr": requests[number],
                }
                answers.append(client.post("/api/v1/redeem", json=body))
        return answers

    with ThreadPoolExecutor(contenders) as pool:
        by_contender = list(pool.map(redeem_all, range(contenders)))
    return [list(answers) for answers in zip(*by_contender, strict=True)]
