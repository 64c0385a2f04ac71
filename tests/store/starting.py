"""Starts on a database: refused with a line, and the schema that they leave."""

from __future__ import annotations

import re

import pytest

from enlist.core.faults import Unusable
from enlist.settings import Settings
from enlist.verbs.setup import Beginning
from enlist.wiring.installation import open_installation
from tests.installation import SettableClock, cheap_passwords
from tests.store.raw import Raw


def start(settings: Settings, *, create: bool = True) -> None:
    """Start and stop again."""
    open_installation(
        settings,
        clock=SettableClock(),
        passwords=cheap_passwords(),
        beginning=Beginning() if create else None,
    ).close()


def told(settings: Settings, *, create: bool = True) -> str:
    """The one line with which a start is refused."""
    with pytest.raises(Unusable) as caught:
        start(settings, create=create)
    line = str(caught.value)
    assert "\n" not in line
    return line


SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master ORDER BY type, name",
    "postgres": """
        SELECT 'column', table_name, column_name, data_type, collation_name, is_nullable,
               column_default
          FROM information_schema.columns WHERE table_schema = 'public'
         UNION SELECT 'index', tablename, indexname, indexdef, NULL, NULL, NULL
          FROM pg_indexes WHERE schemaname = 'public'
         UNION SELECT 'constraint', conrelid::regclass::text, conname,
                      pg_get_constraintdef(oid), NULL, NULL, NULL
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), NULL,
                      NULL, NULL
          FROM pg_trigger WHERE NOT tgisinternal
         UNION SELECT 'function', proname, '', prosrc, NULL, NULL, NULL
          FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         ORDER BY 1, 2, 3, 4
    """,
}


def schema_of(raw: Raw, store_kind: str) -> list[str]:
    rows = raw.execute(SCHEMA[store_kind])
    found = [" ".join(re.sub(r"[\s(),]+", " ", str(value)) for value in row) for row in rows]
    assert any("event" in line for line in found)
    return found
