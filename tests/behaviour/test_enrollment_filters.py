"""The Enrollments page's filters, alone and in pairs, over 200 enrollments (A38, A39)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import pytest

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import DAY, HOUR
from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import IssuedAgain, Register
from enlist.verbs.views import ListEnrollments
from tests.installation import PASSWORD, Enlist, code

ROWS: Final = 200
PLACES: Final = {"main": "ada", "labs": "bea", "deep": "cyd"}
"""Organizations, `deep` below `labs`, and whom the devices there are for."""

FATES: Final = ("active", "in_progress", "revoked", "expired", "earlier", "month", "week", "day")
SEEN: Final = ("earlier", "month", "week", "day")
"""Of those that were used: how long ago. What was seen within a day was so within a week."""


@dataclass(frozen=True)
class Row:
    """One enrollment, and every value by which it must be found."""

    id: str
    place: str
    fits: Mapping[str, frozenset[str]]


def callers(enlist: Enlist) -> dict[str, Callable[[], Caller]]:
    """Who issues, by the source that it must show."""
    staff = enlist.staff("administrator")
    return {
        "console": lambda: staff,
        "api": lambda: replace(staff, kind=CallerKind.API_KEY),
        "command_line": lambda: enlist.host,
    }


T = TypeVar("T")


def mixed(choices: Iterable[T], number: int, stride: int) -> T:
    """One of them for each number, each choice as often, and unlike with another stride."""
    known = list(choices)
    return known[number * stride // 5 % len(known)]


def settle(enlist: Enlist) -> list[Row]:
    """Two hundred enrollments of all kinds; mixed."""
    enlist.organization("labs", token_type="two_factor")
    enlist.organization("deep", "labs")
    for place, user in PLACES.items():
        enlist.user(user, organization=place)
    issuers = callers(enlist)
    rows, waiting = [], []
    for number in range(ROWS):
        place, source = mixed(PLACES, number, 7), mixed(issuers, number, 11)
        platform, owned = mixed(Platform, number, 13), mixed(Ownership, number, 17)
        fate = mixed(FATES, number, 19)
        details = DeviceDetails(f"box {number}", platform.value, owned.value)
        until = enlist.clock.now + (HOUR if fate == "expired" else 300 * DAY)
        verb = Register(place, PLACES[place], details, Delivery("later"), until)
        issued = enlist.do(verb, issuers[source]())
        used = fate in SEEN
        fits = {
            "platform": {platform.value},
            "ownership": {owned.value},
            "source": {source},
            "token_type": {"single_factor" if place == "main" else "two_factor"},
            "token_status": {"used" if used else fate},
            "device_state": {"enrolled" if used else "registered"},
            "first_seen": seen(fate),
        }
        rows.append(Row(issued.enrollment_id, place, {k: frozenset(v) for k, v in fits.items()}))
        waiting.append((fate, place, platform.value, issued.enrollment_id))
    live_through(enlist, waiting)
    return rows


def token(enlist: Enlist, enrollment_id: str) -> Secret:
    """An unused enrollment's token, derived once more."""
    shown = enlist.do(IssuedAgain(enrollment_id, revealed=True)).token
    assert shown is not None
    return shown


def seen(fate: str) -> set[str]:
    if fate == "earlier":
        return {"earlier"}
    return set(SEEN[1 : SEEN.index(fate) + 1]) if fate in SEEN else {"never"}


def live_through(enlist: Enlist, waiting: list[tuple[str, str, str, str]]) -> None:
    """Each meets its fate in its time."""
    for fate, days in (("earlier", 40), ("month", 20), ("week", 3), ("day", 0)):
        for _, place, platform, found in (each for each in waiting if each[0] == fate):
            login = None if place == "main" else (PLACES[place], PASSWORD)
            assert (
                code(enlist.redeem(token(enlist, found), login=login, platform=platform)) == "done"
            )
        then = {40: 20, 20: 17, 3: 3, 0: 0}[days]
        enlist.clock.advance(hours=24 * then)
    for fate, place, platform, found in waiting:
        if fate == "revoked":
            assert code(enlist.revoke(found)) == "done"
        elif fate == "in_progress":
            login = None if place == "main" else (PLACES[place], PASSWORD)
            begun = enlist.begin(token(enlist, found), login=login, platform=platform)
            assert code(begun) == "done"


def found(enlist: Enlist, caller: Caller, search: str = "", **filters: str) -> set[str]:
    page = enlist.driver.view(ListEnrollments(search=search, filters=filters, limit=500), caller)
    assert not isinstance(page, Refusal), page
    return {each.id for each in page.items}


def test_each_filter_and_each_pair_finds_exactly_what_fits(enlist: Enlist) -> None:
    """A38."""
    rows = settle(enlist)
    values = {
        name: sorted({value for row in rows for value in row.fits[name]}) for name in rows[0].fits
    }
    everywhere, labs = enlist.host, enlist.staff("reader", "labs")
    for name, known in values.items():
        assert len(known) > 1, name
        for value in known:
            wanted = [row for row in rows if value in row.fits[name]]
            assert found(enlist, everywhere, **{name: value}) == {row.id for row in wanted}
            inside = {row.id for row in wanted if row.place != "main"}
            assert found(enlist, labs, **{name: value}) == inside, (name, value)
    for (one, ones), (two, twos) in itertools.combinations(values.items(), 2):
        for first, second in itertools.product(ones, twos):
            both = {row.id for row in rows if first in row.fits[one] and second in row.fits[two]}
            asked = {one: first, two: second}
            assert found(enlist, everywhere, **asked) == both, asked


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("ADA", {"100% box", "a_box", "abox"}),
        ("100%", {"100% box"}),
        ("%", {"100% box"}),
        ("a_b", {"a_box"}),
        ("_", {"a_box"}),
        ("BOX", {"100% box", "a_box", "abox"}),
        ("!", set()),
    ],
)
def test_a_search_takes_percent_and_underscore_literally(
    enlist: Enlist, search: str, wanted: set[str]
) -> None:
    """A39: by the name of a device or of its user, in any case of letters."""
    names = {
        enlist.register("ada", name=each).enrollment_id: each
        for each in sorted({"100% box", "a_box", "abox"})
    }
    assert {names[each] for each in found(enlist, enlist.host, search)} == wanted


def test_what_came_by_a_sign_in_has_no_token(enlist: Enlist) -> None:
    enlist.user("ada")
    redeemed = enlist.redeem(login=("ada", PASSWORD), group_id=enlist.root.group_id)
    assert code(redeemed) == "done"
    ticket = enlist.register("ada")
    (only,) = found(enlist, enlist.host, source="sign_in")
    assert only != ticket.enrollment_id
    for name in ("token_status", "token_type"):
        assert found(enlist, enlist.host, **{name: "not_applicable"}) == {only}
