"""Find the bug: a content target that comes from the painting."""

from course_utils.checks.exercise import ALL_FRAMEWORKS, Exercise


def _get_features(picture):
    """Stand for a network: what it answers for the style, for the content."""
    return 2 * picture + 1, picture**2 - 3


def _two_pictures(generator):
    """Both of one shape, as in the article, so that nothing gives alarm."""
    sizes = generator.integers(3, 7, (2, 2))
    return [
        (*generator.random((2, 1, *size, 3)), _get_features) for size in sizes
    ]


check_choose_targets = Exercise(
    name="choose_targets",
    notebook="10 · Style transfer in TensorFlow",
    frameworks=ALL_FRAMEWORKS,
    cases=_two_pictures,
    solution=lambda photo, painting, get_features: (
        get_features(painting)[0],
        get_features(photo)[1],
    ),
    mistakes={
        "the content target comes from the painting; nobody looks at the "
        "photograph.": [lambda photo, painting, get: get(painting)],
        "the style target comes from the photograph now; nobody looks at the "
        "painting.": [lambda photo, painting, get: get(photo)],
        "the pictures have changed places: style from the photograph, content "
        "from the painting.": [
            lambda photo, painting, get: (get(photo)[0], get(painting)[1])
        ],
        "the style target is to come first, then the content target.": [
            lambda photo, painting, get: (get(photo)[1], get(painting)[0]),
            lambda photo, painting, get: get(painting)[::-1],
            lambda photo, painting, get: get(photo)[::-1],
        ],
        "those are pictures; the costs compare features.": [
            lambda photo, painting, get: (painting, photo),
            lambda photo, painting, get: (photo, painting),
        ],
        "each target belongs to one picture alone, do not mix the two.": [
            lambda photo, painting, get: get((photo + painting) / 2),
            lambda photo, painting, get: tuple(
                (a + b) / 2
                for a, b in zip(get(photo), get(painting), strict=True)
            ),
            lambda photo, painting, get: get(photo + painting),
        ],
        "that is everything the network answers; choose one target from "
        "each picture.": [
            lambda photo, painting, get: (get(painting), get(photo)),
        ],
        "only the content target is there.": [
            lambda photo, painting, get: get(photo)[1]
        ],
        "only the style target is there.": [
            lambda photo, painting, get: get(painting)[0]
        ],
    },
)
