"""Figures that a test found are shown after the run: seeds, times, counts. Nothing depends on them.

A printed line is lost where tests run in several processes, or pass.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest

Figure = Callable[[str], None]


@pytest.fixture
def figure(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Figure:
    """Show a line about this test at the end of the run, whether it passes or fails."""
    return lambda line: record_property("figure", f"{request.node.name}: {line}")


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", "") == "call":
            for name, value in report.user_properties:
                if name == "figure":
                    terminalreporter.write_line(str(value))
