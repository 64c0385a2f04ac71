"""The address of a PostgreSQL database, as somebody wrote it.

What the client library says of one that it cannot make out repeats it, password and all, into the
log and into what people send along when they ask for help. So it is read before anything connects
(S64), and a slip of the hand is told at once instead of after minutes of trying.
"""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

from enlist.store.tx import StoreUnavailable


def check_address(url: str) -> None:
    """Pass what can be read as the address of a database, whether or not one answers there.

    Raises:
        StoreUnavailable: it cannot be read; nothing of it is repeated.
    """
    if not _can_be_read(url):
        raise StoreUnavailable(
            "its address cannot be read. Write postgresql://USER:PASSWORD@HOST:5432/NAME, and in "
            "the password %25 for %, %40 for @, %2F for /, %3A for :"
        )


def place(url: str) -> dict[str, str]:
    """Where an address that can be read leads, and nothing that lets anybody in."""
    found = conninfo_to_dict(url)
    return {name: str(found[name]) for name in ("host", "port", "dbname") if name in found}


def _can_be_read(url: str) -> bool:
    try:
        found = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):  # the latter: the environment had a byte that is no UTF-8
        return False
    # Where a password has an unescaped letter of these, the rest of it is read as something else.
    ports = str(found.get("port", "")).replace(",", "")
    names = str(found.get("host", "")) + str(found.get("dbname", ""))
    return "@" not in names and (not ports or ports.isdecimal())
