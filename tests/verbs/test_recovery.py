"""An administrator is let in again from the machine itself, once, and all others hear of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from enlist.core.clock import SECOND
from enlist.core.secrets import Kind, Secret
from enlist.delivery.rendering import Rendered, render
from enlist.store import outbox, setup_links
from enlist.store.tx import Reader
from enlist.verbs.driver import Driver
from enlist.verbs.letters import Letter, read_letter
from enlist.verbs.passwords import Passwords
from enlist.verbs.recovery import LIFETIME, Recover, Recovery, UseRecoveryLink
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import WithdrawRole
from enlist.verbs.users import SetUserState
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, code, refusal

FRESH = Secret("an entirely new password")


def made(enlist: Enlist, user: str = ADMINISTRATOR) -> Recovery:
    return enlist.do(Recover(user))


def use(enlist: Enlist, link: Secret, password: Secret = FRESH) -> object:
    return enlist.perform(UseRecoveryLink(link, password), enlist.stranger())


def sign_in(enlist: Enlist, password: str) -> str:
    verb = StartSignIn(ADMINISTRATOR, Secret(password))
    return code(enlist.perform(verb, enlist.stranger()))


def test_the_link_sets_a_password_once_and_ends_sign_ins(enlist: Enlist) -> None:
    assert sign_in(enlist, PASSWORD) == "done"
    link = made(enlist).link
    assert code(use(enlist, link)) == "done"
    assert sign_in(enlist, FRESH.reveal()) == "done"
    assert sign_in(enlist, PASSWORD) == "sign_in_failed"
    assert code(use(enlist, link)) == "recovery_link_invalid"
    (event,) = enlist.events("user.recovered")
    assert event.data == {"sign_ins_ended": 1}


def test_of_many_at_once_one_wins(enlist: Enlist) -> None:
    link = made(enlist).link
    outcomes = enlist.together([lambda: use(enlist, link) for _ in range(8)])
    codes = sorted(code(each) for each in outcomes)
    assert codes == ["done"] + ["recovery_link_invalid"] * 7


class Meanwhile(Passwords):
    """Something happens right after a password was compared."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(memory_kib=64, passes=1)
        self._happens = happens

    def verify(self, stored: str | None, password: Secret) -> bool:
        fits = super().verify(stored, password)
        self._happens()
        return fits


def test_whoever_signs_in_by_the_old_password_at_that_moment_is_out_too(enlist: Enlist) -> None:
    """It was right when it was compared; the sign-in would outlive the recovery by hours."""
    link = made(enlist).link
    slow = Meanwhile(lambda: use(enlist, link))
    driver = Driver(
        enlist.store, replace(enlist.installation.tools, passwords=slow), lambda _: None
    )
    thief = StartSignIn(ADMINISTRATOR, Secret(PASSWORD))
    assert code(driver.perform(thief, enlist.stranger())) == "sign_in_failed"
    enlist.clock.now += SECOND  # the old password is a wrong one now, and counts as a try
    assert sign_in(enlist, FRESH.reveal()) == "done"
    assert len(enlist.rows("sign_in")) == 1


def test_wrong_passwords_before_do_not_delay_him(enlist: Enlist) -> None:
    for _ in range(6):
        sign_in(enlist, "wrong wrong wrong")
    assert sign_in(enlist, PASSWORD) == "sign_in_delayed"
    use(enlist, made(enlist).link)
    assert sign_in(enlist, FRESH.reveal()) == "done"


def test_only_a_digest_of_the_link_is_kept(enlist: Enlist) -> None:
    """S29: a dump of the database lets nobody in."""
    link = made(enlist).link.reveal()
    (row,) = enlist.rows("setup_link")
    assert (
        bytes(row["digest"])
        == enlist.installation.tools.keys.digest(Kind.RECOVERY_LINK, Secret(link)).value
    )
    kept = str([*enlist.rows("event"), *enlist.rows("message")])
    assert link.partition(".")[2] not in kept


def test_it_ends_after_an_hour(enlist: Enlist) -> None:
    link = made(enlist).link
    enlist.clock.advance(microseconds=LIFETIME)
    assert code(use(enlist, link)) == "recovery_link_invalid"


