"""Compare answers, and say in what way they differ."""

import numpy as np

from course_utils.checks.frameworks import Objective

ANY = object()  # in a wrong version's answer: whatever stands here
KINDS = {
    "b": "True or False",
    "i": "whole numbers",
    "u": "whole numbers without a sign (uint8)",
    "f": "numbers with decimals",
}


def agree(answer, right, tolerance: float) -> bool:
    """Compare two answers: structure, shape, kind of number, values."""
    return difference(answer, right, tolerance) is None


def difference(answer, right, tolerance: float) -> str | None:
    """Say how an answer's form differs; "" if only values do, None if none."""
    if right is ANY:
        return None
    if isinstance(right, dict | tuple):
        return _difference_inside(answer, right, tolerance)
    if _is_numeric(answer) and _is_numeric(right):
        return _difference_of_arrays(answer, right, tolerance)
    words = str | None
    if isinstance(answer, words) and isinstance(right, words):
        return None if answer == right else ""
    if type(answer) is type(right) and not _is_numeric(right):
        return None  # any object, a function for instance
    return f"it gives back {text(answer)}; that is not what was asked for."


def _difference_inside(answer, right, tolerance: float) -> str | None:
    pairs = _places(answer, right)
    if pairs is None and isinstance(right, tuple):
        return f"it should give back {len(right)} values, separated by commas."
    if pairs is None:
        keys = ", ".join(map(repr, right))
        return f"it should give back a dictionary with the keys {keys}."
    for place, pair in pairs.items():
        found = difference(*pair, tolerance)
        if found is not None:
            return found and f"{place}: {found}"
    return None


def _places(answer, right: dict | tuple) -> dict | None:
    """Return {place: (mine, right)}, or None if it has other places."""
    if isinstance(right, dict):
        if not isinstance(answer, dict) or answer.keys() != right.keys():
            return None
        return {repr(key): (answer[key], right[key]) for key in right}
    if isinstance(answer, np.ndarray) and answer.ndim:
        answer = tuple(answer)
    count = len(right)
    if not isinstance(answer, tuple | list) or len(answer) != count:
        return None
    pairs = zip(answer, right, strict=True)
    return {f"value {n} of {count}": pair for n, pair in enumerate(pairs, 1)}


def _is_numeric(value) -> bool:
    """Say whether this is a number, a truth value, or an array of them."""
    try:
        return np.asarray(value).dtype.kind in KINDS
    except Exception:  # rows of different length, a tensor on a GPU, ...
        return False


def _difference_of_arrays(answer, right, tolerance: float) -> str | None:
    mine, wanted = np.asarray(answer), np.asarray(right)
    if isinstance(answer, np.ndarray) and wanted.ndim == 0 and mine.size == 1:
        mine = mine.reshape(())  # frameworks take it for a number, too
    if mine.shape == wanted.shape and _is_kind(mine, wanted):
        return None if _is_close(mine, wanted, tolerance) else ""
    if isinstance(answer, tuple):
        return f"it gives back {len(answer)} values; one was asked for."
    if isinstance(right, list):  # its length is part of the answer
        return ""
    if mine.shape != wanted.shape:
        shape = wanted.shape or "none: one number was asked for"
        return f"the result has shape {mine.shape}; it should have {shape}."
    kinds = KINDS[mine.dtype.kind], KINDS[wanted.dtype.kind]
    return "the result is {}; it should be {}.".format(*kinds)


def _is_close(answer: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    if np.array_equal(answer, right):  # the quick way, for pictures
        return True
    answer, right = answer.astype(float), right.astype(float)
    largest = np.max(abs(right), where=np.isfinite(right), initial=1e-6)
    return np.allclose(
        answer, right, rtol=0, atol=tolerance * largest, equal_nan=True
    )


def _is_kind(answer: np.ndarray, right: np.ndarray) -> bool:
    mine, wanted = answer.dtype.kind, right.dtype.kind
    return mine == wanted or (wanted == "f" and mine in "iu")


def text(value) -> str:
    """Write a small value as one would by hand; a function is its docstring."""
    if isinstance(value, dict):
        entries = (f"{key!r}: {text(entry)}" for key, entry in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(text, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, Objective):
        return f"sum((image - target)²), target = {text(value.target)}"
    if callable(value):
        return value.__doc__
    if value is None or isinstance(value, str):
        return repr(value)
    if not _is_numeric(value):
        name = type(value).__name__
        return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
    if np.ndim(value):
        return f"[{', '.join(map(text, value))}]"
    number = np.asarray(value).item()
    return f"{number:.4g}" if isinstance(number, float) else str(number)
