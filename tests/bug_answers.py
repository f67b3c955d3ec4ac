"""What learners may write to mend the article's bugs: right and wrong."""

import numpy as np
import torch

from course_utils import checks, faces
from course_utils.style import vgg
from course_utils.style.tensorflow_backend import tf

MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)


# -- choose_threshold ----------------------------------------------------------


def by_sorting(similarities, same, rate):
    different = np.sort(similarities[~same])[::-1]
    first_rejected = different[int(rate * len(different))]
    return similarities[similarities > first_rejected].min()


def by_calibration(similarities, same, rate):
    return faces.calibrate(similarities, same).threshold_at(rate)


def in_float32(similarities, same, rate):
    return np.float32(by_calibration(similarities, same, rate))


THRESHOLDS = [
    (lambda s, same, rate: 0.60, "comes from nowhere"),
    (lambda s, same, rate: by_sorting(s, ~same, rate), "pairs of one person"),
    (lambda s, same, rate: np.quantile(s, 1 - rate), "count only those"),
    (lambda s, same, rate: np.quantile(s[~same], 1 - rate), "of a pair"),
    (lambda s, same, rate: by_sorting(s, same, 0.01), "ignores"),
    (lambda s, same, rate: s[~same].max(), "lower threshold would do"),
    (lambda s, same, rate: np.quantile(s[~same], rate), "every stranger"),
    (
        lambda s, same, rate: np.sort(s[~same])[-1 - int(rate * sum(~same))],
        "one pair too many",
    ),
    (
        lambda s, same, rate: np.sort(s[~same])[-int(rate * sum(~same))],
        "lower similarity, of one person",
    ),
    (lambda s, same, rate: (by_sorting(s, same, rate), rate), "shape (2,)"),
]


# -- capture_features ----------------------------------------------------------


def capture(store, give=lambda x: x):
    """Capture like the article: what is stored, and what a module gets."""

    def function(x, modules, names):
        features = {}
        for name, layer in modules.items():
            x = layer(give(x))
            if name in names:
                features[name] = store(x)
        return features

    return function


article_capture = capture(lambda x: x)
mended_capture = capture(lambda x: x.clone())
capture_with_numpy = capture(lambda x: 1 * x)
# Another repair: what a module gets is a copy, so it may spoil it.
capture_on_copies = capture(lambda x: x, lambda x: x.clone())


def capture_before(x, modules, names):
    features = {}
    for name, layer in modules.items():
        if name in names:
            features[name] = x.clone()
        x = layer(x)
    return features


def capture_first(x, modules, names):
    features = {}
    for name, layer in modules.items():
        x = layer(x)
        if name in names:
            features[name] = x.clone()
            return features


def capture_last(x, modules, names):
    return {names[-1]: mended_capture(x, modules, names)[names[-1]]}


CAPTURES = [
    (article_capture, "overwritten"),
    (capture_before, "goes into a module"),
    (
        lambda x, modules, names: {n: modules[n](x) for n in names},
        "the module before",
    ),
    (lambda x, m, names: mended_capture(x, m, [*m]), "nobody asked"),
    (capture_first, "stops after the first"),
    (capture_last, "only the last name"),
    (
        lambda x, m, names: mended_capture(
            x, {n: m[n] for n in m if int(n) % 2 == 0}, names
        ),
        "leaves modules out",
    ),
    (lambda x, m, names: torch.nn.Sequential(), "a dictionary with the keys"),
    (lambda x, m, names: {}, "nothing is captured"),
    (lambda x, m, names: [*mended_capture(x, m, names)], "a dictionary with"),
    (lambda x, m, names: m["0"](x, 1, 2), "TypeError"),
]


# -- normalise -----------------------------------------------------------------

mean, spread = (torch.tensor(v)[:, None, None] for v in (MEAN, SPREAD))
NORMALISED = [
    (lambda x: x, "still 0 to 1"),
    (lambda x: x - mean, "the spread is not"),
    (lambda x: x / spread, "the mean is not"),
    (lambda x: x / spread - mean, "other order"),
    (lambda x: (x - mean) * spread, "do not multiply"),
    (lambda x: (x + mean) / spread, "do not add"),
    (lambda x: 255 * x - 255 * mean, "another network's unit"),
    (lambda x: (x - mean.flip(0)) / spread.flip(0), "another order than"),
    (lambda x: (x - mean.mean()) / spread.mean(), "of its own"),
    (lambda x: (x - x.mean()) / x.std(correction=0), "of this picture"),
    (lambda x: (x - x.mean((0, 2, 3))[:, None, None]) / spread, "values"),
    (lambda x: (x.detach() - mean) / spread, "gradient"),
    (lambda x: (x.numpy() - mean.numpy()) / spread.numpy(), "not a tensor"),
    (lambda x: x.sub_(mean).div_(spread), "changes what it was given"),
]


# -- module_index --------------------------------------------------------------


def mended_index(layer):
    block, number = int(layer[4]), int(layer[6])
    start = {1: 0, 2: 5, 3: 10, 4: 17, 5: 24}[block]
    return start + 2 * (number - 1)


