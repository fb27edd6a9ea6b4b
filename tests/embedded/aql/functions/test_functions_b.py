import re
import time

import pytest

from workshop.arango.embedded.aql import functions
from workshop.arango.embedded.aql.functions import misc, zones
from workshop.arango.embedded.aql.functions.patterns import InvalidPattern, like_pattern, regex
from workshop.arango.embedded.aql.values import AqlWarning
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.keys import encode_revision


class Collection:
    def __init__(self, name, identifier, documents):
        self.name, self.id, self.documents = name, identifier, documents

    def get(self, key):
        return self.documents.get(key)

    def count(self):
        return len(self.documents)


class Context:
    """Stands for a query's context."""

    now, user = 1_700_000_000.25, "ada"

    def __init__(self):
        self.warnings = []
        people = {key: {"_key": key, "_id": f"people/{key}"} for key in ("ada", "bob")}
        self.known = {"people": Collection("people", "17", people), "_users": Collection("_users", "3", {})}
        self.database = self
        self.name = "course"

    def collections(self):
        return [self.known[name] for name in sorted(self.known)]

    def collection(self, name):
        if name not in self.known:
            raise ArangoError(1203)
        return self.known[name]

    def warn(self, number, message):
        self.warnings.append((number, message))

    def check(self):
        pass


def call(name, *arguments, context=None):
    found = functions.find(name)
    assert found.least <= len(arguments) and (found.most is None or len(arguments) <= found.most)
    return found.call(context or Context(), *arguments) if found.context else found.call(*arguments)


def table(text):
    """One case a line: NAME(arguments) => result, both as Python; a number behind `warns` or `fails` instead of a result."""
    return [line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("#")]


def check(case):
    names = {"null": None, "true": True, "false": False}
    query, kind, expected = re.fullmatch(r"(.*?) (=>|warns|fails) (.*)", case).groups()
    name, arguments = re.fullmatch(r"([A-Z0-9_]+)\((.*)\)", query).groups()
    arguments = eval(f"[{arguments}]", names)
    before = repr(arguments)
    if kind == "=>":
        expected = eval(expected, names)
        found = call(name, *arguments)
        assert found == expected and type(found) is type(expected)
        assert repr(arguments) == before, "arguments are not changed"
        return
    with pytest.raises(AqlWarning if kind == "warns" else ArangoError) as caught:
        call(name, *arguments)
    assert caught.value.number == int(expected)
    assert kind == "fails" or name in caught.value.message


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

SIMILARITY = table(r"""
    SOUNDEX("SOUNTEKS") => "S532"
    SOUNDEX("2m2ö2t2ö2r2") => "M360"
    SOUNDEX("  foobar ") => "F160"
    SOUNDEX("Öööö") => ""
    SOUNDEX(null) => ""
    SOUNDEX(true) => "T600"
    LEVENSHTEIN_DISTANCE("foo", "foobar") => 3
    LEVENSHTEIN_DISTANCE("ab", "ba") => 1
    LEVENSHTEIN_DISTANCE("der mötör trötet", "dertrötet") => 7
    LEVENSHTEIN_DISTANCE("The quick brown fox jumps over the lazy dog", "or") => 41
    LEVENSHTEIN_DISTANCE(true, false) => 4
    LEVENSHTEIN_DISTANCE(null, "") => 0
    LEVENSHTEIN_DISTANCE("😀", "") => 1
    NGRAM_SIMILARITY("quick fox", "quick foxx", 2) => 0.8888888955116272
    NGRAM_SIMILARITY("quick fox", "quirky fox", 3) => 0.375
    NGRAM_SIMILARITY("ab", "ab", 3) => 1
    NGRAM_SIMILARITY("ab", "abc", 3) => 0
    NGRAM_SIMILARITY("abc", "abc", 1.9) => 1
    NGRAM_SIMILARITY("a", "b", 0) warns 10
    NGRAM_SIMILARITY("a", 1, 2) warns 1542
    NGRAM_SIMILARITY("a", "b", "2") warns 1542
    NGRAM_POSITIONAL_SIMILARITY("quick fox", "quirky fox", 2) => 0.7222222089767456
    NGRAM_POSITIONAL_SIMILARITY("quirky fox", "quick fox", 2) => 0.7222222089767456
    NGRAM_POSITIONAL_SIMILARITY("", "", 2) => 1
    NGRAM_POSITIONAL_SIMILARITY("a", "ab", 3) => 0.5
    NGRAM_POSITIONAL_SIMILARITY(null, "ab", 3) warns 1542
    TOKENS("Quick brown", "identity") => ["Quick brown"]
    TOKENS("Quick brown") => ["Quick brown"]
    TOKENS("The QUICK, running foxes' naïve cafés", "text_en") => ["the", "quick", "run", "fox", "naiv", "cafe"]
    TOKENS("3.14 e-mail — 😀 foo_bar", "text_en") => ["3.14", "e", "mail", "foo_bar"]
    TOKENS("", "text_en") => []
    TOKENS(["one two", ["three"], []], "text_en") => [["one", "two"], [["three"]], [[]]]
    TOKENS([]) => [[]]
    TOKENS("东京", "text_en") fails 9
    TOKENS("schnell", "text_de") fails 9
    TOKENS("x", "no_such_analyzer") fails 10
    TOKENS("x", 1) fails 10
    TOKENS({}) fails 10
    TOKENS(1) fails 9
""")

