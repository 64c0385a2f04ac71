"""House rules that a machine can see. Each failure says which rule it is and where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import AGENT, ROOT, SOURCE, Module, modules

EVERYTHING = (*modules(), *modules(AGENT))

# Which part alone may import what: the rest of Enlist does not depend on how it is done.
ONLY_IN = {
    "sqlite3": {"store"},
    "psycopg": {"store"},
    "psycopg_pool": {"store"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "starlette": {"web"},
    "fastapi": {"web"},
    "uvicorn": {"web"},
    "jinja2": {"web", "delivery"},
    "asyncio": {"web", "sessions"},
    "anyio": {"web", "sessions"},
    "smtplib": {"delivery"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "argon2": {"verbs"},
    "pydantic_settings": {"settings"},
}

# core/ decides from values alone: no network, no files, no clock of its own, no processes.
NOT_IN_CORE = {
    *("asyncio", "http", "io", "multiprocessing", "os", "pathlib", "shutil", "smtplib", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "urllib.request"),
}

STATEMENT = re.compile(
    r"\s*(SELECT\s(?!an?\s|the\s).+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s"
    r"|CREATE\s+(UNIQUE\s+)?(TABLE|INDEX)\s|ALTER\s+TABLE\s|WITH\s+\w+\s+AS\s*\()",
    re.IGNORECASE | re.DOTALL,
)

# Names of values that an attacker may try to guess; a request's digest is of his own making.
SECRET_NAME = re.compile(
    r"(?<!request)(^|_)(digest|hmac|mac|signature|password|passcode|secret|token)s?$"
)


def fail_with(rule: str, found: Iterator[str] | list[str]) -> None:
    """Fail with the rule and all the places that break it."""
    places = list(found)
    assert not places, "\n  ".join([rule, *places])


def test_import_rules_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_libraries_stay_in_their_place(library: str) -> None:
    homes = ONLY_IN[library]
    fail_with(
        f"{library} belongs to {' and '.join(sorted(homes))} alone:",
        (
            module.at(node)
            for module in modules()
            if module.part not in homes
            for name, node in module.imports()
            if name.split(".")[0] == library
        ),
    )


def test_core_is_standard_library_without_input_and_output() -> None:
    def wrong(name: str) -> bool:
        top = name.split(".", maxsplit=1)[0]
        known = top in sys.stdlib_module_names or name.startswith("enlist.core")
        return not known or any(name == bad or name.startswith(f"{bad}.") for bad in NOT_IN_CORE)

    fail_with(
        "core/ is the standard library only, and without input and output:",
        (
            f"{module.at(node)} imports {name}"
            for module in modules()
            if module.part == "core"
            for name, node in module.imports()
            if wrong(name)
        ),
    )


def test_randomness_comes_from_the_system() -> None:
    fail_with(
        "secrets, ids and jitter come from the operating system's generator, not `random` (S02):",
        (
            module.at(node)
            for module in EVERYTHING
            for name, node in module.imports()
            if name.split(".")[0] == "random"
        ),
    )


def test_no_uuid_is_a_secret() -> None:
    """S02, ASVS 11.5.1: an id may be guessed; none is made but by `core.ids`, from the moment."""
    fail_with(
        "ids come from core.ids, secrets from core.secrets:",
        (
            module.at(node)
            for module in EVERYTHING
            if module.path != SOURCE / "core/ids.py"
            for name, node in module.imports()
            if name.split(".")[0] == "uuid"
        ),
    )


def test_only_the_edge_is_asynchronous() -> None:
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    fail_with(
        "only web/ and sessions/ hold `async`: the core is synchronous:",
        (
            module.at(node)
            for module in EVERYTHING
            if module.part not in {"web", "sessions"}
            for node in ast.walk(module.tree)
            if isinstance(node, kinds)
        ),
    )


def test_sql_stays_in_the_store() -> None:
    fail_with(
        "only store/ holds SQL:",
        (
            module.at(node)
            for module in modules()
            if module.part != "store"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and STATEMENT.match(node.value)
        ),
    )


@pytest.mark.parametrize(
    "text",
    ["SELECT id FROM device", "\n  update device SET state = 1", "WITH due AS (SELECT 1)"],
)
def test_what_counts_as_sql(text: str) -> None:
    assert STATEMENT.match(text)


@pytest.mark.parametrize("text", ["Select a user from the list", "Update your device", "With care"])
def test_what_does_not_count_as_sql(text: str) -> None:
    assert not STATEMENT.match(text)


def test_no_two_statements_have_one_name() -> None:
    """The second stops whoever imports both: the whole suite, and neither file alone."""
    files = [path for folder in (SOURCE, ROOT / "tests") for path in folder.rglob("*.py")]
    named = re.compile(r"""(?:Set)?Query\(\s*(["'])([^"'{]+)\1""")
    found = Counter(
        name for path in files for _, name in named.findall(path.read_text(encoding="utf-8"))
    )
    assert len(found) > 100
    assert [name for name, times in found.items() if times > 1] == []


def test_secrets_are_not_compared_with_equals() -> None:
    """Comparing with `==` ends at the first difference, which time tells (ASVS 11.2.4)."""
    fail_with(
        "digests and secrets are compared by `hmac.compare_digest`:",
        (module.at(node) for module in EVERYTHING for node in _guessable_comparisons(module)),
    )


def _guessable_comparisons(module: Module) -> Iterator[ast.Compare]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
            continue
        sides = (node.left, *node.comparators)
        # A comparison with a constant asks what kind of thing it is, not whether it is right.
        if any(isinstance(side, ast.Constant) or _name(side).isupper() for side in sides):
            continue
        if any(SECRET_NAME.search(_name(side)) for side in sides):
            yield node


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_time_is_given_not_taken() -> None:
    """`now` comes in from outside, so that a test can be at any moment (core.clock reads it)."""
    clocks = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}
    decided = {"core", "grants", "completions", "verbs", "store"}
    fail_with(
        "time is injected as `now`:",
        (
            module.at(node)
            for module in modules()
            if module.part in decided and module.path != SOURCE / "core/clock.py"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call) and _dotted(node.func).endswith(tuple(clocks))
        ),
    )


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_what_the_type_checker_overlooks_has_a_reason() -> None:
    """On its line; else nobody dares to take it away, nor sees when it hides a fault."""
    unsaid = re.compile(r"# type: ignore(?!\[[\w-]+\]  # \w)")
    fail_with(
        "write behind it why, as in `# type: ignore[override]  # it is known as what it wraps`:",
        (
            f"{module.path.relative_to(ROOT)}:{number}"
            for module in EVERYTHING
            for number, line in enumerate(module.path.read_text().splitlines(), 1)
            if unsaid.search(line)
        ),
    )


def test_tests_share_by_modules_that_are_no_tests() -> None:
    found = [
        f"{module.at(node)} {name}"
        for module in modules(ROOT / "tests")
        if module.path.name.startswith("test_")
        for name, node in module.imports()
        if re.match(r"tests\.([a-z_]+\.)*test_", name)
    ]
    rule = "What two test modules need stands in a module beside them, with a docstring."
    fail_with(rule, found)


def test_sizes_are_reported() -> None:
    """Long files and functions are worth a look, not a failure."""
    for module in EVERYTHING:
        if module.lines > 400:
            warnings.warn(f"{module.path.relative_to(ROOT)}: {module.lines} lines", stacklevel=1)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 40:
                    place = f"{module.at(node)} {node.name}"
                    warnings.warn(f"{place}: {lines} lines", stacklevel=1)
