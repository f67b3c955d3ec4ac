"""Pictures as bytes: what a widget shows, and what a browser uploads."""

import io

import numpy as np
from PIL import Image


def pixels(widget):
    """Decode what an Image widget shows."""
    return np.asarray(Image.open(io.BytesIO(widget.value)))


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
