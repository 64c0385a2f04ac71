"""Write the reference pages from the code, or with `--check` say which are out of date.

A page holds a hand-written introduction up to the marker line; everything below it is made here,
so that nothing that exists is undocumented and nothing documented is gone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
import typer
from prometheus_client import REGISTRY

import enlist.delivery.worker
import enlist.web.app
import enlist.wiring.revocation_webhook
import enlist.wiring.sealer
import enlist.wiring.signers
import enlist.wiring.syslog
import enlist.wiring.webhooks  # noqa: F401 - all of these register metrics
from enlist.cli.application import build
from enlist.core.events import EVENT_VERSION, FORM, KINDS
from enlist.core.permissions import ROLES, Permission
from enlist.core.policy import SETTINGS
from enlist.core.refusals import CATALOGUE, UNRECORDED
from enlist.core.stages import KINDS_OF, STAGES
from enlist.core.templates import LOOKUPS, PURPOSES, SECRET_LOOKUPS, lookups_for
from enlist.delivery.syslog import PARAMETERS, SD_ID
from enlist.settings import Settings, Sms, Smtp
from enlist.web.api.application import fastapi_application
from enlist.web.api.openapi import described, operations_of
from enlist.web.problems import STATUS
from enlist.web.protocols.openziti import management
from enlist.wiring.doctor import SECTIONS

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
MARKER: Final = "<!-- Made by scripts/reference.py from the code; change it there. -->"


def refusals() -> Iterator[str]:
    """Every refusal code: status, who may hear it, what it says."""
    yield "| code | HTTP | told to | title | what to do |"
    yield "|---|---|---|---|---|"
    for code, meaning in CATALOGUE.items():
        yield (
            f"| `{code}` | {STATUS[code]} | {meaning.audience.value} "
            f"| {meaning.title} | {meaning.remedy} |"
        )
    yield ""
    never = ", ".join(f"`{code}`" for code in sorted(UNRECORDED))
    yield f"Counted in a metric, but never an event: {never}, and secrets that are mistyped."


def events() -> Iterator[str]:
    """Every kind of event."""
    yield "| kind | meaning |"
    yield "|---|---|"
    for kind, meaning in KINDS.items():
        yield f"| `{kind}` | {meaning} |"
    yield ""
    yield "## Taken elsewhere"
    yield ""
    yield (
        "`GET /api/v1/events?after=…` gives each event in this form. A value may be added at any "
        f"time; one that goes, or means another thing, raises `version`, which is {EVENT_VERSION}."
    )
    yield ""
    yield "| value | meaning |"
    yield "|---|---|"
    for name, meaning in FORM.items():
        yield f"| `{name}` | {meaning} |"
    yield ""
    yield "## Stages of an enrollment"
    yield ""
    yield "What `stage` says, and what a webhook may be for instead of kinds."
    yield ""
    yield "| stage | meaning | marked by |"
    yield "|---|---|---|"
    for name, meaning in STAGES.items():
        marked = ", ".join(f"`{kind}`" for kind in KINDS_OF[name])
        yield f"| `{name}` | {meaning} | {marked} |"
    yield ""
    yield "## As syslog"
    yield ""
    yield f"What the structured data `{SD_ID}` hold; the text of the message is the form above."
    yield ""
    yield "| parameter | meaning |"
    yield "|---|---|"
    for name, meaning in PARAMETERS.items():
        yield f"| `{name}` | {meaning} |"


def settings() -> Iterator[str]:
    """Every setting of the server."""
    sections = (("Server", Settings, ""), ("Mail", Smtp, "SMTP_"), ("SMS", Sms, "SMS_"))
    for title, model, prefix in sections:
        yield f"### {title}"
        yield ""
        yield "| variable | default | meaning |"
        yield "|---|---|---|"
        for name, field in model.model_fields.items():
            if name in ("smtp", "sms"):
                continue
            default = "" if field.is_required() else field.get_default(call_default_factory=True)
            if isinstance(default, list) and model is Sms:
                default = ",".join(default)
            empty = ("", "None", "[]", "{}", "**********")
            shown = "" if str(default) in empty else f"`{default}`"
            meaning = " ".join(str(field.description).split())  # a row is one line
            yield f"| `ENLIST_{prefix}{name.upper()}` | {shown} | {meaning} |"
        yield ""


def enrollment_settings() -> Iterator[str]:
    """Every enrollment setting of an organization."""
    yield "| key | default | values |"
    yield "|---|---|---|"
    for key, setting in SETTINGS.items():
        if setting.choices is not None:
            values = ", ".join(f"`{choice.value}`" for choice in setting.choices)
        elif isinstance(setting.default, bool):
            values = "`true`, `false`"
        else:
            values = f"{setting.least} to {setting.most}"
        yield f"| `{key}` | `{str(setting.default).lower()}` | {values} |"


def roles() -> Iterator[str]:
    """Which role holds which permission."""
    yield "| permission | " + " | ".join(f"`{role.value}`" for role in ROLES) + " |"
    yield "|---|" + "---|" * len(ROLES)
    for permission in Permission:
        held = ("yes" if permission in granted else "" for granted in ROLES.values())
        yield f"| `{permission.value}` | " + " | ".join(held) + " |"


def commands() -> Iterator[str]:
    """Every command with its flags."""
    root = typer.main.get_command(build())
    yield "### `enlist`"
    yield ""
    yield "Before a command:"
    yield ""
    yield "| flag | meaning |"
    yield "|---|---|"
    for parameter in root.params:
        yield from _parameter(parameter)
    yield ""
    yield from _commands(root, "enlist")


def _commands(command: Any, path: str) -> Iterator[str]:
    if isinstance(command, click.Group) or hasattr(command, "commands"):
        for name, child in sorted(command.commands.items()):
            yield from _commands(child, f"{path} {name}")
        return
    yield f"### `{path}`"
    yield ""
    yield (command.help or "").strip()
    yield ""
    rows = [row for parameter in command.params for row in _parameter(parameter)]
    if rows:
        yield "| flag | meaning |"
        yield "|---|---|"
        yield from rows
        yield ""
    if command.epilog:
        yield f"    {command.epilog.removeprefix('Example: ')}"
        yield ""


def _parameter(parameter: Any) -> Iterator[str]:
    if parameter.name in ("help", "install_completion", "show_completion"):
        return
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    needed = " Required." if parameter.required else ""
    yield f"| {names} | {(parameter.help or '').replace('|', '/')}{needed} |"


def metrics() -> Iterator[str]:
    """Every metric of our own, by the name that it is scraped under."""
    yield "| metric | meaning |"
    yield "|---|---|"
    for metric in sorted(REGISTRY.collect(), key=lambda found: found.name):
        if metric.name.startswith("enlist_"):
            name = metric.name + ("_total" if metric.type == "counter" else "")
            yield f"| `{name}` ({metric.type}) | {metric.documentation} |"


def lookups() -> Iterator[str]:
    """Every lookup value of message templates."""
    yield "| lookup value | stands for | redeems | not for |"
    yield "|---|---|---|---|"
    kinds = [
        (purpose, channel) for purpose, about in PURPOSES.items() for channel in about.channels
    ]
    for name, meaning in LOOKUPS.items():
        lacking = [" by ".join(kind) for kind in kinds if name not in lookups_for(*kind)]
        redeems = "yes" if name in SECRET_LOOKUPS else ""
        yield f"| `{{{name}}}` | {meaning} | {redeems} | {', '.join(lacking)} |"


def doctor() -> Iterator[str]:
    """Every check of `enlist doctor`."""
    for section, checks in SECTIONS:
        yield f"### {section}"
        yield ""
        yield "| check | looks at | why it matters |"
        yield "|---|---|---|"
        for check in checks:
            yield f"| `{check.name}` | {check.title} | {check.why} |"
        yield ""


def api() -> Iterator[str]:
    """Every operation of the REST API."""
    document = described(fastapi_application(), "").value
    yield "| operation | what it does | takes |"
    yield "|---|---|---|"
    for method, path, operation in operations_of(document):
        told = operation["description"].partition("\n\n")[0].replace("\n", " ")
        yield f"| `{method} {path}` | {told} | `{operation['x-permission']}` |"


def openziti_management() -> Iterator[str]:
    """Every address of OpenZiti's management API, and what filters may name."""
    yield "| operation | what it does |"
    yield "|---|---|"
    for path, method, answer in management.OFFERED:
        told = re.sub(r" \((?:[A-Z]\d+(?:, )?)+\)", "", answer.__doc__ or "")
        yield f"| `{method} {path}` | {told} |"
    yield ""
    yield "| list | fields of filters and orders |"
    yield "|---|---|"
    for name, fields in management.FIELDS.items():
        yield f"| `{name}` | {', '.join(f'`{field}`' for field in fields)} |"


PAGES: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "refusals": refusals,
    "events": events,
    "settings": settings,
    "enrollment-settings": enrollment_settings,
    "roles": roles,
    "commands": commands,
    "metrics": metrics,
    "message-templates": lookups,
    "doctor": doctor,
    "api": api,
    "openziti-management": openziti_management,
}


def page(name: str) -> str:
    """The whole text of a page: what stands above the marker stays."""
    path = FOLDER / f"{name}.md"
    above = path.read_text().partition(MARKER)[0] if path.exists() else f"# {name}\n\n"
    return above.rstrip() + f"\n\n{MARKER}\n\n" + "\n".join(PAGES[name]()).rstrip() + "\n"


def main() -> int:
    stale = [name for name in PAGES if _stored(name) != page(name)]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name}.md is out of date; run scripts/reference.py")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / f"{name}.md").write_text(page(name))
    return 0


def _stored(name: str) -> str:
    path = FOLDER / f"{name}.md"
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
