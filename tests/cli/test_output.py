"""Tables: whole rows in a pipe, and in a terminal nothing that is left a few letters wide."""

from __future__ import annotations

import pytest

from enlist.cli import output

COLUMNS = ("NAME", "KEY", "ROLE", "ORGANIZATION", "UNTIL", "LAST USED", "ID")
ID = "01a1ff96-3169-7c08-8c49-ca73a02bd588"
ROW = (
    "load",
    "enk_1gWOwNxnJTsj_…",
    "operator",
    "example",
    "never ends",
    "2026-11-21 19:39 UTC",
    ID,
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "_width", 80)
    monkeypatch.setattr(output, "_terminal", lambda: True)


def printed(
    capsys: pytest.CaptureFixture[str], columns: tuple[str, ...], *rows: tuple[str, ...]
) -> list[str]:
    output.print_table(columns, rows, "nothing")
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("terminal")
def test_an_id_that_finds_no_room_stands_below(capsys: pytest.CaptureFixture[str]) -> None:
    long = ("a name of several words", *ROW[1:])
    lines = printed(capsys, COLUMNS, ROW, long)
    assert max(map(len, lines)) <= 80
    assert lines.count(f"  {ID}") == 2
    assert "operator  example       never ends  2026-11-21" in lines[1]


@pytest.mark.usefixtures("terminal")
def test_a_table_with_room_is_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    columns, row = ("NAME", "STATE", "ID"), ("x" * 33, "enrolled"[:7], ID)
    assert printed(capsys, columns, row) == [
        f"{'NAME':<33}  {'STATE':<7}  ID",
        f"{row[0]}  {row[1]}  {ID}",
    ]


def test_in_a_pipe_a_row_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.out, "_width", 240)
    _head, line = printed(capsys, COLUMNS, ROW)
    assert line.split()[-1] == ID