PATTERNS = table(r"""
    LIKE("cart", "ca_t") => true
    LIKE("carrot", "ca%t") => true
    LIKE("carrot", "ca%x") => false
    LIKE("a\nb", "a_b") => true
    LIKE("foo\n", "foo") => false
    LIKE("", "%") => true
    LIKE("", "_") => false
    LIKE("😀", "_") => true
    LIKE("a%c", r"a\%c") => true
    LIKE("abc", r"a\%c") => false
    LIKE("a_c", r"a\_c") => true
    LIKE(r"\abc", r"\\%") => true
    LIKE(r"\a", r"\a") => true
    LIKE("a.b*", "a.b*") => true
    LIKE("axbb", "a.b*") => false
    LIKE("abab", "%ab") => true
    LIKE("ab-ab-x", "%ab%ab%") => true
    LIKE("aab", "%a%a%a%") => false
    LIKE("MÖTÖR", "möt%") => false
    LIKE("MÖTÖR", "möt%", true) => true
    LIKE(null, "") => true
    LIKE(123, "1%") => true
    REGEX_TEST("the quick", "qu.ck") => true
    REGEX_TEST("the quick", "^quick") => false
    REGEX_TEST("QUICK", "quick", true) => true
    REGEX_TEST("a\nb", "a.b") => false
    REGEX_TEST("a\u2028b", "a.b") => false
    REGEX_TEST("a\nb", "(?s)a.b") => true
    REGEX_TEST("a\nb", "(?m)^b$") => true
    REGEX_TEST("ab\n", "b$") => true
    REGEX_TEST("ab\n", r"b\Z") => true
    REGEX_TEST("ab\n", r"b\z") => false
    REGEX_TEST("can't", r"\bcan\b") => true
    REGEX_TEST("É", r"^\p{Lu}$") => true
    REGEX_TEST("α", r"[\p{Greek}&&\p{L}]") => true
    REGEX_TEST("b", "[a-z&&[^b]]") => false
    REGEX_TEST("b", "[[a-z]-[b]]") => false
    REGEX_TEST("|", "[a||b]") => true
    REGEX_TEST("x1", "[[:digit:]]") => true
    REGEX_TEST("é", r"\u00e9") => true
    REGEX_TEST("😀", r"\x{1F600}") => true
    REGEX_TEST("a.b", r"\Qa.b\E") => true
    REGEX_TEST("axb", r"\Qa.b\E") => false
    REGEX_TEST("aa", r"(?<x>a)\k<x>") => true
    REGEX_TEST("\u3000", r"^\s$") => true
    REGEX_TEST("\u3000", r"[^\s]") => false
    REGEX_TEST("\t", r"^\h$") => true
    REGEX_TEST("", "") => true
    REGEX_TEST(null, "^$") => true
    REGEX_TEST("x", "[") warns 1543
    REGEX_TEST("x", "(a]") warns 1543
    REGEX_TEST("x", "*") warns 1543
    REGEX_TEST("x", "a{i<=1}") warns 1543
    REGEX_TEST("x", "(?P<n>x)") warns 1543
    REGEX_TEST("x", "(?R)") warns 1543
    REGEX_TEST("x", r"\m") warns 1543
    REGEX_TEST("x", "\\") warns 1543
    REGEX_TEST("x", r"\p{NoSuchThing}") warns 1543
    REGEX_MATCHES("john@doe.com", "^([a-z]+)@([a-z]+)") => ["john@doe", "john", "doe"]
    REGEX_MATCHES("b", "(a)?b") => ["b", ""]
    REGEX_MATCHES("x", "y") => null
    REGEX_MATCHES("x", "(") warns 1543
    REGEX_SPLIT("a1b22c", "[0-9]+") => ["a", "b", "c"]
    REGEX_SPLIT("aXbYc", "(x)|(y)", true) => ["a", "X", "", "b", "", "Y", "c"]
    REGEX_SPLIT("abc", "") => ["a", "b", "c"]
    REGEX_SPLIT("", "a") => [""]
    REGEX_SPLIT("a-b-c", "-", false, 2) => ["a", "b"]
    REGEX_SPLIT("a-b-c", "-", false, 0) => []
    REGEX_SPLIT("a-b-c", "-", false, -1) => null
    REGEX_SPLIT("a-b-c", "-", false, "1") warns 1542
    REGEX_SPLIT("a", "[") warns 1543
    REGEX_REPLACE("An Avocado", "a", "_", true) => "_n _voc_do"
    REGEX_REPLACE("abc", "(?<x>b)", "[$1${x}$0]") => "a[bbb]c"
    REGEX_REPLACE("abc", "(b)", "$12") => "ab2c"
    REGEX_REPLACE("abc", "b", r"\$1\\") => "a$1\\c"
    REGEX_REPLACE("baac", "a*", "-") => "-b--c-"
    REGEX_REPLACE("abc", "b", "$1") warns 1543
    REGEX_REPLACE("abc", "b", "$") warns 1543
    REGEX_REPLACE("abc", "(", "x") warns 1543
""")

