import pytest

from workshop.arango.embedded.aql import functions
from workshop.arango.embedded.errors import ArangoError


def test_functions_are_found_in_any_case():
    assert functions.find("length").name == "LENGTH"
    assert functions.find("Count").call is functions.find("LENGTH").call
    with pytest.raises(ArangoError) as caught:
        functions.find("no_such_thing")
    assert (caught.value.number, caught.value.message) == (1540, "usage of unknown function 'NO_SUCH_THING()'")


def test_a_name_is_registered_once():
    with pytest.raises(ValueError):
        functions.function("LENGTH", 1, 1)(len)
