"""Terms of use over the API: published, asked for, accepted, listed, taken away (A57)."""

from __future__ import annotations

import csv
import io

from tests.web.api.conftest import Api, answered, csr_text, refused, wrong_fields

EN = {"language": "en", "title": "Use of devices", "body": "Be kind."}


def test_a_device_that_does_not_accept_is_told_what_and_where(api: Api) -> None:
    administrator = api.key()
    made = answered(administrator.post("/organizations/main/terms", {"texts": [EN]}), 201)
    assert (made["platform"], made["version"], made["texts"]) == ("any", 1, [EN])
    ticket = api.enlist.register("ada")
    asked = {"token": ticket.token.reveal(), "device": {"platform": "linux"}, "csr": csr_text()}
    told = api.stranger.post("/redeem", asked)
    assert refused(told) == (403, "terms_required")
    url = f"{api.enlist.driver.tools.addresses.public_url}/enroll/terms/{made['id']}"
    assert told.json()["terms"] == {"id": made["id"], "version": 1, "url": url}
    assert url in told.json()["detail"]
    begun = api.stranger.post("/attempts", {"token": ticket.token.reveal()})
    assert refused(begun) == (403, "terms_required")
    answered(api.stranger.post("/redeem", {**asked, "accepted_terms": made["id"]}), 201)
    (row,) = answered(administrator.get("/terms/acceptances?user=ada"))["items"]
    assert (row["terms_id"], row["version"], row["device_id"]) == (made["id"], 1, ticket.device_id)
    export = administrator.get(f"/terms/acceptances/export?terms={made['id']}")
    (line,) = csv.DictReader(io.StringIO(export.text))
    assert (line["user"], line["title"], line["version"]) == ("ada", "Use of devices", "1")


def test_an_attempt_that_began_without_is_completed_with(api: Api) -> None:
    begun = answered(
        api.stranger.post("/attempts", {"token": api.enlist.register("ada").token.reveal()}), 201
    )
    made = answered(api.key().post("/organizations/main/terms", {"texts": [EN]}), 201)
    path = f"/attempts/{begun['id']}/complete"
    asked = {"code": begun["code"], "csr": csr_text()}
    assert refused(api.stranger.post(path, asked)) == (403, "terms_required")
    answered(api.stranger.post(path, {**asked, "accepted_terms": made["id"]}), 201)


def test_versions_are_shown_published_once_and_withdrawn(api: Api) -> None:
    administrator = api.key()
    key = {"Idempotency-Key": "once"}
    body = {"platform": "ios", "texts": [EN]}
    first = answered(administrator.post("/organizations/main/terms", body, headers=key), 201)
    again = answered(administrator.post("/organizations/main/terms", body, headers=key), 201)
    assert again == first
    second = answered(administrator.post("/organizations/main/terms", body), 201)
    shown = answered(administrator.get("/organizations/main/terms"))
    assert {name: each["version"] for name, each in shown["in_force"].items()} == {"ios": 2}
    assert [each["version"] for each in shown["published"]] == [2, 1]
    assert answered(administrator.get(f"/terms/{first['id']}"))["texts"] == [EN]
    assert administrator.delete(f"/terms/{first['id']}").status_code == 404
    assert administrator.delete(f"/terms/{second['id']}").status_code == 204
    assert answered(administrator.get("/organizations/main/terms"))["in_force"] == {}


def test_what_is_wrong_is_said_at_its_field(api: Api) -> None:
    twice = {"texts": [EN, {**EN, "title": ""}]}
    answer = api.key().post("/organizations/main/terms", twice)
    assert wrong_fields(answer) == {"texts.1.language", "texts.1.title"}
