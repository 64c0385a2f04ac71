"""Scripts for devices without the agent: served as they are, with the checksum that they have."""

from __future__ import annotations

import hashlib
import re

from enlist.web.enroll.next_step import by_script, checksum_command, command
from enlist.web.enroll.programs import POWERSHELL, PROGRAMS, SHELL
from enlist.web.services import Services
from tests.architecture.source import SOURCE
from tests.installation import Enlist, Ticket
from tests.web.enroll.conftest import NewVisitor, Page, Visitor
from tests.web.enroll.walking import code_on


def last_step(visitor: Visitor, ticket: Ticket) -> Page:
    """The page that says what to type on the device."""
    visitor.open()
    visitor.check(ticket.token)
    return visitor.begin()


def test_a_script_is_what_lies_in_the_package(visitor: Visitor) -> None:
    for program in PROGRAMS:
        answer = visitor.client.get(program.path)
        assert answer.status_code == 200
        assert answer.content == (SOURCE / "web/enroll/scripts" / program.name).read_bytes()
        assert hashlib.sha256(answer.content).hexdigest() == program.sha256
        assert f'filename="{program.name}"' in answer.headers["content-disposition"]
        assert "set-cookie" not in answer.headers


def test_the_page_shows_its_checksum_and_what_to_type(
    enlist: Enlist, visitor: Visitor, services: Services
) -> None:
    page = last_step(visitor, enlist.register())
    words = f"--server {services.public_url} --state enlist-device"
    assert f"sh enroll.sh {code_on(page)} {words}" in page.text
    assert page.text.index("enlist-agent enroll") < page.text.index("sh enroll.sh")
    (shown,) = re.findall(r"\b[0-9a-f]{64}\b", page.text)
    assert shown == SHELL.sha256
    assert f'href="{SHELL.path}"' in page.source


WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


def test_windows_has_a_script_of_its_own(enlist: Enlist, new_visitor: NewVisitor) -> None:
    visitor = new_visitor(user_agent=WINDOWS, sec_ch_ua_platform='"Windows"')
    page = last_step(visitor, enlist.register(platform="windows"))
    shown = code_on(page)
    assert f"powershell -ExecutionPolicy Bypass -File enroll.ps1 {shown} -Server" in page.text
    assert "Get-FileHash enroll.ps1" in page.text
    assert POWERSHELL.sha256 in page.text
    assert "enroll.sh" not in page.source
    assert "Its makers had no Windows to run it on." in page.text


def test_the_script_is_told_the_authority_as_the_agent_is() -> None:
    own = "sha256:" + "ab" * 32
    server = "https://enroll.example.com"
    for platform in ("linux", "macos", ""):
        words = by_script(platform, "CODE", server, own)
        assert words[1:] == command("CODE", server, own)[1:]
    assert f"-CaFingerprint {own}" in by_script("windows", "CODE", server, own)
    assert checksum_command("macos") == "shasum -a 256 enroll.sh"


def test_powershell_is_asked_for_no_option_that_its_script_lacks() -> None:
    """It cannot be run where these tests run, so at least its options are compared."""
    text = POWERSHELL.content.decode("ascii")
    known = set(re.findall(r"(?m)^    \[string\] \$(\w+)", text))
    asked = by_script("windows", "CODE", "https://enroll.example.com", "sha256:ab")[1:]
    assert {part.partition(" ")[0].removeprefix("-") for part in asked} <= known
    answers = {"AcceptTerms", "Ownership", "AssetNumber", "Email"}
    assert known == {"Secret", "Server", "State", "Name", "Ca", "CaFingerprint", *answers}
