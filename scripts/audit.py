"""Ask an advisory service whether a locked Python part has a known hole (`make audit`).

On demand, as the service is not everywhere: where it cannot be asked, that is said, and nothing is
claimed. A hole that does not concern Enlist is explained in `advisories.txt`, by its id.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOOL: Final = "pip-audit==2.10.1"
EXPLAINED: Final = ROOT / "scripts/advisories.txt"


@dataclass
class Verdict:
    """What a report says.

    Attributes:
        asked: parts that the service knows.
        unknown: parts that it was not asked about or does not know, and why.
        holes: `part version: advisory`, those that nobody explained.
    """

    asked: int = 0
    unknown: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)


def judged(report: Mapping[str, Any], explained: Mapping[str, str]) -> Verdict:
    """Read what pip-audit reported; it calls a part that it could not ask about no hole."""
    verdict = Verdict()
    for part in report["dependencies"]:
        if "skip_reason" in part:
            verdict.unknown.append(part["skip_reason"])
            continue
        verdict.asked += 1
        for hole in part["vulns"]:
            if not {hole["id"], *hole.get("aliases", ())} & set(explained):
                verdict.holes.append(f"{part['name']} {part['version']}: {hole['id']}")
    return verdict


def explanations(text: str) -> dict[str, str]:
    """Advisories that do not concern us: a line for each, its id and the reason."""
    lines = (line.strip() for line in text.splitlines())
    found = dict(line.partition(" ")[::2] for line in lines if line and not line.startswith("#"))
    unexplained = [name for name, reason in found.items() if not reason.strip()]
    if unexplained:
        sys.exit(f"{EXPLAINED}: no reason is given for {', '.join(unexplained)}")
    return found


def main() -> None:
    """Audit every lock file; exit code 1 for a hole that nobody explained."""
    explained = explanations(EXPLAINED.read_text())
    holes = False
    with tempfile.TemporaryDirectory() as folder:
        tool = _tool(Path(folder))
        for lock in sorted(ROOT.glob("requirements*.lock")):
            said, report = _reported(tool, lock)
            if report is None:
                print(f"{lock.name}: skipped, no advisory service answered: {said}")
                continue
            verdict = judged(report, explained)
            print(f"{lock.name}: {verdict.asked} parts asked, {len(verdict.holes)} with holes")
            if verdict.unknown:
                print(f"  skipped {len(verdict.unknown)}, the first: {verdict.unknown[0]}")
            for hole in verdict.holes:
                print(f"  {hole}")
            holes = holes or bool(verdict.holes)
    sys.exit(1 if holes else 0)


def _tool(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/pip", "install", "-q", TOOL], check=True)
    return folder / "bin/pip-audit"


def _reported(tool: Path, lock: Path) -> tuple[str, Mapping[str, Any] | None]:
    """What pip-audit says, and its report if it could make one."""
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json")
    ran = subprocess.run([tool, "-r", lock, *options], capture_output=True, text=True, check=False)
    said = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return said, json.loads(ran.stdout) if ran.stdout.startswith("{") else None


if __name__ == "__main__":
    main()
