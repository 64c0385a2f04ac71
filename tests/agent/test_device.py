"""What the device says about itself."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from enlist_agent.device import describe, detect_platform


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("linux", "linux"),
        ("darwin", "macos"),
        ("win32", "windows"),
        ("ios", "ios"),
        ("android", "android"),
        ("freebsd14", "freebsd14"),
    ],
)
def test_platforms_have_the_servers_names(
    monkeypatch: pytest.MonkeyPatch, system: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert detect_platform() == expected


def test_termux_is_android(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIX", "/data/data/com.termux/files/usr")
    assert detect_platform() == "android"


def _board(root: Path, **files: str) -> Path:
    folder = root / "sys/class/dmi/id"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return root


def test_model_and_serial_are_read_from_the_board(tmp_path: Path) -> None:
    root = _board(tmp_path, product_name="ThinkPad X1\n", product_serial="PF-123\n")

    found = describe("Ada's laptop", root)

    assert (found["name"], found["model"], found["serial"]) == (
        "Ada's laptop",
        "ThinkPad X1",
        "PF-123",
    )


@pytest.mark.parametrize("serial", ["", "To Be Filled By O.E.M.\n", "None", "0"])
def test_a_placeholder_is_no_serial_number(tmp_path: Path, serial: str) -> None:
    assert "serial" not in describe(root=_board(tmp_path, product_serial=serial))


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    found = describe(root=tmp_path)

    assert not {"model", "serial"} & set(found)
    assert found["name"] == found["hostname"]


@pytest.mark.parametrize("name", ["Ada\x00's\n laptop", "Ada\udcff's laptop"])
def test_a_name_is_always_text(tmp_path: Path, name: str) -> None:
    assert describe(name, tmp_path)["name"].encode()


def test_the_operating_system_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    release = {"NAME": "Debian GNU/Linux", "VERSION_ID": "12"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert describe()["os_version"] == "Debian GNU/Linux 12"
