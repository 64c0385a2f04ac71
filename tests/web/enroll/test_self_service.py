"""The self-service page: it answers everybody alike, and what is right goes to the mailbox."""

from __future__ import annotations

import re

import pytest

from enlist.core.secrets import Secret
from enlist.store import credential_requests
from enlist.verbs.passcodes import DisablePasscode, GeneratePasscode
from enlist.verbs.self_service import AskForCredentials
from tests.installation import Enlist
from tests.web.enroll.conftest import NewVisitor, Page, Visitor

PATH = "/self-service"
WRONG = "aaaaBBBB1111"
NOT_AVAILABLE = "Self-service enrollment is not available here at the moment."


@pytest.fixture
def passcode(enlist: Enlist) -> str:
    enlist.user("ada")
    return enlist.do(GeneratePasscode()).secret.reveal()


def ask(visitor: Visitor, passcode: str, email: str = "ada@example.com", path: str = PATH) -> Page:
    page = visitor.open(path)
    fields = {"email": email, "passcode": passcode, "platform": "linux"}
    return visitor.post({"nonce": page.hidden("nonce"), **fields})


def waiting(enlist: Enlist) -> int:
    return len(enlist.store.read(lambda tx: credential_requests.waiting(tx, 100)))


def test_right_and_wrong_look_the_same(
    new_visitor: NewVisitor, enlist: Enlist, passcode: str
) -> None:
    """Ruling 40, recipe 6: known and unknown, right and wrong, disabled and locked."""
    pages = [
        ask(new_visitor(), passcode),
        ask(new_visitor(), passcode, "eve@example.com"),
        ask(new_visitor(), WRONG),
        ask(new_visitor(), WRONG, "eve@example.com"),
    ]
    assert waiting(enlist) == 1
    enlist.do(DisablePasscode())
    pages += [ask(new_visitor(), passcode), ask(new_visitor(), WRONG, "eve@example.com")]
    assert {page.status for page in pages} == {200}
    assert len({page.source for page in pages}) == 1
    assert len({frozenset(page.headers) for page in pages}) == 1
    assert "Look into your mailbox" in pages[0].text


def test_the_form_says_what_is_missing_and_forgets_the_passcode(
    visitor: Visitor, passcode: str
) -> None:
    """B12: 422 where either is missing; what was typed as a name stays."""
    page = ask(visitor, "")
    assert page.status == 422
    assert "Fill in the passcode." in page.text
    assert 'value="ada@example.com"' in page.source
    page = ask(visitor, passcode, "")
    assert page.status == 422
    assert passcode not in page.source


def test_a_form_of_elsewhere_counts_nothing(
    visitor: Visitor, enlist: Enlist, passcode: str
) -> None:
    """X03: a page of somebody else's cannot let browsers of others enter wrong passcodes."""
    visitor.open(PATH)
    fields = {"email": "ada@example.com", "passcode": passcode, "platform": "linux"}
    page = visitor.post({"nonce": "forged", **fields})
    assert "This page was open for too long" in page.text
    assert waiting(enlist) == 0


def test_too_many_from_one_place_wait(visitor: Visitor, passcode: str) -> None:
    """B27: the eleventh is told to wait, with Retry-After."""
    pages = [ask(visitor, WRONG) for _ in range(11)]
    assert [page.status for page in pages] == [200] * 10 + [429]
    assert int(pages[-1].headers["retry-after"]) > 0
    assert "Try again in" in pages[-1].text


def test_one_organization_s_page_says_that_it_is_off(
    visitor: Visitor, enlist: Enlist, passcode: str
) -> None:
    """B11: without detail; the page of all organizations cannot say so."""
    assert "For people of" in visitor.open(f"{PATH}/main").text
    enlist.do(DisablePasscode())
    off, unknown = visitor.open(f"{PATH}/main"), visitor.open(f"{PATH}/nowhere")
    for page in (off, unknown):
        assert page.status == 200
        assert NOT_AVAILABLE in page.text
        assert "<form" not in page.source
    assert "<form" in visitor.open(PATH).source


def test_a_page_of_one_s_own_counts_there(visitor: Visitor, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.do(GeneratePasscode("alpha"))
    ask(visitor, WRONG, "eve@example.com", f"{PATH}/alpha")
    [row] = enlist.rows("passcode")
    assert row["failed"] == 1


@pytest.mark.parametrize(("agent", "chosen"), [('"iOS"', "ios"), ('"Windows"', "windows")])
def test_it_knows_what_it_is_opened_on(visitor: Visitor, agent: str, chosen: str) -> None:
    page = visitor.open(PATH, sec_ch_ua_platform=agent)
    assert re.search(rf'value="{chosen}" selected', page.source)


def test_a_phone_is_told_what_is_not_possible_yet(visitor: Visitor, passcode: str) -> None:
    page = visitor.open(PATH)
    fields = {"email": "ada@example.com", "passcode": passcode, "platform": "ios"}
    page = visitor.post({"nonce": page.hidden("nonce"), **fields})
    assert "Phones and tablets cannot finish here yet" in page.text


def test_the_proof_of_a_mailbox(visitor: Visitor, enlist: Enlist) -> None:
    """X49: behind the link the passcode is typed once more; a slip may be mended."""
    enlist.set(passcode_attempts=3, passcode_lockout="shield")
    enlist.user("ada")
    made = enlist.do(GeneratePasscode()).secret
    for _ in range(3):
        verb = AskForCredentials("ada@example.com", Secret(WRONG), "linux")
        enlist.perform(verb, enlist.stranger())
    assert "Look into your mailbox" in ask(visitor, WRONG).text
    [letter] = [row for row in enlist.rows("message") if row["purpose"] == "self_service_proof"]
    keys = enlist.driver.tools.keys
    link = keys.derive_link_again(letter["id"], keys.derive[0].id).reveal()
    page = visitor.open(f"{PATH}/proof")
    typed = {"link": f"http://testserver{PATH}/proof#t={link}", "passcode": WRONG}
    page = visitor.post({"nonce": page.hidden("nonce"), **typed})
    assert (page.status, link in page.source) == (403, False)
    assert "This is not the company passcode" in page.text
    again = {"nonce": page.hidden("nonce"), "passcode": made.reveal()}
    page = visitor.post(again)
    assert "That was right." in page.text
    assert waiting(enlist) == 1


def test_german(visitor: Visitor, passcode: str) -> None:
    page = visitor.open(PATH, accept_language="de")
    assert "Melden Sie Ihr Gerät selbst an" in page.text
