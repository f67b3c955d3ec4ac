"""Grade a learner's function: right, or one hint about what is not.

An exercise knows a right version of the function and a table of wrong ones.
The learner's function gets random inputs. If it answers as the right version
does, it passes. If it answers as one of the wrong versions does, every time,
that mistake is recognised; otherwise the hint says in what way the answers
differ.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course_utils.checks import progress_file
from course_utils.checks.frameworks import FRAMEWORKS, NumPy, leaves, walk

ALL_FRAMEWORKS = tuple(FRAMEWORKS)
KINDS = {
    "b": "True or False",
    "i": "whole numbers",
    "u": "whole numbers without a sign (uint8)",
    "f": "numbers with decimals",
}


class Fault(Exception):
    """The function is not right; the text is the one hint."""


class NotAttemptedError(Exception):
    """The function is still the empty one of the notebook."""


@dataclass(frozen=True)
class Exercise:
    """One function to write, and how to grade it. Call it to check yours.

    Attributes:
        name: of the function.
        notebook: number and title of the notebook it belongs to.
        cases: makes the inputs, a tuple for each call, from a random
            generator. Pictures and features are (m, height, width, channels).
        solution: the right version, in NumPy.
        mistakes: {hint: wrong versions in NumPy that deserve it}, the most
            likely first.
        frameworks: those in which the function can be written.
        gradient: positions of the arguments through which the result must be
            differentiable, where the framework can differentiate.
        tolerance: largest error, as a share of the largest right value.
    """

    name: str
    notebook: str
    cases: Callable[[np.random.Generator], list[tuple]]
    solution: Callable
    mistakes: Mapping[str, Sequence[Callable]]
    frameworks: Sequence[str] = ("numpy",)
    gradient: Sequence[int] = ()
    tolerance: float = 1e-3

    def __call__(
        self, function: Callable, framework: str = "numpy", record: bool = True
    ) -> bool:
        """Print a tick or one hint; return whether the function is right.

        Args:
            function: yours, without brackets behind its name.
            framework: "numpy", "torch" or "tensorflow": what its inputs are
                made of, and its result has to be.
            record: True notes a tick in the progress file.

        Raises:
            ValueError: the exercise cannot be done in that framework.
        """
        try:
            examine(self, function, framework)
        except NotAttemptedError:
            print(f"– {self.name}: not attempted yet.")
            return False
        except Fault as fault:
            print(f"✘ {self.name}: {fault}")
            return False
        print(f"✔ {self.name}: right.")
        if record:
            progress_file.record(self.name)
        return True


def examine(
    exercise: Exercise, function: Callable, framework: str, seed: int = 0
) -> None:
    """Grade a function on the random inputs of one seed.

    Raises:
        Fault: with one hint, if the function is not right.
        NotAttemptedError: it answers nothing, as an untouched one does.
        ValueError: the exercise cannot be done in that framework.
    """
    if framework not in exercise.frameworks:
        raise ValueError(
            f"{exercise.name} can be done in {', '.join(exercise.frameworks)}, "
            f"not in {framework!r}."
        )
    if not callable(function):
        raise Fault("hand over the function itself, without brackets.")
    tools = FRAMEWORKS[framework]()
    generator = np.random.default_rng(seed)
    cases = exercise.cases(generator)
    answers = []
    for case in cases:
        answers.append(_answer(function, case, tools))
        if answers[0] is None or answers[0] is ...:
            raise NotAttemptedError
    _compare(exercise, cases, answers)
    if exercise.gradient and framework != "numpy":
        _check_gradient(exercise, function, cases[0], tools, generator)


def _answer(function: Callable, case: tuple, tools: NumPy):
    """Call the function twice; return its answer as NumPy arrays."""
    inputs = tools.give(case)
    before = tools.take(inputs)
    answer = _call(function, inputs)
    if not _agree(tools.take(inputs), before, tolerance=0):
        raise Fault(
            "it changes what it was given. The caller still needs that: work "
            "on a copy, without in-place operations."
        )
    numbers = float | int | np.ndarray | np.generic
    for leaf in leaves(answer):
        if isinstance(leaf, numbers) and not tools.owns(leaf):
            raise Fault(
                f"it gives back {type(leaf).__name__}, not a tensor: outside "
                "the framework the gradient is lost."
            )
    answer = tools.take(answer)
    again = tools.take(_call(function, inputs))
    if not _agree(again, answer, tolerance=1e-5):
        raise Fault(
            "asked the same twice, it answers differently. Does something "
            "remain from the first call, or is something drawn at random?"
        )
    return answer


def _call(function: Callable, inputs: tuple):
    """Call the learner's function; turn its error into one sentence."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            answer = function(*inputs)
    except NotImplementedError:
        raise NotAttemptedError from None
    except Exception as error:
        raise Fault(_explain(error, function)) from None
    finally:
        print(printed.getvalue(), end="")
    if answer is None and printed.getvalue():
        raise Fault("it prints something, but gives nothing back.")
    return answer


def _explain(error: Exception, function: Callable) -> str:
    """Name the error, and the last line of the learner's own that met it."""
    own = getattr(inspect.unwrap(function), "__globals__", None)
    where = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_globals is own:
            source = linecache.getline(frame.f_code.co_filename, number)
            where = f" (your line {number}: {source.strip()})"
    first_line = (str(error).splitlines() or [""])[0]
    return f"it stops with {type(error).__name__}: {first_line}{where}"


