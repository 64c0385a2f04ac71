"""Letters to render, and an outbox to empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from enlist.core.clock import HOUR
from enlist.core.model import Organization
from enlist.core.secrets import Secret
from enlist.delivery.channels import Outgoing
from enlist.store.templates import Template
from enlist.verbs.letters import Letter
from enlist.verbs.samples import sample_device, sample_letter, sample_person
from tests.delivery.world import ENROLLMENT, ORGANIZATION, Outbox
from tests.installation import START, Enlist

TOKEN = "aB3dEfGh9J"
LetterMaker = Callable[..., Letter]


def _organization() -> Organization:
    path = f"{ORGANIZATION}/"
    return Organization(ORGANIZATION, None, "acme", "Acme", path, "", "", START)


@pytest.fixture
def make_letter() -> LetterMaker:
    """A letter to Ada; `user`, `device` and `organization` take changes of theirs as a dict."""

    def make(
        *,
        user: dict[str, Any] | None = None,
        device: dict[str, Any] | None = None,
        organization: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Letter:
        place = replace(_organization(), **(organization or {}))
        letter = replace(
            sample_letter(place, START, START + 24 * HOUR),
            message_id="<first@enlist.example.com>",
            enrollment_id=ENROLLMENT,
            token=Secret(TOKEN),
            user=replace(sample_person(place, START), **(user or {})),
            device=replace(sample_device(place, START), **(device or {})),
            time_zones=(),
            sample=False,
        )
        return replace(letter, **changes)

    return make


@pytest.fixture
def own_template() -> Callable[..., Template]:
    """A template as an organization writes it."""

    def make(body: str, subject: str = "Your device", **changes: Any) -> Template:
        template = Template(
            id=ENROLLMENT,
            organization_id=ORGANIZATION,
            organization_path=f"{ORGANIZATION}/",
            name="default",
            purpose="registration",
            channel="email",
            language="en",
            subject=subject,
            body=body,
            changed_at=START,
            version=1,
        )
        return replace(template, **changes)

    return make


@pytest.fixture
def outgoing() -> Outgoing:
    """A message ready to go."""
    return Outgoing(
        message_id="<first@enlist.example.com>",
        at=START,
        recipient="ada@example.test",
        recipient_name="Ada Lovelace",
        subject="Your device",
        text="Hello Ada,\n\nÄ ☃ https://enlist.example.com/enroll/x#t=aB3dEfGh9J\n",
        html="<p>Hello Ada, Ä ☃</p>",
        language="en",
    )


@pytest.fixture
def outbox(enlist: Enlist) -> Iterator[Outbox]:
    """An installation whose outbox a test fills and empties; on each store."""
    opened = Outbox(enlist)
    yield opened
    opened.close()
