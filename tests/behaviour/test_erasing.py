"""Erasing a person: nothing in the database names him any more, and the log stays whole (S74)."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from enlist.core.caller import SYSTEM, Caller, CallerKind
from enlist.core.device_lists import DeviceList
from enlist.core.ids import new_id
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.store.erasing import TABLES
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import QUERIES, Query
from enlist.verbs import imports
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_lists import Entry, PutOnList
from enlist.verbs.device_sessions import Heartbeat
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.erase import Erase, Erased
from enlist.verbs.exporting import BeginExport, ExportEnrollments
from enlist.verbs.groups import AddGroup, AddMember
from enlist.verbs.importing import Importing
from enlist.verbs.reassign import Reassign
from enlist.verbs.register import Register
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.sealing import Sealer
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import GrantRole
from enlist.verbs.sweep import Sweep
from enlist.verbs.users import ChangeUser, DeleteUser
from enlist.verbs.verify_log import Verification, verify
from enlist.verbs.views import ExportEvents, ListUsers
from enlist.verbs.views_overview import SearchEverything
from enlist.verbs.webhooks import AddWebhook
from tests.behaviour.resetting import connected, standing
from tests.installation import MAILED, PASSWORD, Enlist, code, done

USERNAME, EMAIL, PHONE = "ada.byron", "ada.byron@example.net", "+493012345678"
FIRST, LAST, BEFORE = "Augusta", "Byronowitsch", "countess@example.net"
ADDRESS, BROWSER = "203.0.113.77", "AdasBrowser/1.0"
TRACES = (USERNAME, EMAIL, PHONE, FIRST, LAST, BEFORE, ADDRESS, BROWSER, "SIM-4711")
"""What must be nowhere afterwards."""


def everything(enlist: Enlist) -> list[tuple[str, str]]:
    """Every row of every table, as text, with the table's name."""
    name = f"test.tables.{enlist.store.dialect}"
    tables = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    }
    query = QUERIES.get(name) or Query(name, tables[enlist.store.dialect])
    found = [str(row["name"]) for row in enlist.store.read(lambda tx: tx.all(query))]
    return [(table, repr(row)) for table in sorted(found) for row in enlist.rows(table)]


def traces(enlist: Enlist) -> set[tuple[str, str]]:
    """Which table holds which of her names yet, in any case of letters."""
    return {
        (table, trace)
        for table, row in everything(enlist)
        for trace in TRACES
        if trace.lower() in row.lower()
    }


def verified(enlist: Enlist) -> Verification:
    """What `enlist audit verify` finds, once everything is sealed."""
    Sealer(enlist.store).seal_all()
    enlist.installation.log.sign()
    return verify(enlist.installation.log)


def life(enlist: Enlist) -> str:
    """Somebody who left a trace wherever one can; answers the id."""
    enlist.user("grace")
    ada = enlist.user(USERNAME, email=BEFORE)
    details = {"email": EMAIL, "phone": PHONE, "first_name": FIRST, "last_name": LAST}
    enlist.do(ChangeUser(ada.id, details))
    enlist.do(GrantRole(ada.id, enlist.root.id, Role.ADMINISTRATOR.value))
    me = replace(enlist.caller(ada), address=ADDRESS, user_agent=BROWSER)
    stranger = Caller(CallerKind.STRANGER, address=ADDRESS, user_agent=BROWSER)
    enlist.do(StartSignIn(USERNAME, Secret(PASSWORD)), stranger)
    enlist.perform(StartSignIn(USERNAME, Secret("wrong")), stranger)
    own = DeviceDetails(f"{FIRST}'s phone", "ios", "employee_owned", serial="SER-1", sim="SIM-4711")
    enlist.do(Register("", USERNAME, own, MAILED))
    ticket = enlist.register(USERNAME, name=f"{FIRST} {LAST}'s laptop")
    report = DeviceReport(platform="linux", model="X1")
    done(enlist.redeem(ticket.token, report=report, caller=stranger))
    process = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process, ()), SYSTEM)
    connected(enlist, ticket.device_id, process, ADDRESS)
    enlist.do(ChangeDevice(ticket.device_id, {"name": f"{LAST} 2"}))
    enlist.begin(enlist.register(USERNAME, name="third").token, caller=stranger)
    enlist.clock.advance(seconds=10)
    enlist.begin(group_id="main", login=(USERNAME, PASSWORD), caller=stranger)
    enlist.do(CreateApiKey("nightly", "reader"), me)
    enlist.do(AddMember(enlist.do(AddGroup("main", "staff")).id, ada.id), me)
    enlist.do(AddWebhook("Inventory", "https://hooks.example.com/"), me)
    enlist.do(PutOnList("main", DeviceList.DENY, (Entry("serial", "SN-7"),)), me)
    enlist.do(Register("", "grace", DeviceDetails("graces", "ios"), MAILED), me)
    enlist.do(BeginExport(ExportEnrollments(search=EMAIL)))
    moved = enlist.register(USERNAME, name="moved")
    done(enlist.redeem(moved.token, key=2, caller=stranger))
    enlist.do(Reassign(moved.device_id, "grace"), me)
    for content in (f"username\n{USERNAME}\n", f"username,email\nnew,{EMAIL}\n,{EMAIL}\n"):
        brought(enlist, me, content)
    return ada.id