DATES = table(r"""
    DATE_TIMESTAMP("2014-05-07T14:19:09.522") => 1399472349522
    DATE_TIMESTAMP("2014-05-07T14:19:09.522+02:00") => 1399465149522
    DATE_TIMESTAMP("2014-05-07T14:19-03:30") => 1399484940000
    DATE_TIMESTAMP(1399472349522.9) => 1399472349522
    DATE_TIMESTAMP("0000-01-01") => -62167219200000
    DATE_TIMESTAMP("1969-12-31T23:59:59.9Z") => -100
    DATE_TIMESTAMP(2020, 2, 30) => 1583020800000
    DATE_TIMESTAMP("2020", "13", 1, 25, 61, 61, 1500) => 1609552921999
    DATE_TIMESTAMP(2020, 2) warns 1542
    DATE_TIMESTAMP(2020, 2, null) warns 1542
    DATE_TIMESTAMP(2020, -1, 1) warns 1572
    DATE_TIMESTAMP(null) warns 1542
    DATE_TIMESTAMP("") warns 1572
    DATE_ISO8601(" +2020-2-3 4:5:6.7 ") => "2020-02-03T04:05:06.700Z"
    DATE_ISO8601("2020") => "2020-01-01T00:00:00.000Z"
    DATE_ISO8601("2021-02-29") => "2021-03-01T00:00:00.000Z"
    DATE_ISO8601(-1) => "1969-12-31T23:59:59.999Z"
    DATE_ISO8601(253402300799999) => "9999-12-31T23:59:59.999Z"
    DATE_ISO8601(253402300800000) warns 1572
    DATE_ISO8601(-62167219200001) warns 1572
    DATE_ISO8601("-2020-01-01") warns 1572
    DATE_ISO8601("2020-13-01") warns 1572
    DATE_ISO8601("2020-01-01T24:00") warns 1572
    DATE_ISO8601(true) warns 1542
    IS_DATESTRING("2020-01-01T10:00:00Z") => true
    IS_DATESTRING("2020-1-1 1:2") => true
    IS_DATESTRING("2020-01-01T") => false
    IS_DATESTRING("10000-01-01") => false
    IS_DATESTRING("0000-01-01T00:00:00+01:00") => false
    IS_DATESTRING("foo") => false
    IS_DATESTRING(0) => false
    DATE_DAYOFWEEK("2020-08-29") => 6
    DATE_DAYOFWEEK("1969-12-28") => 0
    DATE_DAYOFWEEK("0000-01-01") => 6
    DATE_DAYOFWEEK("2023-03-25T23:00:00Z", "Europe/Berlin") => 0
    DATE_YEAR("1950-06-07") => 1950
    DATE_YEAR("2023-12-31T23:00:00Z", "Europe/Berlin") => 2024
    DATE_YEAR("2023-12-31T23:00:00Z", 1) warns 1542
    DATE_YEAR("2023-12-31T23:00:00Z", null) warns 1542
    DATE_YEAR("2023-12-31T23:00:00Z", "Europe/Nowhere") fails 4
    DATE_MONTH("2020-02-29T23:59:59") => 2
    DATE_DAY("2020-02-29T23:59:59") => 29
    DATE_HOUR("2020-07-01T22:30:00Z", "Asia/Kathmandu") => 4
    DATE_MINUTE("2020-07-01T22:30:00Z", "Asia/Kathmandu") => 15
    DATE_SECOND(-1) => 59
    DATE_MILLISECOND(-1) => 999
    DATE_DAYOFYEAR("2020-12-31") => 366
    DATE_DAYOFYEAR("2021-01-01") => 1
    DATE_ISOWEEK("2021-01-03") => 53
    DATE_ISOWEEK("2021-01-04") => 1
    DATE_ISOWEEKYEAR("2021-01-03") => {"week": 53, "year": 2020}
    DATE_ISOWEEKYEAR("2019-12-30") => {"week": 1, "year": 2020}
    DATE_LEAPYEAR("2000-01-01") => true
    DATE_LEAPYEAR("1900-01-01") => false
    DATE_QUARTER("2020-03-31") => 1
    DATE_QUARTER("2020-04-01") => 2
    DATE_DAYS_IN_MONTH("2020-02-01") => 29
    DATE_DAYS_IN_MONTH("1900-02-01") => 28
    DATE_TRUNC("2020-08-29T16:30:05.123Z", "YEAR") => "2020-01-01T00:00:00.000Z"
    DATE_TRUNC("2020-08-29T16:30:05.123Z", "m") => "2020-08-01T00:00:00.000Z"
    DATE_TRUNC("1960-08-29T16:30:05.123Z", "hours") => "1960-08-29T16:00:00.000Z"
    DATE_TRUNC("2020-08-29T16:30:05.123Z", "f") => "2020-08-29T16:30:05.123Z"
    DATE_TRUNC("2023-07-31T22:30:00Z", "month", "Europe/Berlin") => "2023-07-31T22:00:00.000Z"
    DATE_TRUNC("2023-03-26T12:00:00Z", "day", "Europe/Berlin") => "2023-03-25T23:00:00.000Z"
    DATE_TRUNC("2023-10-29T01:30:00Z", "hour", "Europe/Berlin") fails 4
    DATE_TRUNC("2020-08-29", "week") warns 1572
    DATE_TRUNC("2020-08-29", 1) warns 1542
    DATE_ROUND("2000-04-28T11:11:11.111Z", 15, "minutes") => "2000-04-28T11:00:00.000Z"
    DATE_ROUND(-1, 1, "day") => "1970-01-01T00:00:00.000Z"
    DATE_ROUND("2023-07-01T23:30:00Z", 1, "day", "Europe/Berlin") => "2023-07-01T22:00:00.000Z"
    DATE_ROUND("2000-04-28", 0, "day") warns 1542
    DATE_ROUND("2000-04-28", 1, "Day") warns 1542
    DATE_ROUND("2000-04-28", 1, "week") warns 1542
    DATE_ROUND("2000-04-28", "1", "day") warns 1542
    DATE_FORMAT("2009-06-05T04:03:02.001Z", "%yyyyyy %yyyy %yy %y") => "+002009 2009 09 2009"
    DATE_FORMAT("2009-06-05T04:03:02.001Z", "%mmmm %mmm %mm %m %dd %d") => "June Jun 06 6 05 5"
    DATE_FORMAT("2009-06-05T04:03:02.001Z", "%hh:%ii:%ss.%fff %h:%i:%s.%f") => "04:03:02.001 4:3:2.1"
    DATE_FORMAT("2009-06-05T04:03:02.001Z", "%wwww %www %w %kk %k %xxx %x %q %a %l") => "Friday Fri 5 23 23 156 156 2 30 0"
    DATE_FORMAT("2009-06-05T04:03:02.001Z", "%t %z %% %m%&m %j%") => "1244174582001 2009-06-05T04:03:02.001Z % 6m j"
    DATE_FORMAT("2009-06-05T23:03:02Z", "%dd %hh", "Asia/Tokyo") => "06 08"
    DATE_FORMAT("2009-06-05", 1) warns 1542
    DATE_ADD("2020-01-31", 1, "month") => "2020-03-02T00:00:00.000Z"
    DATE_ADD("2020-02-29", 1, "year") => "2021-03-01T00:00:00.000Z"
    DATE_ADD("2020-02-29", -1, "y") => "2019-03-01T00:00:00.000Z"
    DATE_ADD("2020-01-01", 1.5, "years") => "2021-07-01T00:00:00.000Z"
    DATE_ADD("2020-01-01", 0.5, "week") => "2020-01-04T12:00:00.000Z"
    DATE_ADD("1969-12-31T23:59:59.999Z", 1, "f") => "1970-01-01T00:00:00.000Z"
    DATE_ADD("2020-01-01", "P1Y2M3W4DT5H6M7.8S") => "2021-03-26T05:06:07.800Z"
    DATE_ADD("2023-03-25T23:00:00Z", 1, "day", "Europe/Berlin") => "2023-03-26T22:00:00.000Z"
    DATE_ADD("2023-03-25T23:00:00Z", "P1D", "Europe/Berlin") => "2023-03-26T22:00:00.000Z"
    DATE_ADD("2023-03-25T01:30:00Z", 1, "day", "Europe/Berlin") fails 4
    DATE_ADD("9999-12-31", 1, "day") warns 1572
    DATE_ADD("2020-01-01", 10**17, "day") warns 1572
    DATE_ADD("2020-01-01", 1, "century") warns 1572
    DATE_ADD("2020-01-01", "P") warns 1572
    DATE_ADD("2020-01-01", "1 day") warns 1572
    DATE_ADD("2020-01-01", "P99999999999999999Y") warns 1572
    DATE_ADD("2020-01-01", 1) warns 1542
    DATE_ADD("2020-01-01", 1, 2) warns 1542
    DATE_SUBTRACT("2020-03-31", 1, "month") => "2020-03-02T00:00:00.000Z"
    DATE_SUBTRACT("2020-01-01", "PT1.5S") => "2019-12-31T23:59:58.500Z"
    DATE_SUBTRACT("0000-01-01", 1, "f") warns 1572
    DATE_DIFF("2023-12-01", "2024-04-01", "days") => 122
    DATE_DIFF("2024-04-01", "2023-12-01", "w") => -17
    DATE_DIFF("2020-01-01", "2020-01-02T12:00", "d") => 2
    DATE_DIFF("2020-01-02T12:00", "2020-01-01", "d") => -2
    DATE_DIFF("2020-01-01", "2020-01-02T12:00", "d", true) => 1.5
    DATE_DIFF("2020-01-01", "2021-01-01", "year") => 1
    DATE_DIFF("2023-03-25", "2023-03-26T12:00", "hours", "Europe/Berlin") => 37
    DATE_DIFF("2020-01-01", "2020-01-01", "hours", false, "UTC", "Asia/Tokyo") => 9
    DATE_DIFF("2020-01-01", "2020-01-01", "x") warns 1572
    DATE_DIFF("2020-01-01", "2020-01-01", 1) warns 1542
    DATE_DIFF("2020-01-01", "2020-01-01", "d", 1) warns 1542
    DATE_COMPARE("1985-04-04", "2020-04-04", "month", "day") => true
    DATE_COMPARE("1984-02-29", "1985-03-01", "month", "day") => false
    DATE_COMPARE("2020-01-01T10:20:30.400", "2020-01-01T10:20:30.999", "year", "second") => true
    DATE_COMPARE("2020-01-01", "2020-02-01", "day") => true
    DATE_COMPARE("2020-01-01", "2021-09-09", "day", "year") => true
    DATE_COMPARE("2023-06-30T22:00Z", "2023-07-01T00:00Z", "month", "Europe/Berlin") => true
    DATE_COMPARE("2023-04-01T09:00Z", "2024-04-01T18:00Z", "h", "i", "Europe/Berlin", "America/Los_Angeles") => true
    DATE_COMPARE("2023-04-01", "2024-04-01", "x") warns 1542
    DATE_COMPARE("2023-04-01", "2024-04-01", "h", 1) warns 1542
    DATE_COMPARE("2023-04-01", "x", "h") warns 1572
    DATE_UTCTOLOCAL("2020-10-15T01:00:00.999Z", "America/New_York") => "2020-10-14T21:00:00.999"
    DATE_UTCTOLOCAL("2020-01-15T01:00:00Z", "Europe/London") => "2020-01-15T01:00:00.000Z"
    DATE_UTCTOLOCAL("2020-07-15T01:00:00Z", "Europe/London") => "2020-07-15T02:00:00.000"
    DATE_UTCTOLOCAL("0001-01-01", "Europe/Berlin") => "0001-01-01T00:53:28.000"
    DATE_UTCTOLOCAL("9999-07-01", "Europe/Berlin") => "9999-07-01T02:00:00.000"
    DATE_UTCTOLOCAL("9999-12-31T23:30:00Z", "Asia/Tokyo") warns 1572
    DATE_UTCTOLOCAL("2020-07-15", 1) warns 1542
    DATE_UTCTOLOCAL("2020-07-15", "UTC", 1) warns 1542
    DATE_UTCTOLOCAL("2020-07-15", "../Europe/Berlin") fails 4
    DATE_UTCTOLOCAL("2020-07-15", "Europe") fails 4
    DATE_UTCTOLOCAL("2020-07-15", "") fails 4
    DATE_LOCALTOUTC("2020-10-14T21:00:00.999", "America/New_York") => "2020-10-15T01:00:00.999Z"
    DATE_LOCALTOUTC("2023-03-26T03:00:00", "Europe/Berlin") => "2023-03-26T01:00:00.000Z"
    DATE_LOCALTOUTC("2023-03-26T02:30:00", "Europe/Berlin") fails 4
    DATE_LOCALTOUTC("2023-10-29T02:30:00", "Europe/Berlin") fails 4
    DATE_NOW() => 1700000000250
""")

