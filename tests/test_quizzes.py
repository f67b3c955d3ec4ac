"""The question files: format, answers, numbers; and the ways to show them."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator

from course_utils import quizzes
from course_utils.style import vgg

TEXT = {"type": "string", "pattern": r"\S.{3,}"}
CHOICE = {
    "type": "object",
    "properties": {
        "answer": TEXT,
        "correct": {"type": "boolean"},
        "feedback": TEXT,
    },
    "required": ["answer", "correct", "feedback"],
    "additionalProperties": False,
}
RANGE = {
    "type": "object",
    "properties": {
        "type": {"const": "range"},
        "range": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
        },
        "correct": {"type": "boolean"},
        "feedback": TEXT,
    },
    "required": ["type", "range", "correct", "feedback"],
    "additionalProperties": False,
}
DEFAULT = {
    "type": "object",
    "properties": {"type": {"const": "default"}, "feedback": TEXT},
    "required": ["type", "feedback"],
    "additionalProperties": False,
}


def question_schema(types, answer, least):
    return {
        "type": "object",
        "properties": {
            "question": TEXT,
            "type": {"enum": types},
            "code": TEXT,
            "answers": {"type": "array", "items": answer, "minItems": least},
        },
        "required": ["question", "type", "answers"],
        "additionalProperties": False,
    }


# jupyterquiz publishes its format as mc_schema.json and num_schema.json, not
# in the installed package. These are the same rules and stricter ones: every
# answer is explained, and nothing is there that the library would ignore.
QUESTION = {
    "oneOf": [
        question_schema(["multiple_choice", "many_choice"], CHOICE, least=3),
        question_schema(["numeric"], {"oneOf": [RANGE, DEFAULT]}, least=2),
    ]
}
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


def test_there_is_a_quiz_for_each_half():
    assert quizzes.NAMES == ("face_recognition", "style_transfer")


@questions
def test_format(question):
    Draft202012Validator(QUESTION).validate(question)


@questions
def test_as_many_right_answers_as_the_question_says(question):
    count = len(right(question))
    choose_all = "Choose all that apply" in question["question"]
    if question["type"] == "many_choice":
        assert 2 <= count < len(question["answers"]) and choose_all
    else:
        assert count == 1 and not choose_all


@questions
def test_an_explanation_says_right_or_no_and_then_why(question):
    for answer in question["answers"]:
        start = "Right: " if answer.get("correct") else "No: "
        assert answer["feedback"].startswith(start)
        assert len(answer["feedback"].split()) >= 5


@questions
def test_no_answer_and_no_explanation_occurs_twice(question):
    for key in ("answer", "feedback"):
        found = [a[key].lower() for a in question["answers"] if key in a]
        assert len(found) == len(set(found))


def test_no_question_occurs_twice():
    words = [
        frozenset(re.findall(r"\w+", param.values[0]["question"].lower()))
        for param in ALL
    ]
    for number, one in enumerate(words):
        for other in words[:number]:
            assert len(one & other) < 0.6 * min(len(one), len(other))


# jupyterquiz puts texts into the page as HTML, takes $ for LaTeX and [](...)
# for a link; a terminal shows such things as they are.
@questions
def test_texts_are_plain(question):
    for text in texts(question):
        assert not re.search(r"[<>&$\\`{}]|\]\(", text), text
        assert text == " ".join(text.split())
    assert not re.search(r"[<>&]", question.get("code", ""))


@pytest.mark.parametrize("name", quizzes.NAMES)
def test_the_right_answer_is_not_betrayed_by_its_place_or_length(name):
    single = [
        question
        for question in quizzes.questions(name)
        if question["type"] == "multiple_choice"
    ]
    places, longest = [], 0
    for question in single:
        lengths = [len(a["answer"]) for a in question["answers"]]
        (place,) = np.flatnonzero([a["correct"] for a in question["answers"]])
        places.append(int(place))
        longest += lengths[place] == max(lengths)
    assert len(set(places)) >= 3
    assert max(np.bincount(places)) <= len(single) / 2
    assert longest <= 0.6 * len(single)


def output_size(size, kernel):
    return size - kernel + 1


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


def reached(question, typed):
    """The feedback that jupyterquiz's numeric.js finds for what was typed."""
    number = float(typed or 0)  # to JavaScript nothing is 0
    for answer in question["answers"]:
        if answer["type"] == "default" or (
            answer["range"][0] <= number < answer["range"][1]
        ):
            return answer


@pytest.mark.parametrize("question", NUMERIC)
def test_each_computed_number_reaches_its_own_explanation(question):
    ((truth, wrong),) = [
        numbers
        for part, numbers in NUMBERS.items()
        if part in question["question"]
    ]
    ranges = [a for a in question["answers"] if a["type"] == "range"]
    for number, answer in zip([truth, *wrong], ranges, strict=True):
        assert reached(question, number) == answer
        # The learner may round to two decimals, if anything of it is left.
        if abs(number) >= 0.01:
            assert reached(question, f"{number:.2f}") == answer
    assert right(question) == ranges[:1]
    edges = sorted(a["range"] for a in ranges)  # that no two share a number
    assert all(low < high for low, high in edges)
    assert all(one[1] <= other[0] for one, other in pairwise(edges))


@pytest.mark.parametrize("question", NUMERIC)
def test_a_comma_or_a_word_reaches_no_other_explanation(question):
    """The field of jupyterquiz takes no comma and no letters: 0,1 is 01."""
    default = question["answers"][-1]
    assert reached(question, "") == default  # "abc"
    ((truth, wrong),) = [
        numbers
        for part, numbers in NUMBERS.items()
        if part in question["question"]
    ]
    for number in [truth, *wrong]:
        if number != round(number):
            digits = f"{number:.2f}".rstrip("0").replace(".", "")
            assert reached(question, digits) == default
            assert "Decimals take a point" in default["feedback"]


def test_receptive_field_and_convolution_sizes_are_those_of_networks():
    # Without a pooling between them, as in the question: two of conv1, and
    # one more window of 3 pixels.
    two = vgg.receptive_field("conv1_2")
    assert two.size + (3 - 1) * two.stride == NUMBERS["3 by 3 convolutions"][0]
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
def test_show_hands_the_library_every_question(name, monkeypatch):
    shown = []
    monkeypatch.setattr("jupyterquiz.dynamic.display.display", shown.append)
    quizzes.show(name)
    page, program = (output.data for output in shown)
    start = program.index("[")
    embedded, _ = json.JSONDecoder().raw_decode(program[start:])
    assert embedded == quizzes.questions(name)
    assert re.search(r'<div id="(\w+)"', page)[1] in program


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
