"""The picture's geometry: no part covers another, and each line ends under its parts."""

from __future__ import annotations

import re

import pytest

from enlist.core.infrastructure import Part, State
from enlist.web.console.drawing import OWN, WHOLE, Picture


@pytest.mark.parametrize("picture", [OWN, WHOLE])
def test_each_part_has_a_place_of_its_own(picture: Picture) -> None:
    taken = [(at.column, at.row + half) for at in picture.places.values() for half in (0, 1)]
    assert len(taken) == len(set(taken))
    assert {part for wire in picture.wires for part in wire} == set(picture.places)


@pytest.mark.parametrize("picture", [OWN, WHOLE])
def test_a_line_leads_from_the_middle_of_a_part_to_that_of_another(picture: Picture) -> None:
    *_, width, height = (float(each) for each in picture.view_box.split())
    wires = picture.drawn({})
    for wire, (one, other) in zip(wires, picture.wires, strict=True):
        numbers = [float(each) for each in re.findall(r"[\d.]+", wire.path)]
        ends = [picture.places[one], picture.places[other]]
        assert numbers[:2] == [ends[0].x, ends[0].y]
        assert numbers[-1] == ends[1].y
        assert all(0 < at.x < width and 0 < at.y < height for at in ends)


def test_a_line_looks_as_what_it_leads_to() -> None:
    wires = dict(zip(WHOLE.wires, WHOLE.drawn({Part.SMS: State.PROBLEM}), strict=True))
    assert wires[Part.ENLIST, Part.SMS].state is State.PROBLEM
    assert wires[Part.ENLIST, Part.EMAIL].state is State.WORKS
