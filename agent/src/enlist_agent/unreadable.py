"""What can be wrong with a certificate that somebody else made, or that lay on a disk for long.

`cryptography` says that a text is none by `ValueError`; but one of a version that X.509 does not
have, and a key of a kind that it does not know, are no ValueErrors, and would end in a traceback.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import InvalidVersion

UNREADABLE: Final = (ValueError, InvalidVersion, UnsupportedAlgorithm)
"""What reading a certificate or a certificate request, and its key, can raise."""
