"""Work that takes minutes, in steps between which buttons are heard."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

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

    _working = None  # the one whose work is under way

    def __init__(self):
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

    def _launch(self, steps: Iterator, ended: Callable[[str], None]) -> None:
        """Begin to take steps on the notebook's own event loop.

        Not on the loop of the click: JupyterLab may deliver clicks in another
        thread, a subshell, which ends with the page. ``ended`` is called with
        "finished", or with what a button asked for.
        """
        self._pause_others()
        Workbench._working, self._wish = self, ""
        work = self._work(steps, ended)
        self._task = asyncio.run_coroutine_threadsafe(work, self._loop)

    def _pause_others(self) -> None:
        if Workbench._working not in (None, self):
            Workbench._working._wish = "paused"

    async def _work(self, steps: Iterator, ended: Callable) -> None:
        outcome = "stopped"  # by an error, or with a cell that awaits the end
        with self.explaining(), contextlib.suppress(asyncio.CancelledError):
            try:
                await asyncio.sleep(_LISTEN)
                while not self._wish and self._take(steps) is not None:
                    await asyncio.sleep(_LISTEN)
                outcome = self._wish or "finished"
            finally:
                if Workbench._working is self:
                    Workbench._working = None
                ended(outcome)

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
