"""One repair of a certificate request's DER, for older OpenZiti clients (D47).

Their ECDSA signature algorithm carries an explicit NULL where RFC 5758 section 3.2 demands
nothing, and the library refuses such a request. The algorithm stands outside of what was
signed, so leaving the NULL out changes neither the request's content nor its signature, which
is verified afterwards like any other.
"""

from __future__ import annotations

_SEQUENCE = 0x30
_NULL = b"\x05\x00"
_ECDSA_WITH_SHA2 = tuple(b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" + bytes([n]) for n in range(1, 5))
"""Object identifiers 1.2.840.10045.4.3.1 to 4, encoded."""


def without_null_parameters(request: bytes) -> bytes:
    """The request without that NULL; anything else comes back as it was."""
    outer = _element(request, 0)
    if outer is None or outer[1] != len(request):
        return request
    information = _element(request, outer[0])
    algorithm = None if information is None else _element(request, information[1])
    if information is None or algorithm is None:
        return request
    content = request[algorithm[0] : algorithm[1]]
    if not (content.endswith(_NULL) and content[:-2] in _ECDSA_WITH_SHA2):
        return request
    signed, signature = request[outer[0] : information[1]], request[algorithm[1] :]
    return _sequence(signed + _sequence(content[:-2]) + signature)


def _element(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the content of the SEQUENCE at `start` begins and ends; None if there is none."""
    if len(data) < start + 2 or data[start] != _SEQUENCE:
        return None
    begin, length = start + 2, data[start + 1]
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[start + 2 : begin])
    return (begin, begin + length) if begin + length <= len(data) else None


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([_SEQUENCE, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([_SEQUENCE, 0x80 | len(length)]) + length + content
