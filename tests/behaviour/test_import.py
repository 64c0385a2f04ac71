"""Importing people and devices from CSV: previewed, done, done again, and told what is wrong."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission, Right
from enlist.store import users
from enlist.store.imports import ImportJob, ImportState
from enlist.store.redemptions import DeviceReport
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.csv_file import MOST_ROWS
from enlist.verbs.importing import Importing
from enlist.verbs.imports import (
    ListImports,
    ShowImport,
    StartImport,
    StopImport,
    bring,
    template,
)
from tests.behaviour.importing import again, brought, imported, wrong
from tests.installation import PASSWORD, Enlist, code, done

HEAD = "username,email,friendly_name,platform,serial\n"
ROWS = HEAD + "ada,ada@example.com,laptop,linux,S1\nbob,bob@example.com,phone,android,S2\n"


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.made, job.changed, job.unchanged, job.refused


def sizes(enlist: Enlist) -> list[int]:
    return [len(enlist.rows(name)) for name in ("app_user", "device", "enrollment", "message")]


def test_a_file_is_done_once(enlist: Enlist) -> None:
    """A50: the second time makes nothing new, whatever the order of columns and letters."""
    first = imported(enlist, ROWS)
    assert (first.state, counts(first)) == (ImportState.DONE, (2, 0, 0, 0))
    before = sizes(enlist)
    same = imported(enlist, "\ufeff" + ROWS.replace(",", ";").replace("ada;ada@", "ADA;ada@"))
    assert (counts(same), sizes(enlist)) == ((0, 0, 2, 0), before)
    moved = imported(enlist, HEAD + "ada,new@example.com,laptop of ada,linux,S1\n")
    assert (counts(moved), sizes(enlist)) == ((0, 1, 0, 0), before)
    ada = enlist.store.read(lambda tx: users.by_username(tx, "ada"))
    assert ada is not None
    assert ada.email == "new@example.com"
    assert {row["name"] for row in enlist.rows("device")} == {"laptop of ada", "phone"}
    kinds = [event["kind"] for event in enlist.rows("event")]
    assert (kinds.count("import.created"), kinds.count("import.ended")) == (3, 3)


@pytest.mark.parametrize("kind", ["simple", "advanced"])
def test_the_template_imports_as_it_is(enlist: Enlist, kind: str) -> None:
    """A48."""
    job = imported(enlist, template(kind), kind=kind)
    assert (counts(job), wrong(enlist, job)) == ((2, 0, 0, 0), [])
    if kind == "advanced":
        device = next(row for row in enlist.rows("device") if row["serial"] == "PF-EXAMPLE-1")
        assert (device["tags"], device["custom_attributes"]) == (
            '["sales","berlin"]', '{"department":"Sales"}',
        )  # fmt: skip


@pytest.mark.parametrize("kind", ["allow", "deny", "move", "transfer"])
def test_the_templates_of_lists_import_as_they_are(enlist: Enlist, kind: str) -> None:
    """A48; those who are moved are those of the other templates."""
    imported(enlist, template("advanced"))
    job = imported(enlist, template(kind), kind=kind)
    shown = (0, 0, 2, 0) if kind in ("move", "transfer") else (2, 0, 0, 0)
    assert (counts(job), wrong(enlist, job)) == (shown, [])


def test_a_deny_list_is_imported_once_and_a_preview_counts_what_it_ends(enlist: Enlist) -> None:
    """A44, A46, A47: more than a form takes; the second time nothing is new."""
    enlist.organization("berlin")
    ticket = enlist.register("ada")
    report = DeviceReport(platform="linux", serial="PF-1234")
    done(enlist.redeem(ticket.token, report=report))
    text = (
        "attribute_type,device_attribute,group_id\nserial,pf-1234,\nIMEI,490154203237518,berlin\n"
    )
    text += "".join(f"serial,SN-{number:04},\n" for number in range(40))
    text += "serial,SN-0000,\nimei,12,\nserial,SN-9999,nowhere\ncolour,blue-ish,\nserial,=cmd(),\n"
    job = imported(enlist, text, kind="deny", preview=True)
    told = [(each.column, each.message) for each in wrong(enlist, job)]
    assert counts(job) == (41, 1, 0, 5)
    assert [column for column, _ in told] == [
        "", "device_attribute", "group_id", "attribute_type", "device_attribute",
    ]  # fmt: skip
    assert "no organization with the Group ID nowhere" in told[2][1]
    assert enlist.rows("listed_device") == []
    assert enlist.device(ticket.device_id).state == "enrolled"
    enlist.do(StartImport(job.id))
    assert Importing(enlist.driver, enlist.store).work()
    assert counts(again(enlist, job)) == (41, 1, 0, 5)
    assert enlist.device(ticket.device_id).state == "unenrolled"
    assert len(enlist.rows("listed_device")) == 42
    assert counts(imported(enlist, text, kind="deny")) == (0, 0, 42, 5)
    assert len(enlist.rows("listed_device")) == 42


def test_an_allow_list_says_what_a_device_becomes(enlist: Enlist) -> None:
    """A45, A47."""
    enlist.organization("berlin")
    enlist.set(enrollment_mode="registered_only")
    enlist.user("ada")
    head = "attribute_type;device_attribute;ownership;group_id\n"
    text = head + "serial;PF-1234;Corporate_Shared;berlin\nserial;PF-5678;;\n"
    assert counts(imported(enlist, text, kind="allow")) == (2, 0, 0, 0)
    assert counts(imported(enlist, text, kind="allow")) == (0, 0, 2, 0)
    for serial, place, ownership in (
        ("PF-1234", "berlin", "corporate_shared"),
        ("PF-5678", "main", "none"),
    ):
        report = DeviceReport(platform="linux", serial=serial)
        key = int(serial[-1])
        bound = done(
            enlist.redeem(login=("ada", PASSWORD), group_id="main", report=report, key=key)
        )
        device = enlist.device(bound.device_id)
        assert (device.group_id, device.ownership) == (place, ownership)
    other = imported(enlist, head + "serial;PF-1234;employee_owned;berlin\n", kind="allow")
    assert "take it off first" in wrong(enlist, other)[0].message


def test_registrations_are_moved_by_a_file(enlist: Enlist) -> None:
    """A43, A47: one of a user's, or all that wait; what is enrolled stays where it is."""
    enlist.organization("berlin")
    tickets = {
        name: enlist.register(user, name=name)
        for user, name in (("ada", "laptop"), ("ada", "phone"), ("bob", "desk"), ("bob", "tablet"))
    }
    done(enlist.redeem(tickets["desk"].token))
    text = "username,new_group_id,friendly_name\nada,berlin,phone\nbob,berlin,\n"
    text += "bob,berlin,desk\neve,berlin,\nada,nowhere,\nada,berlin,watch\n"
    job = imported(enlist, text, kind="move", preview=True)
    assert counts(job) == (0, 2, 0, 4)
    assert {
        name: enlist.device(each.device_id).group_id for name, each in tickets.items()
    } == dict.fromkeys(tickets, "main")
    enlist.do(StartImport(job.id))
    assert Importing(enlist.driver, enlist.store).work()
    assert {name: enlist.device(each.device_id).group_id for name, each in tickets.items()} == {
        "laptop": "main", "phone": "berlin", "desk": "main", "tablet": "berlin",
    }  # fmt: skip
    assert [(each.line, each.column) for each in wrong(enlist, job)] == [
        (4, ""), (5, "username"), (6, "new_group_id"), (7, "username"),
    ]  # fmt: skip
    assert counts(imported(enlist, text, kind="move")) == (0, 0, 2, 4)


