"""`enlist device reset`, `reassign` and `replace`: what a device holds ends, and it starts anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from enlist.cli import bulk
from enlist.cli.backend import Opened
from enlist.cli.issuing import grant_named, issued_document, print_token
from enlist.cli.options import Data, Database, Expires, Json, installation, known, parse_moment
from enlist.cli.output import done, out, print_facts
from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Refusal
from enlist.verbs.afresh import NewBeginning
from enlist.verbs.consequences import Consequences, Foreseen
from enlist.verbs.driver import Verb

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Id.")]
Devices = Annotated[
    list[str], typer.Argument(metavar="DEVICE", help="Ids; - reads them from standard input.")
]
Later = Annotated[
    str,
    typer.Option(
        "--message",
        help="later sends nothing yet, email or sms sends it to the user, none prints it once.",
    ),
]
Grant = Annotated[
    str,
    typer.Option("--grant", help="registration_token or one_time_jwt; default: as the last time."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would end.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

Making = Callable[[str, str], Verb[Any, Any, NewBeginning]]
"""Makes the verb for a device, bound to what a dry run answered; "" for to nothing."""


def reset(
    context: typer.Context,
    devices: Devices,
    reason: Annotated[
        str, typer.Option("--reason", help="new_device, lost, corrupted or compromised.")
    ] = "",
    end_sign_ins: Annotated[
        bool,
        typer.Option("--end-sign-ins", help="End the owner's sign-ins too; with compromised."),
    ] = False,
    message: Later = "later",
    grant: Grant = "",
    expires: Expires = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End at once what devices hold, and issue a new enrollment for each."""
    from enlist.verbs.issuing import Delivery
    from enlist.verbs.reset import Reset, ResetReason

    until = parse_moment(expires, datetime.now(UTC))
    why = known("--reason", reason, ResetReason)
    by = _grant(grant)

    def make(device: str, preview: str) -> Reset:
        delivery = Delivery(message)
        return Reset(device, why, delivery, until, by, end_sign_ins, preview)

    with installation(context, data, database) as enlist:
        _run(enlist, bulk.ids(devices), make, "Reset", dry_run=dry_run, yes=yes, as_json=as_json)


def reassign(
    context: typer.Context,
    devices: Devices,
    user: Annotated[str, typer.Option("--to", metavar="USER", help="User name or id.")],
    organization: Annotated[
        str,
        typer.Option("--organization", metavar="GROUP_ID", help="Where they are from now on."),
    ] = "",
    message: Later = "later",
    grant: Grant = "",
    expires: Expires = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Give devices to another user; what they hold ends, and he enrolls them anew."""
    from enlist.verbs.issuing import Delivery
    from enlist.verbs.reassign import Reassign

    until = parse_moment(expires, datetime.now(UTC))
    by = _grant(grant)

    def make(device: str, preview: str) -> Reassign:
        delivery = Delivery(message)
        return Reassign(device, user, organization, delivery, until, by, preview)

    with installation(context, data, database) as enlist:
        words = "Reassigned"
        _run(enlist, bulk.ids(devices), make, words, dry_run=dry_run, yes=yes, as_json=as_json)


def replace(
    context: typer.Context,
    device: Device,
    name: Annotated[
        str, typer.Option("--name", help="What the new device is called; default: the same.")
    ] = "",
    platform: Annotated[
        str, typer.Option("--platform", help="The new device's; default: the same.")
    ] = "",
    serial: Annotated[str, typer.Option("--serial", help="The new device's serial number.")] = "",
    message: Later = "later",
    grant: Grant = "",
    expires: Expires = "",
    dry_run: DryRun = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Register a device that takes the place of another; that ends when the new one is enrolled."""
    from enlist.verbs.issuing import Delivery
    from enlist.verbs.replace import Replace

    until = parse_moment(expires, datetime.now(UTC))
    by = _grant(grant)

    def make(old: str, preview: str) -> Replace:
        return Replace(old, name, platform, serial, Delivery(message), until, by, preview)

    with installation(context, data, database) as enlist:
        # Nothing ends yet, so nobody is asked.
        words = "Registered in its place"
        _run(enlist, [device], make, words, dry_run=dry_run, yes=True, as_json=as_json)
    if not as_json:
        out.print("Nothing ends before the new device is enrolled.")


def _grant(text: str) -> GrantKind | None:
    return grant_named(text) if text else None


def _run(
    enlist: Opened,
    devices: list[str],
    make: Making,
    words: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Foresee, ask where somebody is there to answer, do."""
    from enlist.verbs import documents, rehearsing

    def foreseen_document(found: Foreseen) -> dict[str, Any]:
        ends = documents.consequences(found.consequences, enlist.now)
        return {"enrollment": None, "consequences": ends, "preview": found.preview}

    def rehearse(device: str) -> Done[Foreseen] | Refusal:
        return enlist.perform(rehearsing.DryRun(make(device, "")))

    if dry_run:
        shown = "Would be done"
        bulk.each(devices, rehearse, foreseen_document, _show_ends, shown, as_json=as_json)
        return
    asks = not (yes or as_json) and bulk.asks()
    previews = _confirmed(devices, rehearse) if asks else {}

    def perform(device: str) -> Done[NewBeginning] | Refusal:
        return enlist.perform(make(device, previews.get(device, "")))

    def document(begun: NewBeginning) -> dict[str, Any]:
        issued = issued_document(begun.issued, enlist)
        return foreseen_document(begun.ended) | {"enrollment": issued}

    def show(begun: NewBeginning) -> None:
        out.print(f"{words}: {begun.issued.device_id}", markup=False)
        _show_ends(begun.ended)
        print_token(begun.issued, enlist)

    bulk.each(devices, perform, document, show, words, as_json=as_json)


def _confirmed(
    devices: list[str], rehearse: Callable[[str], Done[Foreseen] | Refusal]
) -> dict[str, str]:
    """The previews of what somebody was shown and said yes to, by device; else the end."""
    previews: dict[str, str] = {}
    for device in devices:
        found = done(rehearse(device))
        previews[device] = found.preview
        _show_ends(found)
    if not typer.confirm("This happens at once. Go on?", err=True):
        raise typer.Exit
    return previews


def _show_ends(found: Foreseen) -> None:
    ends: Consequences = found.consequences
    where = f" from {', '.join(ends.networks)}" if ends.networks else ""
    facts = {
        "Certificates": str(len(ends.credentials)),
        "Tokens": str(len(ends.enrollments)),
        "Live sessions": f"{ends.sessions}{where}",
    }
    if ends.sign_ins:
        facts["Sign-ins"] = str(ends.sign_ins)
    print_facts({f"{name} that end": value for name, value in facts.items()})
