"""The exercises' instant checks: ``checks.check_gram_matrix(gram_matrix)``.

Each check prints a tick or one hint and returns whether the function is right.
``progress()`` shows which exercises are solved, ``reset_progress()`` forgets.
"""

import textwrap

from course_utils.checks import progress_file
from course_utils.checks.exercise import Exercise
from course_utils.checks.exercises.align_face import check_align_face
from course_utils.checks.exercises.capture_features import (
    check_capture_features,
)
from course_utils.checks.exercises.choose_targets import check_choose_targets
from course_utils.checks.exercises.choose_threshold import (
    check_choose_threshold,
)
from course_utils.checks.exercises.compute_content_cost import (
    check_compute_content_cost,
)
from course_utils.checks.exercises.compute_layer_style_cost import (
    check_compute_layer_style_cost,
)
from course_utils.checks.exercises.compute_style_cost import (
    check_compute_style_cost,
)
from course_utils.checks.exercises.face_detection import (
    check_intersection_over_union,
    check_non_max_suppression,
)
from course_utils.checks.exercises.face_search_at_scale import (
    check_best_people,
)
from course_utils.checks.exercises.face_verification import (
    check_cosine_similarity,
)
from course_utils.checks.exercises.gram_matrix import check_gram_matrix
from course_utils.checks.exercises.module_index import check_module_index
from course_utils.checks.exercises.normalise import check_normalise
from course_utils.checks.exercises.preserve_color import check_preserve_color
from course_utils.checks.exercises.roc_curve import check_roc_curve
from course_utils.checks.exercises.scaled_size import check_scaled_size
from course_utils.checks.exercises.total_cost import check_total_cost
from course_utils.checks.exercises.total_variation import check_total_variation
from course_utils.checks.exercises.train_step import check_train_step
from course_utils.checks.exercises.triplet_loss import check_triplet_loss
from course_utils.checks.exercises.verify import check_verify
from course_utils.checks.exercises.who_is_it import check_who_is_it
from course_utils.checks.progress_file import reset_progress

EXERCISES: tuple[Exercise, ...] = (
    check_intersection_over_union,
    check_non_max_suppression,
    check_align_face,
    check_cosine_similarity,
    check_triplet_loss,
    check_verify,
    check_roc_curve,
    check_choose_threshold,
    check_who_is_it,
    check_best_people,
    check_gram_matrix,
    check_compute_content_cost,
    check_compute_layer_style_cost,
    check_compute_style_cost,
    check_total_cost,
    check_capture_features,
    check_normalise,
    check_module_index,
    check_scaled_size,
    check_train_step,
    check_choose_targets,
    check_total_variation,
    check_preserve_color,
)


def progress() -> None:
    """Print a line for each notebook: which of its exercises are solved."""
    solved = progress_file.solved()
    for notebook in dict.fromkeys(each.notebook for each in EXERCISES):
        names = [each.name for each in EXERCISES if each.notebook == notebook]
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


__all__ = [
    "EXERCISES",
    "Exercise",
    "check_align_face",
    "check_best_people",
    "check_capture_features",
    "check_choose_targets",
    "check_choose_threshold",
    "check_compute_content_cost",
    "check_compute_layer_style_cost",
    "check_compute_style_cost",
    "check_cosine_similarity",
    "check_gram_matrix",
    "check_intersection_over_union",
    "check_non_max_suppression",
    "check_module_index",
    "check_normalise",
    "check_preserve_color",
    "check_roc_curve",
    "check_scaled_size",
    "check_total_cost",
    "check_total_variation",
    "check_train_step",
    "check_triplet_loss",
    "check_verify",
    "check_who_is_it",
    "progress",
    "reset_progress",
]
