"""Whether a picture fits into memory, and which size would."""

import contextlib

import numpy as np

from . import backends, vgg

BYTES_PER_VALUE = 14
"""Peak bytes of one evaluation per feature value, measured in float32.

12.8 to 13.5 with PyTorch and 10.4 with TensorFlow, at 640 pixels after two
smaller sizes, whose memory the process keeps (hardware.prepare).
"""

BYTES_PER_PIXEL = 300
"""The optimiser's: ten pairs of steps and gradients, and a few more."""


class NotEnoughMemoryError(MemoryError):
    """The pictures are too large for the memory that is left."""


def needed(shape: tuple[int, ...], layers) -> int:
    """Estimate the bytes for painting a (height, width, ...) picture."""
    values = sum(
        vgg.BLOCKS[block][0] / 4 ** (block - 1)
        for block in map(vgg.block_of, vgg.layers_up_to_deepest(layers))
    )
    per_pixel = BYTES_PER_VALUE * values + BYTES_PER_PIXEL
    return round(shape[0] * shape[1] * per_pixel)


def check(shape: tuple[int, ...], layers, backend: str) -> None:
    """Raise NotEnoughMemoryError if a picture would not fit."""
    free = backends.load(backend).free_memory()
    need = needed(shape, layers)
    if free is not None and need > free:
        long, short = max(shape[:2]), min(shape[:2])
        # The short side is rounded, by up to half a pixel upwards.
        side = long * np.sqrt(free / need) - long / short / 4
        raise NotEnoughMemoryError(
            f"{_name(shape)} need about {need / 1e9:.1f} GB and "
            f"{free / 1e9:.1f} GB are free: {_advice(side)}"
        )


@contextlib.contextmanager
def explained(shape: tuple[int, ...], backend: str):
    """Turn a framework's out-of-memory error into one sentence."""
    try:
        yield
    except Exception as error:
        if not backends.load(backend).is_out_of_memory(error):
            raise
        # What was free is unknown now: half the side takes a quarter.
        side = max(shape[:2]) / 2
        raise NotEnoughMemoryError(
            f"{_name(shape)} do not fit into memory: {_advice(side)}"
        ) from error


def _name(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def _advice(side: float) -> str:
    return f"end the recipe's sizes at {max(1, int(side))} pixels or less."
