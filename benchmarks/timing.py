"""Time things side by side, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable


def interleave(runs: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Run all in turn, once to warm up, then `rounds` times.

    Returns the median seconds of each.
    """
    seconds = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(row) for name, row in seconds.items()}


def compare(
    title: str, runs: dict[str, Callable], rounds: int, count: int = 1
) -> None:
    """Print milliseconds, and how many times faster than the first each is.

    A run does something `count` times.
    """
    medians = interleave(runs, rounds)
    first = next(iter(medians.values()))
    print(f"\n{title}")
    for name, median in medians.items():
        each = median / count * 1000
        print(f"  {name:32} {each:9.2f} ms   {first / median:8.2f} x")
