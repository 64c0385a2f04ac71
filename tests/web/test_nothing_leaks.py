"""Roles, organizations, routes: nobody learns or changes anything of an organization not his own.

Wherever a request can name a thing, it names one of the organization next door or of the one
above. The answer must be the one for a thing that does not exist, letter by letter but for what
the caller wrote himself, and what is there must stay as it is (S52).

OpenZiti's management API is on the other listener, and has no description to take its places from:
`tests/web/protocols/test_management_access.py` looks at it.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode
from zlib import crc32

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import DataObject, data, integers, sampled_from
from starlette.testclient import TestClient

from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.store.tx import Row
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.staff import GrantRole
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.fuzzing import effort
from tests.installation import MAILED, PASSWORD, Enlist
from tests.web.api.conftest import ORIGIN
from tests.web.bells import stopping
from tests.web.neighbours import Things, furnish, unknown
from tests.web.slots import (
    NESTED,
    PLAIN,
    Operation,
    Slot,
    api_operations,
    console_operations,
    filled,
)

MARKS: Final = {"acme": "qzhome", "beta": "qznext", "main": "qzover"}
"""What stands in every text of an organization, and nowhere else."""
FOREIGN: Final = ("beta", "main")
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BY_LOT: Final = re.compile(
    r"\b[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]\b"
    r'|name="nonce" value="[^"]*"'
)
HIDDEN: Final = re.compile(r'cursor(?:=|":")([A-Za-z0-9_-]+)')
EXPORTS: Final = ("/api/v1/enrollments/export", "/api/v1/terms/acceptances/export")
"""Whoever asks here leaves what he wrote in his own log. So these are asked last."""
UNEQUAL: Final = ("content-length",)
"""Headers that follow from how long a name is."""

Values = Mapping[Slot, str]


@dataclass(frozen=True)
class Answer:
    """An answer: whole, and without what requests say and what is drawn by lot."""

    status: int
    whole: str
    text: str


@dataclass
class Street:
    """The installation, who works in acme, and what may be asked."""

    enlist: Enlist
    http: TestClient
    things: dict[str, Things]
    callers: dict[str, dict[str, str]]
    operations: list[Operation] = field(default_factory=list)
    _texts: dict[tuple[Any, ...], str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ask(self, caller: str, operation: Operation, values: Values, *others: str) -> Answer:
        """What is answered to a request with these values in its places.

        Args:
            others: values that other requests have there, to be left out of the text as well.
        """
        number = next(self._numbers)
        sent = {
            **self.callers[caller],
            "x-forwarded-for": f"192.0.{number >> 8 & 255}.{number & 255}",
            "sec-fetch-site": "same-origin",
        }
        query = {slot.name: value for slot, value in values.items() if slot.where == "query"}
        content: bytes | None = None
        if operation.method not in ("GET", "DELETE"):
            body = _body(operation, values)
            if operation.is_page:
                typed = {name: "" if value is None else value for name, value in body.items()}
                content = urlencode(typed, doseq=True).encode()
                sent["content-type"] = "application/x-www-form-urlencoded"
            else:
                content = json.dumps(body).encode()
                sent["content-type"] = "application/json"
        answer = self.http.request(
            operation.method,
            filled(operation.path, values),
            params=query,
            headers=sent,
            content=content,
        )
        assert answer.status_code < 500, f"{caller}: {operation} {values}: {answer.text[:2000]}"
        return _without(answer, [*values.values(), *others])

    def state(self) -> dict[str, dict[str, list[str]]]:
        """Every row that is about an organization elsewhere or anything in it, by both.

        But for what was refused: that stands in the log of whom it was about, as it should.
        """
        tables = [row["name"] for row in self.enlist.rows("sqlite_master", type="table")]
        rows = {table: self.enlist.rows(table) for table in tables if table != "event"}
        return {place: self._about(place, {**rows, "event": self._log(place)}) for place in FOREIGN}

    def _log(self, place: str) -> list[Row]:
        told = self.enlist.rows("event", organization_id=self.things[place].organization)
        return [row for row in told if not str(row["kind"]).endswith(".refused")]

    def _about(self, place: str, rows: Mapping[str, Sequence[Row]]) -> dict[str, list[str]]:
        """Those rows that are about an organization; most of them were looked at before."""
        about = f"'{self.things[place].organization}'"
        signs = {MARKS[place], about, *self.things[place].ids}
        found: dict[str, list[str]] = {table: [] for table in rows}
        for table, row in ((table, row) for table, some in rows.items() for row in some):
            key = (place, table, *row.values())
            if (text := self._texts.get(key)) is None:
                whole = str({name: value for name, value in row.items() if name != "parent_id"})
                text = self._texts[key] = whole if any(each in whole for each in signs) else ""
            if text:
                found[table].append(text)
        return found

    def elsewhere(self, operation: Operation) -> Iterator[Values]:
        """Nothing, and then what is elsewhere in each place, one after the other.

        A page is asked with all that its query can name at once: most of it means nothing there.
        """
        if operation.method == "GET":
            yield {}
        for place in FOREIGN:
            together = []
            for slot in operation.slots:
                values = self.foreign(place, slot)
                if operation.is_page and slot.where == "query" and values:
                    together.append((slot, values))
                else:
                    yield from ({slot: value} for value in values)
            for number in range(max((len(values) for _, values in together), default=0)):
                yield {slot: values[number % len(values)] for slot, values in together}

    def foreign(self, place: str, slot: Slot) -> list[str]:
        """What another organization has that could be named there.

        Templates of the organization above are everybody's below it, by their names; so are its
        roles.
        """
        named = slot.where != "path" and slot.kind == "template"
        shared = place == "main" and (named or slot.kind == "own_role")
        return [] if shared else self.things[place].named(slot.kind)

    def leaks(self, place: str, answer: Answer, sent: Iterable[str]) -> set[str]:
        """What an answer tells of an organization that its request did not say itself."""
        text = answer.whole
        for each in sorted(
            {form for value in sent for form in _forms(value)}, key=len, reverse=True
        ):
            text = text.replace(each, "") if MARKS[place] in each or UUID.fullmatch(each) else text
        text += " ".join(_decoded(each) for each in HIDDEN.findall(text))
        # A shared device names its owner by his id alone; texts and rules from above have one too.
        above = self.things["main"]
        shared = {above.user, above.template, above.restriction, above.own_role}
        signs = {MARKS[place], *self.things[place].ids} - shared
        return {each for each in signs if each in text}


def _body(operation: Operation, values: Values) -> dict[str, Any]:
    """The fields that are needed, and those that name something."""
    body = {name: PLAIN[name] for name in operation.body if "." not in name and name in PLAIN}
    for slot, value in values.items():
        if slot.where != "body":
            continue
        inner = body
        *outer, name = slot.name.split(".")
        for each in outer:
            inner = inner.setdefault(each, json.loads(json.dumps(NESTED[each])))
        inner[name] = value
    return body


def _forms(value: str) -> set[str]:
    """How a value that was sent may stand in an answer."""
    plain = {value, html.escape(value), quote(value, safe=""), quote_plus(value)}
    return plain | {quote(each, safe="") for each in plain}


def _without(answer: httpx2.Response, sent: Iterable[str]) -> Answer:
    """An answer without what was sent, support codes and nonces."""
    headers = {name: each for name, each in answer.headers.items() if name not in UNEQUAL}
    whole = f"{answer.status_code} {headers} {answer.text}"
    text = whole
    for each in sorted({form for value in sent for form in _forms(value)}, key=len, reverse=True):
        text = text.replace(each, "(sent)")
    return Answer(answer.status_code, whole, BY_LOT.sub("(by lot)", text))


def _decoded(text: str) -> str:
    """What a text says that may be base64, such as a cursor."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.urlsafe_b64decode(padded).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


