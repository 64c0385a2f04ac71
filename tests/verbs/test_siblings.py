"""Whatever somebody of one organization asks for, in whatever order: its sibling stays as it was.

The ids and names that he tries are his own, his sibling's, those of the organization above, and
guesses; of the right kind, and of every other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from enlist.core.caller import Caller
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission, Right, Role
from enlist.core.secrets import Secret
from enlist.verbs import api_keys, devices, organizations, register, reissue, staff, users, views
from enlist.verbs import templates as wordings
from enlist.verbs import views_details as details
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import View
from enlist.verbs.issuing import Delivery
from enlist.verbs.sign_in import EndSignIn
from enlist.verbs.views_overview import FindSupportCode, Overview, SearchEverything
from enlist.verbs.workplace import FindWorkplace
from tests.verbs.world import PASSWORD, World

CANARY = "quokka"
"""Stands in every name that there is in the sibling."""

NUMBERS = itertools.count(1)
LISTS: list[Callable[..., Any]] = [
    views.ListDevices,
    views.ListEnrollments,
    views.ListUsers,
    views.ListRoles,
    views.ListOrganizations,
    views.ListMessages,
    views.ListApiKeys,
]
WORDING = wordings.Wording("w", "registration", "email", "en", "s", "{EnrollmentUrl}")
NEW = DeviceDetails("new", "linux")
SHOWN = Delivery("none")

Request = Callable[[str, str], Any]
REQUESTS: list[tuple[str, Request]] = [
    *(("name", lambda a, b, each=each: each(b, search=a)) for each in (*LISTS, views.ListEvents)),
    *(("user", lambda a, _, each=each: each("", filters={"user": a})) for each in LISTS[:3]),
    ("device", lambda a, _: views.ListEnrollments(filters={"device": a})),
    ("device", lambda a, _: views.ExportEvents(filters={"device": a})),
    ("event", lambda a, _: views.ExportEvents(filters={"after": a})),
    ("device", lambda a, _: details.ShowDevice(a)),
    ("enrollment", lambda a, _: details.ShowEnrollment(a)),
    ("user", lambda a, _: details.ShowUser(a)),
    ("event", lambda a, _: details.ShowEvent(a)),
    ("place", lambda _, b: details.ShowOrganization(b)),
    ("place", lambda _, b: FindWorkplace(b)),
    ("place", lambda _, b: Overview(b)),
    ("name", lambda a, _: SearchEverything(a)),
    ("name", lambda a, _: FindSupportCode(a)),
    ("user", lambda a, _: users.ChangeUser(a, {"first_name": "mine"})),
    ("user", lambda a, _: users.UserAgain(a)),
    ("place", lambda _, b: users.AddUser(b, f"new{next(NUMBERS)}@example.com")),
    ("user", lambda a, _: staff.SetPassword(a, Secret("mine from now on"))),
    ("user", lambda a, _: staff.EndSignInsOf(a)),
    ("user", lambda a, b: staff.GrantRole(a, b, "reader")),
    ("user", lambda a, b: staff.WithdrawRole(a, b, "reader")),
    ("user", lambda a, _: EndSignIn(a)),
    ("place", lambda _, b: api_keys.CreateApiKey("mine", "reader", b)),
    ("key", lambda a, _: api_keys.RevokeApiKey(a)),
    ("key", lambda a, _: api_keys.ApiKeyAgain(a)),
    ("device", lambda a, _: devices.ChangeDevice(a, {"name": "mine"})),
    ("user", lambda a, b: register.Register(b, a, NEW, SHOWN)),
    ("device", lambda a, _: register.Issue(a, SHOWN)),
    ("enrollment", lambda a, _: register.IssuedAgain(a, revealed=True)),
    ("enrollment", lambda a, _: reissue.Reissue(a, SHOWN)),
    ("enrollment", lambda a, _: reissue.Resend(a)),
    ("place", lambda _, b: organizations.AddOrganization(b, f"g{next(NUMBERS)}", "Mine")),
    ("place", lambda _, b: organizations.ChangeOrganization(b, "Mine")),
    ("place", lambda _, b: organizations.DeleteOrganization(b)),
    ("place", lambda _, b: organizations.ChangeSettings(b, {"token_length": 6})),
    ("place", lambda _, b: wordings.PutTemplate(b, WORDING)),
    ("template", lambda a, _: wordings.DeleteTemplate(a)),
    ("user", lambda a, _: users.SetUserState(a, "disabled")),
    ("enrollment", lambda a, _: reissue.Revoke(a)),
    ("device", lambda a, _: devices.DeleteDevice(a)),
    ("user", lambda a, _: users.DeleteUser(a)),
]


def inhabit(world: World, place: str, word: str) -> dict[str, str]:
    """One of everything in an organization, named after a word; the ids of it all by kind."""
    user = world.add_user(place, f"{word}@example.com", password=PASSWORD)
    world.do(staff.GrantRole(user.id, place, "reader"))
    device = DeviceDetails(f"{word}'s laptop", "linux")
    issued = world.do(register.Register("", user.id, device, Delivery("email")))
    key = world.do(api_keys.CreateApiKey(f"{word}'s key", "reader", place)).key
    wording = replace(WORDING, name=word, subject=word)
    template = world.do(wordings.PutTemplate(world.organizations[place].id, wording))
    event = world.events(kind="device.registered", device=issued.device_id)[0]
    return {
        "user": user.id,
        "name": user.username,
        "device": issued.device_id,
        "enrollment": issued.enrollment_id,
        "message": issued.message_id or "",
        "key": key.id,
        "template": template.id,
        "event": event.id,
        "organization": world.organizations[place].id,
        "place": place,
    }


def seen_by_host(world: World, place: str) -> list[str]:
    """All that there is in an organization, but its log: there, tries from next door are noted."""
    shown = [repr(world.see(each(place))) for each in LISTS]
    chain = world.see(details.ShowOrganization(place))
    return [*shown, repr(chain), repr(world.see(wordings.ListTemplates(place)))]


def told(outcome: object) -> str:
    """What an adapter may show of an outcome; the rest of a refusal is for the log."""
    if isinstance(outcome, Refusal):
        return repr((outcome.code, outcome.detail, outcome.fields, outcome.at, outcome.data))
    return repr(outcome.value if isinstance(outcome, Done) else outcome)


def test_nothing_that_one_organization_does_reaches_its_sibling(either: World) -> None:
    """S52, ASVS 8.4.1: not by any verb or view, with ids that were guessed right."""
    theirs = inhabit(either, "beta", CANARY)
    above = inhabit(either, "main", "wombat")
    guesses = {
        kind: f"{each[:-1]}{'1' if each[-1] == '0' else '0'}" for kind, each in theirs.items()
    }
    caller: Caller = either.staff(Role.ADMINISTRATOR, "acme")
    acme = either.organizations["acme"].path
    caller = replace(caller, rights=(Right(acme, frozenset(Permission)),))
    before, ids = seen_by_host(either, "beta"), [each for each in theirs.values() if len(each) > 30]
    done: set[int] = set()
    kinds, four = sorted(theirs), range(4)
    right = [(one, other, 0) for one, other in itertools.product(four, four)]
    wrong = [(1, 1, shift) for shift in range(1, len(kinds))]
    for turn, (one, other, shift) in enumerate([*right, *wrong]):
        pools = (inhabit(either, "acme", f"own{turn}"), theirs, above, guesses)
        # From another end each time, so that what was done before is not always the same.
        for place in range(len(REQUESTS)):
            number = (place + 13 * turn) % len(REQUESTS)
            kind, make = REQUESTS[number]
            named = kinds[(kinds.index(kind) + shift) % len(kinds)]
            request = make(pools[one][named], pools[other]["place"])
            if isinstance(request, View):
                outcome: object = either.look(request, caller)
            else:
                outcome = either.perform(request, caller)
            shown = told(outcome)
            assert CANARY not in shown, request
            assert not any(each in shown for each in ids), request
            if not isinstance(outcome, Refusal):
                done.add(number)
        assert seen_by_host(either, "beta") == before
    assert len(done) > len(REQUESTS) * 4 // 5, "most of what was tried is possible somewhere"
