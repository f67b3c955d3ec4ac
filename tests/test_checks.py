"""The checks: right answers pass, wrong ones get one fitting hint."""

import itertools
import re

import face_answers
import numpy as np
import pytest
import style_answers
import torch
import training_answers

from course_utils import checks
from course_utils.checks import progress_file
from course_utils.checks.exercise import ALL_FRAMEWORKS as FRAMEWORKS
from course_utils.checks.exercise import (
    Exercise,
    Fault,
    NotAttemptedError,
    examine,
)
from course_utils.checks.frameworks import walk
from course_utils.style.tensorflow_backend import tf

RIGHT = face_answers.RIGHT | training_answers.RIGHT | style_answers.RIGHT
WRONG = face_answers.WRONG | training_answers.WRONG | style_answers.WRONG


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    """Leave the real progress alone."""
    monkeypatch.setenv("COURSE_UTILS_PROGRESS", str(tmp_path / "progress"))


every_exercise = pytest.mark.parametrize(
    "check", checks.EXERCISES, ids=lambda check: check.name
)


def hint(check, function, framework="numpy", seed=0):
    """Return the hint for a function, "" if it is right."""
    try:
        examine(check, function, framework, seed)
    except Fault as fault:
        return str(fault)
    return ""


def right_answers(check):
    """Yield (framework, function)."""
    for row in RIGHT[check.name]:
        pairs = zip(FRAMEWORKS, row, strict=False)
        yield from ((framework, each) for framework, each in pairs if each)


# -- every exercise ------------------------------------------------------------


@every_exercise
def test_right_answers_pass_whatever_is_drawn(check):
    solutions = [*right_answers(check)]
    assert {framework for framework, _ in solutions} == {*check.frameworks}
    for framework, solution in solutions:
        for seed in range(1 if framework == "tensorflow" else 2):
            assert hint(check, solution, framework, seed) == ""


@every_exercise
def test_a_lost_gradient_is_noticed(check):
    def detach(x):
        return x.detach() if torch.is_tensor(x) else x

    for framework, solution in right_answers(check):
        if framework == "torch" and check.gradient:
            lost = lambda *i, of=solution: of(*walk(detach, i))  # noqa: E731
            assert "its gradient is not" in hint(check, lost, "torch")


@every_exercise
def test_mistakes_of_the_table_are_recognised_whatever_is_drawn(check):
    for expected, versions in check.mistakes.items():
        for version, seed in itertools.product(versions, range(2)):
            assert hint(check, version, seed=seed) == expected


@every_exercise
def test_other_wrong_answers_get_a_hint_too(check):
    assert len(WRONG[check.name]) >= 2
    for expected, *answer in WRONG[check.name]:
        assert expected in hint(check, *answer)


@every_exercise
def test_an_untouched_stub_is_not_attempted(check, capsys):
    def raises(*_):
        raise NotImplementedError

    for stub in (lambda *_: None, lambda *_: ..., raises):
        for framework in check.frameworks:
            assert check(stub, framework) is False
            answer = capsys.readouterr().out
            assert answer == f"– {check.name}: not attempted yet.\n"


@every_exercise
def test_hints_are_few_and_short_and_never_the_answer(check):
    assert len(check.mistakes) <= 5
    for text in (*check.mistakes, *check.errors.values()):
        assert len(text) <= 130, text
        assert text[-1] in ".?", text
        assert not re.search(r"np\.|torch|tf\.|\*|@|=|axis=|lambda|\(", text)


# -- what the engine says ------------------------------------------------------


def double(x):
    return 2 * x


def draw_matrix(generator):
    return (generator.normal(size=(2, 3)),)


def small_exercise(solution=double, draw=draw_matrix, **options):
    return Exercise(solution, draw, {}, frameworks=FRAMEWORKS, **options)


@pytest.mark.parametrize(
    ("expected", "function"),
    [
        ("shape (3, 2); it should have (2, 3)", lambda x: 2 * x.T),
        ("the result is True or False", lambda x: x > 0),
        ("it gives back 'six'", lambda x: "six"),
        ("it gives back {'x': [", lambda x: {"x": 2 * x}),
        ("it gives back an object", lambda x: object()),
        ("it gives back 3 values; one", lambda x: (1, 2, 3)),
        ("a small example goes wrong", lambda x: 2.003 * x),
    ],
)
def test_an_unknown_mistake_is_described(expected, function):
    assert expected in hint(small_exercise(), function)


