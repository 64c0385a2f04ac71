"""What the command line can call: each function opens what it needs, and no more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from enlist.cli.backend import Opened
    from enlist.core.caller import Caller
    from enlist.core.diagnosis import Diagnosis
    from enlist.settings import Settings
    from enlist.verbs.verify_log import Check
    from enlist.wiring.installation import Installation


def _settings(options: dict[str, Any]) -> Settings:
    """Settings from the flags that were given, over the environment.

    Raises:
        CannotStart: a setting is wrong; all that are wrong, one line each.
    """
    from pydantic import ValidationError

    from enlist.settings import Settings
    from enlist.wiring.installation import CannotStart

    given = {name: value for name, value in options.items() if value not in (None, [], ())}
    try:
        return Settings(**given)
    except ValidationError as error:
        # Mail and SMS have classes of their own, so that a bare "port" would name nothing.
        prefix = {"Smtp": "ENLIST_SMTP_", "Sms": "ENLIST_SMS_"}.get(error.title, "ENLIST_")
        lines = []
        for problem in error.errors():
            name = prefix + "_".join(map(str, problem["loc"])).upper() if problem["loc"] else ""
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {message}" if name else message)
        raise CannotStart("\n".join(lines)) from None


class LocalBackend:
    """Enlist on this machine: the commands open the database beside a running server."""

    def serve(self, **options: Any) -> None:
        """Run the server until it is told to stop."""
        settings = _settings(options)
        if settings.workers > 1:
            from enlist import datafolder
            from enlist.wiring.counts import share_counts

            datafolder.make(settings.data)
            try:
                share_counts(settings.data)
            except PermissionError as error:
                path = Path(error.filename)
                raise datafolder.not_for_this_user(path, settings.data, "write") from error
        from enlist.wiring.server import serve

        serve(settings)

    def demo(self, **options: Any) -> None:
        """Run a server with sample data and a mailbox instead of a mail server."""
        from enlist.wiring.demo import demo

        demo(_settings(options))

    def init(
        self, *, email: str, password: str, organization: str, group_id: str, **options: Any
    ) -> None:
        """Set up an empty installation without a browser (X43)."""
        from enlist.core.secrets import Secret
        from enlist.verbs.setup import Administrator, Beginning
        from enlist.wiring.installation import CannotStart, is_set_up, open_installation

        settings = _settings(options)
        if is_set_up(settings):
            raise CannotStart("this database is set up already; nothing was changed.")
        administrator = Administrator(email, Secret(password))
        beginning = Beginning(organization, group_id, administrator)
        # Before anything is made: keys name an address that another try may give otherwise.
        if wrong := beginning.problems():
            told = "; ".join(f"{each.field} {each.message}" for each in wrong)
            raise CannotStart(f"nothing was set up: {told}.")
        open_installation(settings, beginning=beginning).close()

    def migrate(self, *, check: bool, **options: Any) -> bool:
        """Bring the schema to this version's; with `check`, only say whether that is needed."""
        from enlist.wiring.beside import as_told
        from enlist.wiring.installation import migrate

        settings, _channels = as_told(_settings(options))
        return migrate(settings, check=check)

    def backup(self, folder: Path, passphrase: str, **options: Any) -> dict[str, Any]:
        """Make a backup below a folder; answers what it says of itself."""
        from dataclasses import asdict

        from enlist.core.secrets import Secret
        from enlist.wiring.backup.making import back_up

        made = back_up(_settings(options), folder, Secret(passphrase))
        return {"folder": str(made.folder), **asdict(made.manifest)}

    def restore(
        self, folder: Path, passphrase: str, *, rehearsal: bool, **options: Any
    ) -> dict[str, Any]:
        """Restore a backup into an empty data folder and database."""
        from enlist.core.secrets import Secret
        from enlist.wiring.backup.restoring import restore

        done = restore(_settings(options), folder, Secret(passphrase), rehearsal=rehearsal)
        return {
            "made_at": done.manifest.made_at,
            "installation": done.manifest.installation,
            "epoch": done.held.epoch,
            "on_hold": done.held.enrollments,
            "sign_ins_ended": done.held.sign_ins,
            "log_damage": done.damage,
        }

    def list_keys(self, **options: Any) -> list[dict[str, Any]]:
        """Every key of the installation."""
        from enlist.wiring.installation import opened
        from enlist.wiring.keys import listed

        settings = _settings(options)
        with opened(settings) as installation:
            return [each.document() for each in listed(installation, settings)]

    def rotate_key(self, purpose: str, *, minutes: int, **options: Any) -> dict[str, Any]:
        """Make a new key, which running servers take up."""
        from enlist.wiring.installation import opened
        from enlist.wiring.keys import rotate

        settings = _settings(options)
        with opened(settings) as installation:
            return rotate(installation, settings, purpose, minutes=minutes).document()

    def replace_leaked_keys(self, **options: Any) -> dict[str, Any]:
        """Make new keys at once, and reissue every live token."""
        from enlist.wiring.installation import opened
        from enlist.wiring.keys import replace_leaked

        settings = _settings(options)
        with opened(settings) as installation:
            return replace_leaked(installation, settings).document()

    def doctor(self, **options: Any) -> Diagnosis:
        """Look for what is wrong, without changing anything."""
        from enlist.wiring.doctor import diagnose

        return diagnose(_settings(options), os.environ)

    @contextmanager
    def opened(self, **options: Any) -> Iterator[Opened]:
        """An existing installation, as whoever is at this machine's command line."""
        from enlist.cli.backend import Opened
        from enlist.wiring.installation import opened

        settings = _settings(options)
        with opened(settings) as installation:
            caller = at_this_machine(installation)
            yield Opened(installation.driver, caller, installation.log, lambda: _helpers(settings))


def _helpers(settings: Settings) -> AbstractContextManager[Check | None]:
    """Processes beside this one, with the database that the server told of."""
    from enlist.wiring.beside import as_told
    from enlist.wiring.helpers import helpers

    told, _channels = as_told(settings)
    return helpers(told)


def at_this_machine(installation: Installation) -> Caller:
    """Whoever runs this process, as the audit log calls him."""
    from enlist.verbs.callers import host_caller

    return installation.store.read(lambda tx: host_caller(tx, _user_name()))


def _user_name() -> str:
    """The operating system's user, who is the actor in the audit log."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
