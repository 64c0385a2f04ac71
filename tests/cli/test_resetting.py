"""Resetting, handing on and deleting by command, for one thing and for many."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enlist.cli import bulk
from enlist.cli.options import parse_moment
from enlist.core.clock import from_datetime
from enlist.core.ids import NOTHING
from tests.cli.conftest import Run
from tests.installation import Enlist, Ticket, code, done


def enrolled(enlist: Enlist, name: str = "laptop", key: int = 0) -> Ticket:
    ticket = enlist.register("ada", name=name)
    done(enlist.redeem(ticket.token, key=key))
    return ticket


def revoked(enlist: Enlist, device_id: str) -> list[str]:
    return [each.revocation_reason for each in enlist.credentials_of(device_id)]


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "asks", lambda: True)


def test_a_reset_by_command_does_what_the_others_do(enlist: Enlist, run: Run) -> None:
    """D22, X40: the same rows and events; the answer has the API's shape."""
    ticket = enrolled(enlist)
    ran = run(
        "device", "reset", ticket.device_id, "--reason", "lost", "--message", "none", "--json"
    )
    found = ran.json
    assert set(found) == {"enrollment", "consequences", "preview"}
    assert [each["serial"] for each in found["consequences"]["credentials"]] == [
        enlist.credentials_of(ticket.device_id)[0].serial
    ]
    assert revoked(enlist, ticket.device_id) == ["lost"]
    assert code(enlist.redeem(found["enrollment"]["token"], key=1)) == "done"
    (event,) = enlist.events("device.reset")
    assert event.data["reason"] == "lost"


def test_a_dry_run_shows_what_would_end(enlist: Enlist, run: Run) -> None:
    """X44."""
    ticket = enrolled(enlist)
    found = run("device", "reset", ticket.device_id, "--dry-run", "--json").json
    assert found["enrollment"] is None
    assert len(found["consequences"]["credentials"]) == 1
    assert "Certificates that end" in run("device", "reset", ticket.device_id, "--dry-run").out
    assert revoked(enlist, ticket.device_id) == [""]


def test_somebody_at_a_terminal_is_asked_first(
    enlist: Enlist, run: Run, at_a_terminal: None
) -> None:
    """D10: he is shown what ends; whoever says no has changed nothing."""
    ticket = enrolled(enlist)
    events = len(enlist.events())
    shown = run("device", "reset", ticket.device_id, stdin="n\n")
    assert "Live sessions that end" in shown.out
    assert (revoked(enlist, ticket.device_id), len(enlist.events())) == ([""], events)
    run("device", "reset", ticket.device_id, stdin="y\n")
    assert revoked(enlist, ticket.device_id) == ["reset"]


def test_many_devices_are_reset_by_one_command(enlist: Enlist, run: Run) -> None:
    """Issue: all three for many at once; what is refused keeps nobody else waiting."""
    tickets = [enrolled(enlist, f"laptop {n}", n) for n in range(3)]
    named = [each.device_id for each in tickets]
    ran = run("device", "reset", "-", "--json", stdin="\n".join([*named, NOTHING]), expect=1)
    assert [each["enrollment"]["device_id"] for each in ran.json["items"]] == named
    assert ran.json["refused"] == [{"id": NOTHING, "code": "not_found"}]
    assert f"{NOTHING}: " in ran.err
    assert [revoked(enlist, each) for each in named] == [["reset"]] * 3
    assert run("device", "reset", *named).out == "Reset: 3. Refused: 0.\n"


