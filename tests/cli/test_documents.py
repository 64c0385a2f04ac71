"""What commands print for programs is what the API answers: a script may use either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.reissue import Reissue
from tests.cli.conftest import Run
from tests.installation import MAILED, Enlist, done
from tests.web.api.conftest import Api, Client, answered, served_api


@pytest.fixture
def api(enlist: Enlist) -> Iterator[Api]:
    with served_api(enlist) as api:
        yield api


@pytest.fixture
def client(api: Api) -> Client:
    return api.key("administrator")


def answer(client: Client, path: str) -> Any:
    return answered(client.get(path))


@pytest.mark.parametrize("things", ["users", "devices", "enrollments", "organizations", "api-keys"])
def test_lists_are_the_api_s(things: str, run: Run, client: Client, enlist: Enlist) -> None:
    enlist.register("ada")
    enlist.organization("sales")
    enlist.do(CreateApiKey("robot", "reader"))
    theirs = answer(client, f"/{things}")
    command = things.removesuffix("s").replace("-", "")
    assert run(command, "list", "--json").json == theirs


def test_a_device_is_the_api_s(run: Run, client: Client, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token)
    shown = run("device", "show", ticket.device_id, "--json").json
    assert shown == answer(client, f"/devices/{ticket.device_id}")
    assert shown["credentials"]


def test_an_enrollment_is_the_api_s(run: Run, client: Client, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    done(enlist.begin(ticket.token))
    enlist.do(Reissue(ticket.enrollment_id, MAILED))
    shown = run("enrollment", "show", ticket.enrollment_id, "--json").json
    assert shown == answer(client, f"/enrollments/{ticket.enrollment_id}")
    assert shown["messages"]
    assert shown["attempts"]


def test_what_was_made_is_the_api_s(run: Run, client: Client, enlist: Enlist) -> None:
    made = run("user", "add", "--username", "ada", "--json").json
    assert made in answer(client, "/users")["items"]
    made = run("organization", "add", "--name", "Sales", "--group-id", "sales", "--json").json
    assert made == answer(client, "/organizations/sales")


def test_events_are_the_api_s(run: Run, client: Client, enlist: Enlist) -> None:
    enlist.redeem(enlist.register("ada").token)
    listed = run("audit", "list", "--json").json
    assert listed == answer(client, f"/events?limit={len(listed['items'])}")
