"""A CSV file from the console's form to its rows: what cannot be read is told at the field."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from enlist.verbs.importing import Importing
from tests.browser.public_pages import (
    DESK,
    OpenBrowser,
    Site,
    open_browser,
    site,
    store_kind,
)

__all__ = ["open_browser", "site", "store_kind"]


def test_a_file_from_the_form_to_its_rows(
    site: Site, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    """Issue 5: nothing of a bad file is kept; a gigabyte is not even sent."""
    enlist, file = site.enlist, tmp_path / "people.csv"
    enlist.organization("berlin")
    enlist.user("ada")
    window = open_browser(viewport=DESK)
    page = window.page
    window.sign_in()
    page.goto("/console/main/imports/new")
    page.get_by_label("Change organization of people").check()
    with file.open("wb") as huge:
        huge.truncate(1 << 30)
    for content, told in (
        (None, "64 MiB"),
        (b"user name\nada\n", "did you mean username?"),
        ("username\nJ\u00f6rg\n".encode("latin-1"), "CSV UTF-8"),
    ):
        if content is not None:
            file.write_bytes(content)
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Show what would come of it").click()
        expect(page.locator("#file-error")).to_contain_text(told)
    sent = [each for each in window.requests if each.url.split("?")[0].endswith("/imports")]
    assert (len(sent), enlist.rows("import_job")) == (2, [])

    file.write_text("username,new_group_id\nada,berlin\nnobody,berlin\n", encoding="utf-8")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Show what would come of it").click()
    expect(page.get_by_text("0 of 2 rows")).to_be_visible()
    work = Importing(enlist.driver, enlist.store).work
    assert work()
    expect(page.get_by_role("row", name="3 username")).to_contain_text("no user has this name")
    page.get_by_role("button", name="Import these rows (1)").click()
    expect(page.get_by_text("0 of 2 rows")).to_be_visible()
    assert work()
    expect(page.get_by_text("Moved")).to_be_visible()
    assert [each.data["devices"] for each in enlist.events("user.moved")] == [0, 0]
