"""The guide to alerts lists the kinds that there are."""

from __future__ import annotations

import re

from enlist.verbs.alert_kinds import ALERT_KINDS
from tests.architecture.source import ROOT


def test_the_guide_has_a_row_for_every_kind() -> None:
    text = (ROOT / "docs" / "how-to" / "alerts.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(ALERT_KINDS)
