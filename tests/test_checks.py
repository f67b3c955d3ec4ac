"""The checks: right answers pass, wrong ones get one fitting hint."""

import contextlib
import itertools
import json
import re
import threading

import bug_answers
import face_answers
import numpy as np
import pytest
import style_answers
import torch
import training_answers
from insightface.utils.face_align import norm_crop

from course_utils import checks
from course_utils.checks import progress_file
from course_utils.checks.exercise import (
    Exercise,
    Fault,
    NotAttemptedError,
    examine,
)
from course_utils.style import pyramid
from course_utils.style.tensorflow_backend import tf

ANSWERS = (face_answers, training_answers, style_answers, bug_answers)
SOLUTIONS = [each for answers in ANSWERS for each in answers.SOLUTIONS]
WRONG = [each for answers in ANSWERS for each in answers.WRONG]


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    """Leave the real progress file alone."""
    monkeypatch.setenv("COURSE_UTILS_PROGRESS", str(tmp_path / "progress.json"))


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


# -- every exercise ------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "framework", "solution"),
    SOLUTIONS,
    ids=[f"{check.name}-{framework}" for check, framework, _ in SOLUTIONS],
)
def test_solutions_pass(check, framework, solution, capsys):
    assert check(solution, framework) is True
    assert capsys.readouterr().out == f"✔ {check.name}: right.\n"


@pytest.mark.parametrize(
    ("check", "framework", "hint", "function"),
    WRONG,
    ids=[
        f"{check.name}-{framework}-{hint}"
        for check, framework, hint, _ in WRONG
    ],
)
def test_mistakes_get_a_hint(check, framework, hint, function, capsys):
    assert check(function, framework) is False
    answer = capsys.readouterr().out
    assert answer.startswith(f"✘ {check.name}: ")
    assert hint in answer
    assert answer.count("\n") == 1


def of(check, answers):
    """Those of the answers that belong to one exercise."""
    return [each for each in answers if each[0] is check]


@every_exercise
def test_there_are_answers_in_every_framework_and_eight_mistakes(check):
    solved = {framework for _, framework, _ in of(check, SOLUTIONS)}
    assert solved == set(check.frameworks)
    assert len({expected for _, _, expected, _ in of(check, WRONG)}) >= 8


@every_exercise
def test_two_hundred_seeds_find_every_solution_right(check):
    for _, framework, solution in of(check, SOLUTIONS):
        # TensorFlow takes ten times as long, for the same numbers.
        for seed in range(20 if framework == "tensorflow" else 200):
            assert hint(check, solution, framework, seed) == ""


@every_exercise
def test_two_hundred_seeds_recognise_the_mistakes_of_the_table(check):
    mistakes = [
        (expected, version)
        for expected, versions in check.mistakes.items()
        for version in versions
    ]
    for seed, mistake in zip(range(200), itertools.cycle(mistakes)):
        assert hint(check, mistake[1], seed=seed) == mistake[0]


@every_exercise
def test_two_hundred_seeds_never_pass_a_wrong_answer(check):
    wrong = [each for each in of(check, WRONG) if each[1] != "tensorflow"]
    for seed, each in zip(range(200), itertools.cycle(wrong)):
        _, framework, expected, function = each
        assert expected in hint(check, function, framework, seed)


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
def test_hints_are_short_and_never_the_answer(check):
    for text in check.mistakes:
        assert len(text) <= 120, text
        assert text[-1] in ".?", text
        assert not re.search(r"np\.|torch|tf\.|\*|@|=|axis=|lambda|\(", text)


@pytest.mark.parametrize(
    ("check", "framework", "wrong"),
    [bug[:3] for bug in bug_answers.BUGS],
    ids=[bug[0].name for bug in bug_answers.BUGS],
)
def test_the_mistake_of_the_article_is_the_first(check, framework, wrong):
    article, _ = wrong[0]
    first = next(iter(check.mistakes))
    assert hint(check, article, framework) == first
    # Numbers and calls that stand in the repairs.
    answers = ("17", "24", "clone", "copy", "0.229", "0.485", "max(", "round(")
    for text in check.mistakes:
        assert not any(answer in text for answer in answers)


