"""`enroll.ps1` as far as it can be tried without PowerShell: a parser reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from enlist_agent import cli
from tests.architecture.source import SOURCE

SCRIPTS = SOURCE / "web/enroll/scripts"
TEXT = (SCRIPTS / "enroll.ps1").read_text(encoding="ascii")
SHELL = (SCRIPTS / "enroll.sh").read_text(encoding="ascii")
PARSER = Parser(Language(tree_sitter_powershell.language()))
TREE = PARSER.parse(TEXT.encode()).root_node

OF_WINDOWS = {
    *("Set-StrictMode", "Where-Object", "ForEach-Object", "Out-Null"),
    *("Join-Path", "Get-Item", "Get-ChildItem", "Remove-Item", "Get-Acl", "Get-Command"),
    *("ConvertTo-Json", "ConvertFrom-Json", "curl.exe", "icacls.exe"),
}
"""Commands of Windows PowerShell 5.1 and of Windows itself."""

AUTOMATIC = {
    *("_", "args", "true", "false", "null", "matches", "pid", "lastexitcode"),
    *("env:os", "executioncontext"),
}
"""Variables that PowerShell itself sets."""

OF_THE_SHELL = {
    "There is no such option. --help lists them.",
    "Give a link, a token or a code. --help says more.",
    "One link, token or code at a time.",
    "openssl cannot make a P-256 key here.",
    "openssl cannot make a certificate request here.",
}
"""Refusals whose words, or whose reasons, PowerShell does not have."""


def nodes(kind: str, below: Node = TREE) -> Iterator[Node]:
    """Every node of a kind, in the order of the text."""
    for child in below.children:
        if child.type == kind:
            yield child
        yield from nodes(kind, child)


def texts(kind: str, below: Node = TREE) -> list[str]:
    return [node.text.decode() for node in nodes(kind, below) if node.text]


def test_it_is_powershell() -> None:
    assert not TREE.has_error
    assert len(texts("function_name")) > 10
    assert PARSER.parse(TEXT.replace("finally {", "finally").encode()).root_node.has_error


def test_every_command_is_one_of_its_own_or_of_windows() -> None:
    assert set(texts("command_name")) - set(texts("function_name")) == OF_WINDOWS


def test_every_variable_that_it_reads_was_set() -> None:
    """In strict mode another one would end it."""

    def named(found: list[str]) -> set[str]:
        return {each.lower().strip("${}").removeprefix("script:") for each in found}

    written = [*nodes("left_assignment_expression"), *nodes("script_parameter")]
    known = named([name for each in written for name in texts("variable", each)])
    used = named([*texts("variable"), *texts("braced_variable")])
    assert used - AUTOMATIC == known & used
    assert {"work", "folder", "protocol", "given"} <= known


def test_it_ends_with_the_exit_codes_that_it_names() -> None:
    told = {int(each) for each in re.findall(r"Stop-Enrolling (\w+)", TEXT) if each.isdigit()}
    assert told == {cli.REFUSED, cli.WRONG_USAGE, cli.NO_SERVER}
    assert set(re.findall(r"\bexit (\S+)", TEXT)) == {"$Code", str(cli.DONE)}
    (described,) = re.findall(r"(?s)Exit codes: (.*?)\n\n", TEXT)
    assert {int(each) for each in re.findall(r"\b(\d) ", described)} == {*told, cli.DONE}


def test_what_nobody_foresaw_is_no_refusal() -> None:
    """PowerShell itself would end with 1, and leave a script that goes on after an error."""
    (trap,) = texts("trap_statement")
    assert f"Stop-Enrolling {cli.WRONG_USAGE} " in trap
    assert "$ErrorActionPreference = 'Stop'" in TEXT


def test_both_scripts_refuse_the_same_in_the_same_words() -> None:
    """Each with its own way to write an option."""
    lines = SHELL.replace(" ;;\n", "\n")
    found = re.findall(r"""\bfail (\d) (['"])([^$\n]*)\2$""", lines, re.MULTILINE)
    options = {"--ca-fingerprint": "-CaFingerprint", "--server": "-Server", "--ca ": "-Ca "}
    compared = 0
    for code, _, told in found:
        if told in OF_THE_SHELL:
            continue
        words = told
        for option, here in options.items():
            words = words.replace(option, here)
        assert re.search(rf"Stop-Enrolling {code} ['\"]{re.escape(words)}['\"]", TEXT), told
        compared += 1
    assert compared > 8


def test_it_says_that_it_was_not_run() -> None:
    assert "had no Windows to run it on" in TEXT
