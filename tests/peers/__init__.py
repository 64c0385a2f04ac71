"""Real servers and clients that tests talk to, one module per peer, all of the same shape.

`NAME` is what a test asks for; `PACKAGES` the Debian packages that bring it; `MIN_VERSION` the
oldest release known to work; `NEEDS_ROOT` whether it must be started as root; `probe()` tells why
it cannot be used here, or None; `start(folder)` brings it up and returns a `Running`.

`plugin` decides what an absent or a broken peer means for the run: it skips honestly or fails,
and never passes.
"""

from __future__ import annotations
