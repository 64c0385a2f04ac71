"""Bodies of requests that are no JSON, or not as Enlist reads it."""

from __future__ import annotations

from enlist.web.reading import DEEPEST

MALFORMED = [
    b"",
    b" ",
    b"{",
    b"{}{}",
    b"nothing",
    b"'a'",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\x00"}',
    b'{"a": "\n"}',
    b'{"a": "\\x"}',
    b'{"a": "\\u12"}',
    b'{"a": 1, "a": 2}',
    b'{"b": [{"a": 1, "\\u0061": 2}]}',
    b"NaN",
    b'{"a": NaN}',
    b"[Infinity, -Infinity]",
    b"[1e999]",
    b"[-1e999]",
    b"9" * 5000,
    b"[01]",
    b"[1,]",
    b'{"a": 1,}',
    b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
    b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
    b"[" * 60_000,
    b'{"' * 30_000,
]
