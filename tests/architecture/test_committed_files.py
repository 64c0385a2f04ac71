"""What may stand in a committed file: nothing that ties the project to one index or machine."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.architecture.source import ROOT

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))

# Hosts from which packages come; in pieces, so that this file does not name them either.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
            ("crates", "io"),
            ("golang", "org"),
            ("deb", "debian", "org"),
            ("maven", "org"),
            ("jsdelivr", "net"),
            ("unpkg", "com"),
        )
    )
)


def committed() -> list[str]:
    """All files in git's index."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_registry() -> None:
    found = [
        name
        for name in committed()
        if REGISTRIES.search((ROOT / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not found


@pytest.mark.parametrize("name", LOCKS)
def test_python_locks_hold_names_versions_and_hashes_only(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE), "an option of an index"
    pinned = re.findall(r"^[a-z0-9-]+(?:\[[a-z,-]+\])?==\S+", text, re.MULTILINE)
    assert pinned
    requirements = [line for line in text.splitlines() if re.match(r"\w", line)]
    assert len(pinned) == len(requirements)
    assert all(line.rstrip().endswith("\\") for line in requirements), "a requirement has no hash"


def test_npm_lock_holds_no_addresses() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') == text.count('"node_modules/')


def test_npm_versions_are_exact() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert versions
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
