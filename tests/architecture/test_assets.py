"""What comes from npm is what the pages use: a part that nobody loads is one more to keep up."""

from __future__ import annotations

from scripts.build_assets import FILES
from tests.architecture.source import SOURCE

TEMPLATES = SOURCE / "web/templates"


def test_every_file_from_npm_is_loaded_by_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in TEMPLATES.rglob("*.html"))
    names = [file.rpartition("/")[2] for files in FILES.values() for file in files]
    assert [name for name in names if f"/vendor/{name}" not in pages] == []
