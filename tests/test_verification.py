"""Similarity, verification, and error rates against closed forms."""

import numpy as np
import pytest

from course_utils import faces
from course_utils.faces import NoFaceError, calibrate, cosine_similarity


@pytest.fixture
def generator():
    """Fresh for each test, so that none depends on those before it."""
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ([1, 0], [0, 5], 0.0),
        ([1, 0], [-2, 0], -1.0),
        ([1, 0], [1, 1], np.sqrt(0.5)),
        ([3e100, 0], [1e-100, 0], 1.0),
    ],
)
def test_cosine_of_known_angles(a, b, expected):
    assert cosine_similarity(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(
    "a, b",
    [
        ([0, 0], [1, 0]),
        ([1, 2], [1, 2, 3]),
        ([[1, 2]], [[1, 2]]),
        ([np.nan, 1], [1, 1]),
        ({"embedding": 1}, [1, 2]),  # a face instead of its embedding
    ],
)
def test_cosine_refuses(a, b):
    with pytest.raises(ValueError, match="^Cosine similarity"):
        cosine_similarity(a, b)


def test_the_same_man_and_two_men(app, photo):
    obama, again = photo("faces/obama_1"), photo("faces/obama_2")
    same = faces.verify(app, obama, again)
    assert same.same_person and same.similarity > 0.6
    assert same.threshold == 0.363  # published for these weights
    other = faces.verify(app, obama, photo("faces/giunchedi_1"))
    assert not other.same_person and other.similarity < 0.3
    assert faces.verify(app, obama, again, threshold=0.99).same_person is False


def test_a_picture_that_lies_on_its_side(app, photo):
    turned = np.rot90(photo("faces/obama_1"))
    assert faces.verify(app, turned, photo("faces/obama_2")).similarity > 0.6


def test_verify_says_which_picture_has_no_face(app, photo):
    with pytest.raises(NoFaceError, match="^The second picture: No face"):
        faces.verify(app, photo("faces/obama_1"), photo("faces/noface_cat"))


def test_rates_by_hand():
    result = calibrate([0.9, 0.8, 0.8, 0.3, 0.1], [1, 1, 0, 1, 0])
    np.testing.assert_array_equal(
        result.thresholds, [np.inf, 0.9, 0.8, 0.3, 0.1]
    )
    np.testing.assert_allclose(result.true_accept_rate, [0, 1 / 3, 2 / 3, 1, 1])
    np.testing.assert_allclose(result.false_accept_rate, [0, 0, 0.5, 0.5, 1])
    assert result.threshold_at(0.5) == 0.3
    assert result.auc == pytest.approx(3 / 4)


def test_rates_that_the_pairs_cannot_show():
    result = calibrate([0.9, 0.2, 0.1], [1, 0, 0])
    with pytest.raises(ValueError, match="too few"):
        result.threshold_at(1e-3)
    with pytest.raises(ValueError, match="too few"):
        result.interval(0)
    for same, word in ([1], "shapes"), ([1, 1], "same and different"):
        with pytest.raises(ValueError, match=word):
            calibrate([0.1, 0.2], same)


def test_the_interval_is_as_wide_as_people_differ(generator):
    """Of ten people with a similarity level each, others would be drawn."""
    pairs = [(a, b) for a in range(10) for b in range(a + 1) for _ in range(50)]
    people = np.array(pairs)
    same = people[:, 0] == people[:, 1]
    levels = generator.normal(0.6, 0.15, 10)
    noise = generator.normal(0, 0.02, len(pairs))
    other = generator.normal(0.2, 0.15, len(pairs))
    result = calibrate(
        np.where(same, levels[people[:, 0]] + noise, other), same
    )
    naive = result.interval(0.05)  # as if each pair had other people in it
    honest = result.interval(0.05, people)
    rate = result.true_accept_rate_at(0.05)
    assert honest[0] < naive[0] < rate < naive[1] < honest[1]
    assert honest[1] - honest[0] > 2 * (naive[1] - naive[0])
    assert honest == result.interval(0.05, people)  # the seed is fixed


def test_people_interval_of_a_handful_of_people():
    """Only one has two photographs: many draws have no same pair at all."""
    people = np.array([(0, 0), (0, 1), (0, 2), (1, 2)])
    result = calibrate([0.9, 0.1, 0.2, 0.3], people[:, 0] == people[:, 1])
    assert result.interval(0.5, people) == (1.0, 1.0)
