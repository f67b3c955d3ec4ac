"""What the tests of the style lab have in common."""

import re

from playwright.sync_api import expect

# What the lab says while it paints, from the tenth step on.
PAINTING = re.compile(r"step \d\d+ of \d+.* left")
PATIENCE_MS = 120_000  # for the first steps: a framework takes time to load


def start(lab):
    """Begin a painting that is not over too soon, and wait for its steps."""
    lab.field("Long sides (pixels)").fill("96, 128")
    lab.page.keyboard.press("Tab")
    lab.drag(lab.row("Steps (evaluations)"), 0.9)
    lab.button("Start").click()
    wait_for_steps(lab)


def wait_for_steps(lab):
    painting = lab.output.get_by_text(PAINTING)
    expect(painting).to_be_visible(timeout=PATIENCE_MS)


def ended(lab, outcome):
    """Wait for the end and return the status."""
    status = lab.output.get_by_text(re.compile(f"^{outcome} at"))
    expect(status).to_be_visible()
    return status


def step_of(status):
    return int(re.search(r"step (\d+)", status.inner_text())[1])
