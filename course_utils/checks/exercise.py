"""Grade a learner's function: right, or one hint about what is not.

An exercise knows a right version of the function and a table of wrong ones.
The learner's function gets random inputs. If it answers as the right version
does, it passes. If it answers as one of the wrong versions does, every time,
that mistake is recognised; otherwise the hint says in what way the answers
differ.
"""

from __future__ import annotations

import dis
import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from course_utils.checks import progress_file
from course_utils.checks.compare import agree, difference, flat
from course_utils.checks.frameworks import FRAMEWORKS, NumPy, leaves, walk

ALL_FRAMEWORKS = tuple(FRAMEWORKS)
AUTOGRAPH = "__autograph_generated_file"  # what tf.function makes of a function
# Bytecode of a function that only returns a constant, on any Python.
EMPTY = ("RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE")


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
    cases: Callable[[np.random.Generator], list[tuple]] = field(repr=False)
    solution: Callable = field(repr=False)
    mistakes: Mapping[str, Sequence[Callable]] = field(repr=False)
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
        NotAttemptedError: it does nothing, as an untouched one.
    """
    if framework not in exercise.frameworks:
        choices = ", ".join(exercise.frameworks)
        raise Fault(f"it can be done in {choices}; {framework!r} is not there.")
    if not callable(function):
        raise Fault("hand over the function itself, without brackets.")
    tools = FRAMEWORKS[framework]()
    generator = np.random.default_rng(seed)
    cases = exercise.cases(generator)
    answers = [_answer(function, case, tools) for case in cases]
    if answers[0] is None or answers[0] is ...:
        if _is_empty(function):
            raise NotAttemptedError
        raise Fault("it gives nothing back: where is the return?")
    _compare(exercise, cases, answers)
    if exercise.gradient and framework != "numpy":
        _check_gradient(exercise, function, cases[0], tools, generator)


def _answer(function: Callable, case: tuple, tools: NumPy):
    """Call the function twice; return its answer as NumPy arrays."""
    inputs = tools.give(case)
    before = tools.take(inputs)
    answer = _call(function, inputs)
    if not agree(tools.take(inputs), before, tolerance=0):
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
    if not agree(again, answer, tolerance=1e-5):
        raise Fault(
            "asked the same twice, it answers differently. Does something "
            "remain from the first call, or is something drawn at random?"
        )
    return answer


def _call(function: Callable, inputs: tuple):
    """Call the learner's function; turn its error into one sentence."""
    try:
        return function(*inputs)
    except NotImplementedError:
        raise NotAttemptedError from None
    except Exception as error:
        raise Fault(_explain(error, function)) from None


def _is_empty(function: Callable) -> bool:
    """Say whether a function does nothing, whatever its comments say."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and all(
        instruction.opname in EMPTY
        for instruction in dis.get_instructions(code)
    )


def _explain(error: Exception, function: Callable) -> str:
    """Name the error, and the last line of the learner's own that met it."""
    own = getattr(inspect.unwrap(function), "__globals__", None)
    where = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if frame.f_globals is own and AUTOGRAPH not in file:
            source = linecache.getline(file, number).strip()
            where = f" (your line {number}: {source})"
    lines = str(error).splitlines() or [""]
    # Under tf.function the message starts with its own account of the stack.
    message = lines[-1 if lines[0] == "in user code:" else 0].strip()
    name = type(error).__name__
    return f"it stops with {name}: {message.removeprefix(f'{name}: ')}{where}"


def _compare(exercise: Exercise, cases: list[tuple], answers: list) -> None:
    """Raise Fault unless all answers are right."""

    def equals(version):
        return all(
            agree(answer, version(*NumPy().give(case)), exercise.tolerance)
            for case, answer in zip(cases, answers, strict=True)
        )

    if equals(exercise.solution):
        return
    for hint, versions in exercise.mistakes.items():
        if any(map(equals, versions)):
            raise Fault(hint)
    right = [exercise.solution(*NumPy().give(case)) for case in cases]
    raise Fault(difference(answers, right, exercise.tolerance))


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
    try:
        found = tools.gradients(lambda: function(*inputs), watched)
    except Exception as error:  # say of an in-place operation, only now found
        raise Fault(_explain(error, function)) from None
    gradient = flat(tools.take(found))
    slope = gradient @ flat([ways[place] for place in exercise.gradient])
    wrong_by = abs(slope - _slope(exercise, case, ways))
    if not wrong_by <= 0.01 * np.linalg.norm(gradient):
        raise Fault(
            "the value is right, its gradient is not: somewhere the "
            "calculation leaves the framework, or a tensor is detached."
        )


def _random_way(generator: np.random.Generator, watched: bool) -> Callable:
    def way(leaf):
        return generator.normal(size=np.shape(leaf)) if watched else 0 * leaf

    return way


def _slope(exercise: Exercise, case: tuple, ways: tuple, step=1e-7) -> float:
    def total(size):
        moved = walk(lambda leaf, way: leaf + size * way, case, ways)
        return np.sum(exercise.solution(*moved))

    return (total(step) - total(-step)) / (2 * step)
