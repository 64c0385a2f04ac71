"""Files by command: what came of the rows, what is wrong with one, and what is no file for it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.installation import Enlist


def test_rows_that_are_wrong_are_told_by_line(enlist: Enlist, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username,email\nada,ada@example.com\nbob,bob@@\n", encoding="utf-8")
    ran = run("import", "file", str(file), "--dry-run", expect=1)
    assert "line 3, email: must be an e-mail address" in ran.err
    assert {row["username"] for row in enlist.rows("app_user")}.isdisjoint({"ada", "bob"})
    run("import", "file", str(file), expect=1)
    assert {row["username"] for row in enlist.rows("app_user")} & {"ada", "bob"} == {"ada"}


def test_what_is_no_such_file_leaves_nothing(enlist: Enlist, run: Run, tmp_path: Path) -> None:
    """Issue 5: a wrong first line, another encoding, and a gigabyte, which is not read."""
    file = tmp_path / "people.csv"
    for content, told in (
        (b"user name\nada\n", "did you mean username?"),
        ("username\nJ\u00f6rg\n".encode("latin-1"), "CSV UTF-8"),
    ):
        file.write_bytes(content)
        assert told in run("import", "file", str(file), expect=1).err
    with file.open("wb") as huge:
        huge.truncate(1 << 30)
    assert "more than 64 MiB" in run("import", "file", str(file), expect=2).err
    assert enlist.rows("import_job") == []
