"""What was changed stands in the log: by whom, from where, from what to what (X18)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from enlist.verbs.devices import ChangeDevice
from enlist.verbs.driver import AnyVerb
from enlist.verbs.organizations import ChangeOrganization, ChangeSettings
from enlist.verbs.templates import DeleteTemplate, PutTemplate, Wording
from enlist.verbs.users import ChangeUser
from tests.installation import Enlist

OLD = Wording("default", "registration", "email", "en", "Old", "Open {EnrollmentUrl}")
NEW = Wording("default", "registration", "email", "en", "New", "Open {EnrollmentUrl} today")


def replacing(enlist: Enlist) -> PutTemplate:
    enlist.do(PutTemplate("one", OLD))
    return PutTemplate("one", NEW)


@dataclass(frozen=True)
class Change:
    """A change, made where something was before, and what its event must tell."""

    verb: Callable[[Enlist], AnyVerb[Any, Any, Any]]
    kind: str
    before: dict[str, object]
    after: dict[str, object]


CHANGES: dict[str, Change] = {
    "organization": Change(
        lambda _e: ChangeOrganization("one", time_zone="Asia/Tokyo"),
        "organization.changed",
        {"time_zone": ""},
        {"time_zone": "Asia/Tokyo"},
    ),
    "settings": Change(
        lambda _e: ChangeSettings("one", {"token_length": 16, "token_type": None}),
        "settings.changed",
        {"token_length": None, "token_type": "two_factor"},
        {"token_length": 16, "token_type": None},
    ),
    "user": Change(
        lambda _e: ChangeUser("ada", {"email": "ada@example.org"}),
        "user.changed",
        {"email": "ada@example.com"},
        {"email": "ada@example.org"},
    ),
    "device": Change(
        lambda e: ChangeDevice(e.register("ada").device_id, {"name": "tower"}),
        "device.changed",
        {"name": "laptop"},
        {"name": "tower"},
    ),
    "new template": Change(
        lambda _e: PutTemplate("one", OLD),
        "template.changed",
        {"subject": None, "body": None},
        {"subject": OLD.subject, "body": OLD.body},
    ),
    "template": Change(
        replacing,
        "template.changed",
        {"subject": OLD.subject, "body": OLD.body},
        {"subject": NEW.subject, "body": NEW.body},
    ),
    "deleted template": Change(
        lambda e: DeleteTemplate(e.do(PutTemplate("one", OLD)).id),
        "template.changed",
        {"subject": OLD.subject, "body": OLD.body},
        {"subject": None, "body": None},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_tells_who_from_where_and_what_it_was_before(enlist: Enlist, name: str) -> None:
    """X18."""
    change = CHANGES[name]
    enlist.organization("one", token_type="two_factor")
    enlist.user("ada", organization="one")
    verb = change.verb(enlist)
    administrator = enlist.staff("administrator")
    enlist.do(verb, administrator)
    event = enlist.events(change.kind)[-1]
    assert (event.actor_kind, event.actor_id) == ("user", administrator.id)
    assert event.personal["address"] == administrator.address
    told = {**event.data, **event.personal}
    for when, values in (("before", change.before), ("after", change.after)):
        assert {key: told.get(f"{when}.{key}", "missing") for key in values} == values
