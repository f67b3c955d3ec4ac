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


def _over_union(shared, area1, area2):
    return shared / (area1 + area2 - shared)


def _intersection_over_union(box1, box2, sides=_at_least_zero):
    shared = _shared(box1, box2, sides)
    return _over_union(shared, _area(box1), _area(box2))


def _round_both(box1, box2):
    first, last = np.minimum(box1, box2)[:2], np.maximum(box1, box2)[2:]
    return np.prod(last - first)


def _counting_pixels(box1, box2):
    grown = box1 + [0, 0, 1, 1], box2 + [0, 0, 1, 1]
    return _intersection_over_union(*grown)


def _as_width_and_height(box1, box2):
    boxes = (np.concatenate([b[:2], b[:2] + b[2:]]) for b in (box1, box2))
    return _intersection_over_union(*boxes)


check_intersection_over_union = Exercise(
    name="intersection_over_union",
    notebook=NOTEBOOK,
    cases=_pairs_of_boxes,
    solution=_intersection_over_union,
    mistakes={
        "boxes that are apart share nothing: no side is shorter than zero.": [
            lambda a, b: _intersection_over_union(a, b, sides=lambda s: s),
            lambda a, b: _intersection_over_union(a, b, sides=np.abs),
        ],
        "what both boxes share is counted twice below the line.": [
            lambda a, b: _shared(a, b) / (_area(a) + _area(b)),
            lambda a, b: 2 * _shared(a, b) / (_area(a) + _area(b)),
        ],
        "that is the shared area; over what is it to be divided?": [_shared],
        "divide by what both boxes cover together, not by one of them.": [
            lambda a, b: _shared(a, b) / _area(a),
            lambda a, b: _shared(a, b) / _area(b),
            lambda a, b: _shared(a, b) / min(_area(a), _area(b)),
        ],
        "the union is what the boxes cover, not the box round both.": [
            lambda a, b: _shared(a, b) / _round_both(a, b),
        ],
        "a box is as wide as its corners are apart: nothing is added to it.": [
            _counting_pixels
        ],
        "x1 and y1 are a corner, not width and height.": [_as_width_and_height],
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


def _overlaps(boxes):
    return np.array(
        [[_intersection_over_union(a, b) for b in boxes] for a in boxes]
    )


def _suppress(boxes, scores, threshold=0.4, near=np.greater):
    overlaps, kept = _overlaps(boxes), []
    for index in np.argsort(-scores).tolist():
        if not near(overlaps[index, kept], threshold).any():
            kept.append(index)
    return kept


def _without_chains(boxes, scores, threshold=0.4):
    """Let boxes suppress others that were suppressed themselves."""
    order, overlaps = np.argsort(-scores), _overlaps(boxes)
    return [
        int(index)
        for place, index in enumerate(order)
        if not (overlaps[index, order[:place]] > threshold).any()
    ]


def _changed(change):
    """Return a version that changes what was kept: (kept, boxes, scores)."""
    return lambda boxes, scores, *limit: change(
        _suppress(boxes, scores, *limit), boxes, scores
    )


def _places_after_sorting(kept, boxes, scores):
    order = np.argsort(-scores).tolist()
    return [order.index(index) for index in kept]


def _dropped(kept, boxes, scores):
    return [n for n in np.argsort(-scores).tolist() if n not in kept]


check_non_max_suppression = Exercise(
    name="non_max_suppression",
    notebook=NOTEBOOK,
    cases=_rows_of_boxes,
    solution=_suppress,
    mistakes={
        "the best score comes first, in the search and in the list.": [
            lambda b, s, *limit: _suppress(b, -np.arange(len(s)), *limit),
            lambda b, s, *limit: _suppress(b, -s, *limit),
            _changed(lambda kept, boxes, scores: sorted(kept)),
            _changed(lambda kept, boxes, scores: kept[::-1]),
        ],
        "a box that is thrown away itself throws no other away.": [
            _without_chains
        ],
        "it keeps what overlaps and throws away what stands alone.": [
            lambda b, s, limit=0.4: _suppress(b, s, limit, np.less),
            lambda b, s, limit=0.4: _suppress(b, s, limit, np.less_equal),
        ],
        "it always allows the same overlap, whatever the threshold is.": [
            lambda b, s, *limit: _suppress(b, s),
            lambda b, s, *limit: _suppress(b, s, 0.5),
            lambda b, s, *limit: _suppress(b, s, 0),
        ],
        "the places in the arrays as they came were asked for.": [
            _changed(_places_after_sorting)
        ],
        "the places of the kept boxes were asked for, not what stands there.": [
            _changed(lambda kept, boxes, scores: boxes[kept]),
            _changed(lambda kept, boxes, scores: scores[kept]),
        ],
        "those are the boxes that are thrown away.": [_changed(_dropped)],
    },
)
