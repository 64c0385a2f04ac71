"""What a server tells the commands beside it: its addresses, and by which ways messages go out.

Both may have come as flags or from an environment that a shell beside the server does not have;
a command would then print links to a wrong address, or refuse a mail that the server can send.
The server writes them into the data folder at each start. What a command is given itself counts
more.
"""

from __future__ import annotations

import json
from typing import Final

from enlist.keyfolder import write_secret
from enlist.settings import Settings
from enlist.verbs.driver import Addresses

_FILE: Final = "server.json"
_ADDRESSES: Final = ("public_url", "device_url", "pki_url")


def tell(settings: Settings, where: Addresses, channels: frozenset[str]) -> None:
    """Write down what commands need to know; called by the server once it can start."""
    notes = {name: getattr(where, name) for name in _ADDRESSES} | {"channels": sorted(channels)}
    write_secret(settings.data / _FILE, json.dumps(notes, indent=2).encode())


def as_told(settings: Settings) -> tuple[Settings, frozenset[str]]:
    """A command's settings with the server's addresses where it has none, and the channels."""
    try:
        notes = json.loads((settings.data / _FILE).read_bytes())
    except (OSError, ValueError):
        notes = {}
    given = {name for name in _ADDRESSES if getattr(settings, name)}
    known = {name: notes[name] for name in _ADDRESSES if name in notes and name not in given}
    own = {"email"} if settings.smtp.host else set()
    return settings.model_copy(update=known), frozenset({*own, *notes.get("channels", ())})
