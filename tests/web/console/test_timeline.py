"""How events look: every kind has an icon that there is, and interceptions stand out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from enlist.core.events import KINDS
from enlist.web.console import navigation, timeline, words
from tests.installation import Enlist

ROOT = Path(__file__).resolve().parents[3]


def test_every_kind_of_event_has_a_manner() -> None:
    assert set(timeline.MANNERS) == set(KINDS)


def test_every_icon_is_in_the_sprite() -> None:
    """An icon that is missing there draws nothing, and nobody is told."""
    there = set((ROOT / "scripts/icons.txt").read_text().split())
    used = {manner.icon for manner in timeline.MANNERS.values()} | {"alert-triangle"}
    used |= {entry.icon for entry in navigation.entries()}
    used |= {word.icon for word in words.PLATFORMS.values()}
    assert used <= there


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    import re

    there = set((ROOT / "scripts/icons.txt").read_text().split())
    folder = ROOT / "src/enlist/web/templates/console"
    named = {
        name
        for file in folder.glob("*.html")
        for name in re.findall(r'icon\("([a-z0-9-]+)"', file.read_text())
    }
    assert named
    assert named <= there


def test_a_possible_interception_stands_out(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token, key=1)
    enlist.redeem(ticket.token, key=2)
    event = enlist.events("enrollment.refused")[0]
    assert timeline.manner_of(event).icon == "alert-triangle"
    assert timeline.manner_of(replace(event, data={})).icon == "circle-x"
