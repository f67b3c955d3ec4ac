"""The notebooks' widgets in JupyterLab: mouse, uploads, a whole style run."""

import json
import re

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import style_lab
from tests.browser.conftest import ROOT
from tests.browser.notebook import Notebook

DETECTION = "01_face_detection.ipynb"
VERIFICATION = "03_face_verification.ipynb"
PYTORCH = "08_style_transfer_pytorch.ipynb"
LAB = "12_style_lab.ipynb"


@pytest.fixture(scope="module")
def server(serve):
    names = (DETECTION, VERIFICATION, PYTORCH, LAB)
    return serve("lab", {name: ROOT / "notebooks" / name for name in names})


@pytest.fixture
def open_notebook(server, page):
    def open_and_run(name):
        notebook = Notebook(page, server, name)
        notebook.run_all()
        return notebook

    return open_and_run


def pictures(widget):
    return widget.output.locator("img.widget-image")


def sources(widget):
    """The addresses of all pictures; one that is drawn anew has a new one."""
    return [picture.get_attribute("src") for picture in pictures(widget).all()]


def test_detection(open_notebook):
    notebook = open_notebook(DETECTION)
    widget = notebook.widget("Score threshold")
    notebook.shoot(widget, "01_detection")
    count = widget.output.get_by_text(re.compile(r"^\d+ faces?"))
    found, drawn = count.inner_text(), sources(widget)

    widget.drag(widget.row("Score threshold"), 0.95)
    readout = widget.row("Score threshold").locator(".widget-readout")
    expect(readout).to_have_text(re.compile(r"0\.9\d"))
    expect(pictures(widget).last).not_to_have_attribute("src", drawn[-1])
    expect(count).not_to_have_text(found)
    assert 0 < first_number(count.inner_text()) < first_number(found)

    widget.upload("Upload a picture", ROOT / "images/faces/obama_1.jpg")
    menu = widget.field("Picture").locator("option:checked")
    expect(menu).to_have_text("obama_1.jpg")
    expect(widget.output.get_by_text("1 face;")).to_be_visible()
    assert not set(sources(widget)) & set(drawn)


def first_number(text):
    return int(text.split()[0])


def test_verification(open_notebook):
    notebook = open_notebook(VERIFICATION)
    widget = notebook.widget("Pairs to compare with")
    notebook.shoot(widget, "03_verification")
    verdict = widget.output.get_by_text(re.compile(r"^Similarity 0\.\d+"))
    expect(verdict).to_contain_text("same person")

    drawn = sources(widget)[-1]
    widget.drag(widget.output.locator(".widget-slider").last, 0.98)
    expect(verdict).to_contain_text("different people")
    expect(widget.field("Threshold")).to_have_value(re.compile(r"^0\.9"))
    expect(pictures(widget).last).not_to_have_attribute("src", drawn)

    widget.field("Second picture").select_option("hopper_1")
    widget.field("Threshold").fill("-0.3")
    widget.page.keyboard.press("Enter")
    expect(verdict).to_contain_text("same person")
    widget.field("Threshold").fill("0.5")
    widget.page.keyboard.press("Enter")
    expect(verdict).to_contain_text("different people")


def test_style_lab(open_notebook, server):
    notebook = open_notebook(LAB)
    widget = notebook.widget("Framework")
    widget.upload("Upload a picture", ROOT / "images/faces/obama_1.jpg")
    style_lab.start(widget)
    first = sources(widget)

    paused = style_lab.end(widget, "Pause", "Paused")
    step = style_lab.step_of(paused)
    notebook.shoot(widget, "12_style_lab")
    assert style_lab.step_of(paused) == step

    widget.button("Resume").click()
    style_lab.wait_for_steps(widget)
    stopped = style_lab.end(widget, "Stop", "Stopped")
    assert style_lab.step_of(stopped) > step
    assert sources(widget) != first

    widget.button("Save PNG").click()
    saved = server.folder / "obama_1_jpg_as_vangogh_starry_night_torch.png"
    link = widget.output.get_by_role("link", name=saved.name)
    with widget.page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes() == saved.read_bytes()
    assert max(Image.open(saved).size) in (96, 128)  # of the size under way


@pytest.mark.timeout(900)  # it paints several pictures before
def test_the_lab_at_the_end_of_a_long_notebook(open_notebook):
    notebook = open_notebook(PYTORCH)
    widget = notebook.widget("Framework")
    style_lab.start(widget)
    style_lab.end(widget, "Stop", "Stopped")
    assert all(
        cell.execution_count
        for cell in notebook.save().cells
        if cell.cell_type == "code"
    )


def test_a_recipe_goes_out_and_comes_back(open_notebook, server, tmp_path):
    widget = open_notebook(LAB).widget("Framework")
    widget.button("Save recipe").click()
    saved = server.folder / "style_recipe.json"
    expect(widget.output.get_by_role("link", name=saved.name)).to_be_visible()
    recipe = json.loads(saved.read_text())
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({**recipe, "sizes": [64, 100]}))

    widget.upload("Load recipe", changed)
    field = widget.field("Long sides (pixels)")
    expect(field).to_have_value("64, 100")

    changed.write_text('{"sizes": "large"}')
    widget.upload("Load recipe", changed)
    expect(widget.output.get_by_role("alert")).to_contain_text("sizes")
    expect(field).to_have_value("64, 100")


@pytest.fixture
def run_code(server, page):
    """Run one cell in a notebook of its own."""

    def run(name, code):
        cell = nbformat.v4.new_code_cell(code)
        kernel = {"name": "python3", "display_name": "Python 3"}
        notebook = nbformat.v4.new_notebook(
            cells=[cell], metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, server.folder / name)
        opened = Notebook(page, server, name)
        opened.run_all()
        return opened

    return run


def test_search(run_code):
    notebook = run_code(
        "search.ipynb",
        "from course_utils import faces, runtime, widgets\n"
        "runtime.setup_notebook()\n"
        "widgets.SearchExplorer(faces.FaceGallery('gallery'))",
    )
    widget = notebook.widget("Enrolled people")
    widget.field("Name").fill("Barack Obama")
    widget.button("Enrol").click()
    people = widget.field("Enrolled people").locator("option")
    expect(people).to_have_text(["Barack Obama"])
    notebook.shoot(widget, "04_search")

    answer = widget.output.get_by_text(re.compile("^(known|un.+)$"))
    widget.field("Picture").select_option("obama_2")
    expect(answer).to_have_text("known")
    widget.field("Picture").select_option("biden_1")
    expect(answer).to_have_text("unknown")
    widget.button("Remove").click()
    expect(people).to_have_count(0)


def test_a_quiz_answers(run_code, page):
    run_code(
        "quiz.ipynb",
        "from course_utils import quizzes\nquizzes.show('face_recognition')",
    )
    questions = page.locator(".Quiz")
    expect(questions).to_have_count(16)
    number = questions.filter(has=page.locator("input.Input-text")).first
    for answer, verdict in (("0.3", "No:"), ("0.1", "Right:")):
        number.locator("input.Input-text").fill(answer)
        page.keyboard.press("Enter")
        expect(number.locator(".Feedback")).to_contain_text(verdict)
