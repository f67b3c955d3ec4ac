"""The week's two quizzes, and the two ways to show them.

A quiz is a question file of the library jupyterquiz beside this module. Its
texts are plain, without HTML or LaTeX, so that a terminal can print them too.
"""

import json
import textwrap
from pathlib import Path
from string import ascii_lowercase

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.json")))
WIDTH = 78  # characters a line of printed text

# Okabe and Ito's blue, vermilion and green, the latter two darkened until they
# can be read on a white page and on a dark one (contrast at least 4). The label
# stands on the page itself, so it follows the theme of JupyterLab or Colab.
_THEME_TEXT = (
    "var(--jp-ui-font-color1, var(--colab-primary-text-color, #101010))"
)
_COLORS = {
    "--jq-multiple-choice-bg": "#0072B2",
    "--jq-many-choice-bg": "#0072B2",
    "--jq-numeric-bg": "#0072B2",
    "--jq-incorrect-color": "#C84F00",
    "--jq-correct-color": "#008560",
    "--jq-numeric-input-bg": "#404040",
    "--jq-numeric-input-label": _THEME_TEXT,
}


def questions(name: str) -> list[dict]:
    """Read a quiz.

    Args:
        name: "face_recognition" or "style_transfer".

    Returns:
        The questions in the format of jupyterquiz: "question", "type"
        ("multiple_choice", "many_choice" or "numeric"), "answers", each with
        its "feedback", and sometimes "code".

    Raises:
        ValueError: there is no such quiz.
    """
    if name not in NAMES:
        raise ValueError(f"{name!r} is no quiz: choose {' or '.join(NAMES)}.")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def show(name: str) -> None:
    """Show a quiz in JupyterLab or Colab, with an answer to every answer.

    Raises:
        ValueError: there is no such quiz.
    """
    from jupyterquiz import display_quiz  # brings IPython along

    display_quiz(questions(name), colors=_COLORS, max_width=720)


def print_text(name: str, solutions: bool = False) -> None:
    """Print a quiz, for pages that run no JavaScript.

    Args:
        name: "face_recognition" or "style_transfer".
        solutions: print what is to be said about each answer as well.

    Raises:
        ValueError: there is no such quiz.
    """
    for number, question in enumerate(questions(name), start=1):
        print(_wrapped(f"{number}. ", question["question"]))
        if "code" in question:
            print(textwrap.indent(question["code"], " " * 8))
        for mark, text in _answer_lines(question, solutions):
            print(_wrapped(f"    {mark} ", text))
        print()


def _answer_lines(question: dict, solutions: bool):
    """Yield (mark, text) of the choices and of what is to be said of them."""
    numeric = question["type"] == "numeric"
    if numeric:
        yield "=", "a number"
    for number, answer in enumerate(question["answers"]):
        if not numeric:
            yield f"{ascii_lowercase[number]})", answer["answer"]
        if solutions and (not numeric or answer.get("correct")):
            yield "  ", answer["feedback"]


def _wrapped(mark: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
    )
