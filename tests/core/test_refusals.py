"""The words of the catalogue."""

from __future__ import annotations

from enlist.core.refusals import CATALOGUE


def test_what_every_grant_may_be_refused_with_names_no_single_one() -> None:
    """Whoever enrolled with a JWT or a link has never seen a registration token."""
    named = {
        code
        for code, meaning in CATALOGUE.items()
        if "registration token" in f"{meaning.title} {meaning.remedy}".lower()
    }
    assert named == {"token_required"}
