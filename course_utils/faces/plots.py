"""The two drawings that every comparison of faces needs."""

from collections.abc import Mapping

import numpy as np

from course_utils.faces.verification import Calibration

# Okabe and Ito's palette, which colour-blind readers can tell apart.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#f0e442")


def plot_similarities(calibrations: Mapping[str, Calibration]):
    """Draw the hills of same and of different pairs, one panel a title."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1,
        len(calibrations),
        figsize=(min(10, 6 * len(calibrations)), 3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    scores = [each.similarities for each in calibrations.values()]
    bins = np.linspace(min(map(np.min, scores)), max(map(np.max, scores)), 80)
    for axis, (title, pairs) in zip(axes[0], calibrations.items(), strict=True):
        for same, color in ((False, PALETTE[1]), (True, PALETTE[0])):
            axis.hist(
                pairs.similarities[pairs.same == same],
                bins,
                density=True,  # else the few same pairs could not be seen
                color=color,
                alpha=0.65,
                label="same person" if same else "different people",
            )
        axis.set(title=title, yticks=[], xlabel="cosine similarity")
    axes[0, 0].set_ylabel("share of pairs")
    axes[0, 0].legend(loc="upper center")
    plt.close(figure)  # else the notebook would show it a second time
    return figure


def plot_roc(calibrations: Mapping[str, Calibration], far: float):
    """Draw at most six ROC curves, and mark the false accept rate ``far``."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    lowest = 1.0
    curves = zip(PALETTE, calibrations.items(), strict=False)
    for color, (name, pairs) in curves:
        rate = pairs.true_accept_rate_at(far)
        lowest = min(lowest, rate)
        axis.step(
            pairs.false_accept_rate,
            pairs.true_accept_rate,
            where="post",
            color=color,
            label=f"{name}: threshold {pairs.threshold_at(far):.2f}",
        )
        axis.plot(far, rate, "o", color=color)
    rates = np.logspace(-5, 0, 100)
    axis.plot(rates, 1 - rates, ":", color="grey", label="both errors equal")
    axis.axvline(far, color="grey", linewidth=0.5)
    axis.set(
        xscale="log",
        xlim=(far / 10, 1),
        ylim=(max(0, np.floor(10 * lowest - 1) / 10), 1.01),
        xlabel="false accept rate (logarithmic)",
        ylabel="true accept rate",
    )
    axis.legend(loc="lower right")
    plt.close(figure)
    return figure
