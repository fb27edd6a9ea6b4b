"""Where Apertium is, for tests that run it for real."""

import pytest

from workshop.errors import WorkshopError
from workshop.text.apertium import packages


@pytest.fixture(scope="package")
def root():
    """The folder with Apertium's programs and the course's pairs."""
    try:
        return packages.find()
    except WorkshopError as error:
        pytest.skip(str(error))