def _compare(exercise: Exercise, cases: list[tuple], answers: list) -> None:
    """Raise Fault unless all answers are right."""

    def equals(version):
        return all(
            _agree(answer, version(*NumPy().give(case)), exercise.tolerance)
            for case, answer in zip(cases, answers, strict=True)
        )

    if equals(exercise.solution):
        return
    for hint, versions in exercise.mistakes.items():
        if any(map(equals, versions)):
            raise Fault(hint)
    right = [exercise.solution(*NumPy().give(case)) for case in cases]
    raise Fault(_difference(answers, right, exercise.tolerance))


def _agree(answer, right, tolerance: float) -> bool:
    """Compare two answers: structure, shape, kind of number, values."""
    if isinstance(right, dict):
        return (
            isinstance(answer, dict)
            and answer.keys() == right.keys()
            and all(_agree(answer[k], right[k], tolerance) for k in right)
        )
    if isinstance(right, tuple):
        return (
            isinstance(answer, tuple | list)
            and len(answer) == len(right)
            and all(
                _agree(a, r, tolerance)
                for a, r in zip(answer, right, strict=True)
            )
        )
    if isinstance(right, str):
        return isinstance(answer, str) and answer == right
    if not _is_numeric(right):  # None, or any object
        return type(answer) is type(right)
    return _is_numeric(answer) and _equal_arrays(answer, right, tolerance)


def _is_numeric(value) -> bool:
    """Say whether this is a number, a truth value, or an array of them."""
    try:
        return np.asarray(value).dtype.kind in KINDS
    except ValueError:  # rows of different length
        return False


def _equal_arrays(answer, right, tolerance: float) -> bool:
    answer, right = np.asarray(answer), np.asarray(right)
    if answer.shape != right.shape or answer.dtype.kind != right.dtype.kind:
        return False
    if np.array_equal(answer, right):  # the quick way, for pictures
        return True
    answer, right = answer.astype(float), right.astype(float)
    largest = np.max(abs(right), where=np.isfinite(right), initial=1e-12)
    return np.allclose(answer, right, rtol=0, atol=tolerance * largest)


def _difference(answers: list, right: list, tolerance: float) -> str:
    """Say in what way wrong answers differ, without saying what is right."""
    answer, wanted = next(
        pair
        for pair in zip(answers, right, strict=True)
        if not _agree(*pair, tolerance)
    )
    if isinstance(wanted, tuple):
        return _difference_in_tuple(answers, right, tolerance)
    if not _is_numeric(wanted) or not _is_numeric(answer):
        return f"it gives back {_name(answer)}; that is not what was asked for."
    answer, wanted = np.asarray(answer), np.asarray(wanted)
    if answer.shape != wanted.shape:
        return (
            f"the result has shape {answer.shape} where it should have "
            f"{wanted.shape}."
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
        if not isinstance(answer, tuple | list) or len(answer) != count:
            return f"it should give back {count} values, separated by commas."
    for place in range(count):
        mine = [answer[place] for answer in answers]
        wanted = [answer[place] for answer in right]
        if not _agree(tuple(mine), tuple(wanted), tolerance):
            hint = _difference(mine, wanted, tolerance)
            return f"value {place + 1} of {count}: {hint}"
    raise AssertionError("every place is right")


def _name(value) -> str:
    simple = value is None or isinstance(value, str | bool | np.bool_)
    return repr(value) if simple else f"a {type(value).__name__}"


def _factor(answers: list, right: list) -> str | None:
    """Recognise results that are right but for one factor."""
    mine, wanted = _flat(answers), _flat(right)
    if wanted.dtype.kind != "f" or not np.isfinite([mine, wanted]).all():
        return None
    factor = mine @ wanted / max(wanted @ wanted, 1e-12)
    if factor == 0 or not np.allclose(mine, factor * wanted, rtol=1e-3):
        return None
    if np.isclose(factor, -1):
        return "the size is right, the sign is wrong."
    return f"everything is {factor:.3g} times as large as it should be."


def _check_gradient(
    exercise: Exercise,
    function: Callable,
    case: tuple,
    tools: NumPy,
    generator: np.random.Generator,
) -> None:
    """Compare the framework's gradient with a difference quotient.

    Both are slopes of the sum of the answer along one random direction, which
    are about as large as the gradient is long.
    """
    inputs = tools.give(case)
    watched = [*leaves([inputs[place] for place in exercise.gradient])]
    ways = tuple(
        walk(_random_way(generator, place in exercise.gradient), argument)
        for place, argument in enumerate(case)
    )
    found = tools.gradients(lambda: _call(function, inputs), watched)
    gradient = _flat(tools.take(found))
    slope = gradient @ _flat([ways[place] for place in exercise.gradient])
    wrong_by = abs(slope - _slope(exercise, case, ways))
    if not wrong_by <= 0.01 * np.linalg.norm(gradient):
        raise Fault(
            "the value is right, its gradient is not: somewhere the "
            "calculation leaves the framework, or a tensor is detached."
        )


def _flat(tree) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])


def _random_way(generator: np.random.Generator, watched: bool) -> Callable:
    def way(leaf):
        return generator.normal(size=np.shape(leaf)) if watched else 0 * leaf

    return way


def _slope(exercise: Exercise, case: tuple, ways: tuple, step=1e-7) -> float:
    def total(size):
        moved = walk(lambda leaf, way: leaf + size * way, case, ways)
        return np.sum(exercise.solution(*moved))

    return (total(step) - total(-step)) / (2 * step)