DOCUMENTS = table(r"""
    DOCUMENT("people/ada") => {"_key": "ada", "_id": "people/ada"}
    DOCUMENT("people/eve") => null
    DOCUMENT("nobody/ada") => null
    DOCUMENT("people") => null
    DOCUMENT(1) => null
    DOCUMENT(["people/bob", "people/eve", 5, "people/bob"]) => [{"_key": "bob", "_id": "people/bob"}] * 2
    DOCUMENT("people", "bob") => {"_key": "bob", "_id": "people/bob"}
    DOCUMENT("people", "people/bob") => {"_key": "bob", "_id": "people/bob"}
    DOCUMENT("people", "other/bob") => null
    DOCUMENT("people", ["bob", "x"]) => [{"_key": "bob", "_id": "people/bob"}]
    DOCUMENT("people", null) => null
    DOCUMENT(1, "bob") warns 1542
    COLLECTION_COUNT("people") => 2
    COLLECTION_COUNT("nobody") fails 1203
    COLLECTION_COUNT(1) fails 1542
    COLLECTIONS() => [{"_id": "3", "name": "_users"}, {"_id": "17", "name": "people"}]
    CURRENT_USER() => "ada"
    CURRENT_DATABASE() => "course"
    IS_SAME_COLLECTION("_users", {"_id": "_users/x"}) => true
    IS_SAME_COLLECTION("_users/a", "people/a") => false
    IS_SAME_COLLECTION("_users", {}) warns 1542
    IS_SAME_COLLECTION("_users", null) warns 1542
    CHECK_DOCUMENT({}) => true
    CHECK_DOCUMENT([]) => false
    DECODE_REV("") warns 1542
    DECODE_REV(1) warns 1542
    DECODE_REV("not a revision") warns 1542
""")

