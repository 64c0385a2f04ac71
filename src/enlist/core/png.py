"""Logos are PNG files, and are kept as one made anew of the picture alone.

Of what somebody uploads, only the size, the palette and the picture's own bytes are taken over:
whatever else such a file may hold (texts, places, programs behind its end) is gone, and a picture
that unpacks to more than its size says is none.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 40 * 1024
WIDEST: Final = 1024
HIGHEST: Final = 512

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = (b"PLTE", b"tRNS")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a dot by colour type."""
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file that holds a picture and nothing else."""

    content: bytes
    width: int
    height: int


def read_png(file: bytes) -> Picture | str:
    """The picture in a file, or what is wrong with it, in words for whoever chose the file."""
    if len(file) > MOST_BYTES:
        return f"is larger than {MOST_BYTES // 1024} KiB"
    if not file.startswith(_SIGNATURE):
        return "is no PNG file"
    try:
        return _read(list(_chunks(file)))
    except (ValueError, struct.error, zlib.error):
        return "is a damaged PNG file"


def _read(chunks: list[tuple[bytes, bytes]]) -> Picture | str:
    kind, header = chunks[0]
    if kind != b"IHDR":
        raise ValueError("no header")
    width, height, depth, colour, packed, filtered, interlaced = struct.unpack(">IIBBBBB", header)
    if not (0 < width <= WIDEST and 0 < height <= HIGHEST):
        return f"is larger than {WIDEST} by {HIGHEST} dots"
    if interlaced:
        return "is interlaced; save it without that"
    if packed or filtered or depth not in _DEPTHS.get(colour, ()):
        raise ValueError("unknown kind of picture")
    line = 1 + (width * _SAMPLES[colour] * depth + 7) // 8
    dots = _unpack(b"".join(data for kind, data in chunks if kind == b"IDAT"), line * height)
    if any(mark > 4 for mark in dots[::line]):
        raise ValueError("unknown filter")
    kept = {name: data for name, data in chunks if name in _KEPT}
    if colour == 3 and not 3 <= len(kept.get(b"PLTE", b"")) <= 768:
        raise ValueError("no palette")
    parts = [(b"IHDR", header), *((name, kept[name]) for name in _KEPT if name in kept)]
    parts += [(b"IDAT", zlib.compress(dots, 9)), (b"IEND", b"")]
    return Picture(_SIGNATURE + b"".join(_chunk(*part) for part in parts), width, height)


def _unpack(packed: bytes, length: int) -> bytes:
    """What is packed, never more than it must be (a bomb ends here).

    Raises:
        ValueError: it is more, or less.
    """
    unpacking = zlib.decompressobj()
    dots = unpacking.decompress(packed, length + 1)
    if len(dots) != length or not unpacking.eof:
        raise ValueError("another size than it says")
    return dots


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk up to the last.

    Raises:
        ValueError, struct.error: a chunk is cut off, or its check sum is wrong.
    """
    at = len(_SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", file, at)
        data = file[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", file, at + 8 + length)
        if zlib.crc32(kind + data) != check:
            raise ValueError("wrong check sum")
        yield kind, data
        if kind == b"IEND":
            return
        at += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
