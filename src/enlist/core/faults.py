"""The one exception that speaks to an operator: its message is what to do."""


class Unusable(Exception):
    """The installation cannot be used as it is; `str()` says why and what to do, in one line."""
