"""A74: a link to set a password, instead of a password in a mail."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from enlist.core.clock import HOUR
from enlist.core.ids import Id
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Kind, Secret
from enlist.delivery.builtin import built_in
from enlist.delivery.rendering import Rendered, render
from enlist.store import holds, key_use, password_links
from enlist.store.postgres import PostgresTx
from enlist.store.sqlite import SqliteTx
from enlist.store.tx import Tx
from enlist.verbs.driver import AnyVerb
from enlist.verbs.erase import Erase
from enlist.verbs.keys import DropLeakedKeys
from enlist.verbs.letters import Letter
from enlist.verbs.offboard import Offboard
from enlist.verbs.password_links import MOST_BY_NAME, AskForPasswordLink, UsePasswordLink
from enlist.verbs.recovery import Recover, UseRecoveryLink
from enlist.verbs.sign_in import SignedIn, StartSignIn
from enlist.verbs.staff import GrantRole, SendPasswordLink, SetPassword
from enlist.verbs.users import AddUser, ChangeUser, DeleteUser, SetUserState
from enlist.verbs.verdicts import Accepted
from enlist.wiring.keys import TAKEN_UP, KeyWatch, rotate
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, code, done, refusal
from tests.peers.base import DEADLINE
from tests.posting import post_all

NEW = "six green turtles swim"
LINK = re.compile(r"http://localhost:8000/set-password#t=(\w+)")


def post(enlist: Enlist) -> list[Rendered]:
    """Send what is in the outbox, and read it."""
    read: list[Rendered] = []

    def take(letter: Letter) -> Accepted:
        written = render(letter, "http://localhost:8000")
        assert isinstance(written, Rendered), written
        read.append(written)
        return Accepted()

    post_all(enlist, take)
    return read


def link_in(enlist: Enlist) -> Secret:
    """The secret of the only link that a message brings now."""
    (mail,) = post(enlist)
    (secret,) = set(LINK.findall(mail.text))
    assert secret in mail.html
    return Secret(secret)


def use(enlist: Enlist, link: Secret, password: str = NEW) -> Done[Any] | Refusal:
    return enlist.perform(UsePasswordLink(link, Secret(password)), enlist.stranger())


def ask(enlist: Enlist, named: str) -> Done[None] | Refusal:
    return enlist.perform(AskForPasswordLink(named), enlist.stranger())


def sign_in(enlist: Enlist, username: str, password: str) -> Done[SignedIn] | Refusal:
    return enlist.perform(StartSignIn(username, Secret(password)), enlist.stranger())


def sent_to(enlist: Enlist, username: str = "ada") -> Secret:
    enlist.do(SendPasswordLink(username))
    return link_in(enlist)


def test_a_new_user_sets_his_password_by_the_link_in_his_mail(enlist: Enlist) -> None:
    added = enlist.do(AddUser("", "ada", "ada@example.com", password_link=True))
    assert added.has_password is False
    link = link_in(enlist)
    assert code(sign_in(enlist, "ada", NEW)) == "sign_in_failed"
    assert done(use(enlist, link)).username == "ada"
    enlist.clock.advance(seconds=2)
    assert code(sign_in(enlist, "ada", NEW)) == "done"
    told = [event.kind for event in enlist.events() if event.kind.startswith("user.password_link")]
    assert told == ["user.password_link_sent", "user.password_link_used"]


def test_it_works_once(enlist: Enlist) -> None:
    enlist.user("ada")
    link = sent_to(enlist)
    outcomes = enlist.together([lambda: use(enlist, link) for _ in range(4)])
    assert sorted(map(code, outcomes)) == ["done", *["password_link_invalid"] * 3]
    assert code(use(enlist, link)) == "password_link_invalid"


@pytest.mark.parametrize(("role", "hours"), [("", 24), ("reader", 48), ("administrator", 48)])
def test_it_lives_a_day_and_that_of_staff_two(enlist: Enlist, role: str, hours: int) -> None:
    enlist.user("ada")
    if role:
        enlist.do(GrantRole("ada", "main", role))
    enlist.do(SendPasswordLink("ada"))
    link = link_in(enlist)
    enlist.clock.advance(hours=hours, microseconds=-1)
    assert code(use(enlist, link, "short")) == "password_too_short"
    enlist.clock.advance(microseconds=1)
    assert code(use(enlist, link)) == "password_link_invalid"
    if role:
        ask(enlist, "ada")
        (row,) = enlist.rows("password_link")
        assert row["expires_at"] == enlist.clock.now + 48 * HOUR


def test_a_newer_one_ends_the_last(enlist: Enlist) -> None:
    enlist.user("ada")
    first = sent_to(enlist)
    second = sent_to(enlist)
    assert code(use(enlist, first)) == "password_link_invalid"
    assert code(use(enlist, second)) == "done"


def test_a_message_that_waits_is_not_sent_once_a_newer_one_was_made(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(SendPasswordLink("ada"))
    link = sent_to(enlist)
    old, new = sorted(enlist.rows("message"), key=lambda row: row["id"])
    assert (old["state"], old["reason"]) == ("failed", "a newer message was sent")
    assert new["state"] == "sent"
    assert code(use(enlist, link)) == "done"


def test_wherever_he_is_signed_in_that_ends_and_wrong_tries_are_forgotten(enlist: Enlist) -> None:
    enlist.user("ada")
    done(sign_in(enlist, "ada", PASSWORD))
    for _ in range(6):
        sign_in(enlist, "ada", "wrong wrong wrong")
    done(use(enlist, sent_to(enlist)))
    assert all(row["ended_at"] for row in enlist.rows("sign_in"))
    assert code(sign_in(enlist, "ada", NEW)) == "done"


@pytest.mark.parametrize(
    "what",
    [
        "password",
        "address",
        "disabled",
        "offboarded",
        "deleted",
        "erased",
        "keys",
        "restored",
    ],
)
def test_what_changes_meanwhile_ends_it(enlist: Enlist, what: str) -> None:
    ada = enlist.user("ada")
    link = sent_to(enlist)
    if what == "password":
        enlist.do(SetPassword("ada", Secret("a password set by staff")))
    elif what == "address":
        enlist.do(ChangeUser("ada", {"email": "other@example.com"}))
    elif what == "disabled":
        enlist.do(SetUserState("ada", "disabled"))
        assert code(use(enlist, link)) == "password_link_invalid"
        enlist.do(SetUserState("ada", "active"))
    elif what == "offboarded":
        enlist.do(Offboard("ada"))
        enlist.do(SetUserState("ada", "active"))
    elif what == "deleted":
        enlist.do(DeleteUser("ada"))
    elif what == "erased":
        enlist.do(Erase(ada.id, confirm="ada"))
        assert not enlist.rows("password_link")
    elif what == "keys":
        enlist.do(DropLeakedKeys("new-lookup", "new-derive"))
    else:
        enlist.store.write(holds.end_what_people_hold)
    assert code(use(enlist, link)) == "password_link_invalid"


@pytest.mark.parametrize(
    "change",
    [
        ChangeUser("ada", {"email": "other@example.com"}),
        SetUserState("ada", "disabled"),
        SetPassword("ada", Secret("a password set by staff")),
    ],
    ids=["address", "state", "password"],
)
def test_one_asked_for_while_that_changes_does_not_outlive_it(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, change: AnyVerb[Any, Any, Any]
) -> None:
    """It is asked for at the worst moment: his link was ended, and nobody can see that yet."""
    enlist.user("ada")
    ended, asked = threading.Event(), threading.Event()
    end = password_links.end

    def slowly(tx: Tx, user_id: Id) -> bool:
        found = end(tx, user_id)
        ended.set()
        before_the_commit.append(asked.wait(0.5))
        return found

    def meanwhile() -> str:
        assert ended.wait(DEADLINE)
        outcome = ask(enlist, "ada")
        asked.set()
        return code(outcome)

    before_the_commit: list[bool] = []
    monkeypatch.setattr(password_links, "end", slowly)
    assert enlist.together([lambda: code(enlist.perform(change)), meanwhile]) == ["done"] * 2
    assert before_the_commit == [False], "it waits for the change"
    living = [row for row in enlist.rows("password_link") if row["used_at"] is None]
    address = enlist.rows("app_user", username="ada")[0]["email"]
    assert len(living) == (0 if change.name == "set_user_state" else 1)
    assert [row["recipient"] for row in enlist.rows("message")] == [address] * len(living)


def test_a_recovery_link_ends_it(enlist: Enlist) -> None:
    link = sent_to(enlist, ADMINISTRATOR)
    recovery = enlist.do(Recover(ADMINISTRATOR)).link
    done(enlist.perform(UseRecoveryLink(recovery, Secret(PASSWORD)), enlist.stranger()))
    assert code(use(enlist, link)) == "password_link_invalid"


def test_what_is_typed_wrong_uses_nothing_up(enlist: Enlist) -> None:
    enlist.user("ada")
    link = sent_to(enlist)
    assert code(use(enlist, link, "short")) == "password_too_short"
    assert code(use(enlist, Secret(link.reveal()[:-1]))) == "password_link_invalid"
    assert code(use(enlist, Secret(""))) == "password_link_invalid"
    assert code(use(enlist, link)) == "done"


def test_nothing_readable_is_kept_and_no_mail_holds_a_password(enlist: Enlist) -> None:
    """S29: a dump lets nobody in; and a password goes to nobody, whoever set it."""
    enlist.do(AddUser("", "ada", "ada@example.com", password_link=True))
    link = link_in(enlist)
    (row,) = enlist.rows("password_link")
    keys = enlist.installation.tools.keys
    assert bytes(row["digest"]) == keys.digest(Kind.PASSWORD_LINK, link).value
    kept = str([enlist.rows(table) for table in ("password_link", "message", "event")])
    assert link.reveal() not in kept
    done(use(enlist, link))
    enlist.do(SetPassword("ada", Secret("a password set by staff")))
    enlist.register("ada")
    assert not [
        word
        for mail in post(enlist)
        for word in (NEW, "a password set by staff", PASSWORD)
        if word in mail.text + mail.html + mail.subject
    ]
    for language in ("en", "de"):
        template = built_in("password_link", language)
        assert template is not None
        assert "{PasswordUrl}" in template.body
        assert "Url}" not in template.subject


def test_a_rotated_key_still_opens_what_was_sent(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.do(SendPasswordLink("ada"))
    for purpose in ("lookup", "derive"):
        rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    KeyWatch(enlist.settings.data, enlist.clock, enlist.installation.take_up).look()
    alive = {key.id: key.alive for key in enlist.store.read(key_use.known)}
    (row,) = enlist.rows("password_link")
    assert (alive[row["lookup_key_id"]], alive[row["derive_key_id"]]) == (1, 1)
    assert code(use(enlist, link_in(enlist))) == "done"


# --- by staff ----------------------------------------------------------------------------------


def test_staff_is_told_whom_it_cannot_be_sent(enlist: Enlist) -> None:
    ada = enlist.user("ada", email="")
    missing = refusal(enlist.perform(SendPasswordLink("ada")))
    assert (missing.code, missing.fields[0].field) == ("email_missing", "user.email")
    enlist.do(ChangeUser("ada", {"email": "ada@example.com"}))
    enlist.do(SetUserState("ada", "disabled"))
    assert code(enlist.perform(SendPasswordLink("ada"))) == "conflict"
    enlist.do(SetUserState("ada", "active"))
    enlist.put_source(ada.id, "directory")
    assert code(enlist.perform(SendPasswordLink("ada"))) == "conflict"
    assert code(ask(enlist, "ada")) == "done"
    assert not enlist.rows("message")


def test_staff_gets_one_only_by_who_has_just_proved_himself(enlist: Enlist) -> None:
    enlist.staff("reader", username="ben")
    boss = enlist.staff("administrator")
    enlist.clock.advance(minutes=11)
    assert code(enlist.perform(SendPasswordLink("ben"), boss)) == "proof_too_old"
    enlist.user("ada")
    assert code(enlist.perform(SendPasswordLink("ada"), boss)) == "done"


def test_a_new_user_without_an_address_is_not_added(enlist: Enlist) -> None:
    told = refusal(enlist.perform(AddUser("", "ada", password_link=True)))
    assert (told.code, told.fields[0].field) == ("email_missing", "email")
    verb = AddUser("", "ada", "a@example.com", password=Secret(PASSWORD), password_link=True)
    both = refusal(enlist.perform(verb))
    assert (both.code, both.fields[0].field) == ("validation_failed", "password")
    assert not enlist.rows("app_user", username="ada")


# --- forgotten ---------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["ada", "ADA ", "Ada@Example.com"])
def test_who_forgot_his_password_names_himself(enlist: Enlist, named: str) -> None:
    enlist.user("ada")
    assert code(ask(enlist, named)) == "done"
    assert code(use(enlist, link_in(enlist))) == "done"


def test_one_address_in_two_organizations_reaches_both_accounts(enlist: Enlist) -> None:
    enlist.organization("north")
    enlist.user("ada", email="a@example.com")
    enlist.user("ada2", email="a@example.com", organization="north")
    assert code(ask(enlist, "a@example.com")) == "done"
    mails = post(enlist)
    assert len(mails) == 2
    assert [word for word in ("ada\n", "ada2\n") if any(word in mail.text for mail in mails)]


def test_the_answer_and_its_cost_do_not_tell_whom_there_is(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S07: the same answer by the same statements, in the same order, whoever was meant."""
    enlist.user("ada")
    enlist.user("bare", password="")
    enlist.user("gone")
    enlist.do(SetUserState("gone", "disabled"))
    asked: list[object] = []
    for transaction in (SqliteTx, PostgresTx):
        execute = transaction._execute

        def noting(self: Any, text: object, *rest: Any, _execute: Any = execute) -> Any:
            asked.append(text)
            return _execute(self, text, *rest)

        monkeypatch.setattr(transaction, "_execute", noting)
    seen = {}
    for name in ("nobody", "ada", "bare", "gone", "nobody@example.com", "\x00", "ada"):
        asked.clear()
        outcome = ask(enlist, name)
        assert isinstance(outcome, Done)
        assert outcome.value is None
        seen[name] = list(asked)
    assert len({tuple(map(str, each)) for each in seen.values()}) == 1
    assert len(seen["ada"]) > 4
    mailed = [row["recipient"] for row in enlist.rows("message")]
    assert mailed == ["ada@example.com", "ada@example.com"]
    assert "nobody@example.com" not in str(enlist.rows("event"))


