import pytest

from tests.support.aql_functions import check, table

STRINGS = table(r"""
    CHAR_LENGTH("") => 0
    CHAR_LENGTH("añ😀") => 3
    CHAR_LENGTH(null) => 0
    CHAR_LENGTH(false) => 5
    CHAR_LENGTH(1.5) => 3
    CHAR_LENGTH(["ü"]) => 6
    CONCAT("a", null, 1, 1.0, true, [1, {"b": "c"}]) => 'a11true[1,{"b":"c"}]'
    CONCAT(["a", null, "b"]) => "ab"
    CONCAT(["a"], ["b"]) => '["a"]["b"]'
    CONCAT_SEPARATOR("-", "a", null, "", 2) => "a--2"
    CONCAT_SEPARATOR(", ", ["a", null, "b"]) => "a, b"
    CONTAINS("test", "es") => true
    CONTAINS("test", "") => false
    CONTAINS(null, null) => false
    CONTAINS([1, 2], 2) => true
    CONTAINS("test", "es", 1) => 1
    CONTAINS("test", "x", true) => -1
    CONTAINS("aéb", "b", true) => 3
    CONTAINS("éab", "b", true) => 4
    FIND_FIRST("foobarbar", "bar") => 3
    FIND_FIRST("foobarbar", "bar", 4) => 6
    FIND_FIRST("foobar", "bar", 1, 5) => 3
    FIND_FIRST("foobar", "bar", 1, 4) => -1
    FIND_FIRST("foobar", "bar", -1) => -1
    FIND_FIRST("foo", "", 2) => 2
    FIND_FIRST("", "") => 0
    FIND_FIRST("foo", null) => 0
    FIND_FIRST("aaaa", "aa", 1) => 2
    FIND_FIRST("或或ab", "ab") => 2
    FIND_FIRST("😀ab", "ab") => 2
    FIND_LAST("foobarbar", "bar") => 6
    FIND_LAST("foobarbar", "bar", 0, 7) => 3
    FIND_LAST("0123456", "", 1, 4) => 5
    FIND_LAST("012345", "") => 6
    FIND_LAST("", "x") => -1
    LEFT("😰2🤓4", 3) => "😰2🤓"
    LEFT("foo", -1) => ""
    LEFT("foo", null) => ""
    LEFT(true, 2) => "tr"
    RIGHT("mötör", 2) => "ör"
    RIGHT("foo", 9) => "foo"
    RIGHT("foo", 0) => ""
    RIGHT([], 1) => "]"
    LOWER("ÀB") => "àb"
    UPPER("straße") => "STRASSE"
    TRIM(" \t\r\nx\u00a0 ") => "x\u00a0"
    TRIM("  x  ", 1) => "x  "
    TRIM("  x  ", 2) => "  x"
    TRIM("  x  ", 7) => "x"
    TRIM("  x  ", null) => "x"
    TRIM("--x-", "-") => "x"
    TRIM(null) => ""
    LTRIM("äöx", "öä") => "x"
    LTRIM("  x", null) => "  x"
    RTRIM("100", "0") => "1"
    RTRIM(4) => "4"
    REPEAT("ab", 3, "-") => "ab-ab-ab"
    REPEAT("ab", 0) => ""
    REPEAT("", 5) => ""
    REPEAT(5, "3") => "555"
    REPEAT("a", -1) warns 1542
    REPEAT("abcdefghij", 1717986919) warns 32
    SPLIT("a,b,,c", ",") => ["a", "b", "", "c"]
    SPLIT("a.b", ".") => ["a", "b"]
    SPLIT("a😀b", "") => ["a", "😀", "b"]
    SPLIT("abc", ["", "b"]) => ["a", "b", "c"]
    SPLIT("a, b & c", [", ", " & "]) => ["a", "b", "c"]
    SPLIT("", ",") => [""]
    SPLIT("", "") => []
    SPLIT(null, ",") => [""]
    SPLIT("foo bar") => ["foo bar"]
    SPLIT(5) => [5]
    SPLIT("a-b-c", "-", 2) => ["a", "b"]
    SPLIT("a-b-c", "-", 0) => []
    SPLIT("a-b-c", "-", -1) => null
    SPLIT("a-b-c", "-", "1") warns 1542
    SPLIT("a", {}) warns 1542
    STARTS_WITH("foobar", "foo") => true
    STARTS_WITH("foobar", "") => true
    STARTS_WITH("foobar", ["x", "foo", "f"], 2) => true
    STARTS_WITH("foobar", ["x", "foo"], 2) => false
    STARTS_WITH("foobar", [], 0) => true
    STARTS_WITH(1, "1") warns 1542
    STARTS_WITH("1", [1]) warns 1542
    STARTS_WITH("1", ["1"], -1) warns 1542
    SUBSTITUTE("the quick brown foxx", ["quick", "foxx"], ["slow", "dog"]) => "the slow brown dog"
    SUBSTITUTE("the quick brown foxx", ["quick", "brown"], ["slow"]) => "the slow  foxx"
    SUBSTITUTE("a-b", "-") => "ab"
    SUBSTITUTE("a.b", ".", r"\1") => r"a\1b"
    SUBSTITUTE("rabarbara", ["barbara", "rabarbar"], ["petra", "apfel"]) => "apfela"
    SUBSTITUTE("rabarbara", ["barbara", "bar"], ["petra", "foo"]) => "rapetra"
    SUBSTITUTE("aBc", {"a": "A", "B": null, "c": "C"}) => "AC"
    SUBSTITUTE("aaaa", {"a": "b"}, 2) => "bbaa"
    SUBSTITUTE("aaaa", "a", "b", 0) => "aaaa"
    SUBSTITUTE("ab", ["a", "a"], ["x", "y"]) => "xb"
    SUBSTITUTE("", "a", "b") => ""
    SUBSTITUTE("ab", "", "-") => "-a-b-"
    SUBSTITUTE("ab", []) => "ab"
    SUBSTITUTE("ab", 1, "x") warns 1542
    SUBSTITUTE("ab", "a", 1) warns 1542
    SUBSTITUTE("ab", {"a": 1}) warns 1542
    SUBSTITUTE("ab", {"a": "b"}, 1, 2) warns 1541
    SUBSTRING("Holy Guacamole!", 5) => "Guacamole!"
    SUBSTRING("Holy Guacamole!", -5, 4) => "mole"
    SUBSTRING("😀x😀y", 1, 2) => "x😀"
    SUBSTRING("abc", -9, 2) => "ab"
    SUBSTRING("abc", 9) => ""
    SUBSTRING("abc", 1, -1) => ""
    SUBSTRING(12345, "1", 2.9) => "23"
    SUBSTRING_BYTES("We ❤️ avocado!", 10) => "avocado!"
    SUBSTRING_BYTES("We ❤️ avocado!", -8, 3, 2, 1) => "️ avoc"
    SUBSTRING_BYTES("aéb", 1, 2, 1) => "aéb"
    SUBSTRING_BYTES("aéb", 3, 9, 0, 9) => "b"
    SUBSTRING_BYTES("", 3) => ""
    SUBSTRING_BYTES("aéb", 2) warns 10
    SUBSTRING_BYTES("aéb", 0, 2) warns 10
    SUBSTRING_BYTES(1, 2) warns 10
    TO_CHAR(8364) => "€"
    TO_CHAR(0) => "\0"
    TO_CHAR(-1) warns 1542
    TO_CHAR(0x110000) warns 1542
    TO_CHAR(null) warns 1542
""")


@pytest.mark.parametrize("case", STRINGS)
def test_strings(case):
    check(case)
