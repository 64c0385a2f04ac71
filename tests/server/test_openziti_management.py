"""OpenZiti's management API over TLS, and the client that it is for, unmodified.

Facts D03, D15, D64, D70, on a server of each store. The client's wheel has no part that manages, so
what an administrator's tool asks is asked here by plain HTTP.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.server.ziti import Client, certified
from tests.serving import StartServer

PREFIX = "/edge/management/v1"


@pytest.fixture
def client(openziti: str, tmp_path: Path) -> Client:
    return Client(openziti, tmp_path)


def test_what_is_managed_there_enrolls_and_is_re_enrolled(
    start_server: StartServer, database_url: str, client: Client
) -> None:
    server = start_server(database_url)
    key = {"authorization": f"Bearer {server.api_key('operator')}"}
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
    expires = {"expiresAt": until.replace("+00:00", "Z")}
    with server.device_client() as http:

        def ask(method: str, path: str, body: Any = None) -> Any:
            answer = http.request(method, f"{PREFIX}{path}", json=body, headers=key)
            assert answer.status_code in (200, 201), answer.text
            return answer.json()["data"]

        body = {"name": "laptop", "type": "Device", "isAdmin": False, "enrollment": {"ott": True}}
        identity = ask("POST", "/identities", body)["id"]
        ott = ask("GET", f"/identities/{identity}")["enrollment"]["ott"]
        ask("POST", f"/enrollments/{ott['id']}/refresh", expires)
        jwt = ask("GET", f"/enrollments/{ott['id']}")["jwt"]
        code, said, file = client.enroll(jwt, "first")
        assert code == 0, said
        (held,) = ask("GET", f"/identities/{identity}/authenticators")
        first = json.loads(file.read_text())["id"]
        assert held["certPem"].strip() == first["cert"].strip()[: len(held["certPem"].strip())]

        made = ask("POST", f"/authenticators/{held['id']}/re-enroll", expires)["id"]
        with certified(server, first, client.folder) as device:
            over = device.post("/edge/client/v1/authenticate?method=cert", json={})
        assert (over.status_code, over.json()["error"]["code"]) == (401, "INVALID_AUTH")
        code, said, file = client.enroll(ask("GET", f"/enrollments/{made}")["jwt"], "second")
        assert code == 0, said
    with certified(server, json.loads(file.read_text())["id"], client.folder) as device:
        begun = device.post("/authenticate?method=cert", json={})
    assert begun.json()["data"]["identityId"] == identity
