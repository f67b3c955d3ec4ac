"""Boxes: how much two of them share, and which of many are kept."""

import numpy as np

from course_utils.checks.exercise import exercise


def _two_boxes(generator):
    corners = generator.integers(0, 5, (2, 2))
    sizes = generator.integers(1, 5, (2, 2))
    return tuple(np.hstack([corners, corners + sizes]).astype(float))


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(box1, box2, sides=lambda lengths: np.maximum(lengths, 0)):
    first, last = np.maximum(box1, box2)[:2], np.minimum(box1, box2)[2:]
    return np.prod(sides(last - first))


@exercise(
    draw=_two_boxes,
    mistakes={
        "boxes that are apart share nothing: no side is shorter than zero.": [
            lambda a, b: intersection_over_union(a, b, sides=lambda s: s),
            # Two negative sides make a positive area.
            lambda a, b: intersection_over_union(
                a, b, sides=lambda s: max(0, np.prod(s))
            ),
        ],
        "what both boxes share is counted twice below the line.": [
            lambda a, b: _shared(a, b) / (_area(a) + _area(b))
        ],
        "divide by what the two boxes cover together.": [
            lambda a, b: _shared(a, b) / _area(a)
        ],
    },
)
def intersection_over_union(box1, box2, **sides):
    shared = _shared(box1, box2, **sides)
    return shared / (_area(box1) + _area(box2) - shared)


def _few_boxes(generator):
    """Three or four boxes in a row, and maybe another threshold."""
    count = generator.integers(3, 5)
    x = generator.permutation([0, 1, 2, 4])[:count]
    boxes = np.column_stack([x, 0 * x, x + 3, 0 * x + 2]).astype(float)
    scores = generator.permutation([0.9, 0.8, 0.7, 0.6])[:count]
    return boxes, scores, *((), (0.1,), (0.7,))[generator.integers(3)]


@exercise(
    draw=_few_boxes,
    draws=100,
    mistakes={
        "the best score comes first, in the search and in the list.": [
            lambda b, s, *t: non_max_suppression(b, -np.arange(len(s)), *t),
            lambda b, s, *t: non_max_suppression(b, -s, *t),
        ],
        "a box that is thrown away itself throws no other away.": [
            lambda b, s, t=0.4: non_max_suppression(b, s, t, by_all_better=True)
        ],
    },
)
def non_max_suppression(boxes, scores, threshold=0.4, by_all_better=False):
    order = np.argsort(-scores).tolist()
    kept = []
    for place, index in enumerate(order):
        others = order[:place] if by_all_better else kept
        overlaps = [
            intersection_over_union(boxes[index], boxes[n]) for n in others
        ]
        if max(overlaps, default=0) <= threshold:
            kept.append(index)
    return kept
