"""Which language a browser asks for, among those that Enlist speaks."""

from __future__ import annotations

from functools import lru_cache

from babel import negotiate_locale

from enlist.locales import LANGUAGES, SOURCE


def best_language(accept: str) -> str:
    """The best of our languages for an Accept-Language header; English where none fits."""
    return _best(accept[:200])


@lru_cache(maxsize=512)
def _best(accept: str) -> str:
    wanted: list[tuple[float, str]] = []
    for part in accept.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag:
            wanted.append((-weight, tag.replace("-", "_")))
    preferred = [tag for _, tag in sorted(wanted, key=lambda entry: entry[0])]
    return negotiate_locale(preferred, LANGUAGES) or SOURCE
