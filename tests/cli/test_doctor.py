"""`enlist doctor` as people and monitoring see it: what it prints, and how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from enlist.cli import doctor, output
from enlist.core.diagnosis import Diagnosis, Examined, Finding, fine, problem, skipped, warning
from tests.cli.conftest import COMMANDS

GOOD = fine("as it should be")
WORTH_A_LOOK = warning("a little late", "Run: hurry")
BAD = problem("[broken] by & by", "Run: mend --all\nThen restart.")


class Found:
    """A backend that has found these."""

    def __init__(self, *findings: Finding) -> None:
        self._findings = findings

    def doctor(self, **_options: Any) -> Diagnosis:
        examined = [
            Examined(f"Section {number // 2}", f"check-{number}", "a title", "It matters.", finding)
            for number, finding in enumerate(self._findings)
        ]
        return Diagnosis("/var/lib/enlist, SQLite", examined)


def ran(*findings: Finding, words: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(COMMANDS, ["doctor", *words], obj=Found(*findings))


@pytest.mark.parametrize(
    ("findings", "code", "result"),
    [
        ((GOOD, skipped("not here")), 0, "ok"),
        ((GOOD, WORTH_A_LOOK), 1, "warning"),
        ((WORTH_A_LOOK, BAD, GOOD), 2, "problem"),
    ],
)
def test_the_exit_code_is_a_monitoring_plugins(
    findings: tuple[Finding, ...], code: int, result: str
) -> None:
    assert ran(*findings).exit_code == code
    as_json = ran(*findings, words=("--json",))
    assert as_json.exit_code == code
    told = json.loads(as_json.stdout)
    assert told["result"] == result
    assert len(told["checks"]) == len(findings), "also what does not apply"


def test_what_is_amiss_says_why_and_what_to_do() -> None:
    lines = ran(GOOD, BAD, skipped("not here"), WORTH_A_LOOK).stdout.splitlines()
    text = "\n".join(line.strip() for line in lines)
    assert "✓ a title" in text
    assert "[broken] by & by\nIt matters.\n→ Run: mend --all\n→ Then restart." in text
    assert text.count("It matters.") == 2, "not where all is well"
    assert "not here" not in text
    assert text.index("Section 0") < text.index("Section 1")
    assert lines[-1] == "✗ 1 problem   ! 1 warning   ✓ 1 fine   · 1 does not apply here"


def test_it_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "_width", 60)
    monkeypatch.setattr(doctor, "_terminal", lambda: True)
    long = problem("word " * 40, "Do: " + "step " * 40)
    lines = [line for line in ran(long).stdout.splitlines() if "step" in line or "word" in line]
    assert len(lines) > 10
    assert max(len(line) for line in lines) <= 60


def test_a_command_stays_one_line_so_that_it_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "_width", 60)
    monkeypatch.setattr(doctor, "_terminal", lambda: True)
    command = "Run: enlist backup " + "word " * 20 + "end"
    assert f"→ {command}\n" in ran(problem("bad", command)).stdout
