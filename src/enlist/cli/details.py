"""Flags that say what is known of a device, for the commands that register and edit one (A31)."""

from __future__ import annotations

from typing import Annotated, Any

import typer

Ownership = Annotated[
    str | None,
    typer.Option(
        "--ownership", help="corporate_dedicated, corporate_shared, employee_owned or none."
    ),
]
Model = Annotated[str | None, typer.Option("--model", help="Model.")]
OsVersion = Annotated[str | None, typer.Option("--os-version", help="Operating system.")]
Serial = Annotated[str | None, typer.Option("--serial", help="Serial number.")]
Imei = Annotated[str | None, typer.Option("--imei", help="IMEI, of phones.")]
Udid = Annotated[str | None, typer.Option("--udid", help="UDID, Apple's device identifier.")]
Sim = Annotated[str | None, typer.Option("--sim", help="SIM: ICCID or number.")]
AssetNumber = Annotated[str | None, typer.Option("--asset-number", help="Asset number.")]
ExternalId = Annotated[
    str | None, typer.Option("--external-id", help="How another system knows it.")
]
Tag = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be given several times.")]
Attribute = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        metavar="NAME=VALUE",
        help="A custom attribute; may be given several times.",
    ),
]


def given(tag: list[str] | None, attribute: list[str] | None, **one: str | None) -> dict[str, Any]:
    """What the flags say, by the names that verbs know; what was not given is left out."""
    found: dict[str, Any] = {name: text for name, text in one.items() if text is not None}
    if tag:
        found["tags"] = tuple(tag)
    if attribute:
        found["custom_attributes"] = "\n".join(attribute)
    return found
