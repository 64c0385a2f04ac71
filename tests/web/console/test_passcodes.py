"""The company passcode in the console: its popup, and the pages that generate, show and end it."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from enlist.core.passcodes import SelfService
from enlist.core.secrets import Secret
from enlist.store import passcodes
from enlist.verbs.passcodes import DisablePasscode, GeneratePasscode, ShowPasscode
from enlist.verbs.self_service import AskForCredentials
from tests.installation import ADMINISTRATOR, Enlist
from tests.pictures import qr_text
from tests.web.console.conftest import Console, Desk, Page
from tests.web.console.diagram import about, marked, states

DIAGRAM = "/console/main/infrastructure"
GENERATE, DISABLE, SHOW, END_OLD = (
    f"{DIAGRAM}/passcode/{each}" for each in ("generate", "disable", "show", "end-old")
)
SHAPE = re.compile(r"\b[1-9A-HJ-NP-Za-km-z]{4}(?:-[1-9A-HJ-NP-Za-km-z]{4}){2}\b")
WRONG = Secret("aaaaBBBB1111")


def shown(page: Page) -> str:
    """The passcode that a page shows, as it is typed."""
    (found,) = SHAPE.findall(page.source.partition('id="passcode"')[2].partition("</code>")[0])
    return str(found)


def ask(enlist: Enlist, passcode: Secret) -> None:
    enlist.perform(AskForCredentials("ada@example.com", passcode, "linux"), enlist.stranger())


def generate(desk: Desk, **fields: str) -> Page:
    """Through the form, as it stands."""
    form = desk.open(GENERATE)
    assert form.status == 200
    return desk.send(GENERATE, {"replaces": form.value("replaces"), **fields})


def test_it_is_generated_shown_once_and_told_of(console: Console, enlist: Enlist) -> None:
    """B01, B05, B28, B30."""
    desk = console.sign_in()
    before = desk.open(DIAGRAM)
    assert states(before)["self-service"] == "off"
    assert before.leads_to(GENERATE)
    assert not before.leads_to(DISABLE)
    made = generate(desk)
    passcode = shown(made)
    assert made.headers["cache-control"] == "no-store"
    assert "/self-service/main" in made.main
    for platform in ("Android", "iOS", "macOS", "Windows", "Linux"):
        assert platform in made.main
    enlist.user("ada")
    ask(enlist, Secret(passcode))
    found = enlist.see(ShowPasscode()).passcode
    assert found is not None
    assert found.accepted == 1
    page = desk.open(DIAGRAM)
    assert states(page)["self-service"] == "works"
    told = about(page, "self-service")
    for text in (ADMINISTRATOR, "0 of 100", "UTC", "Devices enrolled 0"):
        assert text in told, text
    assert page.leads_to(DISABLE)
    for address in (DIAGRAM, GENERATE, DISABLE):
        again = desk.open(address)
        assert passcode not in again.source
        assert passcode.replace("-", "") not in again.source


def test_its_qr_code_leads_to_the_page_with_the_passcode_behind_the_hash(console: Console) -> None:
    """B28: never in a query, which would stand in logs."""
    made = generate(console.sign_in())
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', made.source)
    address, _, fragment = qr_text(b64decode(picture)).partition("#")
    assert address == f"{console.services.public_url}/self-service/main"
    assert fragment == f"t={shown(made).replace('-', '')}"


def test_loading_the_answer_again_generates_no_other_one(console: Console, enlist: Enlist) -> None:
    """Else the one that was just handed out would be dead without a word."""
    desk = console.sign_in()
    form = desk.open(GENERATE)
    sent = {"replaces": form.value("replaces"), "overlap_hours": "0"}
    assert desk.send(GENERATE, sent).status == 200
    again = desk.follow(desk.send(GENERATE, sent))
    assert "A passcode was generated meanwhile" in again.main
    assert len(enlist.rows("passcode")) == 1


def test_both_live_for_a_while_and_the_old_one_is_ended(console: Console, enlist: Enlist) -> None:
    """X41: whether somebody still uses the old one is seen, and it can be ended at once."""
    desk, ada = console.sign_in(), enlist.user("ada")
    old = shown(generate(desk))
    assert "Hours for which" in desk.open(GENERATE).main
    wrong = generate(desk, overlap_hours="1000")
    assert wrong.status == 422
    assert "must be from 0 to 168" in wrong.main
    assert shown(generate(desk, overlap_hours="12")) != old
    first = min(enlist.rows("passcode"), key=lambda row: row["number"])["id"]
    device = enlist.register("ada").device_id
    enlist.store.write(lambda tx: passcodes.used(tx, first, ada.id, device))
    page = desk.open(DIAGRAM)
    told = about(page, "self-service")
    assert "Old one works until" in told
    assert "Devices by the old one 1" in told
    assert "Old one used by ada" in told
    assert page.leads_to(END_OLD)
    ended = desk.follow(desk.send(END_OLD, {}))
    assert "The old passcode works no more." in ended.text
    assert "Old one" not in about(ended, "self-service")
    assert desk.send(END_OLD, {}).status == 409


def test_disabling_says_what_it_does_first(console: Console, enlist: Enlist) -> None:
    """B11."""
    desk = console.sign_in()
    assert desk.open(DISABLE).status == 409
    generate(desk)
    asked = desk.open(DISABLE)
    assert "every other way to enroll go on" in asked.main
    assert enlist.see(ShowPasscode()).state is SelfService.ACTIVE
    after = desk.follow(desk.send(DISABLE, {}))
    assert "Self-service enrollment is off." in after.text
    assert states(after)["self-service"] == "off"
    assert not after.leads_to(DISABLE)
    assert "switched on again" in desk.open(GENERATE).main


def test_wrong_entries_are_counted_on_the_page_until_it_locks(
    console: Console, enlist: Enlist
) -> None:
    """B07, B08, B10: each is news for a page that looks again."""
    enlist.set(passcode_attempts=4)
    enlist.user("ada")
    desk = console.sign_in()
    generate(desk)
    seen = desk.open(DIAGRAM)
    for times, state in ((1, "works"), (2, "attention"), (3, "attention"), (4, "problem")):
        ask(enlist, WRONG)
        again = f"{DIAGRAM}?watched={marked(seen)}"
        seen = desk.open(again, hx_request="true")
        assert seen.status == 200
        assert f"Failed in a row {times} of 4" in about(seen, "self-service")
        assert states(seen)["self-service"] == state
    told = about(seen, "self-service")
    assert "Switched off after 4 wrong entries" in told
    assert "127.0.0." in told  # where they came from
    assert "It stays dead" in desk.open(GENERATE).main
    generate(desk)
    seen = desk.open(DIAGRAM)
    assert states(seen)["self-service"] == "works"
    assert "Failed in a row 0 of 4" in about(seen, "self-service")


def test_a_shielded_one_is_amber_and_is_not_overlapped(console: Console, enlist: Enlist) -> None:
    """X49."""
    enlist.set(passcode_attempts=3, passcode_lockout="shield")
    enlist.user("ada")
    desk = console.sign_in()
    generate(desk)
    for _ in range(3):
        ask(enlist, WRONG)
    page = desk.open(DIAGRAM)
    assert states(page)["self-service"] == "attention"
    assert "extra proof" in about(page, "self-service")
    assert "Hours for which" not in desk.open(GENERATE).main


def test_it_is_shown_again_only_where_the_settings_let_it(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    generate(desk)
    assert not desk.open(DIAGRAM).leads_to(SHOW)
    assert desk.send(SHOW, {}).status == 409
    enlist.set(passcode_reveal=True)
    made = shown(generate(desk))
    assert desk.open(DIAGRAM).leads_to(SHOW)
    assert shown(desk.send(SHOW, {})) == made
    assert desk.open(SHOW).status == 404
    assert len(enlist.events("passcode.revealed")) == 1


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_nobody_but_administrators_gets_there(console: Console, enlist: Enlist, role: str) -> None:
    """B22."""
    enlist.do(GeneratePasscode())
    desk = console.sign_in(role)
    for address in (GENERATE, DISABLE):
        assert desk.open(address).status == 403
    for address in (GENERATE, DISABLE, SHOW, END_OLD):
        assert desk.send(address, {}).status == 403
    assert enlist.see(ShowPasscode()).state is SelfService.ACTIVE


def test_below_the_passcode_from_above_counts_and_names_nobody(
    console: Console, enlist: Enlist
) -> None:
    """An organization's own is generated there; the one from above cannot be ended from below."""
    enlist.organization("alpha")
    enlist.organization("beta")
    generate(console.sign_in())
    desk = console.sign_in("administrator", "alpha")
    at = "/console/alpha/infrastructure"
    page = desk.open(at)
    told = about(page, "self-service")
    assert states(page)["self-service"] == "works"
    assert "Passcode of main" in told
    assert ADMINISTRATOR not in told
    assert page.leads_to(f"{at}/passcode/generate")
    assert not page.leads_to(f"{at}/passcode/disable")
    assert desk.open(f"{at}/passcode/disable").status == 409
    form = desk.open(f"{at}/passcode/generate")
    assert "gets a passcode of its own" in form.main
    assert desk.send(f"{at}/passcode/generate", {"replaces": form.value("replaces")}).status == 200
    assert "Passcode of" not in about(desk.open(at), "self-service")
    enlist.do(DisablePasscode())
    assert states(desk.open(at))["self-service"] == "works"
    beta = "/console/beta/infrastructure/passcode/generate"
    assert desk.open(beta).status == desk.send(beta, {}).status == 404
