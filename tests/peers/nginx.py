"""nginx: a proxy of the guide to proxies, as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.peers.base import Missing, Program, dotted, find_program, lacking, version_of

NAME = "nginx"
PACKAGES = ("nginx-light", "libnginx-mod-stream")
MIN_VERSION = (1, 18)
NEEDS_ROOT = False
STREAM: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def probe() -> Missing | None:
    found = lacking("nginx", PACKAGES[0], minimum=MIN_VERSION, version=("-v",))
    if found is None and not STREAM.exists():
        return Missing(f"no {STREAM} (Debian package {PACKAGES[1]})")
    return found


def start(folder: Path) -> Program:
    """Nothing to start yet: a test brings its own configuration."""
    path = find_program("nginx") or NAME
    return Program(path, dotted(version_of([path, "-v"])))
