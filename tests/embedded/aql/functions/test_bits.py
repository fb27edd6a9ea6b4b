import pytest

from tests.support.aql_functions import check, table

BITS = table(r"""
    BIT_AND([1, 4, 8, 16]) => 0
    BIT_AND([3, null, 7, 63]) => 3
    BIT_AND(127, 255) => 127
    BIT_AND([]) => null
    BIT_AND(1) warns 1542
    BIT_AND(1, -1) warns 1542
    BIT_OR([1, 4, 8, 16]) => 29
    BIT_OR([1, "2"]) warns 1542
    BIT_XOR([1, 4, 8, 5]) => 8
    BIT_XOR(255, 257) => 510
    BIT_XOR(1, true) warns 1542
    BIT_NEGATE(0, 8) => 255
    BIT_NEGATE(0, 32) => 4294967295
    BIT_NEGATE(5, 0) => 0
    BIT_NEGATE(1, 33) warns 1542
    BIT_TEST(255, 0) => true
    BIT_TEST(7, 3) => false
    BIT_TEST(1, 32) warns 1542
    BIT_POPCOUNT(255) => 8
    BIT_POPCOUNT(2**32) warns 1542
    BIT_SHIFT_LEFT(0b0001, 1, 4) => 2
    BIT_SHIFT_LEFT(255, 2, 8) => 252
    BIT_SHIFT_LEFT(1, 33, 4) warns 1542
    BIT_SHIFT_RIGHT(51, 2, 8) => 12
    BIT_CONSTRUCT([1, 2, 3]) => 14
    BIT_CONSTRUCT([]) => 0
    BIT_CONSTRUCT([32]) warns 1542
    BIT_CONSTRUCT(3) warns 1542
    BIT_DECONSTRUCT(14) => [1, 2, 3]
    BIT_DECONSTRUCT(0) => []
    BIT_DECONSTRUCT("1") warns 1542
    BIT_TO_STRING(7, 4) => "0111"
    BIT_TO_STRING(255, 0) => ""
    BIT_TO_STRING(1, null) warns 1542
    BIT_FROM_STRING("0111") => 7
    BIT_FROM_STRING("") => 0
    BIT_FROM_STRING("012") warns 1542
    BIT_FROM_STRING("1" * 33) warns 1542
""")


@pytest.mark.parametrize("case", BITS)
def test_bits(case):
    check(case)
