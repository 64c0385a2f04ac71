"""Enrollment settings: in force, from where, inherited or set here, one by one (A01-A10)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from enlist.core.policy import SETTINGS, EnrollmentPolicy
from enlist.core.secrets import entropy_bits
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console.event_texts import FIELDS
from enlist.web.console.settings import AUTHENTICATION
from enlist.web.services import Services
from tests.installation import Enlist
from tests.web.console.conftest import Console, Desk, Page

ROOT = "/console/main/settings"
CHILD = "/console/alpha/settings"


def typed(**changed: str) -> dict[str, str]:
    """The form as it stands where nothing is set, with some of it changed; `source_` is a dot."""
    values = {f"source.{key}": "inherit" for key in SETTINGS}
    return values | {name.replace("source_", "source."): value for name, value in changed.items()}


def own(enlist: Enlist, group_id: str) -> dict[str, object]:
    """What an organization has set itself."""
    return dict(_detail(enlist, group_id).own)


def policy(enlist: Enlist, group_id: str) -> EnrollmentPolicy:
    return _detail(enlist, group_id).policy


def _detail(enlist: Enlist, group_id: str) -> OrganizationDetail:
    found = enlist.driver.view(ShowOrganization(group_id), enlist.host)
    assert isinstance(found, OrganizationDetail)
    return found


def force(page: Page, key: str) -> str:
    """What the page says is in force, and from where."""
    start = page.source.index(f'id="setting-{key}">')
    found = re.search(r'<p class="setting-force">(.*?)</p>', page.source[start:], re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_each_setting_has_its_name_and_default(console: Console) -> None:
    page = console.sign_in().open(ROOT)
    for key in AUTHENTICATION:
        assert FIELDS[key] in page.main
        assert force(page, key).endswith("· from Enlist's default"), key
    for step in ("Settings", "Devices & Users", "General", "Enrollment", "Authentication"):
        assert step in page.main
    assert force(page, "enrollment_mode").startswith("In force: Open Enrollment")


def test_values_are_set_here_and_inherited_below(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    change = typed(
        source_enrollment_mode="own",
        enrollment_mode="registered_only",
        source_require_registration_token="own",
        require_registration_token="yes",
        source_token_length="own",
        token_length="16",
    )
    page = desk.follow(desk.send(ROOT, change))
    assert "Settings saved." in page.main
    assert force(page, "enrollment_mode") == "In force: Registered Devices Only · from here"
    assert own(enlist, "main") == {
        "enrollment_mode": "registered_only",
        "require_registration_token": True,
        "token_length": 16,
    }
    below = desk.open(CHILD)
    assert force(below, "token_length") == "In force: 16 · from main"
    assert own(enlist, "alpha") == {}
    desk.send(CHILD, typed(source_token_length="own", token_length="20"))
    assert own(enlist, "alpha") == {"token_length": 20}
    assert "Inherit: 16 (main)" in desk.open(CHILD).main
    assert policy(enlist, "main").token_length == 16
    desk.send(CHILD, typed())
    assert own(enlist, "alpha") == {}


def test_what_would_be_inherited_is_told_to_who_may_not_go_there(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha", token_length=20)
    enlist.set(token_length=16)
    page = console.sign_in("administrator", "alpha").open(CHILD)
    assert "Inherit: 16 (main)" in page.main
    assert not page.leads_to(ROOT)


def test_saving_only_changes_what_was_changed(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    desk.send(ROOT, typed(source_token_length="own", token_length="16"))
    again = desk.send(ROOT, typed(source_token_length="own", token_length="16"))
    assert "Nothing was changed." in desk.follow(again).main
    [event] = enlist.events("settings.changed")
    assert event.data == {"before.token_length": None, "after.token_length": 16}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("token_length", "5"),
        ("token_length", "21"),
        ("token_length", ""),
        ("token_length", "ten"),
        ("token_expiration_hours", ""),
        ("token_expiration_hours", "0"),
        ("token_expiration_hours", "-1"),
        ("token_expiration_hours", "1.5"),
        ("lease_minutes", "61"),
        ("token_type", "no_factor"),
        ("enrollment_mode", "closed"),
    ],
)
def test_what_is_out_of_bounds_stands_at_its_field(
    console: Console, enlist: Enlist, key: str, text: str
) -> None:
    """A05, A06: also what is missing although it is set here."""
    fields = typed(**{f"source_{key}": "own", key: text})
    page = console.sign_in().send(ROOT, {**fields, "source.lease_minutes": "own"} | {key: text})
    assert page.status == 422
    assert f'id="{key}-error"' in page.source
    assert re.search(rf'id="source-{key}-own" value="own" checked', page.source)
    if SETTINGS[key].choices is None:
        assert page.value(key) == text
    assert own(enlist, "main") == {}


def test_requiring_a_token_exists_only_with_registered_devices(
    console: Console, enlist: Enlist
) -> None:
    """A toggle that is hidden may still be ticked: it says nothing (A02)."""
    desk = console.sign_in()
    ticked = {"source_require_registration_token": "own", "require_registration_token": "yes"}
    assert "Nothing was changed." in desk.follow(desk.send(ROOT, typed(**ticked))).main
    assert own(enlist, "main") == {}
    registered = {"source_enrollment_mode": "own", "enrollment_mode": "registered_only"}
    desk.send(ROOT, typed(**ticked, **registered))
    assert policy(enlist, "main").require_token
    desk.send(ROOT, typed(**ticked, source_enrollment_mode="own", enrollment_mode="open"))
    assert own(enlist, "main") == {"enrollment_mode": "open"}


def test_the_entropy_stands_beside_the_length(console: Console) -> None:
    desk = console.sign_in()
    page = desk.open(ROOT)
    assert f">{round(entropy_bits(10))}</output>" in page.source
    assert "Recommended: 12 or more (70 bits)" in page.main


def test_an_organization_that_only_inherits_says_where_to_change(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha")
    enlist.set(child_permission="inherit_only", token_length=14)
    desk = console.sign_in()
    page = desk.open(CHILD)
    assert "only inherited" in page.main
    assert page.leads_to(ROOT)
    assert not any(action == CHILD for method, action in page.forms if method == "post")
    answer = desk.send(CHILD, typed(source_token_length="own", token_length="8"))
    assert answer.status == 409
    assert "This organization takes its settings from above" in answer.main
    assert own(enlist, "alpha") == {}


def test_an_organization_that_must_have_its_own_is_told(console: Console, enlist: Enlist) -> None:
    enlist.set(child_permission="override_only")
    enlist.organization("alpha")
    assert own(enlist, "alpha")["token_length"] == 10, "a new one begins with a copy"
    desk = console.sign_in()
    assert re.search(r'id="source-token_length-inherit"[^>]*disabled', desk.open(CHILD).source)
    answer = desk.send(CHILD, typed())
    assert answer.status == 409
    assert "must have settings of its own" in answer.main
    assert own(enlist, "alpha")["token_length"] == 10


def test_requiring_tokens_that_nobody_can_send_warns(
    console: Console, enlist: Enlist, services: Services
) -> None:
    """A30: the page says that nothing can deliver what it demands."""
    told = "Tokens are required here, but nothing can deliver them"
    enlist.set(enrollment_mode="registered_only", require_registration_token=True)
    assert told not in console.sign_in().open(ROOT).main
    tools = replace(services.driver.tools, channels=frozenset())
    services.driver._tools = tools
    assert told in console.sign_in().open(ROOT).main
    enlist.set(enrollment_mode="open")
    assert told not in console.sign_in().open(ROOT).main


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_who_may_only_look_sees_values_and_changes_none(
    console: Console, enlist: Enlist, role: str
) -> None:
    desk: Desk = console.sign_in(role)
    page = desk.open(ROOT)
    assert "Registration Token Length" in page.main
    assert "an administrator can change them" in page.main
    assert not any(action == ROOT for method, action in page.forms if method == "post")
    answer = desk.send(ROOT, typed(source_token_length="own", token_length="6"))
    assert answer.status == 403
    assert own(enlist, "main") == {}
    assert policy(enlist, "main").token_length == 10


def test_email_domains_are_kept_one_in_a_line(console: Console, enlist: Enlist) -> None:
    """A66; the same domain at a second organization is told at the field, what was typed stays."""
    enlist.organization("alpha")
    desk = console.sign_in()
    path = "/console/alpha/settings/email-domains"
    assert desk.open(CHILD).leads_to(path)
    saved = desk.follow(desk.send(path, {"domains": "A.example\nb.example"}))
    assert "Changes saved." in saved.main
    assert ">\na.example\nb.example</textarea>" in saved.source
    taken = desk.send("/console/main/settings/email-domains", {"domains": "c.example, b.example"})
    assert taken.status == 409
    assert 'id="domains-error"' in taken.source
    assert "of another organization: b.example" in taken.main
    assert "c.example, b.example</textarea>" in taken.source
    reader = console.sign_in("reader").open(path)
    assert "<textarea" not in reader.source
    assert "a.example" in reader.main
