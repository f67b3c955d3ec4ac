"""The recogniser of notebook 06: what it learns, and what the course ships."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from course_utils.faces import training


@pytest.fixture(scope="module")
def aligned(app):
    return training.aligned_orl(app)


@pytest.fixture(scope="module")
def orl(aligned):
    """Pictures of all ORL faces, and the person on each."""
    crops, people = aligned
    return training.shrink(crops), people


def test_faces_are_aligned_upright_and_halved(aligned):
    crops, _ = aligned
    assert crops.shape == (400, 112, 112, 3) and crops.dtype == np.uint8
    halved = [
        cv2.resize(crop[..., 0], (56, 56), interpolation=cv2.INTER_AREA)
        for crop in crops[:20]
    ]
    np.testing.assert_array_equal(training.shrink(crops[:20]), halved)
    # The eyes are darker than the cheeks, where InsightFace puts both.
    assert crops[:, 46:56, 30:82].mean() < crops[:, 66:76, 30:82].mean() - 5


def test_the_shipped_weights_know_thirty_people_and_guess_at_ten(orl):
    pictures, people = orl
    vectors = training.embed(training.trained_network(), pictures)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    unseen = people < 10
    rates = [
        training.compare_all(vectors[chosen], people[chosen]).eer
        for chosen in (unseen, ~unseen)
    ]
    assert 0.03 < rates[0] < 0.07 and rates[1] < 0.01


def test_a_seed_repeats_a_training(orl):
    def losses(seed):
        few = (each[:40] for each in orl)
        return [step.loss for step in training.train(*few, steps=3, seed=seed)]

    assert losses(0) == losses(0) != losses(1)


def test_triplets_teach_ten_people(orl):
    """Untrained, this network confuses them in one case of nine."""
    pictures, people = (each[orl[1] < 10] for each in orl)
    *_, last = training.train(pictures, people, "triplet", 40)
    vectors = training.embed(last.model, pictures)
    assert training.compare_all(vectors, people).eer < 0.03


def test_arcface_without_a_margin_is_softmax_of_cosines():
    embeddings, who = torch.randn(6, training.DIMENSIONS), torch.arange(6) % 4
    loss = training.ArcFace(4, margin=0, scale=10)
    cosines = functional.cosine_similarity(
        embeddings[:, None], loss.centres, dim=2
    )
    plain = functional.cross_entropy(10 * cosines, who)
    assert loss(embeddings, who).item() == pytest.approx(plain.item(), 1e-5)
    loss.margin = 0.4
    assert loss(embeddings, who) > plain


def test_triplets_are_those_of_the_paper():
    """The same, one pair of anchor and positive after the other."""
    embeddings = torch.randn(12, training.DIMENSIONS)
    who = torch.arange(12) % 4
    unit = functional.normalize(embeddings)
    d = (unit[:, None] - unit).square().sum(2)
    terms = []
    for a in range(12):
        strangers = d[a][who != who[a]]
        for p in range(12):
            if a != p and who[a] == who[p]:
                farther = strangers[strangers > d[a, p]]
                far = farther.min() if len(farther) else strangers.max()
                terms.append(functional.relu(d[a, p] - far + 0.2))
    expected = torch.stack(terms).mean().item()
    found = training.Triplet(4)(embeddings, who).item()
    assert found == pytest.approx(expected, rel=1e-4)


def test_changed_pictures_show_the_same_person(orl):
    pictures = orl[0][:50]
    changed = training.augment(pictures, np.random.default_rng(0))
    assert changed.shape == pictures.shape and changed.dtype == np.uint8
    assert not (changed == pictures).all(axis=(1, 2)).any()
    both = zip(changed, pictures, strict=True)
    likeness = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in both]
    assert np.median(likeness) > 0.5
