"""A token by SMS: `enlist serve`, Kannel, a network, and the delivery report on its way back."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.peers.base import wait_until
from tests.peers.kannel import PASSWORD, USER, Kannel
from tests.requests import request_pem
from tests.serving import Server, StartServer

REQUEST = (
    "?username={User}&password={Password}&from={From}&to={To}&text={Text}&coding={Coding}"
    "&charset=UTF-8&dlr-mask=31&dlr-url={ReportUrl}%26status%3D%25d"
)
LINK = re.compile(r"(http://localhost:\d+/enroll/[0-9a-f-]{36})#t=(\w{10}) or type (\w{10})\.")


@pytest.fixture
def server(start_server: StartServer, kannel: Kannel, database_url: str, tmp_path: Path) -> Server:
    """One that sends its SMS through Kannel, on each store."""
    password = tmp_path / "kannel-password"
    password.write_text(PASSWORD + "\n")
    environment = {
        "ENLIST_SMS_DRIVER": "http",
        "ENLIST_SMS_METHOD": "GET",
        "ENLIST_SMS_URL": kannel.url + REQUEST,
        "ENLIST_SMS_USER": USER,
        "ENLIST_SMS_PASSWORD_FILE": str(password),
        "ENLIST_SMS_SENDER": "Enlist",
        "ENLIST_LOG_LEVEL": "debug",
    }
    return start_server(database_url, environment=environment)


def registered(server: Server, key: str, name: str = "Laptop") -> dict[str, Any]:
    """A device for a new user, whose token goes by SMS; and the number that it goes to."""
    number = f"+49301{secrets.randbelow(10**7):07}"
    body = {
        "username": f"u{number[1:]}",
        "phone": number,
        "device": {"name": name, "platform": "linux", "message": {"type": "sms"}},
    }
    with server.client(headers={"authorization": f"Bearer {key}"}) as client:
        answer = client.post("/api/v1/users", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"number": number}


def message_of(server: Server, key: str, enrollment: str) -> dict[str, Any]:
    with server.client(headers={"authorization": f"Bearer {key}"}) as client:
        found: dict[str, Any] = client.get(f"/api/v1/enrollments/{enrollment}").json()
    message: dict[str, Any] = found["messages"][0]
    return message


def test_a_token_reaches_a_phone_and_its_report_the_message(server: Server, kannel: Kannel) -> None:
    """A13, A30: the SMS enrolls a device, and `delivered` is what the network said."""
    key = server.api_key("administrator")
    made = registered(server, key)
    enrollment = made["enrollment"]["id"]
    parts = kannel.wait_for(made["number"])

    def arrived() -> bool:
        return bool(message_of(server, key, enrollment)["state"] == "delivered")

    wait_until(arrived, "the delivery report", log=server.log)
    parts = kannel.wait_for(made["number"])
    assert {part.sender for part in parts} == {"Enlist"}
    found = LINK.search("".join(part.content for part in parts))
    assert found is not None, parts
    assert found[1].endswith(enrollment)
    assert found[2] == found[3]
    message = message_of(server, key, enrollment)
    assert (message["channel"], message["to"]) == ("sms", made["number"])
    assert message["delivered_at"] >= message["sent_at"]
    with server.client() as client:
        redeemed = {"token": found[2], "csr": request_pem(1).decode()}
        enrolled = client.post("/api/v1/redeem", json=redeemed)
    assert enrolled.status_code == 201, enrolled.text
    told = server.output()
    for secret in (PASSWORD, found[2], "key="):
        assert secret not in told


def test_letters_of_every_alphabet_arrive_as_they_were_written(
    server: Server, kannel: Kannel
) -> None:
    key = server.api_key("administrator")
    made = registered(server, key, "Ноутбук 😀")
    enrollment = made["enrollment"]["id"]
    wait_until(lambda: message_of(server, key, enrollment)["state"] == "delivered", "the report")
    parts = kannel.wait_for(made["number"])
    assert len(parts) > 1
    assert "Ноутбук 😀" in "".join(part.content for part in parts)
