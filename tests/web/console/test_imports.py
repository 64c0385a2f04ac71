"""Batch status in the console: a file's preview, its start, and the rows that are wrong."""

from __future__ import annotations

import io

from enlist.core.outcomes import Refusal
from enlist.store.redemptions import DeviceReport
from enlist.verbs.importing import Importing
from enlist.verbs.imports import bring
from tests.installation import done
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


def test_a_deny_list_says_how_many_devices_it_would_end(console: Console) -> None:
    """A46, A47: before anything of it is done."""
    enlist, desk = console.enlist, console.sign_in("operator")
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token, report=DeviceReport(platform="linux", serial="PF-1234")))
    form = desk.open("/console/main/imports/new?kind=deny")
    assert form.value("kind") == "deny"
    assert form.leads_to("/api/v1/imports/templates/deny")
    text = b"attribute_type,device_attribute\nserial,PF-1234\nserial,PF-5678\n"
    job = bring(
        enlist.driver, enlist.store, enlist.host, io.BytesIO(text),
        organization="", kind="deny", name="stolen.csv", preview=True,
    )  # fmt: skip
    assert not isinstance(job, Refusal)
    assert Importing(enlist.driver, enlist.store).work()
    page = desk.open(f"/console/main/imports/{job.id}")
    assert "Would be put on it, and un-enroll a device 1" in page.main
    assert "1 row names a device that is enrolled" in page.main
    assert "Import these rows (2)" in page.main
    assert enlist.device(ticket.device_id).state == "enrolled"
    assert "Deny list" in desk.open("/console/main/imports").main
