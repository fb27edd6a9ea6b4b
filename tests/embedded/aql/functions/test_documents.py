import pytest

from tests.support.aql_functions import call, check, table
from workshop.arango.embedded.keys import encode_revision

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


@pytest.mark.parametrize("case", DOCUMENTS)
def test_documents(case):
    check(case)


def test_revisions_are_times():
    revision = encode_revision(1_700_000_000_123 << 20 | 7)
    assert call("DECODE_REV", revision) == {"date": "2023-11-14T22:13:20.123Z", "count": 7}
