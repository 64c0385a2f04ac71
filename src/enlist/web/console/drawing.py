"""Where the parts of an installation stand in its picture, and the lines between them.

The picture is a grid of four columns and some half rows, over one SVG that is stretched below it.
Both count in the same cells, so a line ends where its part stands however wide the window is. The
parts lie over the ends of the lines; nothing has to be measured in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.infrastructure import Part, State

CELL: Final = 100
"""Width of a column in the SVG's units."""
HALF_ROW: Final = 10


@dataclass(frozen=True, slots=True)
class Place:
    """A column, and the first of the two half rows that a part takes; both from 1 on."""

    column: int
    row: int

    @property
    def x(self) -> float:
        """Where its middle is."""
        return (self.column - 0.5) * CELL

    @property
    def y(self) -> float:
        """Where its middle is."""
        return self.row * HALF_ROW


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from one part to another.

    Attributes:
        path: for the SVG.
        state: of the part at its far end; that of a person or a device is none.
    """

    path: str
    state: State


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: which parts, where, in the order in which they are read; and from where to
    where lines lead.
    """

    places: Mapping[Part, Place]
    wires: Sequence[tuple[Part, Part]]

    @property
    def view_box(self) -> str:
        """What of the SVG is seen: the grid, cell by cell."""
        columns = max(each.column for each in self.places.values())
        rows = max(each.row for each in self.places.values()) + 1
        return f"0 0 {columns * CELL} {rows * HALF_ROW}"

    def drawn(self, states: Mapping[Part, State]) -> list[Wire]:
        """The lines, each in the state of the part that it leads to."""
        return [
            Wire(_path(self.places[one], self.places[other]), states.get(other, State.WORKS))
            for one, other in self.wires
        ]


def _path(one: Place, other: Place) -> str:
    """A curve that leaves and arrives level; a straight line within a column."""
    if one.column == other.column:
        return f"M{one.x:g} {one.y:g}V{other.y:g}"
    # Level for as long as it lies under a part, so that it comes out at a side and not at a corner.
    level = f"{other.x:g} {one.y:g} {one.x:g} {other.y:g}"
    return f"M{one.x:g} {one.y:g}C{level} {other.x:g} {other.y:g}"


_P: Final = Part
WHOLE: Final = Picture(
    {
        _P.PEOPLE: Place(1, 3),
        _P.DEVICES: Place(1, 7),
        _P.WEB: Place(2, 3),
        _P.DEVICE: Place(2, 7),
        _P.SELF_SERVICE: Place(3, 1),
        _P.ENLIST: Place(3, 5),
        _P.LOG: Place(3, 9),
        _P.DATABASE: Place(4, 1),
        _P.AUTHORITY: Place(4, 3),
        _P.EMAIL: Place(4, 5),
        _P.SMS: Place(4, 7),
        _P.DIRECTORIES: Place(4, 9),
    },
    (
        (_P.PEOPLE, _P.WEB),
        (_P.DEVICES, _P.DEVICE),
        (_P.WEB, _P.SELF_SERVICE),
        (_P.WEB, _P.ENLIST),
        (_P.DEVICE, _P.ENLIST),
        (_P.ENLIST, _P.SELF_SERVICE),
        (_P.ENLIST, _P.LOG),
        (_P.ENLIST, _P.DATABASE),
        (_P.ENLIST, _P.AUTHORITY),
        (_P.ENLIST, _P.EMAIL),
        (_P.ENLIST, _P.SMS),
        (_P.ENLIST, _P.DIRECTORIES),
    ),
)
"""For whoever runs the installation."""

OWN: Final = Picture(
    {
        _P.PEOPLE: Place(1, 1),
        _P.DEVICES: Place(1, 5),
        _P.SELF_SERVICE: Place(2, 1),
        _P.ENLIST: Place(3, 3),
        _P.EMAIL: Place(4, 1),
        _P.SMS: Place(4, 5),
    },
    (
        (_P.PEOPLE, _P.SELF_SERVICE),
        (_P.SELF_SERVICE, _P.ENLIST),
        (_P.DEVICES, _P.ENLIST),
        (_P.ENLIST, _P.EMAIL),
        (_P.ENLIST, _P.SMS),
    ),
)
"""For whoever administers an organization in an installation of others."""