BAD = {
    "nobody@@": ("email", "must be an e-mail address"),
    "0301234": ("phone", "country code"),
    "=cmd()": ("friendly_name", "formula"),
    "beos": ("platform", "must be one of"),
    "nowhere": ("group_id", "no organization with the Group ID nowhere"),
    "490154203237519": ("imei", "check digit"),
}


def test_a_bad_row_stops_no_good_row(enlist: Enlist) -> None:
    """A50: each is told at its line and column, a duplicate and a cell too many as well."""
    columns = ("username", "email", "phone", "friendly_name", "platform", "group_id", "imei")
    lines = [",".join(columns)]
    for number, (text, (column, _)) in enumerate(BAD.items()):
        cells = {"username": f"bad{number}", "friendly_name": "x", "platform": "linux"}
        lines.append(",".join((cells | {column: text}).get(name, "") for name in columns))
    lines += ["good,,,x,linux,,", "GOOD,,,X,linux,,", "long,,,x,linux,,,,", "fine,,,,,,"]
    job = imported(enlist, "\n".join(lines))
    found = wrong(enlist, job)
    assert counts(job) == (2, 0, 0, len(BAD) + 2)
    told = list(BAD.values())
    for number, (error, (column, message)) in enumerate(zip(found, told, strict=False), 2):
        assert (error.line, error.column) == (number, column)
        assert message in error.message
    assert "line 8" in found[-2].message
    assert "cells" in found[-1].message
    assert {row["username"] for row in enlist.rows("app_user")} >= {"good", "fine"}
    assert len(enlist.rows("device")) == 1


