"""Fixtures shared by the tests: the embedded models and sample pictures."""

import pytest

from course_utils import faces, images


@pytest.fixture(scope="session")
def app():
    """The embedded face models; loading takes about a second, so once."""
    return faces.load_face_analysis()


@pytest.fixture(scope="session")
def photo():
    """Read a sample picture by name, for instance photo("faces/obama_1")."""
    return lambda name: images.load_image(images.sample(name))
