"""Grade a learner's function: right, or one hint about what is not.

It gets random inputs, and passes if it answers as the right version does. If it
answers as a wrong version, every time, that is the mistake; else the hint says
how the form differs, or shows the smallest input that goes wrong.
"""

import contextlib
import inspect
import io
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from course_utils.checks import progress_file
from course_utils.checks.compare import agree, difference, text
from course_utils.checks.frameworks import (
    FRAMEWORKS,
    NumPy,
    flat,
    leaves,
    walk,
)

ALL_FRAMEWORKS = tuple(FRAMEWORKS)
EXERCISES = []  # filled by the decorator ``exercise``
AUTOGRAPH = "__autograph_generated_file"  # what tf.function makes of a function


class Fault(Exception):
    """The function is not right; the text is the one hint."""


class NotAttemptedError(Exception):
    """The function is still the empty one of the notebook."""


@dataclass(frozen=True, eq=False, repr=False)
class Exercise:
    """One function to write, and how to grade it. Call it to check yours.

    ``draw`` makes the inputs of one call, often small enough to be shown;
    pictures and features are (m, height, width, channels). ``mistakes`` are
    {hint: wrong versions that deserve it}, the most likely first.
    """

    solution: Callable  # in NumPy, with the notebook's names
    draw: Callable[[np.random.Generator], tuple]
    mistakes: Mapping[str, Sequence[Callable]]
    draws: int = 40
    frameworks: Sequence[str] = ("numpy",)
    gradient: Sequence[int] = ()  # arguments it must be differentiable in
    tolerance: float = 1e-3  # as a share of the largest right value
    errors: Mapping[str, str] = field(default_factory=dict)  # {words: hint}
    # (input, yours, right) -> hint, or None if this input does not show it.
    describe: Callable[[tuple, object, object], str | None] | None = None

    @property
    def name(self) -> str:
        """What the learner's function is called."""
        return self.solution.__name__

    def __call__(
        self, function: Callable, framework: str = "numpy", record: bool = True
    ) -> bool:
        """Print a tick or one hint; return whether the function is right.

        ``framework``, "numpy", "torch" or "tensorflow", is what its inputs are
        made of, and its result has to be. ``record=False``, for the notebook's
        own solution, notes no tick.
        """
        try:
            examine(self, function, framework)
        except NotAttemptedError:
            print(f"– {self.name}: not attempted yet.")
            return False
        except Fault as fault:
            print(f"✘ {self.name}: {fault}")
            return False
        if record:
            print(f"✔ {self.name}: right.")
            progress_file.record(self.name)
        else:
            print(f"{self.name}: the solution passes.")
        return True


def exercise(**options) -> Callable:
    """Make an exercise of the solution that follows."""

    def add(solution):
        EXERCISES.append(Exercise(solution, **options))
        return solution

    return add


def examine(
    exercise: Exercise, function: Callable, framework: str, seed: int = 0
) -> None:
    """Raise a Fault, with one hint, unless the function is right."""
    if framework not in exercise.frameworks:
        choices = ", ".join(exercise.frameworks)
        raise Fault(f"it can be done in {choices}; {framework!r} is not there.")
    if not callable(function):
        raise Fault("hand over the function itself, without brackets.")
    attempt = _Attempt(exercise, function, FRAMEWORKS[framework]())
    attempt.grade(np.random.default_rng(seed))


