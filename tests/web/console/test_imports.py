"""Batch status in the console: a file's preview, its start, and the rows that are wrong."""

from __future__ import annotations

import io

from enlist.core.outcomes import Refusal
from enlist.verbs.importing import Importing
from enlist.verbs.imports import bring
from tests.web.console.conftest import Console

TEXT = b"username,friendly_name,platform\nada,laptop,linux\nbob,<b>x,beos\n"


def test_a_preview_is_started_and_tells_what_is_wrong(console: Console) -> None:
    enlist, desk = console.enlist, console.sign_in("operator")
    assert "No file was imported yet" in desk.open("/console/main/imports").text
    job = bring(
        enlist.driver, enlist.store, enlist.host, io.BytesIO(TEXT),
        organization="", kind="simple", name="people.csv", preview=True,
    )  # fmt: skip
    assert not isinstance(job, Refusal)
    at = f"/console/main/imports/{job.id}"
    assert "0 of 2 rows" in desk.open(at).text
    work = Importing(enlist.driver, enlist.store).work
    assert work()
    preview = desk.open(at)
    assert "Import these rows (1)" in preview.text
    assert "platform" in preview.text
    assert preview.leads_to(f"/api/v1/imports/{job.id}/errors")
    reader = console.sign_in("reader").open(at)
    assert ("post", f"{at}/start") not in reader.forms
    assert "Rows that are wrong" not in reader.text
    desk.send(f"{at}/start", {})
    assert work()
    assert "Done" in desk.open(at).text
    assert "people.csv" in desk.open("/console/main/imports").text


def test_who_may_not_import_is_offered_no_form(console: Console) -> None:
    reader = console.sign_in("reader")
    assert not reader.open("/console/main/imports").leads_to("/console/main/imports/new")
    assert reader.open("/console/main/imports/new").status == 403
