"""`enlist device reset`, `reassign` and `replace`: what a device holds ends, and it starts anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from enlist.cli import bulk
from enlist.cli.backend import Opened
from enlist.cli.issuing import grant_named, issued_document, print_token
from enlist.cli.options import (
    Data,
    Database,
    Expires,
    Json,
    installation,
    known,
    parse_moment,
)
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
        act = _Act(context, enlist, make, "Reset", as_json)
        act.run(bulk.ids(devices), dry_run=dry_run, yes=yes)


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
        act = _Act(context, enlist, make, "Reassigned", as_json)
        act.run(bulk.ids(devices), dry_run=dry_run, yes=yes)


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
        act = _Act(context, enlist, make, "Registered in its place", as_json)
        act.run([device], dry_run=dry_run, yes=True)
    if not as_json:
        out.print("Nothing ends before the new device is enrolled.")


def _grant(text: str) -> GrantKind | None:
    return grant_named(text) if text else None


@dataclass(frozen=True, slots=True)
class _Looked:
    """What would end of one device, and how that device is called."""

    device: str
    foreseen: Foreseen


@dataclass(frozen=True, slots=True)
class _Act:
    """A verb for devices: foresee, ask where somebody is there to answer, do.

    Attributes:
        words: what was done: `Reset`.
    """

    context: typer.Context
    enlist: Opened
    make: Making
    words: str
    as_json: bool

    def run(self, devices: list[str], *, dry_run: bool, yes: bool) -> None:
        """Do it, or with `dry_run` show what would end."""
        if dry_run:
            bulk.each(
                devices,
                self._look,
                lambda looked: self._document(looked.foreseen),
                _show_looked,
                "Would be done",
                as_json=self.as_json,
                of_many=_show_of_many,
            )
            return
        asks = not (yes or self.as_json) and bulk.asks()
        looked = _confirmed({each: self._look(each) for each in devices}) if asks else {}

        def perform(device: str) -> Done[NewBeginning] | Refusal:
            seen = looked.get(device)
            if isinstance(seen, Refusal):
                return seen  # nobody was shown what would end of it
            return self.enlist.perform(
                self.make(device, seen.value.foreseen.preview if seen else "")
            )

        bulk.each(
            devices,
            perform,
            self._begun_document,
            self._show,
            self.words,
            as_json=self.as_json,
            of_many=self._show_token,
        )

    def _look(self, device: str) -> Done[_Looked] | Refusal:
        from enlist.verbs import rehearsing

        found = self.enlist.perform(rehearsing.DryRun(self.make(device, "")))
        if isinstance(found, Refusal):
            return found
        return Done(_Looked(self._called(device), found.value))

    def _called(self, device: str) -> str:
        """Name and owner: an id says nothing to whoever is asked."""
        from enlist.verbs.views_details import ShowDevice

        found = self.enlist.view(ShowDevice(device))
        if isinstance(found, Refusal):
            return device
        owner = f" of {found.device.username}" if found.device.username else ""
        return f"{found.device.name}{owner}"

    def _document(self, found: Foreseen) -> dict[str, Any]:
        from enlist.verbs import documents

        ends = documents.consequences(found.consequences, self.enlist.now)
        return {"enrollment": None, "consequences": ends, "preview": found.preview}

    def _begun_document(self, begun: NewBeginning) -> dict[str, Any]:
        issued = issued_document(begun.issued, self.enlist)
        return self._document(begun.ended) | {"enrollment": issued}

    def _show(self, begun: NewBeginning) -> None:
        out.print(f"{self.words}: {begun.issued.device_id}", markup=False)
        _show_ends(begun.ended)
        print_token(self.context, begun.issued, self.enlist)

    def _show_token(self, begun: NewBeginning) -> None:
        if begun.issued.token is not None:
            print_facts({"Device": self._called(begun.issued.device_id)})
            print_token(self.context, begun.issued, self.enlist)
            out.print()


def _confirmed(
    looked: dict[str, Done[_Looked] | Refusal],
) -> dict[str, Done[_Looked] | Refusal]:
    """What somebody was shown of each device and said yes to; else the end.

    What is refused of many is told when its turn comes, and keeps nobody else waiting.
    """
    if len(looked) == 1:
        _show_looked(done(*looked.values()))
        bulk.go_on("This happens at once. Go on?")
        return looked
    found = [each.value for each in looked.values() if isinstance(each, Done)]
    for each in found:
        _show_of_many(each)
    if found:
        bulk.go_on(f"This happens at once, to {len(found)} of {len(looked)}. Go on?")
    return looked


def _show_looked(looked: _Looked) -> None:
    _show_ends(looked.foreseen, looked.device)


def _show_of_many(looked: _Looked) -> None:
    _show_looked(looked)
    out.print()


def _show_ends(found: Foreseen, device: str = "") -> None:
    ends: Consequences = found.consequences
    where = f" from {', '.join(ends.networks)}" if ends.networks else ""
    facts = {
        "Certificates": str(len(ends.credentials)),
        "Tokens": str(len(ends.enrollments)),
        "Live sessions": f"{ends.sessions}{where}",
    }
    if ends.sign_ins:
        facts["Sign-ins"] = str(ends.sign_ins)
    named = {"Device": device} if device else {}
    print_facts({**named, **{f"{name} that end": value for name, value in facts.items()}})