def draw_few(generator):
    return (generator.integers(1, 9, (1, generator.integers(1, 3))) / 1,)


def test_the_smallest_example_that_goes_wrong_is_shown(capsys):
    check = small_exercise(draw=draw_few)
    for framework in check.frameworks:
        found = re.fullmatch(
            r"a small example goes wrong:\n"
            r"        x: \[\[(\d)]]\n    yours: \[\[(\d+)]]\n"
            r"    right: \[\[(\d+)]]",
            hint(check, lambda x: x + 1, framework),
        )
        x, yours, right = map(int, found.groups())
        assert (yours, right) == (x + 1, 2 * x)
    # Where one number comes out right, there have to be two.
    assert re.search(
        r"x: \[\[\d, \d]]\n", hint(check, lambda x: 2 * x[:, ::-1])
    )
    total = small_exercise(lambda x: float(np.sum(x)), draw_few)
    assert "yours: inf" in hint(total, lambda x: np.inf)
    assert "yours: 0\n" in hint(total, lambda x: 0)


def test_whoever_keeps_to_the_defaults_is_told_what_was_given():
    def draw(generator):
        return (1.0, *((), (5.0, 7.0))[generator.integers(2)])

    check = small_exercise(lambda x, y=2.0, z=3.0: x * y + z, draw)
    assert hint(check, lambda x, y=0, z=0: 2 * x + 3) == (
        "it takes no notice of y and z."
    )


def test_places_of_a_tuple_are_counted():
    pair = small_exercise(lambda x: (2 * x, "done"))
    assert hint(pair, lambda x: [2 * x, "done"]) == ""
    assert "2 values" in hint(pair, lambda x: 2)
    assert "2 values" in hint(pair, lambda x: 2 * x.T)
    assert "2 values" in hint(pair, lambda x: (x, x, x))
    assert "value 1 of 2: the result has" in hint(pair, lambda x: (x.T, "done"))
    assert "value 2 of 2: it gives back [" in hint(pair, lambda x: (2 * x, x))


def test_entries_of_a_dictionary_are_named():
    check = small_exercise(lambda x: {"a": x, "b": 2 * x})
    assert hint(check, lambda x: {"b": 2 * x, "a": x}) == ""
    assert "keys 'a', 'b'" in hint(check, lambda x: {"a": x})
    assert "keys 'a', 'b'" in hint(check, double)
    assert "'b': it gives back" in hint(check, lambda x: {"a": x, "b": "x"})


def other_cell(x):
    return x.no_such_thing


def test_an_error_names_the_learners_own_line(capsys):
    assert small_exercise()(lambda x: 1 + other_cell(x)) is False
    answer = capsys.readouterr().out
    assert "it stops with AttributeError" in answer
    assert "return x.no_such_thing)" in answer
    assert "Traceback" not in answer
    assert "course_utils" not in answer


def test_an_error_under_tf_function_is_one_line_too(capsys):
    @tf.function
    def function(x):
        return tf.matmul(x, x)

    assert small_exercise()(function, "tensorflow") is False
    answer = capsys.readouterr().out
    assert "it stops with ValueError: " in answer and "MatMul" in answer
    assert "user code" not in answer and "ag__" not in answer


def test_printing_is_seen_but_is_no_answer(capsys):
    check = small_exercise()
    assert "where is the return?" in hint(check, lambda x: print(2 * x[0, 0]))
    capsys.readouterr()

    def function(x):
        print("looking")
        return 2 * x

    assert hint(check, function) == ""
    assert "looking" in capsys.readouterr().out


def test_forgetting_to_return_is_not_an_untouched_stub():
    def function(x):
        twice = 2 * x  # noqa: F841

    check = small_exercise(draw=lambda generator: (generator.normal(),))
    assert "where is the return?" in hint(check, function)
    assert "None" in hint(check, lambda x: 2 * x if x > 0 else None)


def test_only_a_function_can_be_checked(capsys):
    assert checks.check_total_cost(70.0) is False
    assert "without brackets" in capsys.readouterr().out
    assert checks.check_verify(face_answers.verify, "torch") is False
    assert "can be done in numpy; 'torch'" in capsys.readouterr().out


