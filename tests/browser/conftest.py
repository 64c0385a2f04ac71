"""What browser tests share."""

from tests.browser.console_data import filled

__all__ = ["filled"]
