"""The week's two quizzes, and the two ways to show them.

A quiz is a question file of the library jupyterquiz beside this module. Its
texts are plain, without HTML or LaTeX, so that a terminal can print them too.
"""

import json
import textwrap
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.json")))

# Okabe and Ito's blue, vermilion and green, the latter two darkened until they
# can be read on a white page and on a dark one (contrast at least 4). The label
# stands on the page itself, so it follows the theme of JupyterLab or Colab.
_COLORS = {
    "--jq-multiple-choice-bg": "#0072B2",
    "--jq-many-choice-bg": "#0072B2",
    "--jq-numeric-bg": "#0072B2",
    "--jq-incorrect-color": "#C84F00",
    "--jq-correct-color": "#008560",
    "--jq-numeric-input-bg": "#404040",
    "--jq-numeric-input-label": (
        "var(--jp-ui-font-color1, var(--colab-primary-text-color, #101010))"
    ),
}


def questions(name: str) -> list[dict]:
    """Read "face_recognition" or "style_transfer", in jupyterquiz's format."""
    if name not in NAMES:
        raise ValueError(f"{name!r} is no quiz: choose {' or '.join(NAMES)}.")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def show(name: str) -> None:
    """Show a quiz in JupyterLab or Colab, with an answer to every answer."""
    from jupyterquiz import display_quiz  # brings IPython along

    display_quiz(questions(name), colors=_COLORS, max_width=720)


def print_text(name: str, solutions: bool = False) -> None:
    """Print a quiz, for pages that run no JavaScript; or its solutions too."""
    for number, question in enumerate(questions(name), start=1):
        _print(f"{number}. ", question["question"])
        if "code" in question:
            print(textwrap.indent(question["code"], " " * 8))
        for mark, answer in zip("abcdefgh", question["answers"], strict=False):
            if "answer" in answer:  # not of a number to be typed
                _print(f"    {mark}) ", answer["answer"])
            if solutions and ("answer" in answer or answer.get("correct")):
                _print("       ", answer["feedback"])
        print()


def _print(mark: str, text: str) -> None:
    wrapper = textwrap.TextWrapper(78, mark, break_on_hyphens=False)
    wrapper.subsequent_indent = " " * len(mark)
    print(wrapper.fill(text))
