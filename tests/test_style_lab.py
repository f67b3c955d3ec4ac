"""Every button is pressed and every knob turned while the lab really paints."""

import asyncio
import dataclasses
import gc
import threading
import weakref

import ipywidgets
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from pictures import pixels
from PIL import Image

from course_utils import images
from course_utils.style import StyleRecipe
from course_utils.widgets import StyleLab
from course_utils.widgets.parts import jpeg

TINY = StyleRecipe(sizes=(24, 32), steps=4, snapshot_every=2)
STEPS = 6 + 4  # of TINY: half as many again at the smaller size
ENDLESS = dataclasses.replace(TINY, steps=200)
# In an event loop, as a notebook's cell is.
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    ipywidgets.Widget.close_all()


@pytest.fixture
def lab():
    return StyleLab(recipe=TINY)


@pytest.fixture
def endless():
    return StyleLab(recipe=ENDLESS)


async def painted(lab):
    lab.start.click()
    await lab.finished()
    return lab.runs


async def first_steps(lab, count=1):
    """Let a lab paint some steps."""
    while sum(len(run.history) for run in lab.runs.values()) < count:
        await asyncio.sleep(0.001)


async def paused(lab, count=1):
    """Let a lab paint some steps, and pause it."""
    lab.start.click()
    await first_steps(lab, count)
    lab.pause.click()
    await lab.finished()
    assert lab.state == "paused"
    return lab.runs["torch"].latest.step


def noted(lab, note):
    """Return a list that grows by note(runs) with every step."""
    notes, follow = [], lab.view.follow

    def noting(runs):
        notes.append(note(runs))
        follow(runs)

    lab.view.follow = noting
    return notes


# Painting


async def test_start_paints_to_the_end_and_shows_it(lab):
    assert lab.state == "idle" and lab.view.status.value == ""
    run = (await painted(lab))["torch"]
    assert lab.state == "idle" and lab.message.value == ""
    assert lab.view.status.value.startswith(
        f"Finished at PyTorch step {STEPS}, after"
    )
    assert lab.view.bar.value == lab.view.bar.max == STEPS
    totals = [losses.total for losses in run.history]
    assert len(totals) == STEPS and totals[-1] < 0.9 * totals[6]
    assert run.image.shape == (21, 32, 3)
    assert lab.view.pictures["torch"].value == jpeg(run.image)
    curves = pixels(lab.view.curves)
    assert curves.shape == (280, 640, 3)
    for color in ((0, 114, 178), (213, 94, 0)):  # content and style
        assert (np.abs(curves.astype(int) - color).sum(-1) < 90).sum() > 50


async def test_snapshots_hang_in_the_gallery_and_on_the_time_slider(lab):
    run = (await painted(lab))["torch"]
    snapshots = run.snapshots
    assert list(snapshots) == [2, 4, 6, 8, 10]
    assert len(lab.view.gallery.children) == 5
    assert 'alt="PyTorch, step 10"' in lab.view.gallery.children[-1].value
    assert lab.view.time.value == lab.view.time.max == 5
    for place, (step, snapshot) in enumerate(snapshots.items()):
        lab.view.time.value = place
        assert lab.view.moment.value == f"Shown: step {step}"
        assert lab.view.pictures["torch"].value == jpeg(snapshot)
    lab.view.time.value = 5
    assert lab.view.moment.value == "Shown: now"
    assert lab.view.pictures["torch"].value == jpeg(run.image)


async def test_resume_goes_on_where_pause_was_pressed(lab):
    steps = noted(lab, lambda runs: runs["torch"].latest.step)
    paused_at = await paused(lab, 3)
    assert 3 <= paused_at < STEPS
    assert lab.view.status.value.startswith("Paused at PyTorch step")
    lab.resume.click()
    assert lab.state == "painting"
    await lab.finished()
    assert steps == list(range(1, STEPS + 1))  # none twice


async def test_stop_takes_no_further_step_and_keeps_the_best(endless):
    endless.start.click()
    await first_steps(endless, 3)
    endless.stop.click()
    reached = endless.runs["torch"].latest
    await endless.finished()
    assert endless.runs["torch"].latest is reached
    assert endless.state == "idle"
    assert endless.view.status.value.startswith("Stopped at PyTorch step")


