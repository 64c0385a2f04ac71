"""Devices are found by their asset number, as they are by serial number and UDID.

Only those that have one are in the index, so it costs nobody else anything.
"""

from __future__ import annotations

from collections.abc import Iterator

revision = "0018"
down_revision = "0017"

CHANGES = (
    "CREATE INDEX device_asset_number ON device (lower(asset_number)) WHERE asset_number <> ''",
)


def statements(_dialect: str) -> Iterator[str]:
    """What changes the schema on `sqlite` or `postgresql`, in order."""
    yield from CHANGES


def upgrade() -> None:
    """Alembic's entry."""
    from alembic import op

    for statement in statements(op.get_bind().dialect.name):
        op.execute(statement)
