import pytest

from tests.support.aql_functions import check, table

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


@pytest.mark.parametrize("case", SIMILARITY)
def test_similarity(case):
    check(case)
