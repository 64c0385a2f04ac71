"""The operator's own texts: read once, at the start, before any page or message is made."""

from __future__ import annotations

from pathlib import Path

import structlog

from enlist.locales import use_own
from enlist.settings import Settings

_log = structlog.get_logger("enlist.locales")


def own_folder(settings: Settings) -> Path:
    """Where they are kept."""
    return settings.locales or settings.data / "locales"


def use_own_texts(settings: Settings) -> None:
    """Have them go before ours; what cannot be used is told in the log and stays as it was."""
    for line in use_own(own_folder(settings)):
        _log.warning("own_text_left_out", reason=line)