@dataclass(frozen=True)
class _Attempt:
    exercise: Exercise
    function: Callable
    tools: NumPy

    def grade(self, generator: np.random.Generator) -> None:
        draws = range(self.exercise.draws)
        cases = [self.exercise.draw(generator) for _ in draws]
        answers = [self.answer(cases[0])]
        with contextlib.redirect_stdout(io.StringIO()):  # it was seen before
            answers += map(self.answer, cases[1:])
        if all(answer is None or answer is ... for answer in answers):
            if _is_empty(self.function):
                raise NotAttemptedError
            raise Fault("it gives nothing back: where is the return?")
        self.check_values(cases, answers)
        if self.exercise.gradient and hasattr(self.tools, "gradients"):
            for case in cases[:10]:
                self.check_gradient(case)

    def answer(self, case: tuple):
        """Call the function twice; return its answer as NumPy arrays."""
        inputs = self.tools.give(case)
        before = self.tools.take(inputs)
        answer, arrays = self.call(inputs)
        if not agree(self.tools.take(inputs), before, tolerance=0):
            raise Fault(
                "it changes what it was given. The caller still needs that: "
                "work on a copy, without in-place operations."
            )
        numbers = float | int | np.ndarray | np.generic
        for leaf in leaves(answer):
            is_own = isinstance(leaf, self.tools.kind)
            if isinstance(leaf, numbers) and not is_own:
                raise Fault(
                    f"it gives back {type(leaf).__name__}, not a tensor: "
                    "outside the framework the gradient is lost."
                )
        _, again = self.call(inputs)
        if not agree(again, arrays, tolerance=1e-5):
            raise Fault(
                "asked the same twice, it answers differently. Does something "
                "remain from the first call, or is something drawn at random?"
            )
        return arrays

    def call(self, inputs: tuple) -> tuple:
        """Return the answer as it is, and as NumPy arrays."""
        try:
            answer = self.function(*inputs)
            return answer, self.tools.take(answer)
        except NotImplementedError:
            raise NotAttemptedError from None
        except Exception as error:
            raise Fault(self.explain(error)) from None

    def explain(self, error: Exception) -> str:
        """Name the error, and the last line of the learner's that met it."""
        name, message = type(error).__name__, str(error)
        for words, hint in self.exercise.errors.items():
            if words in f"{name}: {message}":
                return hint
        own = getattr(inspect.unwrap(self.function), "__globals__", None)
        where = ""
        for frame, number in traceback.walk_tb(error.__traceback__):
            file = frame.f_code.co_filename
            if frame.f_globals is own and AUTOGRAPH not in file:
                source = linecache.getline(file, number).strip()
                where = f" (your line {number}: {source})"
        lines = message.splitlines() or [""]
        # Under tf.function the message starts with its account of the stack.
        line = lines[-1 if lines[0] == "in user code:" else 0].strip()
        return f"it stops with {name}: {line.removeprefix(f'{name}: ')}{where}"

    def check_values(self, cases: list[tuple], answers: list) -> None:
        """Find the hint for answers that are not those of the solution."""
        exercise = self.exercise
        wrong = [*self.differing(exercise.solution, cases, answers)]
        if not wrong:
            return
        likely = [*exercise.mistakes.items(), self.keeps_defaults(cases)]
        for hint, versions in likely:
            for version in versions:
                if not any(self.differing(version, cases, answers)):
                    raise Fault(hint)
        wrong.sort(key=lambda example: _size(example[0]))
        if form := difference(*wrong[0][1:], exercise.tolerance):
            raise Fault(form)
        describe = exercise.describe or self.write_out
        hints = (describe(*example) for example in wrong)
        otherwise = "the shape is right, the values are not."
        raise Fault(next(filter(None, hints), otherwise))

    def keeps_defaults(self, cases: list[tuple]) -> tuple[str, list[Callable]]:
        """Return the mistake to keep them, whatever is given."""
        solution = self.exercise.solution
        needed, most = min(map(len, cases)), max(map(len, cases))
        names = [*inspect.signature(solution).parameters][needed:most]
        hint = f"it takes no notice of {' and '.join(names)}."
        return hint, [lambda *case: solution(*case[:needed])]

    def differing(self, version: Callable, cases: list, answers: list):
        """Go through (case, answer, version's answer) where they differ."""
        for case, answer in zip(cases, answers, strict=True):
            other = version(*NumPy().give(case))
            if not agree(answer, other, self.exercise.tolerance):
                yield case, answer, other

    def write_out(self, case: tuple, answer, right) -> str:
        """List a small input and both answers to it."""
        names = inspect.signature(self.exercise.solution).parameters
        lines = dict(zip(names, case, strict=False))
        lines |= {"yours": answer, "right": right}
        width = max(map(len, lines))
        return "a small example goes wrong:" + "".join(
            f"\n    {name:>{width}}: {text(self.tools.layout(value))}"
            for name, value in lines.items()
        )

    def check_gradient(self, case: tuple) -> None:
        """Compare slopes of the answer's sum, along the inputs' cosines.

        One is the framework's, the other a difference quotient.
        """
        inputs = self.tools.give(case)
        places = self.exercise.gradient
        watched = [*leaves([inputs[place] for place in places])]
        try:
            found = self.tools.gradients(
                lambda: self.function(*inputs), watched
            )
        except Exception as error:  # of an in-place operation, only now found
            raise Fault(self.explain(error)) from None

        def total(size):
            moved = list(case)
            for n in places:
                moved[n] = walk(lambda x: x + size * np.cos(x), case[n])
            return flat(self.exercise.solution(*moved)).sum()

        gradient = flat(self.tools.take(found))
        way = np.cos(flat([case[place] for place in places]))
        slope = (total(1e-7) - total(-1e-7)) / 2e-7
        allowed = 0.01 * np.linalg.norm(gradient) + 1e-6
        if not abs(gradient @ way - slope) <= allowed:
            raise Fault(
                "the value is right, its gradient is not: somewhere the "
                "calculation leaves the framework, or a tensor is detached."
            )


def _is_empty(function: Callable) -> bool:
    """Say whether a function has no more bytecode than a stub."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    stub = (lambda: None).__code__
    return code is not None and len(code.co_code) <= len(stub.co_code)


def _size(case: tuple) -> int:
    return sum(np.size(leaf) for leaf in leaves(case))