@pytest.mark.parametrize("more", [9, 1])
async def test_other_steps_after_a_pause_are_counted(lab, more):
    """Of 9 + 6 planned steps the first size has had its 9 already."""
    lab.steps.value = 6
    reached = await paused(lab, 10)
    lab.steps.value = more
    lab.resume.click()
    await lab.finished()
    last = max(reached, 9 + more)
    assert lab.view.status.value.startswith(
        f"Finished at PyTorch step {last}, after"
    )
    assert lab.view.bar.value == lab.view.bar.max == last


async def test_stop_before_the_first_step(lab):
    lab.start.click()
    lab.stop.click()
    await lab.finished()
    assert lab.state == "idle" and not lab.runs["torch"].latest
    assert lab.view.status.value == "Stopped before the first step."
    for button in (lab.save_png, lab.save_animation):
        button.click()
        assert "press Start" in lab.message.value


async def test_a_paused_painting_can_be_stopped_or_started_anew(lab):
    for button in (lab.stop, lab.start):
        await paused(lab)
        earlier = lab.runs
        button.click()
        await lab.finished()
        assert lab.state == "idle" and lab.resume.disabled
    assert lab.runs is not earlier
    assert lab.runs["torch"].latest.step == STEPS


async def test_buttons_that_make_no_sense_are_grey_and_say_so(lab):
    for button in (lab.pause, lab.resume, lab.stop):
        button.click()
        assert "greyed out" in lab.message.value
    lab.start.click()
    runs = lab.runs
    for button in (lab.start, lab.resume, lab.estimate):
        button.click()
        assert "greyed out" in lab.message.value
    await lab.finished()
    assert lab.runs is runs and runs["torch"].latest.step == STEPS


def test_without_a_notebook_start_says_so(lab):
    lab.start.click()
    assert "no running event loop" in lab.message.value and lab.state == "idle"


async def test_a_second_lab_pauses_the_first(endless):
    """By Start, and by being made: its cell may have been run again."""
    second = StyleLab(recipe=TINY)
    endless.start.click()
    await first_steps(endless)
    await painted(second)
    await endless.finished()
    assert endless.state == "paused" and second.state == "idle"
    assert second.runs["torch"].latest.step == STEPS
    endless.resume.click()
    StyleLab(recipe=TINY)
    await endless.finished()
    assert endless.state == "paused"


async def test_clicks_from_another_thread_paint_in_the_notebooks_own():
    """JupyterLab delivers clicks to a subshell, which is a thread."""
    lab = StyleLab(recipe=TINY)
    where = noted(lab, lambda _runs: threading.current_thread())
    await asyncio.to_thread(lab.start.click)
    await first_steps(lab)
    await asyncio.to_thread(lab.pause.click)
    await lab.finished()
    assert lab.state == "paused"
    await asyncio.to_thread(lab.resume.click)
    await lab.finished()
    assert len(where) == STEPS and set(where) == {threading.main_thread()}


IN_A_KERNEL = """
import pathlib, time
from course_utils import style, widgets

lab = widgets.StyleLab(recipe=style.StyleRecipe(sizes=(24,), steps=100))
follow = lab.view.follow

def wait_at_step_3(runs):
    follow(runs)
    step = runs["torch"].latest.step
    print("step", step, flush=True)
    if step == 3:
        while not pathlib.Path("clicked").exists():
            time.sleep(0.01)
        time.sleep(0.5)  # until the click has arrived

lab.view.follow = wait_at_step_3
lab.start.click()
print("stop", lab.stop.model_id, flush=True)
"""