@pytest.mark.usefixtures("at_a_terminal")
def test_many_are_shown_by_name_and_asked_about_once(enlist: Enlist, run: Run) -> None:
    """D10: an id says nothing to whoever is asked; one that is gone keeps nobody waiting."""
    tickets = [enrolled(enlist, f"laptop {n}", n) for n in range(2)]
    named = [*(each.device_id for each in tickets), NOTHING]
    no = run("device", "reset", *named, stdin="n\n")
    assert "Nothing was changed." in no.err
    assert [revoked(enlist, each.device_id) for each in tickets] == [[""]] * 2
    yes = run("device", "reset", *named, stdin="y\n", expect=1)
    for n in range(2):
        assert re.search(rf"Device +laptop {n} of ada\n.*end +1\n", yes.out)
    assert "to 2 of 3. Go on?" in yes.err
    assert f"{NOTHING}: There is nothing here" in yes.err
    assert "Reset: 2. Refused: 1." in yes.out
    assert [revoked(enlist, each.device_id) for each in tickets] == [["reset"]] * 2
    one = run("device", "reset", NOTHING, expect=1)
    assert "Go on?" not in one.err


def test_a_dry_run_of_many_shows_each(enlist: Enlist, run: Run) -> None:
    named = [enrolled(enlist, f"laptop {n}", n).device_id for n in range(2)]
    told = run("device", "reset", *named, "--dry-run").out
    assert re.findall(r"Device +(.+)", told) == ["laptop 0 of ada", "laptop 1 of ada"]
    assert told.count("Certificates that end") == 2
    assert told.endswith("Would be done: 2. Refused: 0.\n")


def test_tokens_of_many_are_printed_where_nothing_is_sent(enlist: Enlist, run: Run) -> None:
    """They are printed once or never."""
    tickets = [enrolled(enlist, f"laptop {n}", n) for n in range(2)]
    told = run("device", "reset", *(each.device_id for each in tickets), "--message", "none").out
    tokens = re.findall(r"Token +(\S+)", told)
    assert [code(enlist.redeem(token, key=n + 5)) for n, token in enumerate(tokens)] == ["done"] * 2
    fresh = [enlist.register("ada", name=f"other {n}") for n in range(2)]
    ids = [each.enrollment_id for each in fresh]
    told = run("enrollment", "reissue", *ids, "--message", "none").out
    assert re.findall(r"Enrollment +(\S+)", told) == ids
    tokens = re.findall(r"Token +(\S+)", told)
    assert [code(enlist.redeem(token, key=n + 8)) for n, token in enumerate(tokens)] == ["done"] * 2


def test_the_command_that_comes_next_names_the_same_folder(enlist: Enlist, run: Run) -> None:
    ticket = enrolled(enlist)
    told = run("device", "reset", ticket.device_id, "--data", "/srv/my enlist").out
    assert re.search(r"enlist enrollment resend \S+ --data '/srv/my enlist'\n", told)
    told = run("device", "reset", enrolled(enlist, key=1).device_id, "--data", "here").out
    assert f" --data {shlex.quote(str(Path.cwd() / 'here'))}\n" in told, "it is pasted elsewhere"


def test_nothing_named_is_wrong_usage(run: Run) -> None:
    run("device", "reset", "-", stdin="", expect=2)


@pytest.mark.parametrize("command", [("device", "reset"), ("enrollment", "reissue")])
def test_a_past_expiry_is_refused(enlist: Enlist, run: Run, command: tuple[str, str]) -> None:
    """D02."""
    ticket = enlist.register("ada")
    named = ticket.device_id if command[0] == "device" else ticket.enrollment_id
    ran = run(*command, named, "--message", "later", "--expires", "2020-01-01", expect=1)
    assert "expires_at: must be in the future" in ran.err
    assert code(enlist.redeem(ticket.token)) == "done"


