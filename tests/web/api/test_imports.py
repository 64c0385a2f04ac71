"""Importing over HTTP: the file is the body, and what is wrong with it is told at `file`."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from enlist.verbs.importing import Importing
from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields

ROWS = b"username,friendly_name,platform\nada,laptop,linux\nbob,=cmd(),linux\n"


def send(client: Client, body: bytes, query: str = "") -> Any:
    headers = {"content-type": "text/csv"}
    return client.ask("POST", f"/imports?name=people.csv{query}", raw=body, headers=headers)


def test_a_file_is_looked_at_then_done(api: Api) -> None:
    operator = api.key("operator")
    job = answered(send(operator, ROWS, "&dry_run=true"), 202)
    assert (job["state"], job["rows"], job["created_by"]) == ("checking", 2, job["created_by"])
    work = Importing(api.enlist.driver, api.enlist.store).work
    assert work()
    shown = answered(operator.get(f"/imports/{job['id']}"))
    assert (shown["state"], shown["made"], shown["refused"]) == ("checked", 1, 1)
    assert [row["username"] for row in api.enlist.rows("app_user")].count("ada") == 0
    assert answered(operator.post(f"/imports/{job['id']}/start"))["state"] == "running"
    assert work()
    assert [row["username"] for row in api.enlist.rows("app_user")].count("ada") == 1
    (listed,) = answered(operator.get("/imports?state=done"))["items"]
    assert listed["id"] == job["id"]
    file = operator.get(f"/imports/{job['id']}/errors")
    assert "attachment" in file.headers["content-disposition"]
    header, row = csv.reader(io.StringIO(file.text.removeprefix("\ufeff")))
    assert header == ["line", "column", "problem", "username", "friendly_name", "platform"]
    assert (row[0], row[1], row[4]) == ("3", "friendly_name", "'=cmd()")
    assert refused(operator.post(f"/imports/{job['id']}/stop")) == (409, "conflict")
    assert refused(api.key("reader").get(f"/imports/{job['id']}/errors")) == (403, "forbidden")


@pytest.mark.parametrize("body", [b"", b"name\nada\n", "username\nJ\u00f6rg\n".encode("latin-1")])
def test_a_bad_file_is_told_at_the_file(api: Api, body: bytes) -> None:
    answer = send(api.key("operator"), body)
    assert wrong_fields(answer) == {"file"}
    assert api.enlist.rows("import_job") == []


def test_a_huge_file_is_refused_before_it_is_read(api: Api) -> None:
    """Ruling 17: 64 MiB; a gigabyte is refused for what it says it is."""
    huge = {"content-type": "text/csv", "content-length": str(1 << 30)}
    answer = api.key("operator").ask("POST", "/imports", raw=b"username\n", headers=huge)
    assert refused(answer) == (413, "too_large")


@pytest.mark.parametrize("kind", ["simple", "advanced", "allow", "deny", "move", "transfer"])
def test_the_template_is_a_file(api: Api, kind: str) -> None:
    answer = api.key("reader").get(f"/imports/templates/{kind}")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answered(send(api.key("operator"), answer.content, f"&kind={kind}"), 202)["rows"] == 2