MISC = table(r"""
    ASSERT(1, "holds") => true
    ASSERT(0, "broken") fails 1593
    ASSERT(0, 1) warns 1542
    FAIL() fails 1569
    FAIL("enough") fails 1569
    NOT_NULL(null, false, 1) => false
    NOT_NULL(null) => null
    FIRST_LIST(1, {}, [2], [3]) => [2]
    FIRST_LIST(1) => null
    FIRST_DOCUMENT(1, [], {"a": 1}) => {"a": 1}
    FIRST_DOCUMENT([]) => null
    IN_RANGE(4, 3, 4, true, true) => true
    IN_RANGE(4, 3, 4, true, false) => false
    IN_RANGE("b", "a", [], false, false) => true
    IN_RANGE(4, 3, 4, 1, true) warns 1542
    MIN_MATCH(true, false, 1, 2) => true
    MIN_MATCH(true, false, 2) => false
    MIN_MATCH(true, "1") warns 1542
    MINHASH_ERROR(400) => 0.05
    MINHASH_ERROR(0) => null
    MINHASH_ERROR("400") warns 1542
    MINHASH_COUNT(0.05) => 400
    MINHASH_COUNT(0) warns 1542
    PASSTHRU([1]) => [1]
    NOOPT(1) => 1
    NOEVAL(1) => 1
    V8(1) => 1
    SLEEP(0) => null
    SLEEP(-1) warns 1542
    CALL("SUBSTRING", "this is a test", 0, 7) => "this is"
    CALL("date_now") => 1700000000250
    CALL("SUBSTRING") fails 1541
    CALL("NO_SUCH_FUNCTION", 1) fails 1540
    CALL(1) fails 1542
    APPLY("concat", ["a", "b"]) => "ab"
    APPLY("CURRENT_USER") => "ada"
    APPLY("CONCAT", "a") warns 1542
    APPLY("CURRENT_USER", [1]) fails 1541
    BM25("doc") fails 9
""")

