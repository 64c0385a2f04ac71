"""Every command: other people's scripts call them, so names, flags and JSON are a contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from enlist.cli.application import build
from enlist.core.secrets import Secret
from enlist.store import holds, leaked_keys
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import GrantRole, WithdrawRole
from tests.cli.conftest import Run
from tests.installation import Enlist, code


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


APPLICATION = build()
COMMANDS = dict(commands(typer.main.get_command(APPLICATION)))
CONTRACT = {
    "serve": "data database http device public-url device-url tls-cert tls-key trusted-proxy "
    "workers",
    "demo": "database",
    "init": "admin password-stdin organization group-id data database",
    "migrate": "check",
    "apikey create": "name role organization permission expires json",
    "apikey list": "json",
    "apikey revoke": "",
    "organization add": "name group-id parent json",
    "organization list": "json",
    "organization email-domains": "set none json",
    "organization settings": "set inherit json",
    "user add": "username email phone organization password-stdin password-link device platform "
    "message json",
    "user send-password-link": "json",
    "user credentials": "platform organization hours tag message json",
    "user list": "json",
    "device register": "user name platform organization message json",
    "device edit": "json",
    "device list": "json",
    "device show": "json",
    "enrollment list": "state grant json",
    "enrollment show": "json",
    "enrollment issue": "message expires json",
    "enrollment revoke": "reason json",
    "enrollment resend": "json",
    "enrollment reissue": "message expires json",
    "enrollment reactivate": "all json",
    "user recover": "json",
    "backup": "passphrase-file passphrase-stdin data database json",
    "restore": "passphrase-file passphrase-stdin data database rehearsal json",
    "doctor": "data database json",
    "keys list": "json",
    "keys rotate": "minutes json",
    "keys compromised": "yes json",
    "audit list": "json",
    "audit verify": "checkpoint json",
    "audit checkpoint": "json",
    "audit key": "",
}


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_command_and_flags_are_there(name: str) -> None:
    command = COMMANDS[tuple(name.split())]
    flags = {flag.removeprefix("--") for found in command.params for flag in found.opts}
    assert set(CONTRACT[name].split()) <= flags


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    if path == ("agent",):
        return  # the agent's own help
    result = CliRunner().invoke(APPLICATION, [*path, "--help"])
    assert result.exit_code == 0
    assert f"enlist {' '.join(path)}" in result.stdout.replace("\n", " ")
    assert COMMANDS[path].epilog.startswith("Example: ")


def test_a_device_is_registered_and_its_token_shown_once(run: Run, enlist: Enlist) -> None:
    run("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("device", "register", "--user", "ada", "--name", "box", "--platform", "linux")
    made = run(*words, "--message", "none", "--json").json
    token = made["enrollment"]["token"]
    assert made["enrollment"]["link"].endswith(f"/enroll/{made['enrollment']['id']}#t={token}")
    device_id, enrollment_id = made["device"]["id"], made["enrollment"]["id"]

    for later in (
        ("device", "show", device_id),
        ("device", "show", device_id, "--json"),
        ("device", "list"),
        ("enrollment", "show", enrollment_id, "--json"),
        ("enrollment", "list", "--json"),
        ("audit", "list", "--json"),
    ):
        assert token not in run(*later).out
    kinds = [event["kind"] for event in run("audit", "list", "--json").json["items"]]
    assert "enrollment.revealed" in kinds
    assert "box" in run("device", "list", "--state", "registered").out


def test_a_device_is_registered_and_edited_with_all_that_is_known_of_it(run: Run) -> None:
    """A31."""
    run("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("device", "register", "--user", "ada", "--name", "box", "--platform", "ios")
    known = (
        *words,
        "--ownership",
        "EMPLOYEE_OWNED",
        "--imei",
        "I1",
        "--tag",
        "field",
        "--tag",
        "a b",
    )
    made = run(*known, "--attribute", "room=12", "--attribute", "url=a?b=c", "--json").json[
        "device"
    ]
    assert (made["ownership"], made["identifiers"]["imei"]) == ("employee_owned", "I1")
    assert (made["tags"], made["custom_attributes"]) == (
        ["field", "a b"],
        {"room": "12", "url": "a?b=c"},
    )
    change = ("--name", "bag", "--imei", "", "--sim", "M1", "--tag", "")
    changed = run("device", "edit", made["id"], *change, "--json").json
    assert (changed["name"], changed["identifiers"]["imei"], changed["identifiers"]["sim"]) == (
        "bag",
        "",
        "M1",
    )
    assert (changed["tags"], changed["custom_attributes"]) == ([], made["custom_attributes"])
    shown = run("device", "show", made["id"]).out
    assert all(text in shown for text in ("employee_owned", "M1", "room", "12"))
    assert "name=value" in run("device", "edit", made["id"], "--attribute", "room", expect=1).err
    assert run("device", "edit", made["id"], expect=2).err


def test_enrollments_are_filtered_and_taken_away_as_csv(run: Run, enlist: Enlist) -> None:
    """A38, and the export: nothing that a spreadsheet runs, and an event."""
    first = enlist.register("ada", name="=cmd()", platform="ios")
    enlist.register("ada", name="other")
    only = run("enrollment", "list", "--platform", "ios", "--token-status", "active", "--json").json
    assert [each["id"] for each in only["items"]] == [first.enrollment_id]
    lines = run("enrollment", "list", "--platform", "ios", "--csv").out.splitlines()
    assert lines[0].startswith("id,device,user,")
    assert lines[1].startswith(f"{first.enrollment_id},'=cmd(),ada,")
    assert len(lines) == 2
    assert [event.data["filters"] for event in enlist.events("enrollment.exported")] == [
        "platform=ios"
    ]
    assert "--first-seen" in run("enrollment", "list", "--first-seen", "soon", expect=2).err


def test_a_mailed_token_is_not_shown(run: Run) -> None:
    run("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("device", "register", "--user", "ada", "--name", "box", "--platform", "linux")
    made = run(*words, "--json").json
    assert "token" not in made["enrollment"]
    assert run("enrollment", "show", made["enrollment"]["id"], "--json").json["message_state"] in (
        "queued",
        "sent",
    )


def test_a_first_device_comes_with_the_user(run: Run, enlist: Enlist) -> None:
    """X42: both in one call, or neither."""
    words = ("user", "add", "--username", "ada", "--device", "box", "--platform", "linux")
    assert "email_missing" in run(*words, expect=1).err
    assert not enlist.rows("app_user", username="ada")
    made = run(*words, "--message", "none", "--json").json
    assert made["username"] == "ada"
    token = made["enrollment"]["token"]
    assert made["enrollment"]["link"].endswith(f"/enroll/{made['enrollment']['id']}#t={token}")
    assert enlist.device(made["device"]["id"]).user_id == made["id"]
    mailed = ("user", "add", "--username", "bob", "--email", "bob@example.com")
    said = run(*mailed, "--device", "bag", "--platform", "ios").out
    assert "Added bob to main." in said
    assert "Registered bag" in said
    assert "on its way by e-mail" in said


def test_an_enrollment_is_resent_reissued_revoked_and_issued_again(run: Run) -> None:
    run("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("device", "register", "--user", "ada", "--name", "box", "--platform", "linux")
    made = run(*words, "--json").json
    enrollment = made["enrollment"]["id"]
    assert run("enrollment", "resend", enrollment, "--json").json["message_id"]
    again = run("enrollment", "reissue", enrollment, "--message", "none", "--json").json
    assert (again["id"], again["generation"]) == (enrollment, 2)
    run("enrollment", "revoke", enrollment, "--reason", "lost")
    refused = run("enrollment", "reissue", enrollment, expect=1)
    assert "token_revoked" in refused.err
    issued = run("enrollment", "issue", made["device"]["id"], "--expires", "48h", "--json").json
    assert issued["id"] != enrollment
    assert "enrollment_exists" in run("enrollment", "issue", made["device"]["id"], expect=1).err


def test_what_is_on_hold_is_freed_one_by_one_or_all_at_once(run: Run, enlist: Enlist) -> None:
    """Ruling 35. What cannot be freed is named, and holds up nothing else."""
    tickets = [enlist.register("ada", name=name) for name in ("one", "two", "three", "four")]
    enlist.store.write(holds.hold_all)
    assert run("enrollment", "reactivate", expect=2).err
    first = tickets[0].enrollment_id
    assert run("enrollment", "reactivate", "--all", first, expect=2).err
    assert "Reactivated: 1." in run("enrollment", "reactivate", first).out
    assert "conflict" in run("enrollment", "reactivate", first, expect=1).err
    states = [enlist.enrollment(each.enrollment_id).state for each in tickets]
    assert states == ["active", *["on_hold"] * 3]
    newer = enlist.issue(tickets[1].device_id)
    freed = run("enrollment", "reactivate", "--all", "--json")
    assert freed.json == {"reactivated": 2, "left": {"enrollment_exists": 1}}
    assert f"{tickets[1].enrollment_id}: left on hold (enrollment_exists)" in freed.err
    for number, ticket in enumerate((tickets[0], newer, *tickets[2:])):
        assert code(enlist.redeem(ticket.token, key=number)) == "done"


def test_what_a_leaked_key_makes_is_left_on_hold_and_counted(run: Run, enlist: Enlist) -> None:
    first, _ = enlist.register("ada"), enlist.register("eve")
    enlist.store.write(holds.hold_all)
    enlist.store.write(lambda tx: leaked_keys.mark(tx, "derive", "another"))
    told = run("enrollment", "reactivate", "--all")
    assert told.out.startswith("Reactivated: 0.\nLeft on hold: 2. Others can make this token")
    refused = run("enrollment", "reactivate", first.enrollment_id, expect=1)
    assert "Reissue it instead" in refused.err


def test_an_api_key_is_printed_once(run: Run) -> None:
    made = run("apikey", "create", "--name", "ci", "--role", "reader", "--json").json
    assert set(made) == {"id", "key"}
    assert made["key"].startswith("enk_")
    listed = run("apikey", "list").out
    assert made["key"] not in listed
    assert made["key"].split("_")[1] in listed
    assert made["key"] not in run("audit", "list", "--json").out
    run("apikey", "revoke", made["id"])
    assert "revoked" in run("apikey", "list").out


def test_a_key_whose_maker_lost_his_rights_says_so(run: Run, enlist: Enlist) -> None:
    """S54: a key is bounded by its maker at each use, so a list must not call it good."""
    maker = enlist.staff("administrator", "", "maker")
    enlist.do(CreateApiKey("robot", "operator"), maker)
    assert "maker" not in run("apikey", "list").out
    enlist.do(GrantRole("maker", "main", "reader"))
    enlist.do(WithdrawRole("maker", "main", "administrator"))
    assert "can do only what maker still may" in run("apikey", "list").out
    enlist.do(WithdrawRole("maker", "main", "reader"))
    assert "can do nothing: maker holds no role for it" in run("apikey", "list").out
    (listed,) = run("apikey", "list", "--json").json["items"]
    assert (listed["state"], listed["in_force"]) == ("active", "none")
    assert listed["permissions_in_force"] == []


@pytest.mark.parametrize("kind", ["apikey", "organization", "user"])
def test_a_list_says_how_to_see_more(run: Run, kind: str) -> None:
    for name in ("one", "two"):
        run("apikey", "create", "--name", name, "--role", "reader")
        run("organization", "add", "--name", name, "--group-id", name)
        run("user", "add", "--username", name)
    first = run(kind, "list", "--limit", "1").out
    cursor = first.partition("More: --cursor ")[2].strip()
    assert run(kind, "list", "--limit", "1", "--cursor", cursor).out not in ("", first)


def test_an_empty_list_says_whether_anything_was_asked_for(run: Run) -> None:
    for kind in ("device", "enrollment", "apikey"):
        assert run(kind, "list").out.startswith("No "), kind
        assert run(kind, "list", "--search", "zzz").out.startswith("Nothing fits"), kind
    assert run("device", "list", "--state", "blocked").out.startswith("Nothing fits")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("device", "list", "--state", "gone"),
            "--state gone is not known. Write one of registered",
        ),
        (
            ("device", "list", "--platform", "os2"),
            "--platform os2 is not known. Write one of android",
        ),
        (
            ("enrollment", "list", "--state", "gone"),
            "Write one of active, on_hold, used, revoked, expired.",
        ),
        (
            ("enrollment", "list", "--grant", "jwt"),
            "--grant jwt is not known. Write one of registration_token",
        ),
        (
            ("audit", "list", "--since", "noon"),
            "--since noon is no time with a zone. Write 2026-12-31T18:00",
        ),
    ],
)
def test_a_mistyped_filter_is_not_an_empty_list(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    assert said in run(*words, expect=2).err


def test_settings_show_where_each_value_comes_from(run: Run) -> None:
    run("organization", "add", "--name", "Sales", "--group-id", "sales")
    run("organization", "settings", "sales", "--set", "token_length=12")
    found = run("organization", "settings", "sales", "--json").json
    assert found["token_length"] == {"value": 12, "source": "sales"}
    assert found["token_type"] == {"value": "single_factor", "source": "default"}
    refused = run("organization", "settings", "sales", "--set", "token_length=21", expect=1)
    assert "token_length: must be from 6 to 20" in refused.err
    run("organization", "settings", "sales", "--inherit", "token_length")
    assert run("organization", "settings", "sales", "--json").json["token_length"]["value"] == 10


def test_a_password_comes_from_standard_input_alone(run: Run, enlist: Enlist) -> None:
    words = ("user", "add", "--username", "ada", "--email", "ada@example.com", "--password-stdin")
    assert "a long enough secret" not in run(*words, stdin="a long enough secret\n").out
    verb = StartSignIn("ada", Secret("a long enough secret"))
    assert code(enlist.driver.perform(verb, enlist.stranger())) == "done"


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("device", "show", "nonsense"), 1, "not_found"),
        (("device", "show", "nonsense"), 1, "no such device"),
        (
            ("device", "register", "--user", "nobody", "--name", "x", "--platform", "linux"),
            1,
            "no such user",
        ),
        (("enrollment", "revoke", "01a1fd8f-4464-7ff3-9333-c531417e6fd8"), 1, "not_found"),
        (("user", "list", "--organization", "nowhere"), 1, "not_found"),
        (("user", "add", "--username", ""), 1, "validation_failed"),
        (("user", "add"), 2, "--username"),
        (("user", "add", "--username", "x", "--device", "box"), 2, "--platform"),
        (("user", "add", "--username", "x", "--platform", "linux"), 2, "--device"),
        (("user", "add", "--username", "x", "--message", "none"), 2, "--device"),
        (("device", "list", "--cursor", "rubbish"), 1, "cursor"),
        (("enrollment", "issue", "x", "--expires", "soon"), 2, "--expires soon"),
        (("enrollment", "issue", "x", "--expires", "2026-12-31T18:00"), 2, "zone"),
        (("audit", "list", "--since", "yesterday"), 2, "--since yesterday"),
        (("audit", "list", "--before", "99999999d"), 2, "--before 99999999d"),
        (("organization", "settings", "main", "--set", "token_length"), 2, "KEY=VALUE"),
        (("organization", "settings", "main", "--set", "no_such=1"), 1, "unknown setting"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], exit_code: int, says: str) -> None:
    ran = run(*words, expect=exit_code)
    assert says in " ".join((ran.out + ran.err).split())


def test_the_actor_is_whoever_is_at_the_machine(run: Run) -> None:
    run("user", "add", "--username", "ada", "--email", "ada@example.com")
    created = run("audit", "list", "--kind", "user.created", "--json").json["items"]
    actors = {event["personal"]["user"]: event for event in created}
    assert actors["ada"]["actor_kind"] == "host"
    assert actors["ada"]["personal"]["actor"] == "root"


def test_events_of_a_period(run: Run, enlist: Enlist) -> None:
    for name in ("ada", "grace"):
        enlist.clock.advance(hours=1)
        enlist.user(name)

    def told(*period: str) -> list[str]:
        found = run("audit", "list", "--kind", "user.created", *period, "--json").json["items"]
        return [event["personal"]["user"] for event in found]

    two = "2026-03-02T14:00+00:00"
    assert told("--since", two) == ["grace"]
    assert "grace" not in told("--before", two)
    assert "ada" in told("--before", two)
    assert told("--since", "30d", "--before", "2000-01-01T00:00Z") == []
    nothing = run("audit", "list", "--before", "2000-01-01T00:00Z").out
    assert "No such event." in nothing


def test_lists_go_on_with_a_cursor(run: Run) -> None:
    for number in range(3):
        run("user", "add", "--username", f"u{number}", "--email", f"u{number}@example.com")
    first = run("user", "list", "--limit", "2", "--json").json
    second = run("user", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json").json
    names = [user["username"] for user in first["items"] + second["items"]]
    assert len(names) == len(set(names)) == 4


NASTY = "[/bold] [red]x[/red] [link=http://evil.example]y[/link]"


def test_what_others_wrote_is_no_markup(run: Run, enlist: Enlist) -> None:
    """A device may be called what it likes: no list ends in a fault, and none is coloured."""
    ticket = enlist.register("ada", name=NASTY)
    assert NASTY in run("device", "list").out
    assert NASTY in run("device", "show", ticket.device_id).out
    assert NASTY in run("enrollment", "list").out
    assert NASTY in run("enrollment", "show", ticket.enrollment_id).out
    assert "[/bold]" in run("audit", "list").out


@pytest.mark.parametrize("letter", ["\x1b", "\x9b", "\x07", "\u202e"])
def test_nothing_that_a_terminal_obeys_is_printed(run: Run, enlist: Enlist, letter: str) -> None:
    """Browsers name themselves; one with a control sequence changes nobody's terminal."""
    sender = replace(enlist.stranger(), user_agent=f"evil{letter}[31magent", name=f"a{letter}b")
    code(enlist.perform(StartSignIn("ada", Secret("wrong" * 3)), sender))
    for words in (("audit", "list"), ("audit", "list", "--json")):
        out = run(*words).out
        assert letter not in out
    events = run("audit", "list", "--json").json["items"]
    told = [value for event in events for value in event["personal"].values()]
    assert f"evil{letter}[31magent" in told, "a program is told what was sent"


def test_enrollments_of_one_grant(run: Run) -> None:
    """D37: whose JWTs are out."""
    for name, grant in (("laptop", "one_time_jwt"), ("phone", "registration_token")):
        words = ("--user", "root@example.com", "--name", name, "--platform", "linux")
        run("device", "register", *words, "--grant", grant, "--message", "none")
    listed = run("enrollment", "list", "--grant", "one_time_jwt", "--state", "active").out
    assert "laptop" in listed
    assert "phone" not in listed


def test_user_send_password_link_says_until_when_and_never_the_link(
    run: Run, enlist: Enlist
) -> None:
    run("user", "add", "--username", "ada", "--email", "ada@example.com", "--password-link")
    answer = run("user", "send-password-link", "ada")
    assert "on its way to ada@example.com" in answer.out
    assert "It works once, until" in answer.out
    assert len(enlist.rows("message")) == 2
    told = run("user", "send-password-link", "ada", "--json").json
    assert told["sent_to"] == "ada@example.com"
    assert told["expires_at"].endswith("Z")
