"""What a server tells the commands beside it: database, addresses, ways to send messages, limits.

They may have come as flags or from an environment that a shell beside the server does not have. A
command would then look into another database, print links to a wrong address, or refuse a mail
that the server can send and a token that there is room for. The server writes them into the data
folder, beside the keys and as secret as they, at each start. What a command is given itself counts
more.

`enlist doctor` is told more: the settings that the server runs with, as it shall examine those and
not what it would run with itself. Passwords of mail server and SMS gateway are not among them.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from enlist import __version__
from enlist.datafolder import write_secret
from enlist.settings import Settings, Sms, Smtp, unknown_variables
from enlist.verbs.driver import Addresses

Section = TypeVar("Section", Smtp, Sms)

_FILE: Final = "server.json"
_ADDRESSES: Final = ("public_url", "device_url", "pki_url")
_TOLD: Final = ("database", *_ADDRESSES)
_COUNTED: Final = ("most_live_enrollments",)
"""What a command does counts against the server's limits."""
_PATHS: Final = ("tls_cert", "tls_key", "ca_file", "password_file")
_SERVED: Final = (
    *("http", "device", "tls_cert", "tls_key", "trusted_proxy", "proxy_header", "workers"),
    *("device_name", "mail_from", "certificate_days", "most_live_enrollments", "log_level"),
)
"""Besides what every command is told."""


def tell(
    settings: Settings, where: Addresses, channels: frozenset[str], *, mailbox: bool = False
) -> None:
    """Write down what commands need to know; called by the server once it can start."""
    notes: dict[str, Any] = {name: getattr(where, name) for name in _ADDRESSES}
    notes |= {"database": settings.database, "channels": sorted(channels)}
    notes["server"] = {
        "version": __version__,
        "pid": os.getpid(),
        "mailbox": mailbox,
        "unknown": unknown_variables(os.environ),
        "settings": settings.model_dump(mode="json", include=set(_SERVED)),
        "smtp": settings.smtp.model_dump(mode="json", exclude={"password"}),
        "sms": settings.sms.model_dump(mode="json", exclude={"password"}),
    }
    write_secret(settings.data / _FILE, json.dumps(notes, indent=2).encode())


def as_told(settings: Settings) -> tuple[Settings, frozenset[str]]:
    """A command's settings, with the server's where it has none, and the channels."""
    notes = _notes(settings)
    known: dict[str, Any] = {
        name: notes[name] for name in _TOLD if name in notes and not getattr(settings, name)
    }
    served = notes.get("server", {}).get("settings", {})
    known |= {
        name: served[name]
        for name in _COUNTED
        if name in served and name not in settings.model_fields_set
    }
    own = settings.channels
    return settings.model_copy(update=known), frozenset({*own, *notes.get("channels", ())})


@dataclass(frozen=True, slots=True)
class ServerNotes:
    """What the last server on this folder said of itself.

    Attributes:
        version: "" where no server ever started, or an older one.
        pid: of the process that was started, the parent of all workers.
        mailbox: whether it keeps messages in memory, as the demo does.
        unknown: variables of its environment that look like settings and are none.
    """

    version: str = ""
    pid: int = 0
    mailbox: bool = False
    unknown: tuple[str, ...] = ()


def as_served(settings: Settings) -> tuple[Settings, ServerNotes]:
    """The settings that the server runs with, as far as it told and none are given here."""
    told: dict[str, Any] = _notes(settings).get("server", {})
    settings, _ = as_told(settings)
    update = {
        name: Path(value) if name in _PATHS and value else value
        for name, value in told.get("settings", {}).items()
        if name in _SERVED and name not in settings.model_fields_set
    }
    if not settings.smtp.host and told.get("smtp"):
        update["smtp"] = _told(Smtp, told["smtp"])
    if not settings.sms.driver and told.get("sms"):
        update["sms"] = _told(Sms, told["sms"])
    notes = ServerNotes(
        told.get("version", ""),
        told.get("pid", 0),
        told.get("mailbox", False),
        tuple(told.get("unknown", ())),
    )
    return settings.model_copy(update=update), notes


def _told(section: type[Section], told: dict[str, Any]) -> Section:
    """Such settings of the server; its password where that comes from a file that can be read."""
    files = {name: Path(told[name]) for name in _PATHS if told.get(name)}
    password = ""
    if "password_file" in files:
        with contextlib.suppress(OSError):
            password = files["password_file"].read_text().strip()
    return section.model_construct(**{**told, **files, "password": SecretStr(password)})


def _notes(settings: Settings) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads((settings.data / _FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return notes
