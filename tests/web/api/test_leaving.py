"""People who leave, by API."""

from __future__ import annotations

from tests.installation import done
from tests.web.api.conftest import Api, answered, refused, wrong_fields


def test_offboarding_is_shown_first_and_bound(api: Api) -> None:
    """X44, X45: the dry run changes nothing; what it answers confirms that and nothing else."""
    operator, ticket = api.key("operator"), api.enlist.register("ada")
    done(api.enlist.redeem(ticket.token))
    shown = answered(operator.post("/users/ada/offboard?dry_run=true", {}))
    assert len(shown["consequences"]["credentials"]) == 1
    assert shown["consequences"]["roles"] == shown["consequences"]["api_keys"] == []
    api.enlist.register("ada", name="other")
    stale = operator.post("/users/ada/offboard", {"preview": shown["preview"]})
    assert refused(stale) == (409, "preview_outdated")
    assert answered(operator.get("/users/ada"))["state"] == "active"
    ended = answered(operator.post("/users/ada/offboard"))
    assert (ended["at"], len(ended["consequences"]["enrollments"])) == (None, 1)
    assert answered(operator.get("/users/ada"))["state"] == "disabled"


def test_a_time_is_planned_shown_and_cancelled(api: Api) -> None:
    """Issue 5."""
    operator = api.key("operator")
    api.enlist.user("ada")
    wrong = operator.post("/users/ada/offboard", {"at": "2020-01-01T00:00:00Z"})
    assert wrong_fields(wrong) == {"at"}
    planned = answered(operator.post("/users/ada/offboard", {"at": "2026-03-02T13:00:00Z"}))
    assert planned["at"] == "2026-03-02T13:00:00.000000Z"
    assert answered(operator.get("/users/ada"))["offboarding"]["due_at"] == planned["at"]
    assert answered(api.key("reader").get("/users/ada"))["offboarding"] is None
    assert operator.delete("/users/ada/offboarding").status_code == 204
    assert refused(operator.delete("/users/ada/offboarding")) == (404, "not_found")
    assert api.enlist.rows("offboarding") == []


def test_the_last_administrator_stays(api: Api) -> None:
    last = api.key("administrator").post("/users/root@example.com/offboard")
    assert refused(last) == (409, "last_administrator")


def test_erasing_takes_the_name_and_an_administrator(api: Api) -> None:
    """S74: shown first, typed once more; also for somebody who was deleted."""
    administrator = api.key("administrator")
    gone = api.enlist.user("ada").id
    shown = answered(administrator.post("/users/ada/erase?dry_run=true"))
    assert (shown["events"], shown["consequences"]["sign_ins"]) == (None, 0)
    assert refused(api.key("operator").post("/users/ada/erase")) == (403, "forbidden")
    assert wrong_fields(administrator.post("/users/ada/erase", {"confirm": "eve"})) == {"confirm"}
    assert administrator.delete("/users/ada").status_code == 204
    erased = answered(administrator.post(f"/users/{gone}/erase", {"confirm": "ada"}))
    assert erased["events"] >= 2
    again = administrator.post(f"/users/{gone}/erase", {"confirm": "ada"})
    assert refused(again) == (404, "not_found")
