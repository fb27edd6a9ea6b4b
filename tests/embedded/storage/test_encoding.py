"""Values as they are stored and as indexes order them."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workshop.arango.embedded import encoding
from workshop.arango.embedded.aql import values

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.dictionaries(st.text().filter(lambda name: name not in ("_key", "_id", "_rev")), json_values, max_size=5))
def test_values_come_back_as_they_were(store, things, document):
    with store.writing():
        change = things.insert(document)
        things._cache.clear()
        found = things.get(change.key)
    assert found == change.new
    assert {name: found[name] for name in document} == document
    assert json.dumps({name: found[name] for name in document}) == json.dumps(document)


@settings(max_examples=300, deadline=None)
@given(first=json_values, second=json_values)
def test_encoded_values_are_equal_when_values_are(first, second):
    for one, other in ((first, second), (first, first), ([first], [first, None]), ({"a": first}, {"a": first, "b": None})):
        assert (encoding.encode(one) == encoding.encode(other)) == (values.compare(one, other) == 0)
        # What comes first in a combined index is found by its bytes alone.
        prefix = encoding.encode(one)
        assert prefix <= encoding.encode_all([one, other]) < prefix + encoding.AFTER
        assert encoding.encode(other).startswith(prefix) == (encoding.encode(other) == prefix)


number = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(first=number, second=number)
def test_encoded_numbers_are_in_order(first, second):
    for other in (second, first + 1 if type(first) is int and first < 2**63 else first):
        one, two = encoding.encode(first), encoding.encode(other)
        assert (one < two, one == two) == (first < other, first == other)