def test_the_fault_of_in_place_relus_shows_on_a_real_network():
    convolution = torch.nn.Conv2d(3, 4, 3)
    model = torch.nn.Sequential(convolution, torch.nn.ReLU(inplace=True))
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        wrong, right = (
            capture(x, model._modules, ["0"])["0"]
            for capture in (
                bug_answers.article_capture,
                bug_answers.mended_capture,
            )
        )
        assert torch.equal(right, convolution(x)) and (right < 0).any()
        assert torch.equal(wrong, right.relu())


# -- what the engine says ------------------------------------------------------


def double(x):
    return 2 * x


def small_exercise(solution=double, cases=None, **options):
    cases = cases or (lambda generator: [(generator.normal(size=(2, 3)),)] * 2)
    everywhere = ("numpy", "torch", "tensorflow")
    return Exercise("double", "0", cases, solution, {}, everywhere, **options)


DIFFERENCES = [
    ("3 times as large", lambda x: 6 * x),
    ("sign", lambda x: -2 * x),
    ("shape (3, 2) where it should have (2, 3)", lambda x: 2 * x.T),
    ("infinite or not a number", lambda x: x / 0),
    ("the result is whole numbers", lambda x: (2 * x).astype(int)),
    ("the result is True or False", lambda x: x > 0),
    ("it gives back 'six'", lambda x: "six"),
    ("it gives back a dict", lambda x: {"x": 2 * x}),
    ("infinite or not a number", lambda x: x * np.nan),
    ("it gives back a tuple", lambda x: ([1], [1, 2])),
    ("the values are not", lambda x: x + 1),
    ("the values are not", lambda x: 2.003 * x),
]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("expected", "function"), DIFFERENCES)
def test_an_unknown_mistake_is_described(expected, function):
    assert expected in hint(small_exercise(), function)


def test_places_of_a_tuple_are_counted():
    pair = small_exercise(lambda x: (2 * x, "done"))
    assert hint(pair, lambda x: [2 * x, "done"]) == ""
    assert "2 values" in hint(pair, lambda x: 2)
    assert "2 values" in hint(pair, lambda x: 2 * x.T)
    assert "2 values" in hint(pair, lambda x: (x, x, x))
    assert "value 1 of 2: everything is 0.5" in hint(
        pair, lambda x: (x, "done")
    )
    assert "value 2 of 2: it gives back None" in hint(
        pair, lambda x: (2 * x, None)
    )


def test_the_first_wrong_answer_is_described_whatever_follows():
    ones = np.ones((2, 3))
    check = small_exercise(cases=lambda generator: [(ones,), (-ones,)])
    for second in (np.ones(4), "text", None):
        answers = {1: 5 * ones, -1: second}
        function = lambda x, answers=answers: answers[x[0, 0]]  # noqa: E731
        assert "the values are not" in hint(check, function)


def test_entries_of_a_dictionary_are_named():
    check = small_exercise(lambda x: {"a": x, "b": 2 * x})
    assert hint(check, lambda x: {"b": 2 * x, "a": x}) == ""
    assert "keys 'a', 'b'" in hint(check, lambda x: {"a": x})
    assert "keys 'a', 'b'" in hint(check, double)
    assert "'b': everything is 0.5" in hint(check, lambda x: {"a": x, "b": x})


def other_cell(x):
    return x.no_such_thing


def test_an_error_names_the_learners_own_line(capsys):
    assert small_exercise()(lambda x: 1 + other_cell(x)) is False
    answer = capsys.readouterr().out
    assert "it stops with AttributeError" in answer
    assert "return x.no_such_thing)" in answer
    assert "Traceback" not in answer
    assert "course_utils" not in answer


