"""A Jupyter server for these tests, on this machine only."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import NamedTuple

import requests

TOKEN = "for-tests"
START_S = 180  # on a machine with much other work


class Server(NamedTuple):
    folder: os.PathLike
    address: str

    def url(self, path):
        return f"{self.address}/{path}?token={TOKEN}"


@contextlib.contextmanager
def running(folder):
    """Start a server; nothing outside a folder changes."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
    ]
    environment = {**os.environ, **settings(folder / ".jupyter")}
    server = Server(folder, f"http://127.0.0.1:{port}")
    process = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        answer(process, server.url("api/status"))
        yield server
    finally:
        process.terminate()
        process.wait(30)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answer(process, address):
    """Wait until a server answers."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(address, timeout=60)
        time.sleep(0.2)
    raise RuntimeError(f"The server for {address} does not answer.")


def settings(folder):
    """An environment in which nobody's own settings are touched.

    JupyterLab does not render what is scrolled out of sight, and Playwright
    does not find what is not rendered: a notebook that scrolls on at the end of
    a run would hide its widgets. So everything is rendered.
    """
    plugin = folder / "settings/@jupyterlab/notebook-extension"
    plugin.mkdir(parents=True)
    everything = plugin / "tracker.jupyterlab-settings"
    everything.write_text('{"windowingMode": "none"}')
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
