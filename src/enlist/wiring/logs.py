"""Logs: one structured line per happening, to standard error, readable or as JSON."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Final, Protocol

import structlog
from structlog.typing import EventDict, WrappedLogger

STRANGE_NAMES_EVERY: Final = 60.0
"""Seconds between two lines about host names that no handshake may ask for."""

SAME_AGAIN_AFTER: Final = 30.0
"""Seconds until a part of the program that says the same again is heard again."""


def configure_logs(level: str, style: str) -> None:
    """Set up structlog once per process."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The pretty formatter prints local variables, and with them secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if style == "json" else _printable,
    ]
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    sys.unraisablehook = Unraised()
    root = logging.getLogger()
    if not any(isinstance(handler, OfOthers) for handler in root.handlers):
        root.addHandler(OfOthers(logging.WARNING))


class OfOthers(logging.Handler):
    """What libraries log, as lines of this log: theirs are no JSON, and may be several.

    Whoever waits for a database says so at each try, and two pools wait for the same one.
    """

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._said: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on, unless the same was said just now."""
        text, now = " ".join(record.getMessage().split()), time.monotonic()
        self._said = {key: until for key, until in self._said.items() if until > now}
        if (record.name, text) in self._said:
            return
        self._said[record.name, text] = now + SAME_AGAIN_AFTER
        error = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger(record.name).log(record.levelno, text, by=record.name, **error)


class _Unraisable(Protocol):
    """What Python tells of an exception that it could raise to nobody."""

    exc_type: type[BaseException]
    exc_value: BaseException | None
    exc_traceback: TracebackType | None
    object: object


class Unraised:
    """Exceptions that Python can raise to nobody, as lines of this log instead of its own.

    One of them any stranger can cause, as often as he likes: a TLS handshake that asks for a host
    whose name is not ASCII, which Python ends before it asks us for a certificate. Of these a line
    a minute is written.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("enlist")
        self._quiet_until = 0.0
        self._untold = 0

    def __call__(self, unraised: _Unraisable, /) -> None:
        if unraised.exc_type is UnicodeDecodeError and isinstance(unraised.object, bytes):
            self._strange_name()
            return
        error, at = unraised.exc_value, unraised.exc_traceback
        # Not the object itself: nobody knows what it would print of what it holds.
        where = type(unraised.object).__qualname__
        self._log.error("unraisable", where=where, exc_info=(unraised.exc_type, error, at))

    def _strange_name(self) -> None:
        self._untold += 1
        if time.monotonic() < self._quiet_until:
            return
        self._quiet_until = time.monotonic() + STRANGE_NAMES_EVERY
        self._log.info("handshake for a host whose name is not ASCII", times=self._untold)
        self._untold = 0


def _printable(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Values without what ends a line or is obeyed by a terminal: strangers choose paths (S76)."""
    return {
        name: _escaped(value) if isinstance(value, str) else value for name, value in line.items()
    }


def _escaped(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
