"""What is sensible for each model pack, in one table."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class PackSettings:
    """Defaults of one pack.

    Attributes:
        det_thresh: lowest detection score that counts as a face, 0 to 1.
        threshold: cosine similarity from which two faces count as one person,
            or None where nobody has published or measured one.
        search_threshold: from which a match in a gallery counts as known, or
            None to use ``threshold``.
        threads: processor threads of one model. With 1, for small networks,
            only the detector uses all cores: faces and photographs are shared
            out among the cores instead.
    """

    det_thresh: float
    threshold: float | None
    search_threshold: float | None
    threads: int


_CORES = os.cpu_count() or 1
_UNKNOWN = PackSettings(0.5, None, None, _CORES)

PACK_SETTINGS = {
    # Threshold: OpenCV's FaceRecognizerSF tutorial, on LFW. It is for comparing
    # two photographs. In a search a stranger has as many chances of resembling
    # somebody as people are enrolled: of 400 ORL photographs, searched among
    # five of each of the 39 other people, 31 % reach 0.363 and 0.8 % reach
    # 0.463, while all 200 photographs of enrolled people do (the lowest has
    # 0.55). More people, or other ones, need a threshold of their own:
    # notebook 04 finds one from data.
    "course_mini": PackSettings(0.65, 0.363, 0.463, 1),
    # Threshold: InsightFace's server README, at a false accept rate of 1e-6.
    "buffalo_l": PackSettings(0.5, 0.4078, None, _CORES),
}


def settings_for(pack: str) -> PackSettings:
    """Look up a pack by name; unknown ones get InsightFace's defaults."""
    return PACK_SETTINGS.get(pack, _UNKNOWN)


def published_threshold(pack: str) -> float:
    """Look up from which cosine similarity two faces count as one person.

    Raises:
        ValueError: none is published for this pack.
    """
    threshold = settings_for(pack).threshold
    if threshold is None:
        raise ValueError(
            f"No threshold is published for {pack!r}: give threshold=, chosen "
            "with faces.calibrate on pairs of your own."
        )
    return threshold


def search_threshold(pack: str) -> float:
    """Look up from which cosine similarity a search says "known".

    Raises:
        ValueError: neither measured nor published for this pack.
    """
    measured = settings_for(pack).search_threshold
    return published_threshold(pack) if measured is None else measured