@pytest.fixture
def store_kind() -> str:
    """Who sees what is decided in verbs and in statements that are the same on both stores."""
    return "sqlite"


@pytest.fixture
def street(enlist: Enlist) -> Iterator[Street]:
    for place in ("acme", "beta"):
        enlist.organization(place)
    things = {place: furnish(enlist, place, mark) for place, mark in MARKS.items()}
    _meet(enlist, things["main"])
    services = Services(
        driver=enlist.driver,
        store=enlist.store,
        trusted_proxies=("127.0.0.1/32",),
        version="test",
        bell=stopping(),
    )
    with ExitStack() as stack:
        http = TestClient(
            web_application(services),
            ORIGIN,
            client=("127.0.0.1", 50000),
            follow_redirects=False,
        )
        stack.enter_context(http)
        street = Street(enlist, http, things, _callers(enlist))
        street.operations += api_operations(http)
        browser = street.callers["administrator"]
        street.operations += console_operations(http, browser, things["acme"])
        street.operations.sort(key=lambda operation: operation.path in EXPORTS)
        yield street


def _meet(enlist: Enlist, above: Things) -> None:
    """What belongs to acme, but to a person of the organization above: he stays unnamed."""
    enlist.do(Register("acme", above.user, DeviceDetails("shared", "linux"), MAILED))
    ticket = enlist.register(above.username, name="shared too", organization="acme")
    enlist.redeem(ticket.token, key=2)


