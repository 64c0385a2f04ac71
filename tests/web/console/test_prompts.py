"""Settings > … > Optional Prompt: switched on one by one, inherited, told in the log (A58)."""

from __future__ import annotations

from enlist.core.policy import SETTINGS
from enlist.store.redemptions import DeviceReport
from enlist.verbs.branding import ChangeBranding
from enlist.web.console.settings import AUTHENTICATION, PROMPTS, RESTRICTIONS
from tests.installation import Enlist, code
from tests.web.console.conftest import Console

HERE = "/console/main/settings/prompts"
BELOW = "/console/berlin/settings/prompts"


def test_each_setting_stands_on_exactly_one_page() -> None:
    pages = [*AUTHENTICATION, *RESTRICTIONS, *PROMPTS]
    assert sorted(pages) == sorted(SETTINGS)
    assert len(PROMPTS) == 7


def test_prompts_are_switched_on_by_themselves_and_inherited_below(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("berlin")
    desk = console.sign_in()
    assert "In force: Off" in desk.open(HERE).main
    inherit = {f"source.{key}": "inherit" for key in PROMPTS}
    typed = {**inherit, "source.prompt_ownership": "own", "prompt_ownership": "yes"}
    page = desk.follow(desk.send(HERE, typed))
    assert "Settings saved." in page.text
    own = {each["key"] for each in enlist.rows("organization_setting")}
    assert own == {"prompt_ownership"}
    below = desk.open(BELOW).main
    assert "Inherit: On" in below
    assert "Nothing was changed." in desk.follow(desk.send(BELOW, inherit)).text


def test_the_log_says_what_was_answered(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    typed = {f"source.{key}": "own" for key in PROMPTS} | dict.fromkeys(PROMPTS, "yes")
    desk.send(HERE, typed)
    ticket = enlist.register("ada")
    said = DeviceReport(
        platform="linux",
        ownership="corporate_shared",
        asset_number="IT-0815",
        email="ada@home.example",
    )
    assert code(enlist.redeem(ticket.token, report=said)) == "done"
    told = desk.open(f"/console/main/devices/{ticket.device_id}").main
    assert "Its user says whose it is: Corporate – shared." in told
    assert "Its user gave the asset number IT-0815." in told
    assert "Its user gave the e-mail address ada@home.example." in told


def test_branding_says_which_texts_are_shown(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    enlist.do(ChangeBranding("main", {"welcome_text": "Hello\nthere"}))
    page = desk.open("/console/main/branding")
    assert "Hello\nthere</textarea>" in page.source
    assert "Not shown: it is switched off" in page.main
    desk.send(HERE, {f"source.{key}": "own" for key in PROMPTS} | {"welcome_message": "yes"})
    assert "Shown now." in desk.open("/console/main/branding").main
