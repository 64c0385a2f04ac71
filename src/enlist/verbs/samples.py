"""Made-up people and things, to show what a message will look like before any is sent."""

from __future__ import annotations

from typing import Final

from enlist.core.ids import NOTHING
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Organization, Ownership, Platform, User, UserState
from enlist.core.secrets import Secret
from enlist.verbs.issuing import REGISTRATION
from enlist.verbs.letters import Letter, OneTimeLogin

SAMPLE_TOKEN: Final = "SAMPLE0000"
"""Shown in previews. No real token has a zero, so it can never be one."""
SAMPLE_USER: Final = "SAMPLE00"
SAMPLE_PASSWORD: Final = "SAMP-LE00"
"""Neither can be a real one: they have vowels and zeros."""
SAMPLE_ID: Final = NOTHING


def sample_letter(organization: Organization, now: int, expires_at: int) -> Letter:
    """A letter to a made-up person, with a sample token, in the built-in words."""
    person = sample_person(organization, now)
    return Letter(
        purpose=REGISTRATION,
        channel="email",
        recipient=person.email,
        recipient_name=person.display_name,
        message_id="<sample@localhost>",
        at=now,
        enrollment_id=SAMPLE_ID,
        token=Secret(SAMPLE_TOKEN),
        expires_at=expires_at,
        organization=organization,
        user=person,
        device=sample_device(organization, now),
        sender="Grace Hopper",
        languages=("en",),
        time_zones=(organization.time_zone,),
        sample=True,
        login=OneTimeLogin(f"{SAMPLE_USER}@{organization.group_id}", Secret(SAMPLE_PASSWORD)),
    )


def sample_person(organization: Organization, now: int) -> User:
    """Somebody made up, at a real organization."""
    return User(
        id=SAMPLE_ID,
        organization_id=organization.id,
        organization_path=organization.path,
        group_id=organization.group_id,
        username="ada@example.com",
        email="ada@example.com",
        phone="+49 30 23125 000",
        first_name="Ada",
        last_name="Lovelace",
        source="basic",
        state=UserState.ACTIVE,
        time_zone="",
        language="",
        created_at=now,
        has_password=True,
    )


def sample_device(organization: Organization, now: int) -> Device:
    """What that person is given to enroll."""
    return Device(
        id=SAMPLE_ID,
        organization_id=organization.id,
        organization_path=organization.path,
        group_id=organization.group_id,
        user_id=SAMPLE_ID,
        username="ada@example.com",
        name="Ada's laptop",
        platform=Platform.LINUX,
        ownership=Ownership.NONE,
        state=DeviceState.REGISTERED,
        model="",
        os_version="",
        serial="SAMPLE-1234",
        imei="",
        udid="00000000-0000000000000000",
        sim="",
        asset_number="",
        external_id="",
        registered_at=now,
        enrolled_at=None,
        last_seen_at=None,
        version=1,
    )