def test_a_preview_changes_nothing(enlist: Enlist) -> None:
    """The same report as the import itself, which it becomes when it is started."""
    enlist.user("bob")
    before = sizes(enlist)
    text = ROWS + "eve,,laptop,beos,S3\n"
    job = imported(enlist, text, preview=True)
    assert (job.state, job.refused, sizes(enlist)) == (ImportState.CHECKED, 1, before)
    previewed, shown = counts(job), wrong(enlist, job)
    enlist.do(StartImport(job.id))
    assert Importing(enlist.driver, enlist.store).work()
    done_now = again(enlist, job)
    assert (done_now.state, counts(done_now)) == (ImportState.DONE, previewed)
    assert [(each.line, each.column) for each in wrong(enlist, job)] == [
        (each.line, each.column) for each in shown
    ]
    assert code(enlist.perform(StartImport(job.id))) == "conflict"
    assert enlist.rows("import_block") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("username\n", "no rows"),
        ("user name,email\nada,\n", "did you mean username?"),
        ("email\na@example.com\n", "lacks the column username"),
        ("username,username\nada,ada\n", "twice"),
        ("username\nJ\u00f6rg\n".encode("latin-1"), "CSV UTF-8"),
        ("username\nada\n".encode("utf-16"), "CSV UTF-8"),
        (b"PK\x03\x04spreadsheet", "spreadsheet"),
        ('username\n"ada\n', "cannot be read"),
        ("username\n" + "ada\n" * (MOST_ROWS + 1), "more than 250,000 rows"),
    ],
)
def test_a_bad_file_leaves_nothing(enlist: Enlist, text: str | bytes, told: str) -> None:
    found = brought(enlist, text)
    assert isinstance(found, Refusal)
    assert found.fields[0].field == "file"
    assert told in found.fields[0].message
    assert enlist.rows("import_job") == enlist.rows("import_block") == []


def test_it_goes_on_after_a_restart(enlist: Enlist) -> None:
    """Whoever stops in the middle leaves it to the next; nothing is done or counted twice."""
    text = "username\n" + "".join(f"user{number}\n" for number in range(250))
    job = brought(enlist, text)
    assert isinstance(job, ImportJob)
    left = iter([False, True])
    first = Importing(enlist.driver, enlist.store)
    assert first.work(stopping=lambda: next(left))
    assert again(enlist, job).done == 100
    other = enlist.again()
    assert Importing(other.driver, other.store).work()
    ended = again(enlist, job)
    assert (ended.state, counts(ended)) == (ImportState.DONE, (250, 0, 0, 0))
    assert not first.work()


def test_a_key_that_brought_it_is_told_to_whoever_may_read_keys(enlist: Enlist) -> None:
    """S54: who reads the list of staff learns from it no name of a key."""
    key = enlist.do(CreateApiKey("nightly", "operator", enlist.root.id)).key
    place = enlist.root
    bringing = Caller(CallerKind.API_KEY, key.id, key.name, key.rights, place.path, place.id)
    job = brought(enlist, ROWS, caller=bringing)
    assert isinstance(job, ImportJob)
    few = frozenset({Permission.USERS_READ, Permission.STAFF_READ})
    told = {few: "", few | {Permission.API_KEYS_READ}: "nightly"}
    for permissions, name in told.items():
        rights = (Right(place.path, permissions),)
        reader = Caller(CallerKind.USER, enlist.user(f"reader{name}").id, rights=rights)
        listed = enlist.driver.view(ListImports(place.id), reader)
        assert not isinstance(listed, Refusal)
        assert [each.maker for each in listed.items] == [name]
    own = enlist.driver.view(ShowImport(job.id), bringing)
    assert isinstance(own, ImportJob)
    assert own.maker == "nightly"


def test_it_has_the_rights_of_whoever_brought_it(enlist: Enlist) -> None:
    """S54: also those that he loses meanwhile; and nobody imports with fewer."""
    reader = enlist.staff("reader")
    assert code(brought(enlist, ROWS, caller=reader)) == "forbidden"
    operator = enlist.staff("operator", username="olga")
    job = brought(enlist, ROWS, caller=operator)
    assert isinstance(job, ImportJob)
    enlist.store.write(lambda tx: users.delete(tx, operator.id or ""))
    Importing(enlist.driver, enlist.store).work()
    assert (again(enlist, job).state, again(enlist, job).made) == (ImportState.STOPPED, 0)
    assert code(enlist.perform(StopImport(job.id))) == "conflict"


def test_a_large_file_takes_no_more_memory_than_a_small_one(enlist: Enlist) -> None:
    """P05's sibling: 100,000 rows are read and kept a portion at a time; of each row stays a
    number, by which it is told whether another means the same."""

    def most(rows: int) -> int:
        lines = "".join(f"u{n},u{n}@example.com,laptop of {n},linux,S{n}\n" for n in range(rows))
        file = io.BytesIO((HEAD + lines).encode())
        tracemalloc.start()
        try:
            job = bring(
                enlist.driver, enlist.store, enlist.host, file,
                organization=enlist.root.id, kind="advanced", name="people.csv", preview=True,
            )  # fmt: skip
            assert isinstance(job, ImportJob)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(100)  # what is made once
    few, many = most(2_000), most(8_000)
    assert (many - few) / 6_000 < 125