GEO = table(r"""
    DISTANCE(52.5163, 13.3777, 50.9322, 6.94) => 476918.89688380965
    DISTANCE(0, 0, 0, 0) => 0
    DISTANCE(0, 0, 0, "1") warns 1542
    GEO_POINT(1.0, 2.5) => {"type": "Point", "coordinates": [1, 2.5]}
    GEO_POINT(1.0, null) warns 1542
    GEO_MULTIPOINT([[35, 10], [45, 45]]) => {"type": "MultiPoint", "coordinates": [[35, 10], [45, 45]]}
    GEO_MULTIPOINT([[35, 10]]) warns 1542
    GEO_MULTIPOINT("x") warns 1563
    GEO_LINESTRING([[35, 10], [45, 45]]) => {"type": "LineString", "coordinates": [[35, 10], [45, 45]]}
    GEO_LINESTRING([[35, 10], [45]]) warns 1542
    GEO_LINESTRING([[35, 10], [45, "a"]]) warns 1542
    GEO_MULTILINESTRING([[[1, 2], [3, 4]]]) => {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]]]}
    GEO_MULTILINESTRING([]) warns 1542
    GEO_MULTILINESTRING([[[1, 2]]]) warns 1542
    GEO_POLYGON([[0, 0], [7, 2], [0, 5], [0, 0]]) => {"type": "Polygon", "coordinates": [[[0, 0], [7, 2], [0, 5], [0, 0]]]}
    GEO_POLYGON([[[0, 0], [7, 2], [0, 5], [0, 0]]]) => {"type": "Polygon", "coordinates": [[[0, 0], [7, 2], [0, 5], [0, 0]]]}
    GEO_POLYGON([[0, 0], [7, 2], [0, 5]]) warns 1542
    GEO_POLYGON([]) warns 1542
    GEO_POLYGON([1]) warns 1542
    GEO_POLYGON(null) warns 1563
    GEO_MULTIPOLYGON([[[[0, 0], [7, 2], [0, 5], [0, 0]]]]) warns 1542
    GEO_MULTIPOLYGON([1, 2]) warns 1542
""")


