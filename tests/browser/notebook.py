"""A notebook open in a browser, handled with mouse and keyboard."""

import re
import uuid

import nbformat
from playwright.sync_api import expect

from tools.repository import ROOT

SCREENSHOTS = ROOT / "build/screenshots"

# Where each application shows a notebook. JupyterLab opens again what was open
# in a workspace, also the notebooks of earlier tests: hence one for each page.
PLACES = {"lab": "lab/workspaces/{page}/tree", "notebook": "notebooks"}
READY = """path => {
  const shown = jupyterapp.shell.currentWidget;
  return shown?.context?.path === path && shown.context.isReady
    && shown.sessionContext.session?.kernel?.status === "idle";
}"""
# What is wider than the place that it has, by its text.
TOO_WIDE = """output => [output, ...output.querySelectorAll(
    ".jupyter-widgets, .widget-label, .widget-label-basic")]
  .filter(part => part.scrollWidth > part.clientWidth + 1)
  .map(part => part.textContent.trim().slice(0, 60) || part.className)"""


SETUP = """
from course_utils import faces, quizzes, runtime, widgets
runtime.setup_notebook()
"""
KERNEL = {"name": "python3", "display_name": "Python 3"}


def run_code(page, server, code, application="lab"):
    """Run one cell in a notebook of its own."""
    cells = [nbformat.v4.new_code_cell(SETUP + code)]
    metadata = {"kernelspec": KERNEL}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, server.folder / "test.ipynb")
    opened = Notebook(page, server, "test.ipynb", application)
    opened.run_all()
    return opened


class Notebook:
    """One notebook of a server, opened in a page."""

    def __init__(self, page, server, name, application):
        self.page = page
        self._file = server.folder / name
        place = PLACES[application].format(page=uuid.uuid4().hex)
        page.goto(server.url(f"{place}/{name}"))
        page.wait_for_function("window.jupyterapp?.shell")
        page.wait_for_function(READY, arg=name)
        page.evaluate("jupyterapp.shell.collapseLeft?.()")  # the file list

    def run_all(self):
        """Run all cells; fail with the error if one has one."""
        assert self._command("notebook:run-all-cells"), self._errors()
        assert self._errors() == []

    def save(self):
        self._command("docmanager:save")
        return nbformat.read(self._file, as_version=4)

    def widget(self, label):
        """Find the widget that has a control with this label."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        cell = cells.filter(has=self.page.get_by_text(label, exact=True)).last
        cell.scroll_into_view_if_needed()
        return Widget(self.page, cell.locator(".jp-OutputArea-output").last)

    def shoot(self, widget, name):
        """Leave a picture in each theme and width; nothing may stick out."""
        for theme, width in ("Light", 1280), ("Dark", 800):
            self.look(theme, width)
            widget.output.scroll_into_view_if_needed()
            file = f"{name}_{theme.lower()}_{width}.png"
            self.page.screenshot(path=SCREENSHOTS / file)
            too_wide = widget.output.evaluate(TOO_WIDE)
            assert not too_wide, f"{file}: {too_wide}"

    def look(self, theme, width):
        self._command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        # A new theme hides the page behind a curtain that fades.
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
        self.page.set_viewport_size({"width": width, "height": 900})

    def interrupt(self):
        self._command("notebook:interrupt-kernel")

    def _command(self, name, arguments=None):
        return self.page.evaluate(
            "([name, args]) => jupyterapp.commands.execute(name, args)",
            [name, arguments or {}],
        )

    def _errors(self):
        return [
            output.evalue
            for cell in self.save().cells
            for output in cell.get("outputs", ())
            if output.output_type == "error"
        ]


class Widget:
    """Controls and pictures, as one finds them by what they say."""

    def __init__(self, page, output):
        self.page, self.output = page, output

    def row(self, label):
        """The control with this label, itself included."""
        text = re.compile(f"^{re.escape(label)}$")
        return self.output.locator(".widget-inline-hbox").filter(
            has=self.page.locator("label", has_text=text)
        )

    def slider(self, label):
        """The slider with this label, or beside the field with it."""
        with_label = self.output.locator(".widget-hbox").filter(
            has=self.page.get_by_text(label, exact=True)
        )
        return with_label.last.locator(".widget-slider, .slider-container").last

    def field(self, label):
        """What one can type into or choose from."""
        return self.row(label).locator("input, select:visible").last

    def button(self, text):
        """The button, or several that say the same."""
        # There may be an icon before, and a count of files behind it.
        name = re.compile(rf"^\W*{re.escape(text)}( \(\d+\))?$")
        return self.output.get_by_role("button", name=name)

    def drag(self, slider, share):
        """Drag a slider's handle to a share of its track, 0 to 1."""
        slider.scroll_into_view_if_needed()
        track = slider.locator(".noUi-base").bounding_box()
        handle = slider.locator(".noUi-handle").bounding_box()
        height = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, height)
        self.page.mouse.down()
        target = track["x"] + share * track["width"]
        self.page.mouse.move(target, height, steps=8)
        self.page.mouse.up()

    def upload(self, button, file):
        """Click an upload button, the first such, and choose a file."""
        with self.page.expect_file_chooser() as chooser:
            self.button(button).first.click()
        chooser.value.set_files(file)
