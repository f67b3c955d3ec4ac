"""The same widgets in Notebook 7, and as a page of Voilà."""

import nbformat
from playwright.sync_api import expect

from tests.browser import style_lab
from tests.browser.notebook import SCREENSHOTS, Widget, run_code
from tools.repository import ROOT

LAB = "12_style_lab.ipynb"
SHOW_LAB = "lab = widgets.StyleLab()\nlab"


def test_notebook_7(server, page):
    opened = run_code(page, server, "widgets.DetectionExplorer()", "notebook")
    widget = opened.widget("Score threshold")
    picture = widget.output.locator("img.widget-image:visible").last
    drawn = picture.get_attribute("src")
    widget.drag(widget.slider("Score threshold"), 0.95)
    expect(picture).not_to_have_attribute("src", drawn)
    opened.shoot(widget, "notebook_7")


def test_voila_makes_a_page_of_the_lab(server, page):
    """Voilà runs the notebook by itself and leaves the code out."""
    notebook = nbformat.read(ROOT / "notebooks" / LAB, as_version=4)
    (lab,) = (n for n, c in enumerate(notebook.cells) if c.source == SHOW_LAB)
    # What comes below paints for minutes, and a page is shown at the end.
    del notebook.cells[lab + 1 :]
    nbformat.write(notebook, server.folder / LAB)
    page.goto(server.url(f"voila/render/{LAB}"), timeout=120_000)
    expect(page.get_by_role("button", name="Start")).to_be_visible(
        timeout=120_000
    )
    lab = Widget(page, page.locator("body"))
    style_lab.start(lab)
    lab.button("Stop").click()
    style_lab.ended(lab, "Stopped")
    assert page.get_by_text("Traceback").count() == 0
    assert page.get_by_text("import ").count() == 0
    page.screenshot(path=SCREENSHOTS / "12_voila.png")