def brought(enlist: Enlist, caller: Caller, content: str) -> None:
    """A file whose preview is ready; it names whoever brought it, and people in its rows."""
    job = imports.bring(
        enlist.driver,
        enlist.store,
        caller,
        io.BytesIO(content.encode()),
        organization="main",
        kind="simple",
        name="people.csv",
        preview=True,
    )
    assert not isinstance(job, Refusal), job
    Importing(enlist.driver, enlist.store).work(job.id)


def erase(enlist: Enlist, user: str = USERNAME, confirm: str = USERNAME) -> Done[Erased] | Refusal:
    return enlist.perform(Erase(user, confirm))


@pytest.mark.parametrize("deleted", [False, True])
def test_nothing_names_an_erased_person(enlist: Enlist, deleted: bool) -> None:
    """S74: no table, no search, no export; the log verifies before and after, event by event."""
    ada = life(enlist)
    if deleted:
        enlist.do(DeleteUser(ada))
    assert {table for table, _ in traces(enlist)} >= {"app_user", "event", "message", "device"}
    before = verified(enlist)
    entries = [(row["id"], row["entry"]) for row in enlist.rows("event")]
    erased = done(erase(enlist))
    assert erased.events > 20
    enlist.clock.advance(hours=25)  # counts against guessing hold an address for so long
    enlist.do(Sweep(), SYSTEM)
    assert traces(enlist) == set()
    after = verified(enlist)
    assert (before.findings, after.findings) == ([], [])
    assert after.erased >= erased.events
    kept = {row["id"]: row["entry"] for row in enlist.rows("event")}
    assert [(each, kept[each]) for each, _ in entries] == entries
    assert not any(entry in TRACES for _, entry in entries)
    found = enlist.driver.view(SearchEverything(EMAIL), enlist.host)
    assert not isinstance(found, Refusal)
    assert (found.users, found.devices) == ((), ())
    listed = enlist.driver.view(ListUsers(search=FIRST), enlist.host)
    exported = enlist.driver.view(ExportEvents(search=USERNAME), enlist.host)
    assert not isinstance(listed, Refusal)
    assert not isinstance(exported, Refusal)
    assert (listed.items, exported.items) == ((), ())
    (event,) = enlist.events("user.erased")
    assert event.user_id == ada
    assert event.data["events"] == erased.events


def test_erasing_ends_what_lets_him_in(enlist: Enlist) -> None:
    """As an offboarding does, in the same transaction; a dry run shows it and changes nothing."""
    ticket = enlist.register(USERNAME)
    done(enlist.redeem(ticket.token))
    before = everything(enlist)
    foreseen = enlist.do(DryRun(Erase(USERNAME)))
    assert len(foreseen.consequences.credentials) == 1
    assert everything(enlist) == before
    enlist.register(USERNAME, name="other")
    stale = Erase(USERNAME, USERNAME, foreseen.preview)
    assert code(enlist.perform(stale)) == "preview_outdated"
    done(erase(enlist))
    assert standing(enlist, ticket.device_id) == ["credential_revoked"]
    enlist.user(USERNAME)
    assert code(enlist.redeem(ticket.token, key=2)) != "done"


@pytest.mark.parametrize("confirm", ["", "ada", "grace"])
def test_it_takes_the_name_typed_once_more(enlist: Enlist, confirm: str) -> None:
    enlist.user(USERNAME)
    before = len(enlist.events())
    outcome = erase(enlist, confirm=confirm)
    assert isinstance(outcome, Refusal)
    assert [each.field for each in outcome.fields] == ["confirm"]
    assert enlist.rows("app_user", username=USERNAME) != []
    assert len(enlist.events()) == before + 1


def test_others_keep_what_is_theirs(enlist: Enlist) -> None:
    """Whoever has the same name by now, and whoever was only near, is not touched."""
    enlist.user(USERNAME)
    enlist.do(DeleteUser(USERNAME))
    namesake = enlist.user(USERNAME, email="other@example.net")
    other = enlist.user("ada")
    gone = enlist.rows("app_user", email=f"{USERNAME}@example.com")[0]["id"]
    done(erase(enlist, gone))
    for user in (namesake, other):
        (event,) = enlist.events("user.created", user=user.id)
        assert event.personal["user"] == user.username


def test_nobody_erases_himself_nor_the_last_administrator(enlist: Enlist) -> None:
    eve = enlist.staff("administrator", username="eve")
    assert code(enlist.perform(Erase("eve", "eve"), eve)) == "conflict"
    assert code(enlist.perform(Erase("root@example.com", "root@example.com"), eve)) == "done"
    assert code(enlist.perform(Erase("eve", "eve"))) == "last_administrator"
    assert code(erase(enlist, "nobody")) == "not_found"


def test_every_table_that_points_to_people_is_thought_of(enlist: Enlist) -> None:
    """S74: a new table says what erasing somebody does to it."""
    schema = {
        "sqlite": "SELECT m.name AS name, p.name AS of FROM sqlite_master m "
        "JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
        "postgres": "SELECT table_name AS name, column_name AS of "
        "FROM information_schema.columns WHERE table_schema = 'public'",
    }
    name = f"test.columns.{enlist.store.dialect}"
    query = QUERIES.get(name) or Query(name, schema[enlist.store.dialect])
    rows = enlist.store.read(lambda tx: tx.all(query))
    pointing = ["user_id", "actor_id", "creator_id", "issuer_id", "maker_id", "device_id"]
    pointing += ["generated_by_id", "last_used_by"]
    found = {row["name"] for row in rows if row["of"] in pointing}
    assert found | {"app_user"} == set(TABLES)
