"""Keeping the colours of the photograph: the two ways of Gatys et al.

Source: Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural
artistic style transfer", arXiv:1606.05897. All pictures here are float32,
values 0-1.
"""

import numpy as np

LUMINANCE = np.float32([0.299, 0.587, 0.114])
"""Share of red, green and blue in Y of YIQ (ITU-R BT.601)."""


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the brightness: (height, width, 3) -> (height, width, 1)."""
    return (image @ LUMINANCE)[..., None]


def match_luminance(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Give a style's luminance the mean and spread of the content's.

    Both (height, width, 1). Otherwise a dark painting would darken a bright
    photograph (section "Luminance-only transfer").
    """
    spread = content.std() / max(float(style.std()), 1e-6)
    return np.clip(spread * (style - style.mean()) + content.mean(), 0, 1)


def recolor(bright: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Put the content's colours on a new luminance (height, width, 1).

    In YIQ this replaces Y and keeps I and Q. As Y counts equally in red,
    green and blue, that is to add the change of Y to each.
    """
    return np.clip(content + (bright - luminance(content)), 0, 1)


def match_colors(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Recolour a style picture with the content's mean and covariance.

    Each pixel x becomes A x + b, with A the square root of the content's
    covariance times the inverse square root of the style's: the form from
    "Image analogies" (section "Color histogram matching").
    """
    pixels, wanted = style.reshape(-1, 3), content.reshape(-1, 3)
    transform = _power(wanted, 0.5) @ _power(pixels, -0.5)
    matched = (pixels - pixels.mean(0)) @ transform.T + wanted.mean(0)
    return np.clip(matched, 0, 1).reshape(style.shape).astype(np.float32)


def _power(pixels: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the covariance of (n, 3) pixels to a power."""
    # The variance of rounding to 8 bits, so that flat pictures have one too.
    covariance = np.cov(pixels.T, bias=True) + np.eye(3) / 255**2 / 12
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * values**exponent) @ vectors.T
