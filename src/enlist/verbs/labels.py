"""What an organization says of its devices in its own words: tags, and custom attributes (A31).

A tag is a word or two; a custom attribute is a name and a value. A program gives them one by one,
a person types them into one field: tags with commas between them, attributes as `name=value`, one
in each line. What is read is also what is written again, so a form shows what was saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from enlist.verbs.fields import Unfit, label, line

MOST_TAGS: Final = 20
MOST_ATTRIBUTES: Final = 30
_LONGEST_TAG: Final = 40
_LONGEST_NAME: Final = 60


TagsGiven = str | Sequence[str]
AttributesGiven = str | Mapping[str, str]


def tags(given: TagsGiven) -> tuple[str, ...]:
    """Tags as they shall be stored: each once, whatever the case of its letters."""
    found: dict[str, str] = {}
    for each in _split(given) if isinstance(given, str) else given:
        tag = line(each)
        if "," in tag:
            raise Unfit(f"a tag must not hold a comma: {tag}")
        if len(tag) > _LONGEST_TAG:
            raise Unfit(f"a tag must be at most {_LONGEST_TAG} characters: {tag}")
        if tag:
            found.setdefault(tag.casefold(), tag)
    if len(found) > MOST_TAGS:
        raise Unfit(f"must be at most {MOST_TAGS} tags; here are {len(found)}")
    return tuple(found.values())


def attributes(given: AttributesGiven) -> dict[str, str]:
    """Custom attributes as they shall be stored; one without a value is left out."""
    found: dict[str, str] = {}
    for name, value in _pairs(given) if isinstance(given, str) else given.items():
        key = label(name)
        if "=" in key:
            raise Unfit(f"the name of an attribute must not hold an equals sign: {key}")
        if len(key) > _LONGEST_NAME:
            raise Unfit(f"the name of an attribute must be at most {_LONGEST_NAME} characters")
        if key.casefold() in {each.casefold() for each in found}:
            raise Unfit(f"{key} is there twice")
        found[key] = line(value)
    kept = {name: value for name, value in found.items() if value}
    if len(kept) > MOST_ATTRIBUTES:
        raise Unfit(f"must be at most {MOST_ATTRIBUTES} attributes; here are {len(kept)}")
    return kept


def _split(text: str) -> list[str]:
    return text.replace("\n", ",").replace("\r", "").split(",")


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for each in text.splitlines():
        name, equals, value = each.partition("=")
        if each.strip() and not equals:
            raise Unfit(f"write name=value, one in each line; here stands: {each.strip()[:80]}")
        if each.strip():
            pairs.append((name, value))
    return pairs


def joined_tags(found: Iterable[str]) -> str:
    """Tags as one types them."""
    return ", ".join(found)


def joined_attributes(found: Mapping[str, str]) -> str:
    """Custom attributes as one types them."""
    return "\n".join(f"{name}={value}" for name, value in found.items())
