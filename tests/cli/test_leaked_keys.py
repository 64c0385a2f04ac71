"""`enlist keys compromised` tells people and programs what is left to do."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from tests.cli.conftest import COMMANDS


def test_leaked_keys_say_what_else_they_open() -> None:
    class Leaked:
        def replace_leaked_keys(self, **_options: Any) -> dict[str, Any]:
            rest: dict[str, Any] = {"reissued": 2, "revoked": [], "overtaken": [], "left": []}
            since = {"user_id": "0199", "user": "ada", "set_up_at": 1_772_452_800_000_000}
            hook = {"webhook_id": "0198", "name": "inventory", "organization": "main"}
            return rest | {"second_factors": [since], "webhooks": [hook]}

    told = CliRunner().invoke(COMMANDS, ["keys", "compromised", "--yes"], obj=Leaked())
    assert "to be set up anew: 1." in told.stdout
    assert "ada   2026-03-02 12:00 UTC" in told.stdout
    assert "inventory  main          0198" in told.stdout
    assert "enlist webhook secret ID" in told.stdout
    as_json = CliRunner().invoke(COMMANDS, ["keys", "compromised", "--yes", "--json"], obj=Leaked())
    assert json.loads(as_json.stdout)["second_factors"][0]["set_up_at"].startswith("2026-03-02T12")
    assert json.loads(as_json.stdout)["webhooks"][0]["webhook_id"] == "0198"


def test_nobody_who_could_answer_is_told_to_say_yes() -> None:
    told = CliRunner().invoke(COMMANDS, ["keys", "compromised"], obj=None)
    assert told.exit_code == 2
    assert "Say --yes to do it." in told.stderr