def test_a_function_that_keeps_something_is_found_out():
    kept = []

    def function(x):
        kept.append(x)
        return 2 * sum(kept)

    assert "differently" in hint(small_exercise(), function)
    generator = np.random.default_rng()
    noisy = lambda x: 2 * x + generator.normal(size=x.shape)  # noqa: E731
    assert "differently" in hint(small_exercise(), noisy)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_spoiled_inputs_are_found_out(framework):
    def function(x):
        x += x
        return x

    assert "changes what it was given" in hint(
        small_exercise(), function, framework
    )


def test_inputs_are_what_the_framework_makes_of_them():
    seen = []

    def function(a):
        seen.append(a)
        return a.sum() if framework != "tensorflow" else tf.reduce_sum(a)

    picture = np.random.default_rng(0).random((1, 4, 5, 3))
    check = small_exercise(np.sum, lambda _: (picture,), gradient=(0,))
    for framework in check.frameworks:
        assert hint(check, function, framework) == ""
    arrays = [a for a in seen if isinstance(a, np.ndarray)]
    tensors = [a for a in seen if isinstance(a, torch.Tensor)]
    others = [a for a in seen if tf.is_tensor(a)]
    assert arrays[0].shape == others[0].shape == (1, 4, 5, 3)
    assert tensors[0].shape == (1, 3, 4, 5)
    assert tensors[0].dtype == torch.float32 and others[0].dtype == tf.float32
    # For the gradient it is called once more, with a tensor that wants one.
    assert tensors[-1].requires_grad and tensors[-1].is_leaf


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_tensors_are_on_the_default_device():
    for check in checks.EXERCISES:
        for framework, solution in right_answers(check):
            if framework == "torch":
                with torch.device("cuda"):
                    assert hint(check, solution, framework) == ""


def test_half_a_gradient_is_not_enough():
    def half(x):
        return (x + x.detach()).sum()

    check = small_exercise(lambda x: 2 * x.sum(), gradient=(0,))
    assert "gradient" in hint(check, half, "torch")
    assert "gradient" in hint(check, lambda x: 2 * x.data.sum(), "torch")
    assert hint(check, lambda x: 2 * x.sum(), "torch") == ""
    assert hint(check, lambda x: 2 * tf.reduce_sum(x), "tensorflow") == ""
    gathered = lambda x: 2 * tf.reduce_sum(tf.gather(x, [0, 1]))  # noqa: E731
    assert hint(check, gathered, "tensorflow") == ""
    with pytest.raises(NotAttemptedError):
        examine(check, lambda x: None, "torch")

    def spoiled(x):
        twice = 2 * x
        squares = twice**2
        twice.zero_()  # the gradient of the squares would need it
        return squares.sum()

    check = small_exercise(lambda x: 4 * (x**2).sum(), gradient=(0,))
    assert "stops with RuntimeError" in hint(check, spoiled, "torch")


# -- progress ------------------------------------------------------------------


def test_progress_counts_what_is_solved(capsys):
    checks.progress()
    before = capsys.readouterr().out
    assert "✔" not in before
    assert len(re.findall(r"\d of \d", before)) == len(checks.BY_NOTEBOOK)
    assert max(map(len, before.splitlines())) <= 80
    checks.check_total_cost(style_answers.total)
    checks.check_gram_matrix(style_answers.total)
    capsys.readouterr()
    checks.progress()
    after = capsys.readouterr().out
    assert after.count("✔") == 1 and "✔ total_cost" in after
    assert re.search("PyTorch +1 of", after)
    checks.reset_progress()
    checks.reset_progress()
    checks.progress()
    assert capsys.readouterr().out == before


def test_a_solution_can_be_checked_without_being_counted(capsys):
    checks.check_total_cost(style_answers.total, record=False)
    # Not the learner's own tick.
    assert capsys.readouterr().out == "total_cost: the solution passes.\n"
    assert progress_file.solved() == set()
    checks.check_total_cost(style_answers.total)
    assert progress_file.solved() == {"total_cost"}


def test_no_place_for_the_files_costs_nobody_a_tick(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_UTILS_PROGRESS", __file__)
    assert checks.check_total_cost(style_answers.total) is True
    answer = capsys.readouterr().out
    assert answer.startswith("✔ total_cost: right.\n")
    assert "could not be saved" in answer
