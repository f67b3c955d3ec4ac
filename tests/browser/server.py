"""JupyterLab, Notebook 7 or Voilà, on this machine only."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

TOKEN = "for-tests"
START_S = 180  # on a machine with much other work


class Server:
    """A running server whose root is `folder`; nothing outside changes.

    Attributes:
        application: "lab", "notebook" or "voila".
        address: "http://127.0.0.1:PORT".
        folder: where its notebooks lie.
    """

    def __init__(self, application: str, folder: Path):
        """Start "lab", "notebook" or "voila" and wait until it answers."""
        self.application, self.folder = application, folder
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        with open(folder / "server.log", "w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command(application, port)],
                cwd=folder,
                env={**os.environ, **settings(folder / ".jupyter")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def url(self, path: str) -> str:
        """Return the address of a page, with the token."""
        return f"{self.address}/{path}?token={TOKEN}"

    def stop(self) -> None:
        """End the server, which ends its kernels."""
        self._process.terminate()
        self._process.wait(30)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                requests.get(self.url("api/status"), timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.2)
        self._process.kill()
        raise RuntimeError((self.folder / "server.log").read_text())


def command(application: str, port: int) -> list[str]:
    """Return the command after `python -m`."""
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


def settings(folder: Path) -> dict[str, str]:
    """Return an environment in which nobody's own settings are touched.

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


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
