"""What the documentation says exists, exists: links, commands with their flags, variables, keys."""

from __future__ import annotations

import argparse
import re
from typing import Any

import pytest
import typer

from enlist.cli.application import build
from enlist.core.policy import SETTINGS
from enlist.settings import variables
from enlist_agent.cli import _parser
from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage, pages

PAGES = pages()
by_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@by_page
def test_links_lead_somewhere(page: DocsPage) -> None:
    for link in page.links:
        path, _, fragment = link.partition("#")
        target = (page.path.parent / path) if path else page.path
        assert target.exists(), f"{page.name}: {link}"
        if fragment:
            assert fragment in DocsPage(target).anchors, f"{page.name}: {link}"


def test_every_page_can_be_found() -> None:
    index = DocsPage(ROOT / "docs" / "README.md")
    listed = {(index.path.parent / link).resolve() for link in index.links}
    written = {page.path for page in PAGES if "docs" in page.path.parts} - {index.path}
    assert listed == written


@by_page
def test_commands_have_these_names_and_flags(page: DocsPage) -> None:
    root: Any = typer.main.get_command(build())
    for words in page.commands("enlist"):
        told = f"{page.name}: enlist {' '.join(words)}"
        if words[0] == "agent":
            assert _agent_takes(words[1:] or ["--help"]), told
            continue
        command, rest = root, list(words)
        while rest and hasattr(command, "commands"):
            assert rest[0] in command.commands, told
            command = command.commands[rest.pop(0)]
        known = {
            name: each for each in command.params for name in (*each.opts, *each.secondary_opts)
        }
        wrong = _misused(rest, known)
        assert not wrong, f"{told}: {wrong}"


def _misused(words: list[str], known: dict[str, Any]) -> str:
    """The first word that the command does not take; "" where it takes all."""
    arguments = [each for each in known.values() if each.param_type_name == "argument"]
    many = any(each.nargs == -1 for each in arguments)
    rest, room = list(words), len(words) if many else len(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            room -= 1
            if room < 0:
                return word
        elif word == "--help":
            continue
        elif word not in known:
            return word
        elif not known[word].is_flag:
            if not rest or rest[0].startswith("--"):
                return f"{word} without a value"
            rest.pop(0)
    return ""


@by_page
def test_the_agent_takes_its_flags(page: DocsPage) -> None:
    for words in page.commands("enlist-agent"):
        assert _agent_takes(words), f"{page.name}: enlist-agent {' '.join(words)}"


def _agent_takes(words: list[str]) -> bool:
    try:
        _parser("enlist-agent").parse_args(words)
    except (SystemExit, argparse.ArgumentError, ValueError) as leaving:
        return getattr(leaving, "code", 2) == 0
    return True


@by_page
def test_variables_exist(page: DocsPage) -> None:
    known = variables() | {"ENLIST_PEERS", "ENLIST_PICTURES"}
    named = set(re.findall(r"\bENLIST_[A-Z_]+[A-Z]\b", page.text))
    assert named <= known, page.name


@by_page
def test_enrollment_settings_exist(page: DocsPage) -> None:
    for key, value in re.findall(r"--set (\w+)=(\w+)", page.text):
        assert key in SETTINGS, f"{page.name}: {key}"
        choices = SETTINGS[key].choices
        assert choices is None or value in [each.value for each in choices], f"{page.name}: {value}"


@by_page
def test_make_knows_its_targets(page: DocsPage) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for block in [*page.blocks, *re.findall(r"`(make [^`\n]+)`", page.text)]:
        for target in re.findall(r"(?m)^make ([a-z]+)", block):
            assert re.search(rf"(?m)^{target}:", makefile), f"{page.name}: make {target}"


@pytest.mark.parametrize("target", ["bench", "faults", "fuzz"])
def test_contributors_are_told_what_the_long_runs_are_for(target: str) -> None:
    """And the variables that they take, which `make help` only names."""
    told = (ROOT / "CONTRIBUTING.md").read_text()
    assert f"- `make {target}` " in told
    for variable in {"bench": (), "faults": ("FAULT_SEED",), "fuzz": ("FUZZ",)}[target]:
        assert f"`{variable}=…`" in told


def test_the_checks_see_what_is_there() -> None:
    """A change of the pages' form must not leave nothing to check."""
    commands = [words for page in PAGES for words in page.commands("enlist")]
    agent = [words for page in PAGES for words in page.commands("enlist-agent")]
    assert len(commands) > 25
    assert len(agent) > 8
    assert sum(len(page.links) for page in PAGES) > 30
