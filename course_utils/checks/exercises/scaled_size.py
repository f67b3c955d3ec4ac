"""Find the bug: one shape for every picture."""

from course_utils.checks.exercise import Exercise


def _sizes(generator):
    """Wide, tall and square pictures, to be made smaller and larger.

    Powers of two as long sides leave nothing half-way between two integers.
    """
    cases = [(200, 200, 128), (150, 110, 128)]
    for long_side in (512, 64, 1024):
        short, long = generator.integers((100, 150), (140, 250)).tolist()
        cases += [(short, long, long_side), (long, short, long_side)]
    return cases


def _scaled(height, width, long_side, rounded=round, side=max):
    scaled = (n * long_side / side(height, width) for n in (height, width))
    return tuple(rounded(n) for n in scaled)


def _only_smaller(height, width, long_side):
    return _scaled(height, width, min(long_side, max(height, width)))


check_scaled_size = Exercise(
    name="scaled_size",
    notebook="8 · Style transfer in PyTorch",
    cases=_sizes,
    solution=_scaled,
    mistakes={
        "every picture gets the same shape, whatever shape it had.": [
            lambda h, w, long_side: (256, 512),
            lambda h, w, long_side: (512, 256),
            lambda h, w, long_side: (long_side // 2, long_side),
            lambda h, w, long_side: (long_side, long_side // 2),
            lambda h, w, long_side: (long_side, long_side),
        ],
        "height and width have changed places.": [
            lambda h, w, long_side: _scaled(w, h, long_side)
        ],
        "some pictures come out larger than long_side: it takes the shorter "
        "side for the longer one.": [
            lambda h, w, long_side: _scaled(h, w, long_side, side=min)
        ],
        "a tall picture comes out too large: the width is not always the "
        "long side.": [
            lambda h, w, long_side: (round(h * long_side / w), long_side)
        ],
        "a wide picture comes out too large: the height is not always the "
        "long side.": [
            lambda h, w, long_side: (long_side, round(w * long_side / h))
        ],
        "the other side has to shrink or grow by the same factor.": [
            lambda h, w, long_side: (
                (h, long_side) if w >= h else (long_side, w)
            ),
        ],
        "a small picture is to be enlarged.": [_only_smaller],
        "a part of a pixel is cut off instead of rounded.": [
            lambda h, w, long_side: _scaled(h, w, long_side, int)
        ],
        "a picture has a whole number of pixels.": [
            lambda h, w, long_side: _scaled(h, w, long_side, float)
        ],
        "the size is as it was.": [lambda h, w, long_side: (h, w)],
    },
    tolerance=1e-6,
)
