"""The agent's page says what the agent does: exit codes, files, addresses and times."""

from __future__ import annotations

import re

from enlist_agent import cli, renewal, running, session, state
from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage

PAGE = DocsPage(ROOT / "docs" / "reference" / "agent.md")


def test_every_exit_code_has_its_line() -> None:
    known = {cli.DONE, cli.REFUSED, cli.WRONG_USAGE, cli.NO_SERVER, cli.RESET, cli.STOPPED}
    told = [int(each) for each in re.findall(r"(?m)^\| (\d+) \|", PAGE.text)]
    assert sorted(told) == sorted(known)
    assert all(re.search(rf"\b{code} ", cli._CODES) for code in known)


def test_every_file_is_named() -> None:
    files = {name for key, name in vars(state).items() if key.isupper() and isinstance(name, str)}
    assert {"key.pem", "run.lock"} < files
    for name in files:
        assert f"`{name}`" in PAGE.text, name


def test_addresses_and_times_are_those_of_the_code() -> None:
    for path in (renewal.PATH, renewal.CONFIRM_PATH):
        assert f"`POST {path}`" in PAGE.text
    assert (running.FIRST_PAUSE, running.LONGEST_PAUSE, running.BLOCKED_PAUSE) == (1, 60, 300)
    assert (running.STEADY, running.RENEW_AGAIN.total_seconds(), session.MISSED) == (30, 3600, 3)