def test_a_newer_link_ends_the_last(enlist: Enlist) -> None:
    first, second = made(enlist).link, made(enlist).link
    assert code(use(enlist, first)) == "recovery_link_invalid"
    assert code(use(enlist, second)) == "done"


def test_it_is_good_for_its_user_alone(enlist: Enlist) -> None:
    """The user stands in the clear, and under the digest."""
    enlist.staff("administrator", username="ben")
    ben = enlist.rows("app_user", username="ben")[0]["id"]
    secret = made(enlist).link.reveal().partition(".")[2]
    assert code(use(enlist, Secret(f"{ben}.{secret}"))) == "recovery_link_invalid"
    assert code(use(enlist, Secret(secret))) == "recovery_link_invalid"


def test_a_set_up_link_recovers_nobody(enlist: Enlist) -> None:
    """S11: a secret of one kind presented as another is unknown."""
    user = enlist.rows("app_user", username=ADMINISTRATOR)[0]["id"]
    text = Secret(f"{user}.{'x' * 43}")
    digest = enlist.installation.tools.keys.digest(Kind.SETUP_LINK, text)
    enlist.store.write(lambda tx: setup_links.put(tx, digest, tx.now + 1))
    assert code(use(enlist, text)) == "recovery_link_invalid"


def test_only_the_machine_itself_makes_one(enlist: Enlist) -> None:
    """No role, API key or console page leads to it."""
    other = enlist.staff("administrator", username="ben")
    assert code(enlist.perform(Recover(ADMINISTRATOR), other)) == "forbidden"
    assert not enlist.rows("setup_link")


def test_only_administrators_who_may_sign_in_are_recovered(enlist: Enlist) -> None:
    enlist.user("ada")
    enlist.staff("operator", username="ben")
    enlist.staff("administrator", username="cyd")
    enlist.do(SetUserState("cyd", "disabled"))
    for username, told in (("ada", "Only an administrator"), ("ben", "Only"), ("cyd", "disabled")):
        assert told in refusal(enlist.perform(Recover(username))).detail
    assert code(enlist.perform(Recover("nobody"))) == "not_found"


def test_whoever_lost_the_role_meanwhile_gets_nothing_by_the_link(enlist: Enlist) -> None:
    enlist.staff("administrator", username="ben")
    link = made(enlist, "ben").link
    enlist.do(WithdrawRole("ben", enlist.root.id, "administrator"))
    assert code(use(enlist, link)) == "recovery_link_invalid"


@pytest.mark.parametrize("password", ["short", ""])
def test_a_weak_password_uses_up_nothing(enlist: Enlist, password: str) -> None:
    link = made(enlist).link
    assert code(use(enlist, link, Secret(password))) == "password_too_short"
    assert code(use(enlist, link)) == "done"


def test_every_administrator_is_told(enlist: Enlist) -> None:
    """Whoever made the link cannot keep it to himself; the message holds no secret."""
    enlist.staff("administrator", username="ben")
    enlist.staff("operator", username="cyd")
    recovery = made(enlist, "ben")
    assert recovery.told == 2
    messages = [message for message in enlist.rows("message") if message["purpose"] == "recovery"]
    assert {row["recipient"] for row in messages} == {ADMINISTRATOR, "ben@example.com"}
    for language, told in (("en", "one-time sign-in link"), ("de", "einmaligen Anmeldelink")):
        letter = written(enlist, messages[0]["id"], language)
        assert told in letter.text
        assert "ben" in letter.text
        assert "root made" in letter.text or "hat root" in letter.text
        assert recovery.link.reveal().partition(".")[2] not in letter.text
    (event,) = enlist.events("user.recovery_link_made")
    assert event.data["told"] == 2


def written(enlist: Enlist, message_id: str, language: str) -> Rendered:
    """The message as its recipient reads it, who reads this language."""
    tools = enlist.installation.tools

    def letter(tx: Reader) -> object:
        found = outbox.find(tx, message_id)
        assert found is not None
        return read_letter(tools, tx, found)

    found = enlist.store.read(letter)
    assert isinstance(found, Letter)
    rendered = render(replace(found, languages=(language, "en")), "https://enlist.example")
    assert isinstance(rendered, Rendered)
    return rendered
