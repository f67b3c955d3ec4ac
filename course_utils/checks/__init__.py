"""The exercises' instant checks: ``checks.check_gram_matrix(gram_matrix)``.

Each check prints a tick or one hint and returns whether the function is right.
``progress()`` shows which exercises are solved, ``reset_progress()`` forgets.
"""

import textwrap

from course_utils.checks import progress_file
from course_utils.checks.exercise import Exercise
from course_utils.checks.exercises.face_detection import (
    check_intersection_over_union,
    check_non_max_suppression,
)
from course_utils.checks.exercises.face_landmarks import check_align_face
from course_utils.checks.exercises.face_search import check_who_is_it
from course_utils.checks.exercises.face_search_at_scale import (
    check_best_people,
)
from course_utils.checks.exercises.face_verification import (
    check_choose_threshold,
    check_cosine_similarity,
    check_roc_curve,
    check_triplet_loss,
    check_verify,
)
from course_utils.checks.exercises.find_the_bugs import (
    check_capture_features,
    check_module_index,
    check_normalise,
    check_scaled_size,
)
from course_utils.checks.exercises.style_side_by_side import (
    check_preserve_color,
    check_total_variation,
)
from course_utils.checks.exercises.style_transfer_pytorch import (
    check_compute_content_cost,
    check_compute_layer_style_cost,
    check_compute_style_cost,
    check_total_cost,
)
from course_utils.checks.exercises.style_transfer_tensorflow import (
    check_choose_targets,
    check_train_step,
)
from course_utils.checks.exercises.train_a_recogniser import (
    check_arcface_logits,
    check_put_aside,
    check_semi_hard_triplets,
    check_unseen_eer,
)
from course_utils.checks.exercises.what_vgg_sees import check_gram_matrix
from course_utils.checks.progress_file import reset_progress

# In the order of the course, which is that of progress().
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
    check_arcface_logits,
    check_semi_hard_triplets,
    check_put_aside,
    check_unseen_eer,
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
__all__ = ["EXERCISES", "Exercise", "progress", "reset_progress"]
__all__ += [f"check_{exercise.name}" for exercise in EXERCISES]


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
