"""A style transfer under way, in one framework or in both by turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from course_utils import style


class Transfer:
    """The same recipe in one framework or several, an evaluation each in turn.

    Attributes:
        content: RGB ``uint8``, shape (height, width, 3).
        style_image: likewise.
        recipe: the StyleRecipe that is followed.
        backends: names of the frameworks.
        title: what the result is called.
        latest: {backend: the Progress of its last evaluation}.
        history: {backend: tuple of Losses, one per evaluation}.
        snapshots: {backend: {step: RGB ``uint8`` picture}}.
    """

    def __init__(
        self,
        content: np.ndarray,
        style_image: np.ndarray,
        recipe: style.StyleRecipe,
        backends: Sequence[str],
        title: str,
    ):
        """Prepare the first step. Raises what ``style.stream`` raises."""
        self.content, self.style_image = content, style_image
        self.backends, self.title = tuple(backends), title
        self.latest: dict[str, style.Progress] = {}
        self.history = dict.fromkeys(self.backends, ())
        self.snapshots = {backend: {} for backend in self.backends}
        self._streams: dict[str, Iterator[style.Progress]] = {}
        self.open(recipe)

    def open(self, recipe: style.StyleRecipe) -> None:
        """Prepare to go on from ``latest``.

        Raises:
            style.PictureError: the recipe is another one; only ``steps`` and
                ``snapshot_every`` may change on the way.
        """
        self._streams = {
            backend: style.stream(
                self.content,
                self.style_image,
                recipe,
                backend,
                resume=self.latest.get(backend),
            )
            for backend in self.backends
        }
        self.recipe = recipe

    def steps(self) -> Iterator[style.Progress]:
        """Take one evaluation in each framework in turn; yield after each."""
        while self._streams:
            for backend, stream in list(self._streams.items()):
                progress = next(stream, None)
                if progress is None:
                    del self._streams[backend]
                else:
                    self._keep(backend, progress)
                    yield progress

    def close(self, resumable: bool) -> None:
        """Let go of the networks' memory, and of the optimiser's too.

        ``resumable`` keeps the optimiser, some twenty pictures, so that
        ``open`` can go on.
        """
        for stream in self._streams.values():
            stream.close()
        self._streams = {}
        if not resumable:
            self.latest = {
                backend: replace(progress, state=None)
                for backend, progress in self.latest.items()
            }

    def _keep(self, backend: str, progress: style.Progress) -> None:
        self.latest[backend] = progress
        self.history[backend] = progress.state.history
        every = self.recipe.snapshot_every
        if every and progress.step % every == 0:
            self.snapshots[backend][progress.step] = progress.image
