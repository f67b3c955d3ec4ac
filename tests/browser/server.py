"""JupyterLab, Notebook 7 or Voilà, on this machine only."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import requests

TOKEN = "for-tests"
START_S = 180  # on a machine with much other work


@dataclass
class Server:
    application: str
    folder: Path
    address: str

    def url(self, path):
        return f"{self.address}/{path}?token={TOKEN}"


@contextlib.contextmanager
def running(application, folder):
    """Start "lab", "notebook" or "voila"; nothing outside a folder changes."""
    port = free_port()
    server = Server(application, folder, f"http://127.0.0.1:{port}")
    process = subprocess.Popen(
        [sys.executable, "-m", *command(application, port)],
        cwd=folder,
        env={**os.environ, **settings(folder / ".jupyter")},
    )
    try:
        answer(process, server.url("api/status"))
        yield server
    finally:
        process.terminate()
        process.wait(30)


def answer(process, address):
    """Wait until a server answers."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(address, timeout=60)
        time.sleep(0.2)
    raise RuntimeError(f"The server for {address} does not answer.")


def command(application, port):
    if application == "voila":
        return ["voila", ".", "--no-browser", f"--port={port}"]
    return [
        {"lab": "jupyterlab", "notebook": "notebook"}[application],
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
    ]


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


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
