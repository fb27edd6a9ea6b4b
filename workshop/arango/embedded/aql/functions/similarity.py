"""Functions that compare texts by sound, spelling and parts, and those that cut text into words for searching."""

import unicodedata

import numpy as np
import regex
import snowballstemmer

from workshop.arango.embedded.aql.functions import function
from workshop.arango.embedded.aql.values import NUMERIC, AqlWarning, to_integer, to_string, wrong_type
from workshop.arango.embedded.errors import ArangoError

_SOUNDS = {letter: code for code, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for letter in letters}
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_BOUNDARY = regex.compile(r"\b", regex.V1 | regex.WORD)
_WORD = regex.compile(r"[\p{L}\p{N}]", regex.V1)
# Writing without spaces, which a dictionary would have to cut into words.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.V1)
_ANALYZERS = frozenset(f"text_{code}" for code in ("de", "en", "es", "fi", "fr", "it", "nl", "no", "pt", "ru", "sv", "zh"))


@function("SOUNDEX", 1, 1)
def soundex(value):
    """Return a code of four characters for how an English word sounds; "" where there are no letters."""
    text = "".join(each.lower() if each.isascii() else each for each in to_string(value))
    start = next((place for place, letter in enumerate(text) if letter in _LETTERS), None)
    if start is None:
        return ""
    result, last = text[start].upper(), None
    for letter in text[start + 1 :]:
        code = _SOUNDS.get(letter)
        if code and code != last:
            result += str(code)
            if len(result) == 4:
                break
        last = code
    return result.ljust(4, "0")


@function("LEVENSHTEIN_DISTANCE", 2, 2)
def levenshtein_distance(one, other):
    """Return how many insertions, removals, exchanges and swaps of neighbours lead from one text to the other."""
    long, short = to_string(one), to_string(other)
    if len(long) < len(short):
        long, short = short, long
    if not short:
        return len(long)
    row = list(range(len(short) + 1))
    for i, letter in enumerate(long):
        current, before = i + 1, long[i - 1] if i else None
        last = None
        for j, opposite in enumerate(short):
            same = letter == opposite or (last is not None and before == opposite and letter == last)
            following = min(row[j + 1] + 1, current + 1, row[j] + (not same))
            row[j], current, last = current, following, opposite
        row[-1] = current
    return row[-1]


def _texts(name: str, text, target, size) -> int:
    if type(text) is not str or type(target) is not str or type(size) not in NUMERIC:
        raise wrong_type(name)
    if to_integer(size) < 1:
        raise AqlWarning(10, f"in function '{name}()': the size of n-grams must be 1 or greater")
    return to_integer(size)


@function("NGRAM_SIMILARITY", 3, 3)
def ngram_similarity(text, target, size):
    """Return the share of the target's n-grams that the text has in the same order."""
    size = _texts("NGRAM_SIMILARITY", text, target, size)
    if len(text) < size or len(target) < size:
        return int(text == target)
    sources = [text[i : i + size] for i in range(len(text) - size + 1)]
    count = len(target) - size + 1
    row = [0] * (len(sources) + 1)
    for i in range(count):
        wanted, corner = target[i : i + size], 0
        for j, source in enumerate(sources, 1):
            row[j], corner = max(row[j - 1], row[j], corner + (source == wanted)), row[j]
    return _single(np.float32(row[-1]) / np.float32(count))


@function("NGRAM_POSITIONAL_SIMILARITY", 3, 3)
def ngram_positional_similarity(text, target, size):
    """Return how alike the n-grams of two texts are, letter by letter, in relation to the longer text."""
    size = _texts("NGRAM_POSITIONAL_SIMILARITY", text, target, size)
    short, long = (target, text) if len(target) <= len(text) else (text, target)
    if len(short) < size:
        if not long:
            return 1
        return _single(np.float32(sum(a == b for a, b in zip(short, long))) / np.float32(len(long)))
    shares = [np.float32(count) / np.float32(size) for count in range(size + 1)]
    width = len(long) - size + 1
    row = [np.float32(0)] * (width + 1)
    for i in range(len(short) - size + 1):
        gram, corner = short[i : i + size], np.float32(0)
        for j in range(1, width + 1):
            alike = sum(a == b for a, b in zip(gram, long[j - 1 : j - 1 + size]))
            row[j], corner = max(row[j - 1], row[j], corner + shares[alike]), row[j]
    return _single(row[-1] / np.float32(width))


def _single(value: np.float32) -> int | float:
    """A number of single precision as a value."""
    result = float(value)
    return int(result) if result.is_integer() else result


@function("TOKENS", 1, 2)
def tokens(value, analyzer="identity"):
    """Cut text into what an analyzer would index: "identity" keeps it whole, "text_en" gives the stems of English words.

    Arrays give arrays. ArangoError 10 for an unknown analyzer, 9 for one, or for values, that cannot be analyzed here.
    """
    if type(analyzer) is not str:
        raise ArangoError(10, "TOKENS() expects the name of an analyzer as a string")
    if analyzer not in ("identity", "text_en"):
        if analyzer not in _ANALYZERS:
            raise ArangoError(10, f"TOKENS() does not know an analyzer named '{analyzer}'")
        raise ArangoError(9, f"analyzer '{analyzer}' of TOKENS() is not implemented by the embedded server")
    if type(value) is list:
        return [tokens(each, analyzer) for each in value] or [[]]
    if type(value) is dict:
        raise ArangoError(10, "TOKENS() cannot analyze an object")
    if type(value) is not str:
        raise ArangoError(9, "TOKENS() of null, bools and numbers is not implemented by the embedded server")
    return [value] if analyzer == "identity" else _english(value)


def _english(text: str) -> list[str]:
    """The stems of the words of a text, in small letters and without accents."""
    if _UNSPACED.search(text):
        raise ArangoError(9, "TOKENS() of text without spaces between words is not implemented by the embedded server")
    words = [_bare(word.lower()) for word in _BOUNDARY.split(text) if _WORD.search(word)]
    # A stemmer keeps the word that it works on, so that threads must not share one.
    return snowballstemmer.stemmer("english").stemWords(words)


def _bare(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(each for each in decomposed if unicodedata.category(each) != "Mn"))
