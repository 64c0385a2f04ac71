"""What tests of waves share: ten people, a wave for them, and where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.store import enrollment_secrets, users, waves
from enlist.store.wave_members import Member
from enlist.store.waves import Plan, Wave
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Accepted, Rejected
from enlist.verbs.waves import ListWaveMembers, ShowWave, StartWave, Whom
from enlist.verbs.waving import Waving
from tests.installation import Enlist, code
from tests.posting import post_all

NAMES = tuple(f"user{number}" for number in range(10))


def plan(**values: Any) -> Plan:
    usual: dict[str, Any] = {
        "name": "autumn",
        "platform": "linux",
        "ownership": "none",
        "device_name": "{user}'s laptop",
        "channel": "email",
        "template": "",
        "hours": 0,
        "per_minute": 0,
        "canary_percent": 0,
        "canary_needs": 0,
        "remind_hours": 0,
    }
    return Plan(**usual | values)


def started(
    enlist: Enlist, names: Sequence[str] = NAMES, caller: Caller | None = None, **values: Any
) -> Wave:
    return enlist.do(StartWave("", plan(**values), Whom(users=tuple(names))), caller)


@pytest.fixture
def people(enlist: Enlist) -> tuple[str, ...]:
    for name in NAMES:
        enlist.user(name, password="")
    return NAMES


def work(enlist: Enlist) -> None:
    """All that can be done at this moment."""
    waving = Waving(enlist.driver, enlist.store)
    while waving.work():
        pass


def now(enlist: Enlist, wave: Wave) -> Wave:
    found = enlist.store.read(lambda tx: waves.find(tx, wave.id))
    assert found is not None
    return found


def counts(enlist: Enlist, wave: Wave) -> dict[str, int]:
    shown = enlist.driver.view(ShowWave(wave.id), enlist.host)
    assert not isinstance(shown, Refusal)
    return {state.value: found for state, found in shown.counts.items() if found}


def members(enlist: Enlist, wave: Wave, state: str = "") -> list[Member]:
    view = ListWaveMembers(filters={"wave": wave.id, "state": state})
    page = enlist.driver.view(view, enlist.host)
    assert not isinstance(page, Refusal)
    return list(page.items)


def owners(enlist: Enlist) -> Counter[str]:
    """How many enrollments each user has."""
    return Counter(row["user_id"] for row in enlist.rows("enrollment"))


def once_each(enlist: Enlist, names: Sequence[str]) -> bool:
    found = enlist.store.read(lambda tx: [users.by_username(tx, name) for name in names])
    same = owners(enlist) == Counter(user.id for user in found if user)
    return same and len(enlist.rows("message")) == len(enlist.rows("device")) == len(names)


def post(enlist: Enlist, verdict: Accepted | Rejected = Accepted()) -> list[Letter]:  # noqa: B008
    """Send what is in the outbox."""
    letters: list[Letter] = []

    def take(letter: Letter) -> Accepted | Rejected:
        letters.append(letter)
        return verdict

    post_all(enlist, take)
    return letters


def enroll(enlist: Enlist, member: Member, key: int) -> None:
    """What its user does with the token."""
    row = enlist.store.read(
        lambda tx: enrollment_secrets.derivation(tx, member.enrollment_id or "", 1)
    )
    assert row is not None
    token = enlist.driver.tools.keys.derive_again(
        member.enrollment_id or "", 1, row.key_id, row.length, row.alphabet
    )
    assert code(enlist.redeem(token, key=key)) == "done"
