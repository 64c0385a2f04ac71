"""Saved views by API."""

from __future__ import annotations

from tests.web.api.conftest import Api, answered, wrong_fields


def test_a_view_is_kept_listed_and_deleted(api: Api) -> None:
    operator = api.key("operator")
    body = {"name": "Expired", "filters": {"token_status": "expired"}, "shared": True}
    made = answered(operator.post("/saved-views", body), 201)
    assert made["filters"] == {"token_status": "expired"}
    assert answered(operator.get("/saved-views"))["items"] == [made]
    assert wrong_fields(operator.post("/saved-views", body)) == {"name"}
    assert wrong_fields(operator.post("/saved-views", {"name": "x"})) == {"shared"}
    administrator = api.key("administrator")
    assert administrator.delete(f"/saved-views/{made['id']}").status_code == 204
    assert answered(operator.get("/saved-views"))["items"] == []
