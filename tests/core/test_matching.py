"""Which registration an enrolling device is meant by (A33)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from enlist.core.lifecycle import DeviceState
from enlist.core.matching import match
from enlist.core.model import Device, Ownership, Platform

DEDICATED, OWN = Ownership.CORPORATE_DEDICATED, Ownership.EMPLOYEE_OWNED
RECORD = Device(
    id="",
    organization_id="o",
    organization_path="o/",
    group_id="main",
    user_id="u",
    username="ada",
    name="",
    platform=Platform.LINUX,
    ownership=Ownership.NONE,
    state=DeviceState.REGISTERED,
    model="",
    os_version="",
    serial="",
    imei="",
    udid="",
    sim="",
    asset_number="",
    external_id="",
    registered_at=0,
    enrolled_at=None,
    last_seen_at=None,
    version=1,
)


def records(*described: dict[str, Any]) -> list[Device]:
    """Records called 0, 1, 2 …, the first registered first, given in another order."""
    made = [
        replace(RECORD, id=str(number), registered_at=number, **values)
        for number, values in enumerate(described)
    ]
    return made[::-1]


@pytest.mark.parametrize(
    ("registered", "device", "expected"),
    [
        ([{}, {}], {}, "0"),
        ([{"model": "X1"}, {}], {"model": "XPS"}, "1"),
        ([{}, {"model": "X1"}], {"model": "x1 "}, "1"),
        ([{}, {"model": "X1"}], {}, "0"),
        ([{"serial": "SN-1"}, {}], {"serial": "SN-2"}, "1"),
        ([{}, {"serial": "SN-2"}], {"serial": "sn-2"}, "1"),
        ([{"model": "X1"}, {"serial": "SN-2"}], {"serial": "SN-2", "model": "X1"}, "1"),
        ([{"ownership": OWN}, {"ownership": DEDICATED}], {"ownership": DEDICATED}, "1"),
        ([{"ownership": OWN}, {"model": "X1"}], {"ownership": OWN, "model": "X1"}, "1"),
        ([{"ownership": OWN}, {}], {"ownership": DEDICATED}, "1"),
        ([{"serial": "SN-1", "imei": "490154203237518"}], {"imei": "490154203237519"}, None),
        ([{"serial": "SN-1"}, {"serial": "SN-1"}], {"serial": "SN-1"}, "0"),
        ([{"serial": "Default string"}, {}], {"serial": "SN-1"}, "0"),
        ([], {}, None),
    ],
)
def test_match(
    registered: list[dict[str, Any]], device: dict[str, str], expected: str | None
) -> None:
    said = {"serial": "", "imei": "", "udid": "", "model": "", "ownership": "", **device}
    found = match(records(*registered), **said)
    assert (found.id if found else None) == expected
