"""Functions that encode text or compute checksums of it, and those of IPv4 addresses and random identifiers."""

import base64
import hashlib
import re
import secrets
import string
import uuid
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import NUMERIC, to_integer, to_string, wrong_type
from workshop.arango.embedded.errors import ArangoError

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")
_CHARACTERS = string.ascii_letters + string.digits


@cache
def _crc_table() -> tuple[int, ...]:
    """The checksums of single bytes: Castagnoli's polynomial, bits reversed."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _crc32(data: bytes) -> str:
    table, value = _crc_table(), 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return f"{value ^ 0xFFFFFFFF:X}"


def _fnv64(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:X}"


def _register(name: str, compute: Callable[[bytes], str]) -> None:
    """Register a function of the UTF-8 bytes of the value as a string."""
    function(name, 1, 1)(lambda value: compute(to_string(value).encode()))


for _name, _compute in {
    "CRC32": _crc32,
    "ENCODE_URI_COMPONENT": lambda data: quote(data, safe="!~*'()"),
    "FNV64": _fnv64,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    "SHA256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA512": lambda data: hashlib.sha512(data).hexdigest(),
    "TO_BASE64": lambda data: base64.b64encode(data).decode(),
    "TO_HEX": bytes.hex,
}.items():
    _register(_name, _compute)


@function("IS_IPV4", 1, 1)
def is_ipv4(value):
    """Tell whether the value is an IPv4 address of four decimal numbers without leading zeros."""
    return type(value) is str and _ADDRESS.fullmatch(value) is not None


@function("IPV4_TO_NUMBER", 1, 1)
def ipv4_to_number(value):
    """Return an IPv4 address as a number."""
    if not is_ipv4(value):
        raise wrong_type("IPV4_TO_NUMBER")
    return int.from_bytes(map(int, value.split(".")), "big")


@function("IPV4_FROM_NUMBER", 1, 1)
def ipv4_from_number(value):
    """Return the IPv4 address that a number stands for."""
    if type(value) not in NUMERIC or not 0 <= to_integer(value) < 1 << 32:
        raise wrong_type("IPV4_FROM_NUMBER")
    return ".".join(map(str, to_integer(value).to_bytes(4, "big")))


@function("RANDOM_TOKEN", 1, 1, deterministic=False)
def random_token(length):
    """Return so many random letters and digits. ArangoError 1542 for less than none or more than 65536."""
    count = to_integer(length)
    if not 0 <= count <= 65536:
        raise ArangoError(1542, wrong_type("RANDOM_TOKEN").message)
    return "".join(secrets.choice(_CHARACTERS) for _ in range(count))


@function("UUID", 0, 0, deterministic=False)
def random_uuid():
    """Return a random UUID."""
    return str(uuid.uuid4())
