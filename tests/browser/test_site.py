"""The pages of `make site`, in a browser: on a telephone and on a laptop."""

import os
import subprocess
import sys

import nbformat
import pytest

from tests.browser.notebook import SCREENSHOTS
from tools.repository import ROOT
from tools.site.__main__ import PAGES

OWNER = "somebody/their-course"
WIDTHS = {380: "dark", 1280: "light"}  # pixels: theme


@pytest.fixture(scope="module")
def pages():
    """Build as GitHub's workflow does, under somebody's address."""
    subprocess.run(
        [sys.executable, "-m", "tools.site"],
        env={**os.environ, "GITHUB_REPOSITORY": OWNER},
        cwd=ROOT,
        check=True,
    )
    return sorted([PAGES / "index.html", *PAGES.glob("notebooks/*.html")])


def test_every_notebook_is_a_page_and_can_be_opened_in_colab(pages):
    names = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert names == {page.stem for page in pages} - {"index"}
    for name in names:
        colab = f"github/{OWNER}/blob/gh-pages/notebooks/{name}.ipynb"
        assert colab in (PAGES / f"notebooks/{name}.html").read_text()
        for folder in ("notebooks", "_sources/notebooks"):
            text = (PAGES / folder / f"{name}.ipynb").read_text()
            assert colab in text and "your_account" not in text
            assert nbformat.reads(text, as_version=4).cells


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_whole_on_every_screen(pages, chromium, width):
    page = chromium.new_page(
        viewport={"width": width, "height": 900}, color_scheme=WIDTHS[width]
    )
    faults = []
    page.on("requestfailed", lambda r: faults.append(f"failed: {r.url}"))
    page.on(
        "console",
        lambda m: faults.append(m.text) if m.type == "error" else None,
    )
    for path in pages:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("html").get_attribute("data-theme") == WIDTHS[width]
        page.screenshot(path=SCREENSHOTS / f"site_{path.stem}_{width}.png")
    page.close()
    assert faults == []


def test_search_finds_and_solutions_unfold(pages, page):
    page.goto((PAGES / "search.html").as_uri() + "?q=gram")
    page.locator("ul.search a", has_text="What VGG sees").wait_for()
    page.goto((PAGES / "notebooks/07_what_vgg_sees.html").as_uri())
    solution = page.get_by_text("def solved_gram_matrix")
    assert not solution.is_visible()
    page.locator("details", has=solution).locator("summary").first.click()
    assert solution.is_visible()


def test_a_quiz_answers(pages, page):
    page.goto((PAGES / "notebooks/04_face_search.html").as_uri())
    page.locator(".MCButton").first.click()
    feedback = page.locator(".Feedback").first
    assert feedback.inner_text().strip()
