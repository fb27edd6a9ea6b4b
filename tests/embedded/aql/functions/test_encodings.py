import re

import pytest

from tests.support.aql_functions import call, check, table
from workshop.arango.embedded.aql import functions

ENCODINGS = table(r"""
    CRC32("foobar") => "D5F5C7F"
    CRC32("") => "0"
    FNV64("foobar") => "85944171F73967E8"
    FNV64(null) => "CBF29CE484222325"
    MD5("foobar") => "3858f62230ac3c915f300c664312c63f"
    SHA1("") => "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    SHA1(null) => "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    SHA256("abc") => "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    TO_BASE64("fünf") => "ZsO8bmY="
    TO_BASE64(-13) => "LTEz"
    TO_HEX("ü😀") => "c3bcf09f9880"
    TO_HEX(10) => "3130"
    ENCODE_URI_COMPONENT("?x=шt &~*'()!-_.") => "%3Fx%3D%D1%88t%20%26~*'()!-_."
    IS_IPV4("255.0.10.1") => true
    IS_IPV4("256.0.0.1") => false
    IS_IPV4("01.2.3.4") => false
    IS_IPV4("1.2.3.4 ") => false
    IS_IPV4("1.2.3") => false
    IS_IPV4(1) => false
    IPV4_TO_NUMBER("192.168.0.1") => 3232235521
    IPV4_TO_NUMBER("milk") warns 1542
    IPV4_TO_NUMBER(null) warns 1542
    IPV4_FROM_NUMBER(4294967295) => "255.255.255.255"
    IPV4_FROM_NUMBER(0) => "0.0.0.0"
    IPV4_FROM_NUMBER(4294967296) warns 1542
    IPV4_FROM_NUMBER(-23) warns 1542
    IPV4_FROM_NUMBER("1") warns 1542
    RANDOM_TOKEN(0) => ""
    RANDOM_TOKEN(-1) fails 1542
    RANDOM_TOKEN(65537) fails 1542
""")


@pytest.mark.parametrize("case", ENCODINGS)
def test_encodings(case):
    check(case)


def test_random_values_have_the_right_form():
    assert re.fullmatch("[A-Za-z0-9]{40}", call("RANDOM_TOKEN", 40))
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", call("UUID"))
    assert call("RANDOM_TOKEN", 40) != call("RANDOM_TOKEN", 40)
    assert not functions.find("UUID").deterministic and not functions.find("RANDOM_TOKEN").deterministic
