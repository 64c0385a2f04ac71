"""PNG files as tests need them, right and wrong."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 8, height: int = 4, *, unpacked: bytes | None = None) -> bytes:
    """A picture in one colour; `unpacked` takes the place of what its dots must be."""
    dots = (b"\x00" + b"\x20\x60\xa0" * width) * height if unpacked is None else unpacked
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(dots)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
