"""What a server tells the commands beside it: database, addresses, ways by which messages go out.

They may have come as flags or from an environment that a shell beside the server does not have. A
command would then look into another database, print links to a wrong address, or refuse a mail
that the server can send. The server writes them into the data folder, beside the keys and as
secret as they, at each start. What a command is given itself counts more.
"""

from __future__ import annotations

import json
from typing import Final

from enlist.keyfolder import write_secret
from enlist.settings import Settings
from enlist.verbs.driver import Addresses

_FILE: Final = "server.json"
_ADDRESSES: Final = ("public_url", "device_url", "pki_url")
_TOLD: Final = ("database", *_ADDRESSES)


def tell(settings: Settings, where: Addresses, channels: frozenset[str]) -> None:
    """Write down what commands need to know; called by the server once it can start."""
    notes = {name: getattr(where, name) for name in _ADDRESSES}
    notes |= {"database": settings.database, "channels": sorted(channels)}
    write_secret(settings.data / _FILE, json.dumps(notes, indent=2).encode())


def as_told(settings: Settings) -> tuple[Settings, frozenset[str]]:
    """A command's settings, with the server's where it has none, and the channels."""
    try:
        notes = json.loads((settings.data / _FILE).read_bytes())
    except (OSError, ValueError):
        notes = {}
    known = {name: notes[name] for name in _TOLD if name in notes and not getattr(settings, name)}
    own = {"email"} if settings.smtp.host else set()
    return settings.model_copy(update=known), frozenset({*own, *notes.get("channels", ())})
