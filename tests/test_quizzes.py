"""The question files: format, answers, numbers; and the ways to show them."""

import re

import numpy as np
import pytest
import torch

from course_utils import quizzes

ALL = [
    pytest.param(question, id=f"{name}-{number}")
    for name in quizzes.NAMES
    for number, question in enumerate(quizzes.questions(name), start=1)
]
questions = pytest.mark.parametrize("question", ALL)


def texts(question):
    """Everything of a question that a learner reads, without the code."""
    yield question["question"]
    for answer in question["answers"]:
        yield from (answer[k] for k in ("answer", "feedback") if k in answer)


def right(question):
    return [a for a in question["answers"] if a.get("correct")]


KEYS = {  # what jupyterquiz reads of an answer
    "multiple_choice": [{"answer", "correct", "feedback"}],
    "many_choice": [{"answer", "correct", "feedback"}],
    "numeric": [{"type", "range", "correct", "feedback"}, {"type", "feedback"}],
}


@questions
def test_answers_are_complete_and_explained(question):
    assert {*question} - {"code"} == {"question", "type", "answers"}
    assert all({*a} in KEYS[question["type"]] for a in question["answers"])
    choose_all = "Choose all that apply" in question["question"]
    assert (question["type"] == "many_choice") == choose_all
    wanted = range(2, len(question["answers"])) if choose_all else [1]
    assert len(right(question)) in wanted
    explanations = [answer["feedback"] for answer in question["answers"]]
    assert len({*explanations}) == len(explanations) >= 2
    for answer in question["answers"]:
        start = "Right: " if answer.get("correct") else "No: "
        assert answer["feedback"].startswith(start)


# jupyterquiz puts texts into the page as HTML, takes $ for LaTeX and [](...)
# for a link; a terminal shows such things as they are.
@questions
def test_texts_are_plain(question):
    for text in texts(question):
        assert not re.search(r"[<>&$\\`{}]|\]\(", text), text
        assert text == " ".join(text.split())
    assert not re.search(r"[<>&]", question.get("code", ""))


# Part of the question: its right answer, and likely wrong ones, computed from
# what it says.
NUMBERS = {
    "triplet loss": (
        max(0.5 - 0.6 + 0.2, 0),
        [0.5 - 0.6, 0.6 - 0.5 + 0.2],
    ),
    "squared distance between": (
        2 - 2 * 0.36,
        [1 - 0.36, 2 * 0.36, np.sqrt(2 - 2 * 0.36)],
    ),
    "500 stored people": (
        1 - (1 - 0.001) ** 500,
        [500 * 0.001, (1 - 0.001) ** 500, 0.001],
    ),
    "its Gram matrix": (64**2, [20 * 30, (20 * 30) ** 2, 64 * 20 * 30]),
    "3 by 3 convolutions": (1 + 3 * (3 - 1), [3 * 3, 1 + 2 * (3 - 1), 3**3]),
}
NUMERIC = [p for p in ALL if p.values[0]["type"] == "numeric"]


@pytest.mark.parametrize("question", NUMERIC)
def test_each_computed_number_reaches_its_own_explanation(question):
    ((truth, wrong),) = [
        numbers
        for part, numbers in NUMBERS.items()
        if part in question["question"]
    ]
    answers = [a for a in question["answers"] if a["type"] == "range"]
    assert right(question) == answers[:1]
    for number, answer in zip([truth, *wrong], answers, strict=True):
        # The learner may round to two decimals, if anything of it is left.
        for typed in {number, round(number, 2) or number}:
            reached = [
                a for a in answers if a["range"][0] <= typed < a["range"][1]
            ]
            assert reached == [answer]


def test_receptive_field_and_convolution_sizes_are_those_of_networks():
    side = int(NUMBERS["3 by 3 convolutions"][0])
    three = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, 3) for _ in range(3)))
    assert three(torch.zeros(1, 1, side, side)).shape == (1, 1, 1, 1)
    scan = torch.zeros(1, 1, 32, 32, 24)
    out = torch.nn.Conv3d(1, 8, (5, 5, 3))(scan)
    (scans,) = [p.values[0] for p in ALL if "scan" in p.values[0]["question"]]
    shape = [*out.shape[2:], out.shape[1]]
    assert right(scans)[0]["answer"] == " by ".join(map(str, shape))


def test_the_quoted_code_does_what_the_right_answer_says():
    (quoted,) = [p.values[0] for p in ALL if "code" in p.values[0]]
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(3, 4, 3)
    model = torch.nn.Sequential(convolution, torch.nn.ReLU(inplace=True))
    picture = torch.rand(1, 3, 8, 8)
    space = {"model": model, "x": picture, "chosen": ["0"]}
    exec(quoted["code"], space)
    assert (convolution(picture) < 0).any()
    assert torch.equal(space["features"]["0"], convolution(picture).relu())
    assert "negative numbers are 0" in right(quoted)[0]["answer"]


@pytest.mark.parametrize("name", quizzes.NAMES)
def test_printed_text_holds_the_questions_and_keeps_the_solutions(name, capsys):
    quizzes.print_text(name)
    plain = capsys.readouterr().out
    quizzes.print_text(name, solutions=True)
    solved = capsys.readouterr().out
    assert max(len(line) for line in (plain + solved).splitlines()) <= 78
    plain, solved = (" ".join(text.split()) for text in (plain, solved))
    for question in quizzes.questions(name):
        assert question["question"] in plain
        for answer in question["answers"]:
            assert answer.get("answer", "") in plain
            assert answer["feedback"] not in plain
        assert right(question)[0]["feedback"] in solved


def test_an_unknown_quiz_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'week_5' is no quiz: choose face_"):
        quizzes.questions("week_5")