@pytest.mark.parametrize("case", STRINGS + ENCODINGS + SIMILARITY + PATTERNS)
def test_text(case):
    check(case)


@pytest.mark.parametrize("case", DATES)
def test_dates(case):
    check(case)


@pytest.mark.parametrize("case", DOCUMENTS + MISC + GEO)
def test_documents_and_the_rest(case):
    check(case)


def test_random_values_have_the_right_form():
    assert re.fullmatch("[A-Za-z0-9]{40}", call("RANDOM_TOKEN", 40))
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", call("UUID"))
    assert call("RANDOM_TOKEN", 40) != call("RANDOM_TOKEN", 40)
    assert not functions.find("UUID").deterministic and not functions.find("RANDOM_TOKEN").deterministic


def test_a_broken_condition_warns_with_its_message():
    context = Context()
    assert call("WARN", 1, "fine", context=context) is True
    assert call("WARN", None, "not fine", context=context) is False
    assert context.warnings == [(1594, "not fine")]


def test_failing_says_what_was_asked_for():
    for arguments, message in (((), "FAIL() called"), (("enough",), "enough"), ((1,), "FAIL() called")):
        with pytest.raises(ArangoError) as caught:
            call("FAIL", *arguments)
        assert caught.value.message == message


def test_what_is_missing_answers_501():
    assert len(set(misc.NOT_IMPLEMENTED)) == len(misc.NOT_IMPLEMENTED)
    for name in misc.NOT_IMPLEMENTED:
        with pytest.raises(ArangoError) as caught:
            call(name, 1, 2, 3)
        assert (caught.value.number, caught.value.http) == (9, 501)
        assert caught.value.message == f"{name}() is not implemented by the embedded server"


