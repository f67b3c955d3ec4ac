"""Work that takes minutes, in steps between which buttons are heard."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator

from course_utils.widgets.parts import Panel

# Seconds in which the kernel hears of buttons, between two steps. One turn of
# its event loop, sleep(0), is not enough: a click takes several turns, and was
# heard up to three (ipykernel 6.17) or four (7.4) steps late. 1 ms was enough.
_LISTEN = 0.005


class Workbench(Panel):
    """A panel that works as a task on the notebook's event loop.

    Of all workbenches one is at work: where another one begins, or is made
    (its cell may have been run again, and nobody could reach the old one any
    more), the work under way is paused.
    """

    _working: Workbench | None = None

    def __init__(self):
        """Nothing is under way yet."""
        super().__init__()
        self._wish = ""  # what a button asked for: "paused" or "stopped"
        self._task = None
        self._loop = None  # of the notebook
        with contextlib.suppress(RuntimeError):  # in a plain program
            self._loop = asyncio.get_running_loop()
        self._pause_others()

    async def finished(self) -> None:
        """Wait until the work under way has ended."""
        if self._task is not None:
            await asyncio.wrap_future(self._task)

    def _require_notebook(self) -> None:
        """Raise RuntimeError in a plain program, which has no event loop."""
        self._loop = self._loop or asyncio.get_running_loop()

    def _launch(self, work: Coroutine) -> None:
        """Begin to work on the notebook's own event loop.

        Not on the loop of the click: JupyterLab may deliver clicks in another
        thread, a subshell, which ends with the page.
        """
        self._pause_others()
        Workbench._working, self._wish = self, ""
        self._task = asyncio.run_coroutine_threadsafe(work, self._loop)

    def _pause_others(self) -> None:
        if Workbench._working not in (None, self):
            Workbench._working._wish = "paused"

    async def _obey(self, steps: Iterator) -> str:
        """Take steps until none is left or a button asks to end.

        Returns "finished", or what was asked for.
        """
        try:
            await asyncio.sleep(_LISTEN)
            while not self._wish:
                if self._take(steps) is None:
                    return "finished"
                await asyncio.sleep(_LISTEN)
            return self._wish
        except asyncio.CancelledError:  # of a cell that awaits the end
            return "stopped"
        finally:
            if Workbench._working is self:
                Workbench._working = None

    def _take(self, steps: Iterator):
        """Take one step. Jupyter's ■ during it asks to stop.

        That is an interrupt, which the kernel ignores while no cell runs.
        """

        def interrupted(_signal, _frame):
            self._wish = "stopped"

        before = signal.signal(signal.SIGINT, interrupted)
        try:
            return next(steps, None)
        finally:
            signal.signal(signal.SIGINT, before)
