"""Parts of others: each agreed on or explained, each locked with its hashes (S77)."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

from scripts.audit import EXPLAINED, explanations, judged
from tests.architecture.source import AGENT, ROOT, SOURCE, modules

AGREED = {
    *("starlette", "fastapi", "uvicorn", "uvloop", "httptools", "jinja2"),
    *("@tabler/core", "htmx.org", "chart.js", "@simplewebauthn/browser"),
    *("psycopg", "alembic", "pydantic", "pydantic-settings"),
    *("cryptography", "joserfc", "argon2-cffi", "fido2", "asn1crypto"),
    *("python-ldap", "authlib", "httpx2", "typer", "rich", "structlog", "prometheus-client"),
    *("segno", "phonenumbers", "babel"),
    *("pytest", "hypothesis", "schemathesis", "playwright", "import-linter", "ruff", "mypy"),
}
"""What Enlist was planned to stand on."""

OURS = {"enlist-agent"}


def name_of(requirement: str) -> str:
    """The name of a part in a requirement such as `psycopg[binary]>=3.3`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return found[0].lower().replace("_", "-")


def python_parts() -> set[str]:
    """Every part that a pyproject names itself, in whichever group."""
    found: set[str] = set()
    for path in (ROOT / "pyproject.toml", ROOT / "agent/pyproject.toml"):
        told = tomllib.loads(path.read_text())
        groups = [
            told["build-system"]["requires"],
            told["project"]["dependencies"],
            *told["project"].get("optional-dependencies", {}).values(),
            *told.get("dependency-groups", {}).values(),
        ]
        found |= {name_of(each) for group in groups for each in group if isinstance(each, str)}
    return found - OURS


def browser_parts() -> set[str]:
    package = json.loads((ROOT / "package.json").read_text())
    return {*package["dependencies"], *package["devDependencies"]}


def tools() -> set[str]:
    """What scripts install for themselves, at a version that they name."""
    texts = [path.read_text() for path in (ROOT / "scripts").iterdir() if path.is_file()]
    return {name for text in texts for name in re.findall(r"([a-z][a-z-]+)==\d", text)}


def test_every_part_was_agreed_on_or_is_explained() -> None:
    """By its name, in backticks, in an entry of the decisions."""
    decisions = (ROOT / "docs/decisions.md").read_text()
    parts = python_parts() | browser_parts() | tools()
    assert parts > {"starlette", "psycopg-pool", "axe-core", "uv", "pip-audit"}
    unexplained = {part for part in parts - AGREED if f"`{part}`" not in decisions}
    assert unexplained == set(), "each needs a line in docs/decisions.md"


def test_every_part_is_locked() -> None:
    """At a version and with hashes, which `test_committed_files.py` looks at."""
    locks = "".join(path.read_text() for path in ROOT.glob("requirements*.lock"))
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==", locks, re.MULTILINE))
    assert python_parts() - locked == set()
    told = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {f"node_modules/{name}" for name in browser_parts()} <= set(told)


def provided() -> dict[str, set[str]]:
    """The parts by the modules that each of them brings along.

    `packages_distributions` makes an object of each of 30,000 files to find out.
    """
    found: dict[str, set[str]] = {}
    for part in distributions():
        files = (part.read_text("RECORD") or "").splitlines()
        for top in {re.split(r"[/,]", line, maxsplit=1)[0].partition(".")[0] for line in files}:
            found.setdefault(top, set()).add(part.name)
    return found


def used_by(package: Path) -> set[str]:
    """The parts whose modules a package of ours imports."""
    names = {name.partition(".")[0] for each in modules(package) for name, _ in each.imports()}
    parts = provided()
    others = names - sys.stdlib_module_names - {"enlist", "enlist_agent"}
    return {name_of(part) for name in others for part in parts[name]}


def told_in(folder: str) -> set[str]:
    """The parts that a distribution of ours names, for every installation or for some."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    more = project.get("optional-dependencies", {}).values()
    return {name_of(each) for group in (project["dependencies"], *more) for each in group}


def test_enlist_names_every_part_that_it_uses() -> None:
    """What another part happens to bring along may be gone with that part's next release."""
    assert used_by(SOURCE) - told_in(".") == set()


def test_the_agent_names_every_part_that_it_uses_and_no_other() -> None:
    assert used_by(AGENT) == told_in("agent")


@pytest.mark.parametrize("name", ["Makefile", "scripts/build_assets.py"])
def test_nothing_is_installed_without_hashes(name: str) -> None:
    """Our own two packages have none, and bring nothing along."""
    text = (ROOT / name).read_text()
    installs = [line for line in text.splitlines() if re.search(r"\binstall\b.*(-r|-e)\b", line)]
    assert installs or name != "Makefile"
    for line in installs:
        assert "--require-hashes" in line or ("--no-deps" in line and "-e ." in line), line


def test_the_audit_tells_a_hole_from_what_nobody_was_asked_about() -> None:
    """pip-audit ends with 0 and "no known vulnerabilities" where it could ask about nothing."""
    hole = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": []}
    report = {
        "dependencies": [
            {"name": "one", "version": "1.0", "vulns": [hole]},
            {"name": "two", "version": "2.0", "vulns": []},
            {"name": "three", "skip_reason": "three is not known"},
        ]
    }
    verdict = judged(report, {})
    assert (verdict.asked, verdict.unknown) == (2, ["three is not known"])
    assert verdict.holes == ["one 1.0: PYSEC-2026-1"]
    for name in ("PYSEC-2026-1", "CVE-2026-1"):
        assert judged(report, {name: "Enlist does not call it"}).holes == []


def test_no_advisory_is_passed_over_without_a_reason() -> None:
    explanations(EXPLAINED.read_text())
    assert explanations("# why\n\nCVE-1 not called\n") == {"CVE-1": "not called"}
    with pytest.raises(SystemExit, match="CVE-1"):
        explanations("CVE-1\n")
