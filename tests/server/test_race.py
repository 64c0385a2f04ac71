"""Many devices, one token, a real server: exactly one of them is enrolled (A29, S13, X25)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.server.contending import contend, register
from tests.serving import StartServer

RACES = {
    "200 tokens, 8 contenders": (1, 200, 8),
    "200 tokens, 8 contenders, 2 processes": (2, 200, 8),
    "25 tokens, 32 contenders, 4 processes": (4, 25, 32),
}


@pytest.mark.parametrize("race", RACES)
def test_one_of_many_contenders_wins_each_token(
    start_server: StartServer, database_url: str, race: str
) -> None:
    workers, count, contenders = RACES[race]
    if workers == 2 and not database_url:
        pytest.skip("SQLite is one process, which is the first of these races")
    if not database_url:
        workers = 1
    server = start_server(database_url, workers=workers)
    key = server.api_key("operator", "enrollments:reveal")
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    with server.client() as client:
        tokens = register(client, key, count)
        outcomes = contend(server, tokens, contenders)

        for answers in outcomes:
            statuses = Counter(answer.status_code for answer in answers)
            assert statuses == {201: 1, 410: contenders - 1}, statuses
            codes = {answer.json()["code"] for answer in answers if answer.status_code != 201}
            assert codes == {"token_used"}

        won = [
            answer.json() for answers in outcomes for answer in answers if answer.status_code == 201
        ]
        assert len({answer["device"]["id"] for answer in won}) == count
        assert len({answer["certificate"] for answer in won}) == count
        assert_counts(client, key, count)


def assert_counts(client: httpx2.Client, key: str, expected: int) -> None:
    """What the server tells afterwards agrees with what it answered."""
    headers = {"Authorization": f"Bearer {key}"}

    def every(path: str, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = client.get(
                path, params={**query, "limit": 200, "cursor": cursor}, headers=headers
            ).json()
            items += page["items"]
            cursor = page["next_cursor"] or ""
            if not cursor:
                return items

    assert len(every("/api/v1/devices", state="enrolled")) == expected
    assert len(every("/api/v1/enrollments", state="used")) == expected
    assert len(every("/api/v1/events", kind="enrollment.redeemed")) == expected
