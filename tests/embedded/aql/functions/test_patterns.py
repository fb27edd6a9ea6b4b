import time

import pytest

from tests.support.aql_functions import call, check, table
from workshop.arango.embedded.aql.functions.patterns import InvalidPattern, like_pattern, regex
from workshop.arango.embedded.aql.values import AqlWarning

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


@pytest.mark.parametrize("case", PATTERNS)
def test_patterns(case):
    check(case)


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
