"""Optional prompts on the pages: asked before the last step and in self-service (A58, A59)."""

from __future__ import annotations

from enlist.core.prompts import ASKING, TELLING
from enlist.verbs.branding import ChangeBranding
from enlist.verbs.organizations import ChangeSettings
from tests.installation import PASSWORD, Enlist, code
from tests.web.enroll.conftest import Visitor
from tests.web.enroll.walking import begun, code_on

SAID = {"ownership": "corporate_shared", "asset_number": "IT-0815", "email": "ada@home.example"}
TEXTS = {
    "welcome_text": "Good to see you <here>.\nSecond line.",
    "installation_text": "We keep a certificate on it.",
    "transition_text": "Android will ask twice.",
}


def switch_on(enlist: Enlist, *names: str) -> None:
    enlist.do(ChangeSettings("main", dict.fromkeys(names, True)))


def test_questions_are_asked_before_the_last_step_and_kept_with_the_device(
    enlist: Enlist, visitor: Visitor
) -> None:
    switch_on(enlist, *ASKING.values())
    ticket = enlist.register("ada")
    visitor.open()
    page = visitor.check(ticket.token)
    for asked in ("Whose is it?", "Asset number", "Your e-mail address"):
        assert asked in page.text
    refused = visitor.begin(ownership="corporate_shared", email="no address")
    assert refused.status == 422
    assert "Type an address such as" in refused.text
    refused = visitor.begin(ownership="corporate_shared", email="ada@home.example")
    assert refused.status == 422
    assert 'id="asset_number-error"' in refused.source
    assert 'value="ada@home.example"' in refused.source
    assert 'value="corporate_shared" selected' in refused.source
    assert enlist.rows("attempt") == []
    assert code(enlist.redeem(code_on(visitor.begin(**SAID)))) == "done"
    (row,) = enlist.rows("device")
    assert (row["ownership"], row["asset_number"]) == ("corporate_shared", "IT-0815")


def test_another_answer_after_back_counts(enlist: Enlist, visitor: Visitor) -> None:
    """The attempt that this browser began with the first answer is not shown again."""
    switch_on(enlist, "prompt_ownership")
    visitor.open()
    visitor.check(enlist.register("ada").token)
    sealed = visitor.shown.hidden("sealed")
    fields = {"sealed": sealed, "step": "begin"}
    first = code_on(visitor.post({**fields, "ownership": "employee_owned"}))
    again = code_on(visitor.post({**fields, "ownership": "employee_owned"}))
    other = code_on(visitor.post({**fields, "ownership": "corporate_shared"}))
    assert first == again != other
    assert code(enlist.redeem(other)) == "done"
    assert enlist.rows("device")[0]["ownership"] == "corporate_shared"


def test_questions_that_came_up_meanwhile_are_shown(enlist: Enlist, visitor: Visitor) -> None:
    visitor.open()
    visitor.check(enlist.register("ada").token)
    switch_on(enlist, "prompt_asset_number")
    answer = visitor.begin()
    assert (answer.status, answer.location) == (303, "/enroll/check")
    assert "Asset number" in visitor.open(answer.location).text
    assert code_on(visitor.begin(asset_number="IT-1"))


def test_messages_are_shown_where_they_are_switched_on_in_two_languages(
    enlist: Enlist, visitor: Visitor
) -> None:
    enlist.do(ChangeBranding("main", TEXTS))
    ticket = enlist.register("ada", platform="android")
    android = {"sec_ch_ua_platform": '"Android"'}
    visitor.headers = {"sec-ch-ua-platform": '"Android"'}
    visitor.open(**android)
    page = visitor.check(ticket.token)
    assert "Good to see you" not in page.text
    switch_on(enlist, *TELLING.values())
    page = visitor.open("/enroll/check")
    assert "Good to see you &lt;here&gt;.<br>Second line." in page.source
    page = visitor.begin()
    assert TEXTS["installation_text"] in page.text
    assert TEXTS["transition_text"] in page.text
    enlist.do(ChangeBranding("main", dict.fromkeys(TEXTS)))
    assert "Welcome to" in visitor.open("/enroll/check").text
    assert "Willkommen bei" in visitor.open("/enroll/check", accept_language="de").text
    visitor.open()
    visitor.check(enlist.register("eve").token)
    assert "On Android" not in visitor.begin(platform="linux").text


def test_consent_is_read_above_the_button_and_a_word_once_enrolled(
    enlist: Enlist, visitor: Visitor
) -> None:
    """A59."""
    said = {"consent_text": "By going on you agree.", "landing_text": "Next:\nread the <guide>."}
    enlist.do(ChangeBranding("main", said))
    visitor.open()
    page = visitor.check(enlist.register("eve").token)
    assert '<p class="hint" id="consent">By going on you agree.</p>' in page.source
    assert 'aria-describedby="consent"' in page.source
    shown, address = begun(enlist, visitor)
    assert "read the" not in visitor.open(address).text
    assert code(enlist.redeem(shown)) == "done"
    assert "Next:<br>read the &lt;guide&gt;." in visitor.open(address).source


def test_self_service_asks_the_same(enlist: Enlist, visitor: Visitor) -> None:
    """Neither is asked of whoever's organization does not want to know; the rest is folded."""
    enlist.user("ada", email="ada@example.test")
    visitor.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    assert "Not said" in visitor.open("/my-devices/new").text
    switch_on(enlist, *ASKING.values())
    page = visitor.open("/my-devices/new")
    before_fold = page.source.partition("<details")[0]
    assert 'id="ownership" name="ownership" required' in before_fold
    assert 'id="asset_number"' in before_fold
    fields = {"name": "laptop", "platform": "linux", "message_type": "email"}
    sent = {**fields, "nonce": page.hidden("nonce")}
    refused = visitor.post({**sent, "ownership": "corporate_shared"}, path="/my-devices/new")
    assert refused.status == 422
    assert 'id="asset_number-error"' in refused.source
    assert enlist.rows("device") == []
    added = visitor.post(
        {**sent, "ownership": "corporate_shared", "asset_number": "IT-1"}, path="/my-devices/new"
    )
    assert added.status == 303
    (row,) = enlist.rows("device")
    assert (row["ownership"], row["asset_number"]) == ("corporate_shared", "IT-1")
