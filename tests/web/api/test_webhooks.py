"""Webhooks over HTTP: their whole life, the secret once, and who may not."""

from __future__ import annotations

import pytest

from tests.web.api.conftest import Api, answered, refused, wrong_fields

URL = "https://hooks.example.com/enlist?key=theirs"
NOBODY = "0199c0de-0000-7000-8000-000000000000"


def test_a_webhook_from_its_making_to_its_end(api: Api) -> None:
    desk = api.key()
    body = {"name": "Inventory", "url": URL}
    once = {"idempotency-key": "one"}
    made = answered(desk.post("/webhooks", body, headers=once), 201)
    assert made["secret"].startswith("whsec_")
    assert made["kinds"][:2] == ["issued", "sent"]
    assert "theirs" not in str(made)
    assert answered(desk.post("/webhooks", body, headers=once), 201)["secret"] == made["secret"]
    (listed,) = answered(desk.get("/webhooks?state=active"))["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    here = f"/webhooks/{made['id']}"
    changed = answered(desk.patch(here, {"kinds": ["device.*"], "name": "Stock"}))
    assert (changed["name"], changed["kinds"]) == ("Stock", ["device.*"])
    renewed = answered(desk.post(f"{here}/secret"))
    assert renewed["secret"] != made["secret"]
    answered(desk.post(f"{here}/test"), 204)
    (waiting,) = answered(desk.get(f"{here}/deliveries?state=waiting"))["items"]
    assert (waiting["kind"], waiting["tries"]) == ("webhook.tested", 0)
    answered(desk.post(f"{here}/deliveries/{waiting['id']}/replay"), 204)
    stopped = answered(desk.patch(here, {"state": "disabled"}))
    assert (stopped["state"], stopped["reason"]) == ("disabled", "stopped by hand")
    assert refused(desk.post(f"{here}/test")) == (409, "webhook_disabled")
    assert refused(desk.post(f"{here}/deliveries/{waiting['id']}/replay"))[0] == 409
    assert answered(desk.patch(here, {"state": "active"}))["state"] == "active"
    answered(desk.delete(here), 204)
    assert refused(desk.patch(here, {"name": "Gone"})) == (404, "not_found")
    assert answered(desk.get("/webhooks"))["items"] == []


def test_those_who_only_read_are_shown_webhooks_and_change_none(api: Api) -> None:
    made = answered(api.key().post("/webhooks", {"name": "Inventory", "url": URL}), 201)
    here = f"/webhooks/{made['id']}"
    reader = api.key("reader")
    assert answered(reader.get("/webhooks"))["items"][0]["id"] == made["id"]
    assert answered(reader.get(f"{here}/deliveries"))["items"] == []
    for answer in (
        reader.post("/webhooks", {"name": "Mine", "url": URL}),
        reader.patch(here, {"state": "disabled"}),
        reader.post(f"{here}/secret"),
        reader.post(f"{here}/test"),
        reader.delete(here),
    ):
        assert refused(answer) == (403, "forbidden")


def test_a_delivery_of_another_webhook_is_not_replayed(api: Api) -> None:
    desk = api.key()
    one, two = (
        answered(desk.post("/webhooks", {"name": name, "url": URL}), 201)["id"]
        for name in ("one", "two")
    )
    answered(desk.post(f"/webhooks/{one}/test"), 204)
    (told,) = answered(desk.get(f"/webhooks/{one}/deliveries"))["items"]
    wrong = f"/webhooks/{two}/deliveries/{told['id']}/replay"
    assert refused(desk.post(wrong)) == (404, "not_found")
    assert refused(desk.post(f"/webhooks/{NOBODY}/test")) == (404, "not_found")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"kinds": ["enrollment.vanished"]}, "kinds"),
        ({"kinds": ["lost"]}, "kinds"),
        ({"name": " "}, "name"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(api: Api, wrong: dict[str, object], field: str) -> None:
    body = {"name": "Inventory", "url": URL, **wrong}
    assert wrong_fields(api.key().post("/webhooks", body)) == {field}
    assert answered(api.key().get("/webhooks"))["items"] == []
