"""What this device says about itself when it enrolls.

Only what is readable without asking anybody or starting a program; what cannot be read is left
out rather than guessed.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path
from typing import Final

from enlist_agent.secret import printable

PLACEHOLDERS: Final = frozenset(
    {"", "0", "none", "n/a", "default string", "not specified", "not applicable", "unknown"}
    | {"to be filled by o.e.m.", "system serial number", "system product name", "123456789"}
)
"""What board makers leave where a serial number or model should be; as an identifier it would
make many devices one."""


def describe(name: str | None = None, root: Path = Path("/")) -> dict[str, str]:
    """The `device` of a redeem request: `name`, `platform`, and details that were readable."""
    hostname = printable(socket.gethostname())
    dmi = root / "sys/class/dmi/id"
    found = {
        "name": printable(name or "") or hostname or "device",
        "platform": detect_platform(),
        "hostname": hostname,
        "os_version": _operating_system(),
        "model": _read(dmi / "product_name"),
        "serial": _read(dmi / "product_serial"),
    }
    return {key: value for key, value in found.items() if value}


def detect_platform() -> str:
    """`linux`, `macos`, `windows`, `android` or `ios`; on anything else the system's own name."""
    on_android = hasattr(sys, "getandroidapilevel") or "com.termux" in os.environ.get("PREFIX", "")
    if on_android:  # up to Python 3.12 `sys.platform` says "linux" there
        return "android"
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)


def _operating_system() -> str:
    """Its name with its version, as people say it: *Debian GNU/Linux 12*, *macOS 15.1*."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}".strip()
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return f"{platform.system()} {platform.version()}".strip()
    name, version = release.get("NAME", "Linux"), release.get("VERSION_ID", platform.release())
    return printable(f"{name} {version}")


def _read(path: Path) -> str:
    try:
        text = printable(path.read_text(errors="replace"))
    except OSError:
        return ""
    return "" if text.lower() in PLACEHOLDERS else text
