"""Boxes: how much two of them share, and which of many are kept."""

import numpy as np

from course_utils.checks.exercise import Exercise

NOTEBOOK = "1 · Face detection"


# -- intersection_over_union ---------------------------------------------------


def _pairs_of_boxes(generator):
    """Overlapping, nested, apart in one direction, apart in both."""
    cases = []
    for shift in ((0.3, 0.4), (0, 0), (2, 0.2), (0.2, 2), (2, 2)):
        corner, size = generator.uniform(5, 50, 2), generator.uniform(20, 40, 2)
        start = corner + size * shift
        boxes = [
            np.concatenate([corner, corner + size]),
            np.concatenate(
                [start, start + size * generator.uniform(0.75, 0.95)]
            ),
        ]
        cases.append(tuple(boxes[i] for i in generator.permutation(2)))
    return cases


def _two_small_boxes(generator):
    corners = generator.integers(0, 4, (2, 2))
    sizes = generator.integers(1, 4, (2, 2))
    return tuple(np.hstack([corners, corners + sizes]).astype(float))


def _at_least_zero(sides):
    return np.maximum(sides, 0)


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(box1, box2, sides=_at_least_zero):
    first, last = np.maximum(box1, box2)[:2], np.minimum(box1, box2)[2:]
    return np.prod(sides(last - first))


def _intersection_over_union(box1, box2, sides=_at_least_zero):
    shared = _shared(box1, box2, sides)
    return shared / (_area(box1) + _area(box2) - shared)


def _round_both(box1, box2):
    first, last = np.minimum(box1, box2)[:2], np.maximum(box1, box2)[2:]
    return np.prod(last - first)


check_intersection_over_union = Exercise(
    name="intersection_over_union",
    notebook=NOTEBOOK,
    cases=_pairs_of_boxes,
    small=_two_small_boxes,
    solution=_intersection_over_union,
    mistakes={
        "boxes that are apart share nothing: no side is shorter than zero.": [
            lambda a, b: _intersection_over_union(a, b, sides=lambda s: s),
            lambda a, b: _intersection_over_union(a, b, sides=np.abs),
        ],
        "what both boxes share is counted twice below the line.": [
            lambda a, b: _shared(a, b) / (_area(a) + _area(b)),
        ],
        "divide by what the two boxes cover together.": [
            _shared,
            lambda a, b: _shared(a, b) / _area(a),
            lambda a, b: _shared(a, b) / min(_area(a), _area(b)),
            lambda a, b: _shared(a, b) / _round_both(a, b),
        ],
    },
)


# -- non_max_suppression -------------------------------------------------------


def _rows_of_boxes(generator):
    """Rows of three squares, each overlapping the next, and one far away.

    Of a row, the second overlaps both others too much, the first and the
    third hardly each other; the best score is at one end.
    """
    cases = []
    for limits in ((), (generator.uniform(0.05, 0.1),), (0.7,)):
        boxes, scores = [], []
        for row in range(3):
            side = generator.uniform(20, 40)
            for place in range(3):
                x = (5 + place * generator.uniform(0.3, 0.34)) * side
                boxes.append([x, 100 * row, x + side, 100 * row + side])
            scores.extend(np.sort(generator.uniform(0.5, 1, 3))[::-1])
        order = generator.permutation(len(boxes))
        cases.append((np.array(boxes)[order], np.array(scores)[order], *limits))
    return cases


def _few_boxes(generator):
    count = generator.integers(2, 4)
    x = generator.integers(0, 4, count)
    boxes = np.column_stack([x, 0 * x, x + 3, 0 * x + 2])
    return boxes.astype(float), generator.permutation([0.9, 0.8, 0.7])[:count]


def _suppress(boxes, scores, threshold=0.4, by_all_better=False):
    order = np.argsort(-scores).tolist()
    kept = []
    for place, index in enumerate(order):
        others = order[:place] if by_all_better else kept
        if all(_overlap(boxes, index, n) <= threshold for n in others):
            kept.append(index)
    return kept


def _overlap(boxes, first, second):
    return _intersection_over_union(boxes[first], boxes[second])


def _rank(kept, scores):
    return np.argsort(np.argsort(-scores))[kept].tolist()


check_non_max_suppression = Exercise(
    name="non_max_suppression",
    notebook=NOTEBOOK,
    cases=_rows_of_boxes,
    small=_few_boxes,
    solution=_suppress,
    mistakes={
        "the best score comes first, in the search and in the list.": [
            lambda b, s, *limit: _suppress(b, -np.arange(len(s)), *limit),
            lambda b, s, *limit: _suppress(b, -s, *limit),
            lambda b, s, *limit: sorted(_suppress(b, s, *limit)),
        ],
        "a box that is thrown away itself throws no other away.": [
            lambda b, s, limit=0.4: _suppress(b, s, limit, by_all_better=True)
        ],
        "it always allows the same overlap, whatever the threshold is.": [
            lambda b, s, *limit: _suppress(b, s),
            lambda b, s, *limit: _suppress(b, s, 0.5),
        ],
        "give back the places of the kept boxes in the arrays as they came.": [
            lambda b, s, *limit: _rank(_suppress(b, s, *limit), s),
            lambda b, s, *limit: b[_suppress(b, s, *limit)],
            lambda b, s, *limit: s[_suppress(b, s, *limit)],
        ],
    },
)