def _callers(enlist: Enlist) -> dict[str, dict[str, str]]:
    """Headers of everybody who may come: with each role and with none, by sign-in and by key."""
    found: dict[str, dict[str, str]] = {"nobody": {}}
    for role in ("", *(role.value for role in Role)):
        user = enlist.user(f"{MARKS['acme']}-{role or 'none'}", organization="acme")
        if role:
            enlist.do(GrantRole(user.id, "acme", role))
            key = enlist.do(CreateApiKey(f"{role} key", role, "acme")).secret
            found[f"{role} key"] = {"authorization": f"Bearer {key.reveal()}"}
        signed = enlist.do(StartSignIn(user.username, Secret(PASSWORD)), enlist.stranger())
        found[role or "no role"] = {"cookie": f"enlist={signed.cookie.reveal()}"}
    return found


def test_what_is_elsewhere_does_not_exist(street: Street) -> None:
    """Every route, asked by an administrator: each place in turn names what is elsewhere."""
    own = street.things["acme"]
    before = street.state()
    problems: list[str] = []
    for operation in street.operations:
        base = {slot: own.named(slot.kind)[0] for slot in operation.needed}
        problems += [
            trouble(street, "administrator", operation, base, foreign)
            for foreign in street.elsewhere(operation)
        ]
        if operation.method != "GET":
            after = street.state()
            if after != before:
                problems.append(f"{operation} changed {_changes(before, after)}")
            before = after
    assert not any(problems), "\n\n".join(filter(None, problems))


def test_whoever_comes_learns_and_changes_nothing(street: Street) -> None:
    """Everybody, everywhere, with any mixture of what is his own and what is elsewhere."""
    before = street.state()
    callers = sorted(street.callers)
    exports = [each for each in street.operations if each.path in EXPORTS]
    others = street.operations[: -len(exports)]
    tried: set[str] = set()

    @settings(
        **effort(150),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data())
    def ask(chosen: DataObject) -> None:
        operation = chosen.draw(sampled_from(others))
        base: dict[Slot, str] = {}
        foreign: dict[Slot, str] = {}
        places = []
        for slot in operation.slots:
            place = chosen.draw(sampled_from(("acme", *FOREIGN, *FOREIGN)))
            places.append(place)
            if slot in operation.needed and place == "acme":
                base[slot] = street.things["acme"].named(slot.kind)[0]
            elif place != "acme" and (values := street.foreign(place, slot)):
                foreign[slot] = chosen.draw(sampled_from(values))
        # Stirred: examples are made from one another, and drawn plainly some may never ask.
        drawn = chosen.draw(integers(0, 999))
        caller = callers[crc32(f"{operation} {places} {drawn}".encode()) % len(callers)]
        if foreign or operation.method == "GET":
            assert not (found := trouble(street, caller, operation, base, foreign)), found
            tried.add(caller)

    ask()
    assert tried == set(callers)
    for caller, operation in itertools.product(callers, exports):
        for foreign in street.elsewhere(operation):
            assert not (found := trouble(street, caller, operation, {}, foreign)), found
    after = street.state()
    assert after == before, _changes(before, after)


def trouble(
    street: Street, caller: str, operation: Operation, base: Values, foreign: Values
) -> str:
    """How the answer differs from what is answered when what is named does not exist.

    Args:
        foreign: the places that name what is elsewhere; none asks for what is the caller's own.
    """
    missing = {slot: unknown(value) for slot, value in foreign.items()}
    told = street.ask(caller, operation, {**base, **foreign}, *missing.values())
    where = f"{caller}: {operation} with {[f'{s.name}={v}' for s, v in foreign.items()]}:"
    for place in FOREIGN:
        if leaks := street.leaks(place, told, foreign.values()):
            return f"{where} {told.status} tells {leaks}"
    if not foreign:
        return ""
    nothing = street.ask(caller, operation, {**base, **missing}, *foreign.values())
    done = told.status < 400 and nothing.status < 400 and operation.method != "GET"
    return "" if told.text == nothing.text or done else f"{where} {_difference(told, nothing)}"


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, set[str]]:
    """Rows that came, went or changed, by table."""
    return {
        f"{place} {table}": set(rows) ^ set(before[place][table])
        for place, tables in after.items()
        for table, rows in tables.items()
        if rows != before[place][table]
    }


def _difference(told: Answer, nothing: Answer) -> str:
    """Where two answers part."""
    pairs = zip(told.text, nothing.text, strict=False)
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), 0)
    one, other = (each.text[max(0, at - 60) : at + 120] for each in (told, nothing))
    return f"{one!r} and {other!r}"
