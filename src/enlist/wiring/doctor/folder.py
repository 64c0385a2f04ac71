"""The data folder: is it there, whole, Enlist's own and nobody else's?"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from enlist import keyfolder
from enlist.core.clock import DAY, rfc3339
from enlist.core.counting import counted
from enlist.core.diagnosis import Finding, fine, problem, warning
from enlist.datafolder import DataFolderProblem, NotForThisUser, user_name
from enlist.store import inspection, installation, key_use, leaked_keys, webhooks
from enlist.wiring.doctor.check import CannotTell, Check, Ground

_SECRET: Final = ("keys/*.key", "pki/*.key", "*.json")
_BACKUP_AGE: Final = 7
_BACKUP: Final = "backup /srv/backups --passphrase-file /etc/enlist/backup-passphrase"
"""As the guide to backups has it."""
_OURS: Final = (*_SECRET, "pki/*.pem", "checkpoints/*", "*.sqlite3*", "server.lock")


def _folder(ground: Ground) -> Finding:
    data = _there(ground)
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & 0o077:
        return problem(
            f"{data} is open to other users (mode {mode:04o})",
            f"Run: chmod 700 {shlex.quote(str(data))}",
        )
    return fine(f"{data}, mode {mode:04o}")


def _keys(ground: Ground) -> Finding:
    data = _there(ground)
    restore = "Restore the folder from your key backup; new keys would end every live token."
    if not keyfolder.exists(data):
        return problem(
            f"there are no keys in {data}", f"Give the right folder by --data.\n{restore}"
        )
    try:
        folder = keyfolder.load(data)
    except NotForThisUser as error:
        raise CannotTell("keys are read once this user may read them") from error
    except DataFolderProblem as error:
        # Modes are another check's; here it is whether the keys are there and whole.
        if "can be read by others" in str(error):
            raise CannotTell("keys are read once their modes are right") from error
        return problem(str(error).partition(". ")[0], restore)
    known = ground.read(installation.installation_id)
    if known is not None and known != folder.installation_id:
        return problem(
            f"the keys are of installation {folder.installation_id}, the database of {known}",
            "Give the data folder that belongs to this database by --data.",
        )
    held = {key_id for key_id, _ in folder.key_ids}
    lost = ground.read(lambda tx: key_use.lost(tx, held))
    if lost:
        names = ", ".join(key.id for key in lost)
        copy = f"Copy {names} from the machine where they were made, if there are several.\n"
        return problem(f"missing in {data / 'keys'}: {names}", copy + restore)
    return fine(f"{len(folder.key_ids)} keys and an authority, of this database")


def _modes(ground: Ground) -> Finding:
    open_to_others = [
        path
        for path in _files(_there(ground), _SECRET)
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_to_others:
        return problem(
            f"other users can read {_some(open_to_others)}",
            f"Run: chmod 600 {shlex.join(str(path) for path in open_to_others)}\n"
            "If anybody else could log in here meanwhile, end every live token.\n"
            f"Run: {ground.command('keys compromised --yes')}",
        )
    return fine("secret files are mode 0600")


def _owner(ground: Ground) -> Finding:
    data = _there(ground)
    owner = data.stat().st_uid
    strange = [path for path in _files(data, _OURS) if path.stat().st_uid != owner]
    if strange:
        name = user_name(owner)
        return problem(
            f"{user_name(strange[0].stat().st_uid)} owns {_some(strange)}, the folder to {name}",
            f"Run: chown -R {name}: {shlex.quote(str(data))}\n"
            f"And from now on: sudo -u {name} enlist …, never as another user.",
        )
    return fine(f"all of {user_name(owner)}'s")


def _leaked(ground: Ground) -> Finding:
    """What a leaked key still makes, as `keys compromised` was broken off or left it to people."""
    tokens = ground.read(leaked_keys.tokens)
    hooks = ground.read(webhooks.of_leaked_keys)
    told, remedy = [], []
    if tokens:
        told.append(f"a leaked key makes {counted(tokens, 'token')} that nobody has used yet")
        remedy.append(f"Run: {ground.command('keys compromised --yes')}")
    if hooks:
        told.append(f"a leaked key makes {counted(len(hooks), 'secret')} of webhooks")
        remedy += [f"Run: {ground.command(f'webhook secret {each.id}')}" for each in hooks[:3]]
        remedy.append("Each prints a new secret: give it to the webhook's receiver.")
        remedy += ["Then run this again: it names the next."] if len(hooks) > 3 else []
    return problem("; ".join(told), "\n".join(remedy)) if told else fine("none makes anything")


def _there(ground: Ground) -> Path:
    data = ground.settings.data
    if not data.is_dir():
        raise CannotTell(f"there is no folder {data}")
    try:
        list(data.iterdir())
    except PermissionError as error:
        raise CannotTell(f"{data} may not be read by {user_name(os.geteuid())}") from error
    return data


def _files(data: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(data.glob(pattern))


def _some(paths: Sequence[Path]) -> str:
    """The first names of a list."""
    names = ", ".join(path.name for path in paths[:3])
    return names if len(paths) <= 3 else f"{names} and {len(paths) - 3} more"


def _readable(ground: Ground) -> Finding:
    data = ground.settings.data
    if not data.is_dir():
        return problem(f"there is no folder {data}", "Give the right one by --data or ENLIST_DATA.")
    me = user_name(os.geteuid())
    unreadable = [] if os.access(data, os.R_OK | os.X_OK) else [data]
    if not unreadable:
        unreadable = [path for path in _files(data, _OURS) if not os.access(path, os.R_OK)]
    if unreadable:
        return warning(
            f"{me} may not read {_some(unreadable)}",
            f"Run: {ground.command('doctor')}",
        )
    return fine(f"as {me}")


def _backup(ground: Ground) -> Finding:
    """Ruling 20: a key that is in no backup is lost with the disk, and its tokens with it."""
    data = _there(ground)
    last = ground.read(inspection.last_backup)
    remedy = f"Run: {ground.command(_BACKUP)}\nDo so each night, and copy it to another machine."
    if last is None:
        return warning("no backup is recorded here", remedy)
    at, kept = last
    days = (ground.now - at) // DAY
    made = [*data.glob("keys/*.*.key"), *data.glob("pki/issuing.*.pem")]
    missing = [path for path in made if path.name.split(".")[1] not in kept]
    if missing:
        return problem(f"{_some(sorted(missing))} is not in the last backup", remedy)
    if days >= _BACKUP_AGE:
        return warning(f"the last backup is {days} days old", remedy)
    return fine(f"{rfc3339(at)}, with every key")


CHECKS: Final = (
    Check(
        "data-readable",
        "readable",
        "Enlist needs its keys at every start, and doctor to judge them.",
        _readable,
    ),
    Check(
        "data-folder",
        "folder",
        "Whoever can look into the data folder sees which keys there are, and a new file that is "
        "made with the wrong mode.",
        _folder,
    ),
    Check(
        "keys-present",
        "keys",
        "Without the keys that belong to the database every live token is dead, and the server "
        "does not start.",
        _keys,
    ),
    Check(
        "keys-private",
        "file modes",
        "Whoever reads a key can make tokens and certificates of his own.",
        _modes,
    ),
    Check(
        "keys-leaked",
        "leaked keys",
        "Whoever has a key that leaked enrolls devices of his own, and tells receivers of webhooks "
        "what never happened.",
        _leaked,
    ),
    Check(
        "keys-owner",
        "owner",
        "The server cannot read what a command made as another user, and stops at its next start.",
        _owner,
    ),
    Check(
        "backup",
        "backup",
        "When the disk dies, every token, certificate and audit event since the last backup dies "
        "with it; without its keys, all of them.",
        _backup,
    ),
)
