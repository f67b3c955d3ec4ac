"""Choosing a framework: the only place that knows which ones there are.

A backend is a module imported only when it is asked for. It holds a class
``Network`` and a few small functions; torch_backend.py says what each does,
and tensorflow_backend.py holds the same under the same names.
"""

import importlib

BACKENDS = ("torch", "tensorflow")
"""Names of the frameworks."""


def check_backend(name: str) -> None:
    """Raise ValueError unless the name is one of BACKENDS."""
    if name not in BACKENDS:
        raise ValueError(
            f"{name!r} is not a backend: use {' or '.join(BACKENDS)}."
        )


def load(name: str):
    """Import a backend's module. Raises ValueError for an unknown name."""
    check_backend(name)
    return importlib.import_module(f".{name}_backend", __package__)
