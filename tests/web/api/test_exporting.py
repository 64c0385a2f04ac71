"""Enrollments taken away as CSV: all that the list shows, nothing that runs, and an event first."""

from __future__ import annotations

import csv
import io

import pytest

from enlist.web.api import exporting
from tests.web.api.conftest import Api, Client, answered, refused, wrong_fields


def taken(client: Client, asked: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/enrollments/export{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="enrollments.csv"'
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_an_export_is_the_filtered_list_page_after_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_PER_PAGE", 2)
    for number in range(5):
        api.enlist.register("ada", name=f"box {number}", platform="ios" if number else "linux")
    reader = api.key("reader")
    for asked in (
        "",
        "?platform=ios",
        "?platform=ios&sort=device",
        "?search=box%203",
        "?state=used",
    ):
        listed = answered(reader.get(f"/enrollments{asked}"))["items"]
        rows = taken(reader, asked)
        assert [row["id"] for row in rows] == [each["id"] for each in listed]
        shown = (
            "device",
            "user",
            "token_status",
            "token_type",
            "source",
            "expires_at",
            "message_to",
        )
        for row, each in zip(rows, listed, strict=True):
            assert {name: row[name] for name in shown} == {name: each[name] for name in shown}


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@SUM(A1)"])
def test_no_text_is_a_formula(api: Api, name: str) -> None:
    api.enlist.register("ada", name=name)
    api.enlist.register("ada", name='a=b, "c"')
    assert {row["device"] for row in taken(api.key("reader"))} == {f"'{name}", 'a=b, "c"'}


def test_taking_enrollments_away_is_a_right_of_its_own_and_leaves_an_event(api: Api) -> None:
    token = api.enlist.register("ada").token
    assert refused(api.key("helpdesk").get("/enrollments/export")) == (403, "forbidden")
    reader = api.key("reader")
    assert wrong_fields(reader.get("/enrollments/export?state=lost")) == {"state"}
    assert not api.enlist.events("enrollment.exported")
    answer = reader.get("/enrollments/export?platform=linux&user=ada&search=lap")
    assert token.reveal() not in answer.text
    (event,) = api.enlist.events("enrollment.exported")
    assert event.data["filters"] == "platform=linux"
    assert (event.personal["user"], event.personal["search"]) == ("ada", "lap")
    assert event.actor_kind == "api_key"


def test_below_is_all_that_somebody_below_takes_away(api: Api) -> None:
    api.enlist.organization("labs")
    api.enlist.register("ada")
    api.enlist.user("bea", organization="labs")
    there = api.enlist.register("bea", organization="labs")
    below = api.key("reader", organization="labs")
    assert [row["id"] for row in taken(below)] == [there.enrollment_id]
