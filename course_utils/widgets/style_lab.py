"""The style lab: choose two pictures, paint, watch, stop, save."""

import base64
import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import ipywidgets
import numpy as np
from PIL import Image

from course_utils import images, style
from course_utils.style import StyleRecipe
from course_utils.widgets.knobs import Knobs
from course_utils.widgets.parts import WHOLE_LABEL, Line, row
from course_utils.widgets.pickers import PicturePicker
from course_utils.widgets.transfer import Speed, take_turns
from course_utils.widgets.transfer_view import NAMES, TransferView, duration
from course_utils.widgets.workbench import Workbench

_PRESETS = {
    "Quick look": StyleRecipe.quick(),
    "Balanced": StyleRecipe.balanced(),
    "Fine": StyleRecipe.fine(),
}
_PRESET_KNOBS = ("sizes", "steps")  # the others stay as they are set
_RESUME_KNOBS = ("steps", "snapshot_every")  # may change on the way
_MAX_SIDE = 2048  # pixels; of an uploaded picture
_FRAME = 400  # milliseconds of each picture of an animation


class StyleLab(Workbench):
    """Style transfer at the touch of a button, one step at a time.

    What the mouse can do, Python can do as well:
    ``lab.style_weight.value = 50``, ``lab.start.click()``,
    ``await lab.finished()``. Every knob of StyleRecipe is an attribute of its
    name.

    Attributes:
        content, style_picture: PicturePickers of photograph and painting.
        quick, balanced, fine, estimate, start, pause, resume, stop, save_png,
        save_animation, save_recipe, load_recipe: the buttons.
        state: "idle", "painting", "paused" or "measuring".
        runs: {backend: the style.Run under way or made last}.
    """

    def __init__(
        self,
        content: str = "neuschwanstein",
        style_picture: str = "vangogh_starry_night",
        recipe: StyleRecipe | None = None,
        backend: str = "torch",
    ):
        """Begin with samples of images/content and images/styles.

        The knobs stand as in ``recipe``, by default the quick preset with a
        snapshot every ten steps. ``backend`` is "torch", "tensorflow", or
        "both", a step each in turn.
        """
        if backend not in (*NAMES, "both"):
            raise ValueError(
                f"{backend!r} is not a backend: use torch, tensorflow or both."
            )
        super().__init__()
        self.runs: dict[str, style.Run] = {}
        self._speed = Speed()
        self.content = PicturePicker("content", "Content", content, _MAX_SIDE)
        self.style_picture = PicturePicker(
            "styles", "Style", style_picture, _MAX_SIDE
        )
        names = [(name, backend) for backend, name in NAMES.items()]
        self.backend = ipywidgets.Dropdown(
            options=[*names, ("both, a step each in turn", "both")],
            value=backend,
            description="Framework",
            style=WHOLE_LABEL,
        )
        self.knobs = Knobs(recipe or StyleRecipe.quick(snapshot_every=10))
        for name, control in self.knobs.controls.items():
            setattr(self, name, control)
        self.times, self.limit = Line(), Line()
        self.notice, self.waiting = Line(), Line()
        self.view = TransferView()
        self._make_buttons()
        self._lay_out()
        self._enter("idle")
        controls = (*self.knobs.controls.values(), self.backend)
        self.on_change(self._choices_changed, *controls)
        pickers = self.content, self.style_picture
        self.on_change(self._choices_changed, *pickers, trait="image")
        self._choices_changed()

    @property
    def recipe(self) -> StyleRecipe:
        """What the knobs say now. Raises style.RecipeError."""
        return self.knobs.recipe()

    def estimates(self) -> dict[str, float | None]:
        """Return the seconds of each preset and of the knobs; None: unknown."""
        knobs = self.recipe
        recipes = {
            name.lower(): replace(knobs, sizes=preset.sizes, steps=preset.steps)
            for name, preset in _PRESETS.items()
        }
        recipes["these knobs"] = knobs
        content, backends = self.content.image, self._backends()
        return {
            name: self._speed.estimate(content, recipe, backends)
            for name, recipe in recipes.items()
        }

    # What the buttons do

    def _start(self) -> None:
        self._require_notebook()
        self.message.say("Loading the framework …")
        pictures = self.content.image, self.style_picture.image
        self.runs = {
            backend: style.Run(*pictures, self.recipe, backend)
            for backend in self._backends()
        }
        self.message.say()
        self._begun = self._choices()
        self.view.clear()
        self.view.status.value = "The first step is under way …"
        self._enter("painting")
        self._launch(self._watched_steps(), self._end)

    def _pause(self) -> None:
        self._wish = "paused"

    def _resume(self) -> None:
        changed = {k: self.knobs.controls[k].value for k in _RESUME_KNOBS}
        for run in self.runs.values():
            run.change(**changed)
        self._enter("painting")
        self._launch(self._watched_steps(), self._end)

    def _stop(self) -> None:
        self._wish = "stopped"
        if self.state == "paused":
            self._end("stopped")

    def _measure(self) -> None:
        self._require_notebook()
        steps = self._speed.measure(
            self.content.image,
            self.style_picture.image,
            self.recipe,
            self._backends(),
        )
        self.times.say("Measuring this machine …")
        then = self.state
        self._enter("measuring")
        self._launch(steps, lambda _outcome: self._measured(then))

    def _save_picture(self) -> None:
        saved = [
            images.save_image(run.image, self._file_for(backend, "png"))
            for backend, run in self.runs.items()
            if run.latest
        ]
        if not saved:
            raise ValueError("There is no picture yet: press Start first.")
        self._offer(saved, "image/png")

    def _save_animation(self) -> None:
        saved = []
        for backend, run in self.runs.items():
            if run.snapshots:
                saved.append(self._file_for(backend, "webp"))
                pictures = [*run.snapshots.values(), run.image]
                saved[-1].write_bytes(_animation(pictures))
        if not saved:
            raise ValueError(
                "There are no snapshots yet: set Snapshot every (under More "
                "knobs) to some steps, and press Start."
            )
        self._offer(saved, "image/webp")

    def _save_knobs(self) -> None:
        path = _unused("style_recipe.json")
        path.write_text(self.recipe.to_json())
        self._offer([path], "application/json")

    def _load_knobs(self, name: str, content: bytes) -> None:
        text = content.decode(errors="replace")
        self.knobs.show(StyleRecipe.from_json(text))
        self.notice.say(f"The knobs stand as in {html.escape(name)}.")

    def _offer(self, paths: list[Path], kind: str) -> None:
        """Say where files are; link them for those who work in a browser."""
        links = []
        for path in paths:
            data = base64.b64encode(path.read_bytes()).decode()
            address = f"data:{kind};base64,{data}"
            links.append(
                f'<a download="{path.name}" href="{address}">{path.name}</a>'
            )
        folder, files = html.escape(str(Path.cwd())), " and ".join(links)
        self.notice.say(f"Saved in {folder}; download: {files}.")

    def _file_for(self, backend: str, ending: str) -> Path:
        title = f"{self._begun['content']} as {self._begun['style']}"
        title = re.sub(r"\W+", "_", title).strip("_")
        return _unused(f"{title}_{backend}.{ending}")

    # The work between two buttons

    def _watched_steps(self) -> Iterator:
        for progress in take_turns(self.runs.values()):
            self.view.follow(self.runs)
            yield progress

    def _measured(self, then: str) -> None:
        self._enter(then)
        self._show_times()

    def _end(self, outcome: str) -> None:
        self._enter("paused" if outcome == "paused" else "idle")
        self.view.end(self.runs, outcome)
        self._say_what_waits()

    def _enter(self, state: str) -> None:
        self.state = state
        resting = state in ("idle", "paused")
        self.start.disabled = self.estimate.disabled = not resting
        self.pause.disabled = state != "painting"
        self.resume.disabled = state != "paused"
        self.stop.disabled = state == "idle"

    # What the choices say

    def _choices_changed(self) -> None:
        self._show_times()
        self._say_what_limits()
        self._say_what_waits()

    def _show_times(self) -> None:
        seconds = self.estimates()
        if None in seconds.values():
            self.times.say("How long? <i>Estimate times</i> measures it.")
        else:
            times = (f"{name} {duration(s)}" for name, s in seconds.items())
            self.times.say(f"On this machine: {', '.join(times)}.")

    def _say_what_limits(self) -> None:
        """A picture is never enlarged, which would surprise without a word."""
        height, width, _ = self.content.image.shape
        capped = max(self.recipe.sizes) > max(height, width)
        text = (
            f"The photograph has {width} × {height} pixels here: it is "
            "painted at no larger size."
        )
        self.limit.say(text if capped else "")

    def _say_what_waits(self) -> None:
        """Name the changes that an unfinished painting will not see."""
        changes = []
        if self.state in ("painting", "paused"):
            now = self._choices()
            changes = [
                name.replace("_", " ")
                for name, begun in self._begun.items()
                if now[name] != begun
            ]
        text = (
            f"Changed: {', '.join(changes)}. That takes effect at the next "
            "Start; Resume goes on as the painting was begun."
        )
        self.waiting.say(text if changes else "")

    def _choices(self) -> dict:
        """What a painting is begun with, and goes on with to its end."""
        return {
            "content": self.content.name,
            "style": self.style_picture.name,
            "framework": self.backend.value,
            **asdict(self.recipe),
            **dict.fromkeys(_RESUME_KNOBS),
        }

    def _backends(self) -> tuple[str, ...]:
        chosen = self.backend.value
        return tuple(NAMES) if chosen == "both" else (chosen,)

    # What it looks like

    def _make_buttons(self) -> None:
        self.quick, self.balanced, self.fine = (
            self.button(name, partial(self.knobs.show, preset, _PRESET_KNOBS))
            for name, preset in _PRESETS.items()
        )
        self.estimate = self.button("Estimate times", self._measure)
        self.start = self.button("Start", self._start, "play", "success")
        self.pause = self.button("Pause", self._pause, "pause")
        self.resume = self.button("Resume", self._resume, "play")
        self.stop = self.button("Stop", self._stop, "stop")
        self.save_png = self.button("Save PNG", self._save_picture)
        self.save_animation = self.button(
            "Save animation", self._save_animation
        )
        self.save_recipe = self.button("Save recipe", self._save_knobs)
        self.load_recipe = self.upload_button(
            "Load recipe", ".json", self._load_knobs
        )

    def _lay_out(self) -> None:
        choices = (
            row(self.content, self.style_picture),
            self.backend,
            row(self.quick, self.balanced, self.fine, self.estimate),
            *(self.times, self.knobs, self.limit),
            row(self.save_recipe, self.load_recipe),
        )
        painting = (
            row(self.start, self.pause, self.resume, self.stop),
            row(self.save_png, self.save_animation),
            *(self.message, self.waiting, self.notice, self.view),
        )
        half = {"flex": "1 1 400px", "min_width": "0"}
        columns = [ipywidgets.VBox(c, layout=half) for c in (choices, painting)]
        self.children = (row(*columns, grid_gap="0 16px"),)


def _unused(name: str) -> Path:
    """Return the name, with a number where there is such a file already."""
    path, number = Path(name), 1
    while path.exists():
        number += 1
        path = path.with_name(f"{Path(name).stem}_{number}{path.suffix}")
    return path


def _animation(pictures: Sequence[np.ndarray]) -> bytes:
    """Encode pictures as an animated WebP, all as large as the last."""
    *_, (height, width, _) = (picture.shape for picture in pictures)
    first, *others = (
        Image.fromarray(picture).resize((width, height)) for picture in pictures
    )
    file = io.BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=[*[_FRAME] * len(others), 4 * _FRAME],
        loop=0,
    )
    return file.getvalue()
