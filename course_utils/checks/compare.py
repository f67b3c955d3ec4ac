"""Compare answers, and say in what way they differ."""

from __future__ import annotations

import numpy as np

from course_utils.checks.frameworks import leaves

KINDS = {
    "b": "True or False",
    "i": "whole numbers",
    "u": "whole numbers without a sign (uint8)",
    "f": "numbers with decimals",
}


def agree(answer, right, tolerance: float) -> bool:
    """Compare two answers: structure, shape, kind of number, values."""
    if isinstance(right, dict):
        return (
            isinstance(answer, dict)
            and answer.keys() == right.keys()
            and all(agree(answer[k], right[k], tolerance) for k in right)
        )
    if isinstance(right, tuple):
        return _unpacks(answer, len(right)) and all(
            agree(a, r, tolerance) for a, r in zip(answer, right, strict=True)
        )
    if isinstance(right, str):
        return isinstance(answer, str) and answer == right
    if not _is_numeric(right):  # None, or any object
        return type(answer) is type(right)
    return _is_numeric(answer) and _equal_arrays(answer, right, tolerance)


def _unpacks(answer, count: int) -> bool:
    """Say whether this can be unpacked into so many values."""
    if isinstance(answer, np.ndarray):
        return answer.shape[:1] == (count,)
    return isinstance(answer, tuple | list) and len(answer) == count


def _is_numeric(value) -> bool:
    """Say whether this is a number, a truth value, or an array of them."""
    try:
        return np.asarray(value).dtype.kind in KINDS
    except Exception:  # rows of different length, a tensor on a GPU, ...
        return False


def _equal_arrays(answer, right, tolerance: float) -> bool:
    right = np.asarray(right)
    if isinstance(answer, np.ndarray) and right.ndim == 0 and answer.size == 1:
        answer = answer.reshape(())  # frameworks take it for a number, too
    answer = np.asarray(answer)
    if answer.shape != right.shape or not _is_kind(answer, right):
        return False
    if np.array_equal(answer, right):  # the quick way, for pictures
        return True
    answer, right = answer.astype(float), right.astype(float)
    largest = np.max(abs(right), where=np.isfinite(right), initial=1e-12)
    return np.allclose(
        answer, right, rtol=0, atol=tolerance * largest, equal_nan=True
    )


def _is_kind(answer: np.ndarray, right: np.ndarray) -> bool:
    """Say whether the answer is the kind of number; a 0 may stand for 0.0."""
    kind = answer.dtype.kind
    return kind == right.dtype.kind or (
        kind in "iu" and right.dtype.kind == "f"
    )


def difference(answers: list, right: list, tolerance: float) -> str:
    """Say in what way wrong answers differ, without saying what is right."""
    answer, wanted = next(
        pair
        for pair in zip(answers, right, strict=True)
        if not agree(*pair, tolerance)
    )
    if isinstance(wanted, tuple):
        return _difference_in_tuple(answers, right, tolerance)
    if isinstance(wanted, dict):
        return _difference_in_dict(answer, wanted, tolerance)
    if not _is_numeric(wanted) or not _is_numeric(answer):
        return f"it gives back {_name(answer)}; that is not what was asked for."
    answer, wanted = np.asarray(answer), np.asarray(wanted)
    if answer.shape != wanted.shape:
        right_shape = wanted.shape or "none: one number was asked for"
        return (
            f"the result has shape {answer.shape} where it should have "
            f"{right_shape}."
        )
    if answer.dtype.kind != wanted.dtype.kind:
        return (
            f"the result is {KINDS[answer.dtype.kind]}; it should be "
            f"{KINDS[wanted.dtype.kind]}."
        )
    if not np.isfinite(answer).all() and np.isfinite(wanted).all():
        return (
            "the result is infinite or not a number: is something divided by "
            "zero, or a root taken of something negative?"
        )
    return _factor(answers, right) or (
        "the shape is right, the values are not. Try it on numbers so small "
        "that you can check them by hand."
    )


def _difference_in_tuple(answers, right, tolerance) -> str:
    """Find the first place in the tuple that is wrong in any answer."""
    count = len(right[0])
    for answer in answers:
        if not _unpacks(answer, count):
            return f"it should give back {count} values, separated by commas."
    for place in range(count):
        mine = [answer[place] for answer in answers]
        wanted = [answer[place] for answer in right]
        if not agree(tuple(mine), tuple(wanted), tolerance):
            hint = difference(mine, wanted, tolerance)
            return f"value {place + 1} of {count}: {hint}"
    raise AssertionError("every place is right")


def _difference_in_dict(answer, wanted: dict, tolerance: float) -> str:
    if not isinstance(answer, dict) or answer.keys() != wanted.keys():
        keys = ", ".join(map(repr, wanted))
        return f"it should give back a dictionary with the keys {keys}."
    key = next(k for k in wanted if not agree(answer[k], wanted[k], tolerance))
    return f"{key!r}: {difference([answer[key]], [wanted[key]], tolerance)}"


def _name(value) -> str:
    simple = value is None or isinstance(value, str | bool | np.bool_)
    if simple:
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _factor(answers: list, right: list) -> str | None:
    """Recognise results that are right but for one factor."""
    pairs = zip(answers, right, strict=True)
    if not all(_is_numeric(a) and np.shape(a) == np.shape(r) for a, r in pairs):
        return None
    mine, wanted = flat(answers), flat(right)
    if wanted.dtype.kind != "f" or not np.isfinite([mine, wanted]).all():
        return None
    factor = mine @ wanted / max(wanted @ wanted, 1e-12)
    if factor == 0 or not np.allclose(mine, factor * wanted, rtol=1e-3):
        return None
    if np.isclose(factor, -1):
        return "the size is right, the sign is wrong."
    times = f"{factor:.3g}"
    if times == "1":  # nobody could make anything of that
        return None
    return f"everything is {times} times as large as it should be."


def flat(tree) -> np.ndarray:
    """Return all numbers of nested dicts, tuples and lists in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])
