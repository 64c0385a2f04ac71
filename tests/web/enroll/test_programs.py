"""Scripts for devices without the agent: served as they are, with the checksum that they have."""

from __future__ import annotations

import hashlib
import re

from enlist.web.enroll.next_step import by_script, command
from enlist.web.enroll.programs import PROGRAMS, SHELL
from enlist.web.services import Services
from tests.architecture.source import SOURCE
from tests.installation import Enlist
from tests.web.enroll.conftest import Visitor
from tests.web.enroll.test_steps import code_on


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
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    page = visitor.begin()
    words = f"--server {services.public_url} --state enlist-device"
    assert f"sh enroll.sh {code_on(page)} {words}" in page.text
    assert page.text.index("enlist-agent enroll") < page.text.index("sh enroll.sh")
    (shown,) = re.findall(r"\b[0-9a-f]{64}\b", page.text)
    assert shown == SHELL.sha256
    assert f'href="{SHELL.path}"' in page.source


def test_the_script_is_told_the_authority_as_the_agent_is() -> None:
    own = "sha256:" + "ab" * 32
    server = "https://enroll.example.com"
    assert by_script("CODE", server, own)[1:] == command("CODE", server, own)[1:]
    assert f"--ca-fingerprint {own}" in by_script("CODE", server, own)
