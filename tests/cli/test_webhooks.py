"""`enlist webhook …`."""

from __future__ import annotations

from tests.cli.conftest import Run
from tests.installation import Enlist

URL = "https://hooks.example.com/enlist?key=theirs"


def test_a_webhook_from_its_making_to_its_end(enlist: Enlist, run: Run) -> None:
    assert "No webhook yet." in run("webhook", "list").out
    made = run("webhook", "add", URL, "--name", "Inventory", "--kind", "expired", "--json").json
    assert made["secret"].startswith("whsec_")
    assert made["kinds"] == ["expired"]
    for shown in (run("webhook", "list").out, run("webhook", "list", "--json").out):
        assert "Inventory" in shown
        assert "theirs" not in shown
        assert made["secret"] not in shown
    assert run("webhook", "secret", made["id"]).out.strip() not in ("", made["secret"])
    assert "webhook log" in run("webhook", "test", made["id"]).out
    (told,) = run("webhook", "log", made["id"], "--json").json["items"]
    assert (told["kind"], told["state"]) == ("webhook.tested", "waiting")
    assert "webhook.tested" in run("webhook", "log", made["id"]).out
    assert run("webhook", "replay", made["id"], told["id"], "--json").json == {"id": made["id"]}
    assert "Stopped." in run("webhook", "stop", made["id"]).out
    assert "webhook_disabled" in run("webhook", "test", made["id"], expect=1).err
    assert "It goes on." in run("webhook", "resume", made["id"]).out
    assert "Deleted." in run("webhook", "delete", made["id"]).out
    assert run("webhook", "list", "--json").json["items"] == []


def test_what_is_wrong_is_told_at_its_field(run: Run) -> None:
    wrong = run("webhook", "add", "https://127.0.0.1/", "--name", "x", "--kind", "no", expect=1)
    assert "url:" in wrong.err
    assert "kinds: no is no kind of event" in wrong.err
    assert run("webhook", "list", "--json").json["items"] == []
    run("webhook", "test", "0199", expect=1)
