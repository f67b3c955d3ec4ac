"""Compare two faces, and choose from data where to draw the line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.faces.analysis import largest_face, threshold_for
from course_utils.faces.quality import find_upright


@dataclass(frozen=True)
class Verification:
    """Whether two pictures show one person: ``similarity >= threshold``."""

    similarity: float
    threshold: float
    same_person: bool
    faces: tuple


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two embeddings, -1 to 1: a.b / (|a| |b|)."""
    try:
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        usable = a.ndim == 1 and a.shape == b.shape and 0 < lengths < np.inf
    except (TypeError, ValueError):  # a face instead of its embedding
        usable = False
    if not usable:
        raise ValueError(
            "Cosine similarity takes two embeddings, for instance "
            "face.embedding: finite vectors of one length, not all zeros."
        )
    return float(np.clip(a @ b / lengths, -1.0, 1.0))


def verify(
    app,
    image1: np.ndarray,
    image2: np.ndarray,
    threshold: float | None = None,
) -> Verification:
    """Decide whether two pictures show the same person.

    Of several faces in a picture the largest one is compared. A picture that
    lies on its side is turned first; its face's box belongs to the turned copy.
    ``threshold`` is a cosine similarity, by default the pack's published one.
    Raises NoFaceError, which says in which picture.
    """
    if threshold is None:
        threshold = threshold_for(Path(app.model_dir).name)
    first = _only_face(app, image1, "first")
    second = _only_face(app, image2, "second")
    similarity = cosine_similarity(first.embedding, second.embedding)
    same = similarity >= threshold
    return Verification(similarity, threshold, same, (first, second))


@dataclass(frozen=True)
class Calibration:
    """Error rates of every threshold, from pairs whose truth is known.

    A pair is accepted when its similarity is at least the threshold. Terms as
    in Grother, Ngan and Hanaoka, NIST face recognition vendor test, part 1.
    ``thresholds`` fall from infinity, the accept rates belong to them;
    ``similarities`` and ``same`` are the pairs.
    """

    thresholds: np.ndarray
    true_accept_rate: np.ndarray
    false_accept_rate: np.ndarray
    similarities: np.ndarray
    same: np.ndarray

    @property
    def eer(self) -> float:
        """Equal error rate: where false accepts equal false rejects."""
        gap = self.false_accept_rate - (1 - self.true_accept_rate)
        return float(np.interp(0, gap, self.false_accept_rate))

    @property
    def auc(self) -> float:
        """Area under the ROC curve: the chance that a same pair wins."""
        return float(
            np.trapezoid(self.true_accept_rate, self.false_accept_rate)
        )

    def threshold_at(self, far: float) -> float:
        """Find the lowest threshold with at most this false accept rate.

        Raises ValueError when these pairs are too few to show it.
        """
        return float(self.thresholds[self._row(far)])

    def true_accept_rate_at(self, far: float) -> float:
        """TAR@FAR: share of same pairs accepted at ``threshold_at(far)``."""
        return float(self.true_accept_rate[self._row(far)])

    def interval(
        self,
        far: float,
        people: np.ndarray | None = None,
        *,
        resamples: int = 500,
    ) -> tuple[float, float]:
        """Bootstrap ``true_accept_rate_at(far)``: 95 % of the draws lie within.

        ``people``, integers of shape (pairs, 2), says who is in each pair.
        Given them, people are drawn instead of pairs, which is the honest way
        when one person takes part in many pairs.
        """
        self._row(far)  # complains if the pairs cannot show this rate
        order = np.argsort(-self.similarities, kind="stable")
        rates = [
            _weighted_rate(self.same[order], weights[order], far)
            for weights in _draws(self.same, people, resamples)
        ]
        low, high = np.quantile(rates, [0.025, 0.975])
        return float(low), float(high)

    def _row(self, far: float) -> int:
        different = int((~self.same).sum())
        if far * different < 1:
            raise ValueError(
                f"{different} pairs of different people are too few to show a "
                f"false accept rate of {far:g}."
            )
        return int(np.searchsorted(self.false_accept_rate, far, "right") - 1)


def calibrate(similarities: np.ndarray, same: np.ndarray) -> Calibration:
    """Measure the error rates of every threshold, from pairs of known truth.

    Both have shape (pairs,); ``same`` is True where a pair shows one person.
    """
    similarities = np.asarray(similarities, np.float64)
    same = np.asarray(same, bool)
    if similarities.ndim != 1 or similarities.shape != same.shape:
        raise ValueError(
            "calibrate takes one similarity and one True/False a pair, "
            f"not shapes {similarities.shape} and {same.shape}."
        )
    if same.all() or not same.any():
        raise ValueError("calibrate needs pairs of same and different people.")
    order = np.argsort(-similarities, kind="stable")
    falling = similarities[order]
    last_of_equal = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)
    accepted_same = np.cumsum(same[order])[last_of_equal]
    accepted_different = last_of_equal + 1 - accepted_same
    return Calibration(
        thresholds=np.append(np.inf, falling[last_of_equal]),
        true_accept_rate=np.append(0, accepted_same / same.sum()),
        false_accept_rate=np.append(0, accepted_different / (~same).sum()),
        similarities=similarities,
        same=same,
    )


def _only_face(app, image: np.ndarray, position: str):
    try:
        return largest_face(find_upright(app, image)[1])
    except ValueError as error:
        raise type(error)(f"The {position} picture: {error}") from None


def _draws(same, people, resamples):
    """Yield weights of each pair when pairs or people are drawn with return."""
    generator = np.random.default_rng(0)
    if people is not None:
        names, index = np.unique(people, return_inverse=True)
        first, second = index.reshape(len(same), 2).T
    for _ in range(resamples):
        weights = np.empty(len(same))
        if people is None:
            for kind in (same, ~same):
                weights[kind] = _times(generator, int(kind.sum()))
        else:
            # Two copies of one person do not become a pair of different people.
            times = _times(generator, len(names))
            one, other = times[first], times[second]
            weights[:] = np.where(same, one, one * other)
        if weights[same].any() and weights[~same].any():
            yield weights


def _times(generator, count: int) -> np.ndarray:
    """How often each of ``count`` things is drawn in as many draws."""
    return generator.multinomial(count, np.full(count, 1 / count))


def _weighted_rate(same, weights, far: float) -> float:
    """TAR at ``far`` of weighted pairs, sorted by falling similarity."""
    different = np.cumsum(np.where(same, 0.0, weights))
    allowed = np.searchsorted(different, far * different[-1], "right")
    accepted = np.where(same, weights, 0.0)
    return float(accepted[:allowed].sum() / accepted.sum())