def test_an_error_of_the_library_names_the_line_that_called_it():
    def function(x):
        return np.concatenate([x, np.zeros(7)])

    answer = hint(small_exercise(), function)
    assert "return np.concatenate([x, np.zeros(7)])" in answer
    assert "Error" in hint(small_exercise(), lambda: 1)


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

    check = small_exercise(cases=lambda generator: [(1.0,), (-1.0,)])
    assert "where is the return?" in hint(check, function)
    assert "None" in hint(check, lambda x: 2 * x if x > 0 else None)


def test_a_number_in_an_array_is_a_number():
    check = small_exercise(np.sum)
    assert hint(check, lambda x: x.sum(keepdims=True)) == ""
    assert "one number was asked for" in hint(check, lambda x: x.sum(axis=0))
    assert "a tuple" in hint(check, lambda x: ("sum", x.sum()))


def test_what_numpy_does_not_know_is_described():
    check = small_exercise()
    with_gradient = lambda x: torch.tensor(2 * x).requires_grad_()  # noqa: E731
    assert "gives back a Tensor" in hint(check, with_gradient)
    assert "gives back a Tensor" in hint(
        check, lambda x: 2 * x.bfloat16(), "torch"
    )
    slices = lambda x: tf.IndexedSlices(2 * x, tf.range(2))  # noqa: E731
    assert "gives back an IndexedSlices" in hint(check, slices, "tensorflow")


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
    check = small_exercise(np.sum, lambda _: [(picture,)], gradient=(0,))
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
    for check, framework, solution in SOLUTIONS:
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


# -- the reference answers, by hand --------------------------------------------


def test_the_reference_aligns_as_insightface_does():
    generator = np.random.default_rng(3)
    for image, landmarks in checks.check_align_face.cases(generator):
        mine = checks.check_align_face.solution(image, landmarks)
        theirs = norm_crop(image, landmarks)
        assert np.abs(mine.astype(int) - theirs).max() <= 1


def test_the_reference_roc_curve_by_hand():
    similarities = np.array([0.9, 0.9, 0.5, 0.5, 0.1])
    same = np.array([True, False, True, True, False])
    thresholds, true_rate, false_rate = checks.check_roc_curve.solution(
        similarities, same
    )
    assert thresholds.tolist() == [np.inf, 0.9, 0.5, 0.1]
    assert true_rate.tolist() == [0, 1 / 3, 1, 1]
    assert false_rate.tolist() == [0, 1 / 2, 1 / 2, 1]


def test_the_reference_triplet_loss_by_hand():
    anchor, positive = np.zeros((2, 2)), np.array([[1.0, 0], [0, 0]])
    negative = np.array([[0, 1.0], [2, 0]])
    # 1 - 1 + 0.2 counts, 0 - 4 + 0.2 is cut off.
    loss = checks.check_triplet_loss.solution(anchor, positive, negative)
    assert loss == pytest.approx(0.2)


def test_the_reference_distances_by_hand():
    database = {"Ada": np.array([2.0, 0]), "Grace": np.array([0, 5.0])}
    visitor = np.array([0.0, 0.1])
    assert checks.check_verify.solution(visitor, "Ada", database) == (2, False)
    assert checks.check_who_is_it.solution(visitor, database) == (0, "Grace")
    assert checks.check_who_is_it.solution(-visitor, database) == (2, None)


def solved(check, *inputs):
    return check.solution(*map(np.asarray, inputs))


def test_the_reference_gram_matrix_by_hand():
    # Two places, two channels: (1, 2) and (3, 0).
    a = np.array([1.0, 2, 3, 0]).reshape(1, 1, 2, 2)
    expected = [[[(1 + 9) / 2, 2 / 2], [2 / 2, 4 / 2]]]
    assert solved(checks.check_gram_matrix, a).tolist() == expected


