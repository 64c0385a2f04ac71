"""How each part of the installation does, by API."""

from __future__ import annotations

from enlist.core.infrastructure import GRACE, Part
from enlist.store import channel_health
from enlist.verbs.sealing import Sealer
from tests.web.api.conftest import Api, answered, refused


def test_a_program_is_told_what_the_diagram_shows(api: Api) -> None:
    enlist, key = api.enlist, api.key("administrator")
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "no answer"))
    Sealer(enlist.store).seal_all()
    enlist.clock.advance(microseconds=GRACE)
    found = answered(key.get("/infrastructure"))
    parts = {each["part"]: each for each in found["parts"]}
    assert set(parts) == set(Part) - {Part.PEOPLE, Part.DEVICES}
    assert (found["organization"], found["state"]) == ("main", "problem")
    assert parts["email"]["state"] == "problem"
    (amiss,) = parts["email"]["findings"]
    assert amiss["level"] == "problem"
    assert amiss["found"].endswith("no answer")
    assert amiss["remedy"]
    assert (parts["sms"]["state"], parts["database"]["state"]) == ("off", "works")


def test_an_organization_is_told_of_its_own_part_without_reasons(api: Api) -> None:
    enlist = api.enlist
    enlist.organization("alpha")
    enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "mail.internal: no"))
    own = answered(api.key("administrator", organization="alpha").get("/infrastructure"))
    assert own["organization"] == "alpha"
    assert {each["part"] for each in own["parts"]} == {"self-service", "enlist", "email", "sms"}
    assert "mail.internal" not in str(own)
    assert refused(api.key("operator").get("/infrastructure")) == (403, "forbidden")
