"""The ORL faces, 400 photographs of 40 people, near and from afar."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from course_utils import images, weights


class Photographs(Sequence):
    """The photographs, each read when it is asked for: together 280 MB."""

    def __init__(self, paths: list[Path]):
        self._paths = paths

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, place):
        """Read one photograph, or a list of them for a slice."""
        if isinstance(place, slice):
            return [_enlarged(path) for path in self._paths[place]]
        return _enlarged(self._paths[place])


def orl() -> tuple[Photographs, np.ndarray]:
    """Return the ORL faces, and who is who.

    AT&T Laboratories Cambridge took these small grey pictures, ten of each of
    40 people, in 1992 to 1994. The faces fill them, which a detector does not
    expect: so each gets a border and is enlarged three times: (516, 456, 3).
    Who is who are 400 integers, 0 to 39.
    """
    folder = weights.find("orl_faces")
    paths = [
        folder / f"s{person}" / f"{number}.pgm"
        for person in range(1, 41)
        for number in range(1, 11)
    ]
    return Photographs(paths), np.repeat(np.arange(40), 10)


def from_afar(image: np.ndarray, share: float = 0.06) -> np.ndarray:
    """Shrink each side to a share, as distance does, and enlarge it again."""
    import cv2

    height, width = images.require_rgb(image).shape[:2]
    share = max(share, 1 / min(height, width))  # at least one pixel is left
    small = cv2.resize(
        image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _enlarged(path: Path) -> np.ndarray:
    import cv2

    image = images.load_image(path)
    image = cv2.copyMakeBorder(image, 30, 30, 30, 30, cv2.BORDER_REPLICATE)
    return cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
