"""Notebooks opened in the system's Chromium, on a server of their own."""

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.server import running

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# A kernel answers within milliseconds, on a machine with other work in seconds.
expect.set_options(timeout=30_000)


# Closed after each module: Playwright's event loop runs as long as this is
# open, and other tests run loops of their own.
@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        reason = "needs a browser: sudo apt-get install -y chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A new page as wide as a laptop's."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    yield page
    page.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Jupyter server in a folder of its own."""
    with running(tmp_path_factory.mktemp("served")) as server:
        yield server