def test_who_was_sent_a_link_once_may_ask_for_the_next_himself(enlist: Enlist) -> None:
    enlist.do(AddUser("", "ada", "ada@example.com", password_link=True))
    enlist.clock.advance(hours=25)
    assert code(use(enlist, Secret("x"))) == "password_link_invalid"
    ask(enlist, "ada")
    (_, newer) = enlist.rows("message")
    assert newer["purpose"] == "password_link"


def test_nobody_is_flooded_with_mail(enlist: Enlist) -> None:
    enlist.user("ada")
    for _ in range(MOST_BY_NAME + 3):
        assert code(ask(enlist, "ada")) == "done"
    assert len(enlist.rows("message")) == MOST_BY_NAME
    assert code(use(enlist, link_in(enlist))) == "done"
    (last,) = enlist.events("user.password_link_asked")[-1:]
    assert last.data["reason"] == "asked for too often"
    enlist.clock.advance(hours=1)
    ask(enlist, "ada")
    assert len(enlist.rows("message")) == MOST_BY_NAME + 1


def test_one_source_cannot_try_name_after_name(enlist: Enlist) -> None:
    caller = enlist.stranger()
    for number in range(10):
        assert code(enlist.perform(AskForPasswordLink(f"n{number}"), caller)) == "done"
    enlist.user("ada")
    throttled = refusal(enlist.perform(AskForPasswordLink("ada"), caller))
    assert throttled.code == "rate_limited"
    assert throttled.retry_after == 600
    assert not enlist.rows("message")
    assert code(ask(enlist, "ada")) == "done"
