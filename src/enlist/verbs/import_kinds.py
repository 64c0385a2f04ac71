"""The kinds of files that can be imported: their columns, and what is done with a row of each.

A kind is one entry here, with a module that does a row of it. Everything else about an import is
the same for all: how a file is read, kept, previewed, done, and told what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from enlist.core.caller import Caller
from enlist.core.device_lists import DeviceList
from enlist.verbs import import_lists, import_moves, import_rows, import_transfers
from enlist.verbs.driver import Driver
from enlist.verbs.import_rows import Cells, Result, Wrong


class Process(Protocol):
    """Does a row, or with `rehearsal` only sees what would come of it.

    `place` is the Group ID of the organization that the import belongs to.
    """

    def __call__(
        self, driver: Driver, caller: Caller, given: Cells, place: str, *, rehearsal: bool
    ) -> Result | Wrong: ...


@dataclass(frozen=True, slots=True)
class RowKind:
    """One kind of file.

    Attributes:
        columns: in the order of the template.
        samples: rows that can be imported as they are.
        key_of: what tells a row from others: two with the same key mean the same.
    """

    columns: tuple[str, ...]
    required: tuple[str, ...]
    samples: Sequence[Mapping[str, str]]
    key_of: Callable[[Cells], tuple[str, ...]]
    process: Process


_PEOPLE: Final = (
    {
        "username": "ada.example",
        "email": "ada.example@example.com",
        "phone": "+49 30 1234567",
        "first_name": "Ada",
        "last_name": "Example",
        "friendly_name": "Ada's laptop",
        "platform": "linux",
        "ownership": "corporate_dedicated",
        "message_type": "none",
        "model": "ThinkPad X1",
        "os": "Debian 12",
        "serial": "PF-EXAMPLE-1",
        "asset_number": "4711",
        "language": "en",
        "tags": "sales;berlin",
        "custom.department": "Sales",
    },
    {
        "username": "bob.example",
        "email": "bob.example@example.com",
        "phone": "+49 30 7654321",
        "first_name": "Bob",
        "last_name": "Example",
        "friendly_name": "Bob's phone",
        "platform": "android",
        "ownership": "employee_owned",
        "message_type": "none",
        "model": "Pixel 8",
        "os": "Android 14",
        "imei": "490154203237518",
        "language": "de",
        "tags": "support",
        "custom.department": "Support",
    },
)


_LISTED: Final = (
    {
        "attribute_type": "serial",
        "device_attribute": "PF-EXAMPLE-2",
        "ownership": "corporate_dedicated",
    },
    {"attribute_type": "imei", "device_attribute": "490154203237518"},
)

_MOVED: Final = (
    {"username": "ada.example"},
    {"username": "bob.example", "imei": "490154203237518"},
)

_TRANSFERRED: Final = ({"username": "ada.example"}, {"username": "bob.example"})

KINDS: Final[Mapping[str, RowKind]] = {
    "simple": RowKind(
        import_rows.SIMPLE, import_rows.REQUIRED, _PEOPLE, import_rows.key_of, import_rows.process
    ),
    "advanced": RowKind(
        import_rows.ADVANCED, import_rows.REQUIRED, _PEOPLE, import_rows.key_of, import_rows.process
    ),
    "allow": RowKind(
        import_lists.ALLOW,
        import_lists.REQUIRED,
        _LISTED,
        import_lists.key_of,
        import_lists.processing(DeviceList.ALLOW),
    ),
    "deny": RowKind(
        import_lists.DENY,
        import_lists.REQUIRED,
        _LISTED,
        import_lists.key_of,
        import_lists.processing(DeviceList.DENY),
    ),
    "move": RowKind(
        import_moves.COLUMNS,
        import_moves.REQUIRED,
        _MOVED,
        import_rows.key_of,
        import_moves.process,
    ),
    "transfer": RowKind(
        import_transfers.COLUMNS,
        import_transfers.REQUIRED,
        _TRANSFERRED,
        import_transfers.key_of,
        import_transfers.process,
    ),
}