def test_hashes_are_equal_for_equal_values():
    equal = [(1, 1.0), ([1, None], [1]), ({"a": 1, "b": None}, {"a": 1.0}), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
    for one, other in equal:
        assert call("HASH", one) == call("HASH", other)
    values = [None, False, True, 0, 1, 1.5, "", "1", "a", [], [1], [[1]], {}, {"a": 1}, {"a": [1]}, "null", -0.5, "é"]
    hashes = {call("HASH", value) for value in values}
    assert len(hashes) == len(values) and all(0 <= each < 2**51 for each in hashes)


def test_revisions_are_times():
    revision = encode_revision(1_700_000_000_123 << 20 | 7)
    assert call("DECODE_REV", revision) == {"date": "2023-11-14T22:13:20.123Z", "count": 7}


def test_zones_tell_the_rule_in_force():
    found = call("DATE_UTCTOLOCAL", "2020-07-15", "Europe/Berlin", True)
    assert found.pop("tzdb") == zones.version()
    assert found == {
        "local": "2020-07-15T02:00:00.000",
        "zoneInfo": {
            "name": "CEST",
            "begin": "2020-03-29T01:00:00.000Z",
            "end": "2020-10-25T01:00:00.000Z",
            "dst": True,
            "offset": 7200,
        },
    }
    fixed = {"name": "WAT", "begin": "1919-08-31T23:30:00.000Z", "end": None, "dst": False, "offset": 3600}
    assert call("DATE_LOCALTOUTC", "2021-03-16T12:00", "Africa/Lagos", True)["zoneInfo"] == fixed
    utc = {"name": "UTC", "begin": None, "end": None, "dst": False, "offset": 0}
    assert call("DATE_UTCTOLOCAL", "2020-07-15", "UTC", True)["zoneInfo"] == utc
    first = call("DATE_UTCTOLOCAL", "0000-01-01", "Asia/Tokyo", True)["zoneInfo"]
    assert (first["begin"], first["end"]) == (None, "1887-12-31T15:00:00.000Z")
    assert call("DATE_UTCTOLOCAL", "2020-07-15", "UTC", False) == "2020-07-15T00:00:00.000Z"


def test_zones_are_listed():
    names = call("DATE_TIMEZONES")
    assert {"Europe/Berlin", "America/New_York", "UTC"} <= set(names) and names == sorted(names)
    assert call("DATE_TIMEZONE") in names


def test_the_calendar_is_whole():
    for day in range(-719_528, 2_932_897, 997):
        assert zones.days(*zones.civil(day)) == day
    assert zones.civil(zones.days(2000, 2, 29)) == (2000, 2, 29)
    assert zones.days(1970, 1, 1) == 0


def test_patterns_are_kept_compiled():
    assert regex("a+", False) is regex("a+", False)
    assert like_pattern("a%", True) is like_pattern("a%", True)
    with pytest.raises(InvalidPattern):
        regex("(", False)


def test_like_does_not_go_back_over_the_text():
    began = time.monotonic()
    assert call("LIKE", "a" * 20_000, "%a" * 20 + "%b") is False
    assert time.monotonic() - began < 5


def test_searching_for_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr("workshop.arango.embedded.aql.functions.patterns.LONGEST_MATCH", 0.05)
    text, pattern = "a" * 60 + "b", "^(a|aa)+$"
    for name, arguments in (("REGEX_TEST", ()), ("REGEX_MATCHES", ()), ("REGEX_SPLIT", ()), ("REGEX_REPLACE", ("x",))):
        with pytest.raises(AqlWarning) as caught:
            call(name, text, pattern, *arguments)
        assert caught.value.number == 1543
