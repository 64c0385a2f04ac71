"""`enlist demo`: a server with a sample organization, and a mailbox page instead of a mail server.

The data stay in `.demo/`, so that stopping and starting goes on where one left off. The sample
people's passwords are made once and printed at each start; this is no installation to keep.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.core.secrets import BASE58, Secret, random_letters
from enlist.datafolder import write_secret
from enlist.settings import Settings
from enlist.verbs.callers import host_caller
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.driver import AnyVerb
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import AddOrganization, ChangeOrganization, ChangeSettings
from enlist.verbs.register import Register
from enlist.verbs.setup import Administrator, Beginning
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import AddUser
from enlist.wiring.installation import CannotStart, Installation, open_installation
from enlist.wiring.server import serve

ADMINISTRATOR = "admin@example.com"

_PEOPLE = (
    ("ada", "Ada", "Lovelace", "engineering"),
    ("alan", "Alan", "Turing", "engineering"),
    ("grace", "Grace", "Hopper", "sales"),
    ("helen", "Helen", "Desk", "example"),
)
_DEVICES = (
    ("ada", "Ada's laptop", "linux", "corporate_dedicated"),
    ("alan", "Alan's workstation", "windows", "corporate_dedicated"),
    ("grace", "Grace's MacBook", "macos", "employee_owned"),
)


def demo(settings: Settings) -> None:
    """Run the demo until SIGINT or SIGTERM.

    Raises:
        CannotStart: with one line that says what to do.
    """
    if settings.data == Path("enlist-data"):
        folder = Path(".demo") / ("postgresql" if settings.database else "")
        settings = settings.model_copy(update={"data": folder})
    if "log_level" not in settings.model_fields_set:
        # Else the passwords scroll away with the first page that is opened.
        settings = settings.model_copy(update={"log_level": "warning"})
    passwords = _prepare(settings)
    people = "\n".join(f"           {name:<18} {password}" for name, password in passwords.items())
    where = settings.public_url or f"http://localhost:{settings.http.rpartition(':')[2]}"
    serve(
        settings,
        mailbox=True,
        extra=(
            "",
            f"  console  {where}/console",
            f"  mailbox  {where}/demo/mailbox  (what would have been sent)",
            f"  sign in  {people.strip()}",
            "",
            "This is a demo: sample people, and messages stay in memory. Stop it with Ctrl-C.",
        ),
    )


def _prepare(settings: Settings) -> dict[str, str]:
    """Make the sample organization once; answer everybody's password."""
    notes = settings.data / "demo.json"
    if notes.exists():
        passwords: dict[str, str] = json.loads(notes.read_text())
        return passwords
    passwords = {name: random_letters(14, BASE58) for name in (ADMINISTRATOR, "ada", "helen")}
    administrator = Administrator(ADMINISTRATOR, Secret(passwords[ADMINISTRATOR]))
    installation = open_installation(
        settings,
        beginning=Beginning("Example Corp", "example", administrator),
        channels=frozenset({"email"}),
    )
    try:
        _fill(installation, passwords)
    finally:
        installation.close()
    write_secret(notes, json.dumps(passwords).encode())
    return passwords


def _fill(installation: Installation, passwords: dict[str, str]) -> None:
    caller = installation.store.read(lambda tx: host_caller(tx, "demo"))
    run = _Runner(installation, caller)
    run(ChangeOrganization("example", time_zone="Europe/Berlin"))
    run(AddOrganization("example", "engineering", "Engineering"))
    run(AddOrganization("example", "sales", "Sales"))
    run(ChangeSettings("sales", {"token_type": "two_factor"}))
    for username, first, last, group_id in _PEOPLE:
        password = passwords.get(username)
        run(
            AddUser(
                group_id,
                username,
                email=f"{username}@example.com",
                first_name=first,
                last_name=last,
                password=Secret(password) if password else None,
            )
        )
    run(GrantRole("helen", "example", "helpdesk"))
    for user, name, platform, ownership in _DEVICES:
        run(Register("", user, DeviceDetails(name, platform, ownership), Delivery("email")))


class _Runner:
    """Runs verbs that must succeed."""

    def __init__(self, installation: Installation, caller: Caller) -> None:
        self._driver = installation.driver
        self._caller = caller

    def __call__(self, verb: AnyVerb[Any, Any, Any]) -> None:
        outcome = self._driver.perform(verb, self._caller)
        if isinstance(outcome, Refusal):
            raise CannotStart(f"the sample data cannot be made: {outcome.code} {outcome.fields}")
