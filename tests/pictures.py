"""PNG files as tests need them, right and wrong, and what is to be read on one."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import zxingcpp

QR_CODES: Final = zxingcpp.barcode_formats_from_str("QRCode")
"""That kind alone: among so many dots there is sometimes a row that reads like a bar code."""


def png(width: int = 8, height: int = 4, *, unpacked: bytes | None = None) -> bytes:
    """A picture in one colour; `unpacked` takes the place of what its dots must be."""
    dots = (b"\x00" + b"\x20\x60\xa0" * width) * height if unpacked is None else unpacked
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(dots)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def qr_text(picture: bytes) -> str:
    """What a camera would read; the picture is black and white."""
    width, height = struct.unpack(">II", picture[16:24])
    assert picture[24] == 1, "one bit for each dot"
    parts, at = b"", 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        parts += picture[at + 8 : at + 8 + length] if picture[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    packed, size = zlib.decompress(parts), 1 + -(-width // 8)
    rows: list[bytes] = []
    for start in range(0, len(packed), size):
        # Filter 2 says "as above plus this"; the writer uses it to repeat a row.
        above = rows[-1] if packed[start] == 2 else bytes(size - 1)
        row = packed[start + 1 : start + size]
        rows.append(bytes((a + b) & 255 for a, b in zip(row, above, strict=True)))
    dots = bytes(255 * (row[x // 8] >> (7 - x % 8) & 1) for row in rows for x in range(width))
    image = memoryview(dots).cast("B", shape=[height, width])
    (found,) = zxingcpp.read_barcodes(image, formats=QR_CODES)
    return str(found.text)
