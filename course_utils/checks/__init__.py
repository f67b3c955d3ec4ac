"""The exercises' instant checks: ``checks.check_gram_matrix(gram_matrix)``.

Each check prints a tick or one hint and returns whether the function is right.
``progress()`` shows which exercises are solved, ``reset_progress()`` forgets.
"""

import textwrap

from course_utils.checks import progress_file
from course_utils.checks.exercise import EXERCISES
from course_utils.checks.exercises import (
    face_detection,
    face_landmarks,
    face_search,
    face_search_at_scale,
    face_verification,
    find_the_bugs,
    style_side_by_side,
    style_transfer_pytorch,
    style_transfer_tensorflow,
    train_a_recogniser,
    what_vgg_sees,
)
from course_utils.checks.progress_file import reset_progress

_NOTEBOOKS = {  # in the order of the course
    "1 · Face detection": face_detection,
    "2 · Face landmarks": face_landmarks,
    "3 · Face verification": face_verification,
    "4 · Face search": face_search,
    "5 · Face search at scale": face_search_at_scale,
    "6 · Train a recogniser": train_a_recogniser,
    "7 · What VGG sees": what_vgg_sees,
    "8 · Style transfer in PyTorch": style_transfer_pytorch,
    "9 · Find the bugs": find_the_bugs,
    "10 · Style transfer in TensorFlow": style_transfer_tensorflow,
    "11 · Side by side": style_side_by_side,
}
BY_NOTEBOOK = {
    notebook: [e for e in EXERCISES if e.solution.__module__ == file.__name__]
    for notebook, file in _NOTEBOOKS.items()
}
# As the notebooks call them: checks.check_gram_matrix.
globals().update({f"check_{each.name}": each for each in EXERCISES})


def progress() -> None:
    """Print a line for each notebook: which of its exercises are solved."""
    solved = progress_file.solved()
    for notebook, checks in BY_NOTEBOOK.items():
        names = [check.name for check in checks]
        ticks = sum(name in solved for name in names)
        # Joined by "_", a mark stays on the line of its name.
        marked = (f"{'✔' if n in solved else '·'}_{n}" for n in names)
        start = f"{notebook:34} {ticks} of {len(names)}   "
        lines = textwrap.fill(
            "  ".join(marked),
            width=80,
            initial_indent=start,
            subsequent_indent=" " * len(start),
        )
        print(lines.replace("✔_", "✔ ").replace("·_", "· "))
