"""Reset, reissue and delete do the same everywhere: verb, API, command, console (D22, X40)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from enlist.core.ids import parse_id
from enlist.verbs.issuing import Delivery
from enlist.verbs.reissue import DeleteEnrollment, Reissue
from enlist.verbs.reset import Reset
from enlist.web.services import Services
from tests.cli.conftest import Run
from tests.installation import Enlist, Ticket, done
from tests.web.api.conftest import Api, answered, served_api
from tests.web.console.bulk import asked, confirm
from tests.web.console.conftest import Console, Desk

BEFORE = {"reset": "enrolled", "reissue": "expired", "delete": "fresh"}
"""Where a device stands before the act, as the seed offers it."""

Way = Callable[[Enlist, Api, Run, str, Ticket], object]
SAID = {"reset": {"reason": "lost", "send": "yes"}, "reissue": {"send": "yes"}, "delete": {}}
"""What is filled in on the console's page."""


def by_verb(enlist: Enlist, _api: Api, _run: Run, act: str, ticket: Ticket) -> None:
    verbs: dict[str, Any] = {
        "reset": Reset(ticket.device_id, "lost", Delivery("email")),
        "reissue": Reissue(ticket.enrollment_id, Delivery("email")),
        "delete": DeleteEnrollment(ticket.enrollment_id),
    }
    enlist.do(verbs[act])


def by_api(_enlist: Enlist, api: Api, _run: Run, act: str, ticket: Ticket) -> None:
    key, email = api.key("operator"), {"type": "email"}
    enrollment = f"/enrollments/{ticket.enrollment_id}"
    asked: dict[str, tuple[str, str, Any]] = {
        "reset": (
            "POST",
            f"/devices/{ticket.device_id}/reset",
            {"reason": "lost", "message": email},
        ),
        "reissue": ("POST", f"{enrollment}/reissue", {"message": email}),
        "delete": ("DELETE", enrollment, None),
    }
    answer = key.ask(*asked[act])
    answered(answer, answer.status_code if answer.is_success else 200)


def words(act: str, ticket: Ticket) -> tuple[str, ...]:
    return {
        "reset": ("device", "reset", ticket.device_id, "--reason", "lost", "--message", "email"),
        "reissue": ("enrollment", "reissue", ticket.enrollment_id),
        "delete": ("enrollment", "delete", ticket.enrollment_id, "--yes"),
    }[act]


def by_command(_enlist: Enlist, _api: Api, run: Run, act: str, ticket: Ticket) -> None:
    run(*words(act, ticket))


def in_bulk(enlist: Enlist, _api: Api, run: Run, act: str, ticket: Ticket) -> None:
    """Beside another one, through the same command."""
    other = standing_before(enlist, act, key=1)
    named = (ticket, other)
    ids = [each.device_id if act == "reset" else each.enrollment_id for each in named]
    before, after = words(act, ticket)[:2], words(act, ticket)[3:]
    run(*before, *ids, *after)


@contextmanager
def at_the_console(enlist: Enlist) -> Iterator[Desk]:
    with ExitStack() as stack:
        services = Services(driver=enlist.driver, store=enlist.store, version="test")
        yield Console(enlist, services, stack).sign_in()


def by_console(enlist: Enlist, _api: Api, _run: Run, act: str, ticket: Ticket) -> None:
    """Press the button of the page as it is."""
    kind, named = ("devices", ticket.device_id)
    if act != "reset":
        kind, named = ("enrollments", ticket.enrollment_id)
    address = f"/console/main/{kind}/{named}/{act}"
    with at_the_console(enlist) as desk:
        page = desk.open(address)
        said = {name: values[-1] for name, values in page.fields.items() if name}
        assert desk.send(address, said | SAID[act]).status == 303


def ticked(enlist: Enlist, _api: Api, _run: Run, act: str, ticket: Ticket) -> None:
    """Beside another one, in the console's list."""
    other = standing_before(enlist, act, key=1)
    ids = [each.device_id if act == "reset" else each.enrollment_id for each in (ticket, other)]
    address = f"/console/main/{'devices' if act == 'reset' else 'enrollments'}/bulk"
    with at_the_console(enlist) as desk:
        page = asked(desk, address, act, ids)
        assert "2 of 2" in confirm(desk, address, page, **SAID[act]).main


def standing_before(enlist: Enlist, act: str, key: int = 0) -> Ticket:
    ticket = enlist.register("ada", name=f"laptop {key}")
    if BEFORE[act] == "enrolled":
        done(enlist.redeem(ticket.token, key=key))
    if BEFORE[act] == "expired":
        enlist.clock.now = ticket.expires_at
    return ticket


def came_of(enlist: Enlist, ticket: Ticket, since: int) -> dict[str, Any]:
    """Rows and events of a device, without what is anew each time: ids, serials, actors."""

    def plain(value: object) -> object:
        return "…" if isinstance(value, str) and parse_id(value) else value

    device = enlist.device(ticket.device_id)
    own = enlist.events("", device=device.id)[since:]
    enrollments = enlist.rows("enrollment", device_id=device.id)
    return {
        "device": (device.state, device.version, device.enrolled_at),
        "credentials": [each.revocation_reason for each in enlist.credentials_of(device.id)],
        "enrollments": sorted(
            (
                each["state"],
                each["generation"],
                each["grant_kind"],
                each["end_reason"],
                each["deleted_at"] is not None,
            )
            for each in enrollments
        ),
        "messages": [
            (row["generation"], row["recipient"])
            for each in enrollments
            for row in enlist.rows("message", enrollment_id=each["id"])
        ],
        "events": [
            (
                each.kind,
                {
                    name: plain(value)
                    for name, value in each.data.items()
                    if name not in ("serials", "expires_at")
                },
            )
            for each in own
        ],
    }


@pytest.mark.parametrize("act", BEFORE)
def test_every_way_does_the_same(enlist: Enlist, run: Run, act: str) -> None:
    """D22: the same situation through each of them; equal rows and events."""
    found = []
    with served_api(enlist) as api:
        ways: tuple[Way, ...] = (by_verb, by_api, by_command, in_bulk, by_console, ticked)
        for way in ways:
            ticket = standing_before(enlist, act)
            since = len(enlist.events("", device=ticket.device_id))
            way(enlist, api, run, act, ticket)
            found.append(came_of(enlist, ticket, since))
    assert found[0]["events"]
    assert found == [found[0]] * len(ways)