def test_an_expiry_is_kept_to_the_second(enlist: Enlist, run: Run) -> None:
    """Issue: `--expires TIME --json`, for what is reset, reassigned, replaced and reissued."""
    enlist.user("grace")
    device = enrolled(enlist).device_id
    words = ("--expires", "2026-03-09T18:30:15+01:00", "--message", "none", "--json")
    ways = (
        ("device", "reset", device),
        ("device", "reassign", device, "--to", "grace"),
        ("device", "replace", device),
    )
    began = [run(*way, *words).json["enrollment"] for way in ways]
    assert {each["expires_at"] for each in began} == {"2026-03-09T17:30:15.000000Z"}
    made = began[-1]
    found = run("enrollment", "reissue", made["id"], *words[:1], "2026-03-10T00:00Z", *words[2:])
    assert found.json["expires_at"] == "2026-03-10T00:00:00.000000Z"
    assert found.json["token"] != made["token"]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)),
        ("2026-06-30", datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC)),
        ("2026-12-31T18:00+01:00", datetime(2026, 12, 31, 17, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_the_end_of_that_day(text: str, moment: datetime) -> None:
    """Section 2: in the operator's zone."""
    assert parse_moment(text, moment) == from_datetime(moment)


def test_a_device_is_given_to_somebody_else(enlist: Enlist, run: Run) -> None:
    ticket, grace = enrolled(enlist), enlist.user("grace")
    run("device", "reassign", ticket.device_id, "--to", "grace", "--message", "email")
    assert enlist.device(ticket.device_id).user_id == grace.id
    assert [row["recipient"] for row in enlist.rows("message")] == [grace.email]


def test_a_device_is_replaced(enlist: Enlist, run: Run) -> None:
    ticket = enrolled(enlist)
    words = ("device", "replace", ticket.device_id, "--name", "new", "--message", "none", "--json")
    found = run(*words).json["enrollment"]
    assert (found["device"], found["replaces_device_id"]) == ("new", ticket.device_id)
    assert revoked(enlist, ticket.device_id) == [""]
    assert code(enlist.redeem(found["token"], key=1)) == "done"
    assert revoked(enlist, ticket.device_id) == ["replaced"]


def test_a_replacement_says_which_device_is_new_and_what_goes_on(enlist: Enlist, run: Run) -> None:
    ticket = enrolled(enlist)
    told = run("device", "replace", ticket.device_id).out
    (new,) = {row["id"] for row in enlist.rows("device")} - {ticket.device_id}
    assert f"Registered in its place: {new}" in told
    assert "Nothing ends before the new device is enrolled." in told


def test_a_jwt_is_fetched_by_the_next_command(enlist: Enlist, run: Run) -> None:
    """What to do next is told, as nothing was sent."""
    ticket = enrolled(enlist)
    told = run("device", "reset", ticket.device_id).out
    assert "enlist enrollment resend " in told
    told = run("device", "reset", ticket.device_id, "--grant", "one_time_jwt").out
    assert "enlist enrollment jwt " in told


def test_tokens_are_reissued_one_or_many(enlist: Enlist, run: Run) -> None:
    """D14, D22."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(2)]
    named = [each.enrollment_id for each in tickets]
    words = ("--message", "none", "--reason", "lost the mail", "--json")
    found = run("enrollment", "reissue", named[0], *words).json
    assert (found["id"], found["generation"]) == (named[0], 2)
    items = run("enrollment", "reissue", *named, *words).json["items"]
    assert [(each["id"], each["generation"]) for each in items] == [(named[0], 3), (named[1], 2)]
    assert {each.data["reason"] for each in enlist.events("enrollment.reissued")} == {
        "lost the mail"
    }


def test_deleting_must_be_confirmed(enlist: Enlist, run: Run) -> None:
    """D16: without a yes nothing happens."""
    ticket = enlist.register("ada")
    run("enrollment", "delete", ticket.enrollment_id, expect=2)
    assert len(enlist.enrollments_of(ticket.device_id)) == 1
    ran = run("enrollment", "delete", ticket.enrollment_id, "--yes", "--json")
    assert ran.json == {"id": ticket.enrollment_id, "state": "deleted"}
    assert enlist.enrollments_of(ticket.device_id) == []
    run("enrollment", "delete", ticket.enrollment_id, "--yes", expect=1)


@pytest.mark.usefixtures("at_a_terminal")
def test_deleting_asks_at_a_terminal(enlist: Enlist, run: Run) -> None:
    """D16."""
    ticket = enlist.register("ada")
    for answer, left in (("n", 1), ("y", 0)):
        run("enrollment", "delete", ticket.enrollment_id, stdin=f"{answer}\n")
        assert len(enlist.enrollments_of(ticket.device_id)) == left
