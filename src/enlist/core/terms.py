"""Terms of use: what somebody accepts before a device of his may enroll.

An organization publishes versions, for every platform or for one, in as many languages as it likes.
The latest version counts there and below, until an organization below publishes its own; at one
organization the terms for a platform go before those for all of them. What was published is never
changed, since somebody may have accepted it.

Which version is in force is kept with the settings of its organization, which every redemption
reads anyway. Where nobody has published any, a redemption looks at nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enlist.core.ids import Id

KEY: Final = "terms:"
"""What begins the key of the version in force among an organization's settings."""

ANY: Final = "any"
"""Stands for a platform where terms are for all of them."""


@dataclass(frozen=True, slots=True)
class TermsRef:
    """A version, as the settings name it."""

    id: Id
    version: int
    group_id: str

    def stored(self) -> str:
        """As it is kept; which organization it is of stands beside it."""
        return json.dumps({"id": self.id, "version": self.version})


@dataclass(frozen=True, slots=True)
class TermsText:
    """The terms in one language. `body` is Markdown."""

    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Terms:
    """One version, as it was published.

    Attributes:
        platform: `any`, or the one whose devices it is for.
        title: that of the first text.
        texts: the first one is what people read whose language is not among them; empty in lists.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    platform: str
    version: int
    published_at: int
    published_by: str
    title: str
    texts: tuple[TermsText, ...] = ()

    def text(self, languages: Sequence[str]) -> TermsText:
        """The text in the first of these languages that there is, else the first text."""
        for language in languages:
            for exactly in (True, False):
                for each in self.texts:
                    if _speaks(each.language, language, exactly=exactly):
                        return each
        return self.texts[0]


def _speaks(offered: str, wanted: str, *, exactly: bool) -> bool:
    if exactly:
        return offered.casefold() == wanted.casefold()
    return offered.partition("-")[0].casefold() == wanted.partition("-")[0].casefold()


InForce = Sequence[Mapping[str, TermsRef]]
"""By platform, nearest organization first; only those that ask for something."""


def terms_in(
    rows: Iterable[tuple[str, str | None, str | None]], inherit_only: Iterable[str] = ()
) -> InForce:
    """The terms that the settings of an organization and those above name.

    Args:
        rows: `(group_id, key, value)`, nearest organization first.
        inherit_only: organizations whose own values count for nothing.
    """
    levels: dict[str, dict[str, TermsRef]] = {}
    for group_id, key, value in rows:
        if key is not None and key.startswith(KEY) and value and group_id not in inherit_only:
            kept = json.loads(value)
            found = TermsRef(kept["id"], kept["version"], group_id)
            levels.setdefault(group_id, {})[key.removeprefix(KEY)] = found
    return tuple(levels.values())


def asked_of(in_force: InForce, platform: str | None) -> TermsRef | None:
    """What must have been accepted for a device of this platform; None for nothing."""
    for level in in_force:
        found = level.get(platform or ANY) or level.get(ANY)
        if found is not None:
            return found
    return None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An acceptance about to be written down with the enrollment that it allowed."""

    id: Id
    terms_id: Id
    accepted_at: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who accepted which version, when, and for which device.

    Attributes:
        organization_id: the device's; `group_id` is that of the organization whose terms they are.
        user_id: None where he may not be named to whoever looks.
    """

    id: Id
    terms_id: Id
    title: str
    platform: str
    version: int
    group_id: str
    organization_id: Id
    user_id: Id | None
    username: str
    device_id: Id
    device: str
    enrollment_id: Id
    accepted_at: int
