"""Values as bytes for indexes: equal bytes exactly for equal values, and prefixes stay prefixes.

Numbers are in their order; strings are in the order of their code points, not in that of the collation.
"""

import struct
from collections.abc import Sequence
from typing import Any

NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT = (bytes((code,)) for code in range(1, 8))
AFTER = b"\x08"
"""Greater than the beginning of any value."""

_END = b"\0"
_double = struct.Struct(">d").pack
_INVERT = bytes(255 - code for code in range(256))


def encode(value: Any) -> bytes:
    """Encode one value. Values one after the other can be told apart."""
    kind = type(value)
    if kind is str:
        return STRING + value.encode("utf-8", "surrogatepass").replace(b"\0", b"\0\xff") + b"\0\0"
    if kind is int or kind is float:
        return NUMBER + _number(value)
    if value is None:
        return NULL
    if kind is bool:
        return TRUE if value else FALSE
    if kind is list:
        end = len(value)
        while end and value[end - 1] is None:
            end -= 1
        return ARRAY + b"".join(map(encode, value[:end])) + _END
    members = sorted((encode(name), each) for name, each in value.items() if each is not None)
    return OBJECT + b"".join(name + encode(each) for name, each in members) + _END


def encode_all(values: Sequence[Any]) -> bytes:
    """Encode the values of a combined index."""
    return b"".join(map(encode, values))


def _number(value: int | float) -> bytes:
    """The nearest double, so that its bytes are in order, and what an integer differs from it, which may be up to 1024."""
    double = float(value) + 0.0  # no negative zero
    rest = value - int(double) if type(value) is int else 0
    packed = _double(double)
    packed = bytes((packed[0] | 0x80,)) + packed[1:] if double >= 0 else packed.translate(_INVERT)
    return packed + (rest + 0x8000).to_bytes(2, "big")
