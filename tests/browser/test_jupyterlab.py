"""The widgets in JupyterLab: mouse, keyboard, uploads, a whole painting."""

import functools
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import notebook, style_lab
from tools.repository import ROOT

PAIRS = """
similarities = [k / 100 for k in range(100)]
pairs = faces.calibrate(similarities, [s > 0.4 for s in similarities])
"""


@pytest.fixture
def run_code(server, page):
    return functools.partial(notebook.run_code, page, server)


def pictures(widget):
    return widget.output.locator("img.widget-image:visible")


def sources(widget):
    """The addresses of all pictures; one that is drawn anew has a new one."""
    return [picture.get_attribute("src") for picture in pictures(widget).all()]


def together_on_the_screen(opened, *parts):
    """Whether all parts fit into what JupyterLab shows of a notebook."""
    room = opened.page.locator(".jp-Notebook").first.bounding_box()
    boxes = [part.bounding_box() for part in parts]
    top = min(box["y"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return bottom - top <= room["height"]


def type_in(field, text):
    field.fill(text)
    field.press("Enter")


def test_detection(run_code):
    opened = run_code("widgets.DetectionExplorer()")
    widget = opened.widget("Score threshold")
    opened.shoot(widget, "detection")
    count = widget.output.get_by_text(re.compile(r"^\d+ (face|candidate)s?"))
    expect(count).to_have_text("8 faces")
    drawn = sources(widget)

    widget.drag(widget.slider("Score threshold"), 0.95)
    field = widget.field("Score threshold")
    expect(field).to_have_value(re.compile(r"^0\.9\d$"))
    expect(pictures(widget).last).not_to_have_attribute("src", drawn[-1])
    expect(count).not_to_have_text("8 faces")
    type_in(field, "0,5")
    expect(field).to_have_value("0.50")
    expect(count).to_have_text("9 candidates")

    widget.upload("Upload a picture", ROOT / "images/faces/obama_1.jpg")
    menu = widget.field("Picture").locator("option:checked")
    expect(menu).to_have_text("obama_1.jpg")
    expect(widget.button("Upload a picture")).to_have_text(re.compile(r"\(1\)"))
    expect(count).to_have_text("1 candidate")
    assert not set(sources(widget)) & set(drawn)


def test_verification(run_code):
    opened = run_code(PAIRS + "widgets.VerificationExplorer({'ORL': pairs})")
    widget = opened.widget("Pairs to compare with")
    opened.shoot(widget, "verification")
    opened.look("Light", 1280)
    slider = widget.output.locator(".widget-slider").last
    first, second = map(widget.field, ("First picture", "Second picture"))
    parts = first, pictures(widget).last, slider
    assert together_on_the_screen(opened, *parts)
    verdict = widget.output.get_by_text(re.compile(r"^Similarity 0\.\d+"))
    expect(verdict).to_contain_text("same person")

    drawn = sources(widget)[-1]
    widget.drag(slider, 0.98)
    expect(verdict).to_contain_text("different people")
    expect(widget.field("Threshold")).to_have_value(re.compile(r"^0\.9"))
    expect(pictures(widget).last).not_to_have_attribute("src", drawn)

    first.select_option("noface_cat")
    expect(widget.output.get_by_role("alert")).to_have_count(1)
    assert first.bounding_box()["y"] == second.bounding_box()["y"]
    first.select_option("group8_office")
    widget.field("Face").select_option("1 of 8 from the left")
    type_in(widget.field("Threshold"), "-0,3")
    expect(verdict).to_contain_text("same person")


def test_search(run_code):
    opened = run_code("widgets.SearchExplorer(faces.FaceGallery('gallery'))")
    widget = opened.widget("Enrolled people")
    people = widget.field("Enrolled people").locator("option")
    type_in(widget.field("Name"), "Barack Obama")
    expect(people).to_have_text(["Barack Obama"])
    opened.shoot(widget, "search")

    answer = widget.output.get_by_text(re.compile("^(known|un.+)$"))
    widget.field("Picture").select_option("obama_2")
    expect(answer).to_have_text("known")
    widget.field("Picture").select_option("biden_1")
    expect(answer).to_have_text("unknown")
    widget.button("Remove").click()
    expect(people).to_have_count(0)


def test_style_lab(run_code, server):
    opened = run_code("lab = widgets.StyleLab()\nlab")
    widget = opened.widget("Framework")
    widget.upload("Upload a picture", ROOT / "images/content/dahlia.jpg")
    style_lab.start(widget)
    bar, live = widget.output.locator(".widget-hprogress"), pictures(widget)
    knobs = widget.button("Start"), widget.field("Style weight β")
    assert together_on_the_screen(opened, *knobs, bar, live.nth(2))
    widget.button("Pause").click()
    paused = style_lab.ended(widget, "Paused")
    step = style_lab.step_of(paused)
    opened.shoot(widget, "style_lab")
    assert style_lab.step_of(paused) == step

    widget.button("Resume").click()
    style_lab.wait_for_steps(widget)
    opened.interrupt()  # Jupyter's ■
    stopped = style_lab.ended(widget, "Stopped")
    assert style_lab.step_of(stopped) > step

    now = live.nth(2).get_attribute("src")
    widget.drag(widget.slider("Shown: now"), 0)
    expect(widget.output.get_by_text("Shown: step 10")).to_be_visible()
    expect(live.nth(2)).not_to_have_attribute("src", now)
    thumbnail = widget.output.get_by_alt_text("PyTorch, step 10")
    small = thumbnail.bounding_box()["height"]
    thumbnail.click()
    assert thumbnail.bounding_box()["height"] > small

    widget.button("Save PNG").click()
    saved = server.folder / "dahlia_jpg_as_vangogh_starry_night_torch.png"
    link = widget.output.get_by_role("link", name=saved.name)
    with widget.page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes() == saved.read_bytes()
    assert max(Image.open(saved).size) in (96, 128)  # of the size under way


def test_a_quiz_answers(run_code, page):
    run_code("quizzes.show('face_recognition')")
    questions = page.locator(".Quiz")
    number = questions.filter(has=page.locator("input.Input-text")).first
    for answer, verdict in (("0.3", "No:"), ("0.1", "Right:")):
        number.locator("input.Input-text").fill(answer)
        page.keyboard.press("Enter")
        expect(number.locator(".Feedback")).to_contain_text(verdict)