def test_a_real_kernel_stops_within_one_step(folder):
    """Step 3 is still under way when the click is sent: it is the last."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute(IN_A_KERNEL)
        stop = wait_for_print(client, "stop ")
        wait_for_print(client, "step 3")
        click = {"method": "custom", "content": {"event": "click"}}
        message = {"comm_id": stop, "data": click}
        client.shell_channel.send(client.session.msg("comm_msg", message))
        (folder / "clicked").touch()
        client.execute("await lab.finished(); print('end', lab.view.bar.value)")
        assert wait_for_print(client, "end ") == "3"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def wait_for_print(client, start):
    """Return what a line says after its ``start``."""
    while True:
        message = client.get_iopub_msg(timeout=120)
        assert message["msg_type"] != "error", message["content"]
        for line in message["content"].get("text", "").splitlines():
            if line.startswith(start):
                return line.removeprefix(start)


async def test_both_take_turns_and_both_are_saved(lab, folder):
    lab.backend.value, lab.snapshot_every.value = "both", 3
    turns = noted(lab, lambda runs: [len(run.history) for run in runs.values()])
    runs = await painted(lab)
    assert turns[:3] == [[1, 0], [1, 1], [2, 1]] and len(turns) == 2 * STEPS
    assert lab.view.bar.value == lab.view.bar.max == 2 * STEPS
    # One loss, two frameworks: the first evaluation agrees.
    first = [run.history[0].total for run in runs.values()]
    assert first[0] == pytest.approx(first[1], rel=0.05)

    lab.save_png.click()
    assert "data:image/png;base64," in lab.notice.value
    lab.save_png.click()  # and overwrites nothing
    assert sorted(path.name for path in folder.iterdir()) == [
        f"neuschwanstein_as_vangogh_starry_night_{backend}{number}.png"
        for backend in ("tensorflow", "torch")
        for number in ("", "_2")
    ]
    lab.save_animation.click()
    for backend, run in runs.items():
        assert pixels(lab.view.pictures[backend]).shape == (21, 32, 3)
        (path,) = folder.glob(f"*_{backend}.png")
        assert (images.load_image(path) == run.image).all()
        (path,) = folder.glob(f"*_{backend}.webp")
        with Image.open(path) as animation:
            assert animation.n_frames == 3 + 1  # and the result
            animation.seek(3)
            last = np.asarray(animation.convert("RGB")).astype(int)
        assert np.abs(last - run.image).mean() < 12  # lossy


# What goes wrong


async def test_divergence_is_explained_and_the_lab_goes_on(lab):
    lab.style_weight.value = 1e39
    with np.errstate(over="ignore"):
        await painted(lab)
    assert "The loss is no longer a number at step 1" in lab.message.value
    assert lab.state == "idle"
    lab.style_weight.value = 100
    await painted(lab)
    assert lab.message.value == "" and lab.view.bar.value == STEPS


async def test_stopping_a_cell_that_awaits_the_end_stops(endless):
    endless.start.click()
    await first_steps(endless)
    waiting = asyncio.ensure_future(endless.finished())
    await asyncio.sleep(0)
    waiting.cancel()
    while endless.state == "painting":
        await asyncio.sleep(0.001)
    assert endless.view.status.value.startswith("Stopped")


async def test_too_little_memory_keeps_the_earlier_painting(
    no_gpu, lab, monkeypatch
):
    earlier = await painted(lab)
    monkeypatch.setattr("course_utils.hardware.free_memory", lambda: 1000)
    lab.start.click()
    assert "GB are free" in lab.message.value
    assert lab.runs is earlier and lab.state == "idle"


# Knobs and presets

TURNED = {
    "style_weight": 35.0,
    "content_weight": 2.0,
    "tv_weight": 0.5,
    "preserve_color": "luminance",
    "sizes": "100, 200",
    "steps": 7,
    "init": "noise",
    "content_layers": "conv3_2=0.5, conv4_2=0.5",
    "style_layers": " conv1_2 = 1 ",
    "optimizer": "adam",
    "learning_rate": 0.1,
    "pooling": "avg",
    "precision": "float32",
    "weights": "vgg16_caffe",
    "snapshot_every": 3,
    "seed": 8,
}


def test_every_knob_changes_its_field_of_the_recipe(lab):
    assert lab.recipe == TINY
    assert set(TURNED) == set(lab.knobs.controls)
    for knob, value in TURNED.items():
        getattr(lab, knob).value = value
    parsed = {
        "sizes": (100, 200),
        "content_layers": {"conv3_2": 0.5, "conv4_2": 0.5},
        "style_layers": {"conv1_2": 1.0},
    }
    assert lab.recipe == StyleRecipe(**{**TURNED, **parsed})
    *_, rarer, _message = lab.knobs.children
    assert rarer.layout.display == "none"
    lab.knobs.more.value = True
    assert rarer.layout.display is None


def test_presets_fill_the_knobs_and_leave_the_taste(lab):
    lab.style_weight.value = 20
    taste = lab.recipe
    for name in ("quick", "balanced", "fine"):
        lab.sizes.value = "broken"
        getattr(lab, name).click()
        preset = getattr(StyleRecipe, name)()
        assert lab.recipe == dataclasses.replace(
            taste, sizes=preset.sizes, steps=preset.steps
        )
        assert lab.message.value == ""


@pytest.mark.parametrize(
    ("knob", "text", "sentence"),
    [
        ("sizes", "", "list long sides in pixels"),
        ("style_layers", "conv4_2", "list layers with their shares"),
        ("content_layers", "conv9_1=1", "names &#x27;conv9_1&#x27;"),
    ],
)
async def test_what_is_typed_wrong_is_explained(lab, knob, text, sentence):
    control = getattr(lab, knob)
    right, control.value = control.value, text
    assert sentence in lab.message.value
    lab.start.click()
    assert sentence in lab.message.value and not lab.runs
    control.value = right
    assert lab.message.value == ""


def test_a_photograph_smaller_than_the_sizes_is_said(lab):
    height, width, _ = lab.content.image.shape
    lab.sizes.value = f"128, {width + 1}"
    assert f"has {width} × {height} pixels" in lab.limit.value
    lab.sizes.value = f"128, {width}"
    assert lab.limit.value == ""


async def test_changes_while_paused_are_announced(lab):
    await paused(lab)
    lab.style_weight.value = 3
    lab.content.menu.value = "dahlia"
    lab.steps.value = 6  # may change on the way
    assert "Changed: content, style weight." in lab.waiting.value
    lab.resume.click()
    await lab.finished()
    assert lab.runs["torch"].recipe == dataclasses.replace(TINY, steps=6)
    assert lab.waiting.value == ""
    await painted(lab)
    assert lab.runs["torch"].recipe.style_weight == 3


async def test_times_are_measured_when_asked_and_ordered(lab, monkeypatch):
    monkeypatch.setattr("course_utils.widgets.transfer._SIZES", (32, 96))
    assert set(lab.estimates().values()) == {None}
    assert "measures it" in lab.times.value
    lab.estimate.click()
    assert lab.state == "measuring"
    await lab.finished()
    quick, balanced, fine, these = lab.estimates().values()
    assert 0 < these < quick < balanced < fine
    assert "On this machine: quick look about" in lab.times.value
    lab.steps.value = 8
    assert these < lab.estimates()["these knobs"] <= 2 * these
    lab.precision.value = "float32"  # another network: not measured yet
    assert lab.estimates()["these knobs"] is None


async def test_measuring_can_be_stopped_and_leaves_a_paused_painting(lab):
    await paused(lab)
    lab.estimate.click()
    lab.stop.click()
    await lab.finished()
    assert lab.state == "paused" and None in lab.estimates().values()
    lab.resume.click()
    await lab.finished()
    assert lab.runs["torch"].latest.step == STEPS


# Recipes


def test_a_recipe_is_saved_and_loaded(folder, upload):
    recipe = StyleRecipe(
        sizes=(48, 96),
        style_weight=4321.5,
        content_layers={"conv3_1": 0.25, "conv5_3": 1 / 3},
        preserve_color="match",
        steps=999,
    )
    StyleLab(recipe=recipe).save_recipe.click()
    saved = (folder / "style_recipe.json").read_bytes()
    other = StyleLab()
    for _ in range(2):  # the same file a second time
        upload(other.load_recipe, "mine.json", saved)
        assert other.recipe == recipe and other.message.value == ""
        assert "mine.json" in other.notice.value
        other.quick.click()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"style_image_weights": [1, 2]}', "several style pictures"),
        (b"\x89PNG\xff\x00", "is not a recipe"),
    ],
)
def test_a_bad_recipe_changes_nothing(lab, upload, text, sentence):
    upload(lab.load_recipe, "bad.json", text)
    assert sentence in lab.message.value
    assert lab.recipe == TINY


# Nothing is left behind


async def test_many_starts_leave_nothing_behind(lab):
    await painted(lab)
    threads, earlier = threading.active_count(), []
    tasks = asyncio.all_tasks()
    for stops in (False, True, False, True):
        earlier += map(weakref.ref, lab.view.gallery.children)
        lab.start.click()
        if stops:
            await first_steps(lab)
            lab.stop.click()
        earlier += map(weakref.ref, lab.runs.values())
        await lab.finished()
    gc.collect()
    alive = [ref() for ref in earlier if ref() is not None]
    assert alive == [*lab.runs.values()]
    assert asyncio.all_tasks() == tasks
    assert threading.active_count() <= threads
