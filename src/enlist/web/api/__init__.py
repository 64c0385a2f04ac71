"""The REST API, `/api/v1`: every verb, for programs.

One file per kind of thing, each with what it looks like and what can be done with it. Start with
`devices`; `operations` has what all share, `reading` how bodies are read, `values` the types.
"""

from enlist.web.api.application import api_application

__all__ = ["api_application"]