def test_the_reference_costs_by_hand():
    zero, one = np.zeros((1, 2, 3, 2)), np.ones((1, 2, 3, 2))
    assert solved(checks.check_compute_content_cost, zero, one) == 1 / 4
    # All four entries of the Gram matrix of ones are 1.
    layer_cost = checks.check_compute_layer_style_cost
    assert solved(layer_cost, zero, one) == 4 / (4 * 2**2)
    assert solved(layer_cost, one, np.ones((1, 5, 5, 2))) == 0
    style = checks.check_compute_style_cost.solution(
        {"a": zero, "b": zero, "c": zero},
        {"a": one, "b": 2 * one, "c": one},
        {"a": 0.5, "b": 2.0},
    )
    # Doubled features make a fourfold Gram matrix, a sixteenfold cost.
    assert style == 0.5 * 1 / 4 + 2.0 * 16 / 4
    assert checks.check_total_cost.solution(3, 2) == 10 * 3 + 40 * 2


def test_the_reference_variation_by_hand():
    checkerboard = np.indices((1, 2, 3, 3)).sum(0)[..., :1] % 2
    # 3 pairs down and 4 across, each 1 apart.
    variation_of = checks.check_total_variation.solution
    assert variation_of(checkerboard) == (3 + 4) / 6
    assert variation_of(np.full((1, 4, 4, 3), 0.3)) == 0


def test_the_reference_colors_are_those_of_the_course():
    painting, photo = np.random.default_rng(0).random((2, 1, 6, 5, 3))
    mine = checks.check_preserve_color.solution(painting, photo)
    bright = pyramid.luminance(painting[0].astype(np.float32))
    course = pyramid.recolor(bright, photo[0].astype(np.float32))
    assert np.allclose(mine[0], course, atol=1e-6)


# -- progress ------------------------------------------------------------------


def total(j_content, j_style, alpha=10, beta=40):
    return alpha * j_content + beta * j_style


def test_progress_counts_what_is_solved(capsys):
    checks.progress()
    before = capsys.readouterr().out
    assert "✔" not in before
    assert len(re.findall(r"\d of \d", before)) == 7
    assert max(map(len, before.splitlines())) <= 80
    checks.check_total_cost(total)
    checks.check_gram_matrix(total)
    capsys.readouterr()
    checks.progress()
    after = capsys.readouterr().out
    assert after.count("✔") == 1 and "✔ total_cost" in after
    assert re.search("PyTorch +1 of", after)
    checks.reset_progress()
    checks.reset_progress()
    checks.progress()
    assert capsys.readouterr().out == before


def test_a_solution_can_be_checked_without_being_counted():
    checks.check_total_cost(total, record=False)
    assert not progress_file.path().exists()
    checks.check_total_cost(total)
    assert progress_file.solved() == {"total_cost"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"solved": 3}', "\0\xff"])
def test_a_damaged_file_starts_over_in_one_sentence(text, capsys):
    progress_file.path().write_text(text, encoding="latin-1")
    assert progress_file.solved() == set()
    assert capsys.readouterr().out.count("\n") == 1
    progress_file.record("verify")
    assert progress_file.solved() == {"verify"}


def test_a_file_that_cannot_be_written_costs_nobody_a_tick(
    monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_UTILS_PROGRESS", str(tmp_path / "file" / "p"))
    assert checks.check_total_cost(total) is True
    assert "could not be saved" in capsys.readouterr().out


def test_two_notebooks_may_record_at_once():
    names = [str(number) for number in range(20)]
    threads = [
        threading.Thread(target=progress_file.record, args=[name])
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress_file.solved() == set(names)


def test_an_interrupted_write_leaves_the_old_file(monkeypatch):
    progress_file.record("verify")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(json, "dumps", interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        progress_file.record("total_cost")
    assert progress_file.solved() == {"verify"}


def test_the_file_lies_in_the_users_folder_by_default(monkeypatch):
    monkeypatch.delenv("COURSE_UTILS_PROGRESS")
    assert progress_file.path().parts[-2:] == ("course_utils", "progress.json")
