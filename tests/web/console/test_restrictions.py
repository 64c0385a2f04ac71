"""Settings > Enrollment > Restrictions: set, inherited, overridden and taken away."""

from __future__ import annotations

from enlist.core.restrictions import Restriction
from enlist.store import organizations, restrictions
from enlist.verbs.groups import AddGroup
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.restrictions import AddRestriction
from tests.installation import Enlist
from tests.web.console.conftest import Console, Desk, Page

HERE = "/console/main/settings/restrictions"
BELOW = "/console/berlin/settings/restrictions"


def kept(enlist: Enlist, place: str = "main") -> list[Restriction]:
    named = enlist.organization(place).id if place != "main" else enlist.root.id
    return enlist.store.read(lambda tx: restrictions.of_organization(tx, named))


def onwards(page: Page) -> dict[str, object]:
    """The fields of a form as they stand there."""
    return {name: values[-1] for name, values in page.fields.items() if name not in ("", "q")}


def test_every_limit_is_kept_shown_again_and_changed_alone(
    console: Console, enlist: Enlist
) -> None:
    """A51-A55: known users, groups, number by ownership, cap, platform, model, OS, manufacturer."""
    group = enlist.do(AddGroup("main", "Field staff"))
    desk = console.sign_in()
    assert "Nothing is restricted" in desk.open(HERE).main
    typed = {
        "name": "Vans",
        "user_group_id": group.id,
        "rank": "7",
        "may_enroll": "yes",
        "platform_ios": "yes",
        "platform_linux": "yes",
        "ownership_corporate_shared": "yes",
        "least_os_ios": "17.4",
        "models": "iPad*\r\n\r\nThinkPad*",
        "manufacturers": "Apple",
        "most_devices": "3",
        "most_employee_owned": "0",
    }
    page = desk.follow(desk.send(f"{HERE}/new", typed))
    for told in ("Field staff", "Vans", "iOS / iPadOS, Linux", "17.4 or newer", "iPad*, ThinkPad*",
                 "Devices a user: 3 at most",
                 "Employee owned a user: 0 at most", "In force"):  # fmt: skip
        assert told in page.main, told
    (first,) = kept(enlist)
    assert first.models == ("iPad*", "ThinkPad*")
    assert (first.rank, first.most_devices, first.most_employee_owned) == (7, 3, 0)
    form = desk.open(f"{HERE}/{first.id}")
    same = {name: typed[name] for name in ("models", "manufacturers")}  # no field of a `Page`
    assert all(each in form.source for each in ("iPad*\nThinkPad*", "Apple"))
    change = {"most_devices": "", "platform_ios": ""}
    desk.send(f"{HERE}/{first.id}", {**onwards(form), **same, **change})
    (changed,) = kept(enlist)
    assert (changed.most_devices, changed.platforms) == (None, ("linux",))
    assert changed.models == first.models
    assert "counts no more" in desk.follow(desk.send(f"{HERE}/{first.id}/delete")).main
    assert kept(enlist) == []


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    console: Console, enlist: Enlist
) -> None:
    group = enlist.do(AddGroup("main", "Field staff"))
    wrong = {"name": "", "most_devices": "many", "least_os_ios": "new", "platform_ios": "yes"}
    page = console.sign_in().send(f"{HERE}/new", wrong)
    assert page.status == 422
    for told in ("must be a whole number", "versions such as 17.4"):
        assert told in page.main, told
    assert (page.value("most_devices"), page.value("platform_ios")) == ("many", "yes")
    cap = {"name": "x", "user_group_id": group.id, "most_at_organization": "5"}
    assert "counts for everybody" in console.sign_in().send(f"{HERE}/new", cap).main
    assert kept(enlist) == []


def add(enlist: Enlist, place: str, name: str, **values: object) -> str:
    return enlist.do(AddRestriction(place, {"name": name, **values})).id


def test_what_is_set_above_is_shown_and_overridden(console: Console, enlist: Enlist) -> None:
    enlist.organization("berlin")
    above = add(enlist, "main", "House rule", most_devices=2, platforms=["linux"])
    desk = console.sign_in()
    page = desk.open(BELOW)
    assert "House rule" in page.main
    assert not page.leads_to(f"{BELOW}/{above}")
    assert f"{BELOW}/new?like={above}" in page.links
    form = desk.open(f"{BELOW}/new?like={above}")
    assert (form.value("most_devices"), form.value("platform_linux")) == ("2", "yes")
    page = desk.follow(desk.send(f"{BELOW}/new", {**onwards(form), "most_devices": "4"}))
    assert "Overridden" in page.main
    assert page.main.index("Devices a user: 4") < page.main.index("Devices a user: 2")
    assert desk.open(f"{BELOW}/{above}").status == 404  # it is changed where it is set


def test_where_settings_are_only_inherited_nothing_can_be_set(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("berlin")
    add(enlist, "berlin", "Own rule", most_devices=2)
    enlist.do(ChangeSettings("main", {"child_permission": "inherit_only"}))
    page = console.sign_in().open(BELOW)
    assert "only inherited" in page.main
    assert "Without effect" in page.main
    assert not page.leads_to(f"{BELOW}/new")


def test_the_settings_beside_them_are_inherited_or_set(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    form = desk.open(HERE)
    sent = {"source.sign_in_device_limit": "own", "sign_in_device_limit": "5"}
    page = desk.follow(desk.send(HERE, {**onwards(form), **sent}))
    assert "Settings saved" in page.main
    assert _limit(enlist) == 5
    assert "Nothing was changed" in desk.follow(desk.send(HERE, onwards(desk.open(HERE)))).main
    desk.send(HERE, {**onwards(desk.open(HERE)), "source.sign_in_device_limit": "inherit"})
    assert _limit(enlist) == 20


def _limit(enlist: Enlist) -> object:
    path = enlist.root.path
    policy = enlist.store.read(lambda tx: organizations.policy(tx, path))
    return policy.settings["sign_in_device_limit"].value


def test_readers_look_and_operators_change_none(console: Console, enlist: Enlist) -> None:
    mine = add(enlist, "main", "House rule")
    for role in ("reader", "operator"):
        desk: Desk = console.sign_in(role)
        page = desk.open(HERE)
        assert "Everything is allowed" in page.main
        assert not page.leads_to(f"{HERE}/new")
        for address in (f"{HERE}/new", f"{HERE}/{mine}", f"{HERE}/{mine}/delete"):
            assert desk.open(address).status == 403, address
            assert desk.send(address, {"name": "x", "rank": "3"}).status == 403, address
    assert [each.rank for each in kept(enlist)] == [100]
