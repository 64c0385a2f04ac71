"""Two hundred texts that mean more than themselves somewhere: to a page, a mail, a log, a shell.

Wherever people may type, each of them must stay what it is: text (S76).
"""

from __future__ import annotations

from itertools import product
from typing import Final

_MEANT: Final = (
    "<b>x</b>",
    '"><img src=x onerror=alert(1)>',
    "<script>alert(1)</script>",
    "&lt;b&gt; &#60;",
    "http://evil.example/phish",
    "javascript:alert(1)",
    "{EnrollmentToken}",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${7*7}",
    "%(token)s %s",
    "Bcc: eve@example.com",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "*)(uid=*",
    "'; DROP TABLE device; --",
    "`id`",
    "level=info user=root",
)
_AROUND: Final = (
    "{}",
    "Bob {}",
    "Bob\r\n{}",
    "Bob\n\n{}\n\nLabel: value",
    "\t{}\x0b",
    "Bob\x00{}\x07",
    "\x1b[2J{}\x1b]0;owned\x07",
    "\u202e{}\u202c",
    "Bob\u2028{}\u2029",
    "Bob\x85{}\x9b31m",
)
CORPUS: Final = tuple(around.replace("{}", meant) for around, meant in product(_AROUND, _MEANT))