INDICES = [
    (lambda n: 5 * (int(n[4]) - 1) + 2 * (int(n[6]) - 1), "conv4_1 is not"),
    (lambda n: 7 * (int(n[4]) - 1) + 2 * (int(n[6]) - 1), "has block 1"),
    (lambda n: 2 * vgg.LAYERS.index(n), "poolings"),
    (lambda n: vgg.LAYERS.index(n), "ReLUs"),
    (lambda n: mended_index(n) + 1, "ReLU behind"),
    (lambda n: mended_index(n) - 1, "module before"),
    (lambda n: 3 * vgg.LAYERS.index(n), "end of a block"),
    (lambda n: 15, "every layer"),
    (lambda n: str(mended_index(n)), "asked for is a number"),
    (lambda n: float(mended_index(n)), "whole numbers"),
]


# -- scaled_size ---------------------------------------------------------------


def mended_size(height, width, long_side):
    if height > width:
        return long_side, round(width * long_side / height)
    return round(height * long_side / width), long_side


def size_in_an_array(height, width, long_side):
    factor = long_side / max(height, width)
    return np.round(factor * np.array([height, width])).astype(int)


SIZES = [
    (lambda h, w, side: (256, 512), "same shape"),
    (lambda h, w, side: (side, side), "same shape"),
    (lambda h, w, side: mended_size(h, w, side)[::-1], "changed places"),
    (
        lambda h, w, side: (round(h * side / min(h, w)),) * 2,
        "values are not",
    ),
    (
        lambda h, w, side: tuple(round(n * side / min(h, w)) for n in (h, w)),
        "shorter side",
    ),
    (lambda h, w, side: (round(h * side / w), side), "a tall picture"),
    (lambda h, w, side: (side, round(w * side / h)), "a wide picture"),
    (lambda h, w, side: (side, w) if h > w else (h, side), "same factor"),
    (
        lambda h, w, side: mended_size(h, w, min(side, max(h, w))),
        "to be enlarged",
    ),
    (
        lambda h, w, side: tuple(n * side // max(h, w) for n in (h, w)),
        "cut off",
    ),
    (
        lambda h, w, side: tuple(n * side / max(h, w) for n in (h, w)),
        "whole number",
    ),
    (lambda h, w, side: (h, w), "as it was"),
]


# -- choose_targets ------------------------------------------------------------


def mended_targets(photo, painting, get_features):
    style_features, _ = get_features(painting)
    _, content_features = get_features(photo)
    return style_features, content_features


TARGETS = [
    (lambda photo, painting, get: get(painting), "nobody looks at the photo"),
    (lambda photo, painting, get: get(photo), "nobody looks at the painting"),
    (
        lambda photo, painting, get: mended_targets(painting, photo, get),
        "have changed places",
    ),
    (
        lambda photo, painting, get: mended_targets(photo, painting, get)[::-1],
        "come first",
    ),
    (lambda photo, painting, get: (painting, photo), "those are pictures"),
    (lambda photo, painting, get: get((photo + painting) / 2), "do not mix"),
    (lambda photo, painting, get: (get(painting), get(photo)), "everything"),
    (lambda photo, painting, get: get(photo)[1], "only the content"),
    (lambda photo, painting, get: get(painting)[0], "only the style"),
    (lambda photo, painting, get: (*get(painting), *get(photo)), "2 values"),
]


# Each bug in the framework of its notebook: wrong versions, the article's
# first, each with words of its hint; and repairs.
BUGS = [
    (
        checks.check_choose_threshold,
        "numpy",
        THRESHOLDS,
        [by_sorting, by_calibration, in_float32],
    ),
    (
        checks.check_capture_features,
        "torch",
        CAPTURES,
        [mended_capture, capture_on_copies],
    ),
    (
        checks.check_normalise,
        "torch",
        NORMALISED,
        [lambda x: (x - mean) / spread, lambda x: (x.double() - mean) / spread],
    ),
    (
        checks.check_module_index,
        "numpy",
        INDICES,
        [mended_index, vgg.torchvision_index],
    ),
    (
        checks.check_scaled_size,
        "numpy",
        SIZES,
        [mended_size, size_in_an_array],
    ),
    (checks.check_choose_targets, "torch", TARGETS, [mended_targets]),
]
SOLUTIONS = [
    (check, framework, repair)
    for check, framework, _, repairs in BUGS
    for repair in repairs
]
SOLUTIONS += [
    (checks.check_capture_features, "numpy", capture_with_numpy),
    (
        checks.check_normalise,
        "numpy",
        lambda x: (x - np.array(MEAN)) / np.array(SPREAD),
    ),
    (
        checks.check_normalise,
        "tensorflow",
        lambda x: (x - tf.constant(MEAN)) / tf.constant(SPREAD),
    ),
    (checks.check_choose_targets, "numpy", mended_targets),
    (checks.check_choose_targets, "tensorflow", mended_targets),
]
WRONG = [
    (check, framework, words, function)
    for check, framework, wrong, _ in BUGS
    for function, words in wrong
]
