"""The sizes a picture is painted at, coarse to fine, and its colours.

Pictures are float32 0-1 here, (height, width, 3) or one channel, luminance.
The ways to keep the photograph's colours ("luminance" and "match") are those
of Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural artistic
style transfer", arXiv:1606.05897; "recolor" is the second one turned round.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from . import vgg
from .recipe import StyleRecipe

LUMINANCE = np.float32([0.299, 0.587, 0.114])
"""Share of red, green and blue in Y of YIQ (ITU-R BT.601)."""


@dataclass
class Level:
    """One size: the pictures to compare with, and the evaluations it gets."""

    photograph: np.ndarray  # as it came
    content: np.ndarray  # as the network sees it, perhaps recoloured
    styles: tuple[np.ndarray, ...]
    steps: int = 0

    @property
    def work(self) -> int:
        """What the level costs, in pixels times evaluations."""
        height, width, _ = self.content.shape
        return height * width * self.steps


def build(content, styles, recipe: StyleRecipe) -> list[Level]:
    """Prepare every size of the recipe, smallest first.

    The aspect ratio is kept. No picture is ever enlarged: a size beyond the
    content's own becomes its own. No side gets shorter than the deepest layer
    can see: small sizes of a very long picture are larger than asked for.
    """
    smallest = vgg.smallest_side(recipe.used_layers())
    sides = {}
    for side in recipe.sizes:
        size = _fit(content, side, smallest)
        sides[size] = min(side, max(size))
    levels = []
    for size, side in sides.items():
        style_sizes = [_fit(s, side, smallest) for s in styles]
        shrunk = [*map(_shrink, styles, style_sizes)]
        levels.append(_level(_shrink(content, size), shrunk, recipe))
    share_out(recipe.steps, levels)
    return levels


def share_out(steps: int, levels: list[Level]) -> None:
    """Give the last level its steps, and the cheaper ones below it more."""
    for above, level in enumerate(reversed(levels)):
        level.steps = round(steps * (1 + above / 2))


def start(level: Level, recipe: StyleRecipe) -> np.ndarray:
    """Return the picture that the first level begins with."""
    if recipe.init == "content":
        return level.content
    if recipe.init == "style":
        size = level.content.shape[:2]
        return np.clip(resize(level.styles[0], size, ImageOps.fit), 0, 1)
    noise = np.random.default_rng(recipe.seed).random(
        level.content.shape, np.float32
    )
    return noise if recipe.init == "noise" else (noise + level.content) / 2


def carry_up(
    picture: np.ndarray, lower: Level, upper: Level, recipe: StyleRecipe
) -> np.ndarray:
    """Enlarge a painted picture to the next level.

    Only what the painting changed is enlarged and added to the larger
    photograph, which keeps its detail, unless the painting began without it.
    """
    size = upper.content.shape[:2]
    if recipe.init in ("content", "blend"):
        larger = upper.content + resize(picture - lower.content, size)
    else:
        larger = resize(picture, size)
    return np.clip(larger, 0, 1)


def resize(
    image: np.ndarray, size: tuple[int, int], how=Image.Image.resize
) -> np.ndarray:
    """Resample a float32 (height, width, channels) array to (height, width).

    ``how`` may be ImageOps.fit too, which keeps the ratio and cuts the rest.
    """
    if image.shape[:2] == size:
        return image
    channels = [
        how(Image.fromarray(channel), size[::-1], Image.Resampling.LANCZOS)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], -1)


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the brightness: (height, width, 3) -> (height, width, 1)."""
    return (image @ LUMINANCE)[..., None]


def recolor(bright: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Put the content's colours on a new luminance (height, width, 1).

    Y of YIQ is replaced. It counts equally in red, green and blue, so that
    its change is added to each.
    """
    return np.clip(content + (bright - luminance(content)), 0, 1)


def match_colors(image: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Recolour a picture with the mean and covariance of another's pixels.

    Each pixel x becomes A x + b, with A the square root of the model's
    covariance times the inverse square root of the picture's: the form from
    "Image analogies" (section "Color histogram matching"). Of luminance it
    moves the mean and the spread (section "Luminance-only transfer").
    """
    pixels, wanted = (p.reshape(-1, p.shape[-1]) for p in (image, model))
    transform = _power(wanted, 0.5) @ _power(pixels, -0.5)
    matched = (pixels - pixels.mean(0)) @ transform.T + wanted.mean(0)
    return np.clip(matched, 0, 1).reshape(image.shape).astype(np.float32)


def _level(photograph, styles, recipe) -> Level:
    content = photograph
    if recipe.preserve_color == "luminance":
        content = luminance(photograph)
        # Otherwise a dark painting would darken a bright photograph.
        styles = [match_colors(luminance(s), content) for s in styles]
    elif recipe.preserve_color == "match":
        styles = [match_colors(s, photograph) for s in styles]
    elif recipe.preserve_color == "recolor" and styles:
        every_pixel = np.concatenate([s.reshape(-1, 3) for s in styles])
        content = match_colors(photograph, every_pixel)
    return Level(photograph, content, tuple(styles))


def _fit(picture, side: int, smallest: int) -> tuple[int, int]:
    """Return (height, width) with the long side ``side``, ratio kept."""
    height, width = picture.shape[:2]
    short, long = sorted((height, width))
    scale = min(1, max(side / long, smallest / short))
    return round(height * scale), round(width * scale)


def _shrink(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring RGB uint8 to (height, width), as float32 0-1."""
    lanczos = Image.Resampling.LANCZOS
    smaller = Image.fromarray(image).resize(size[::-1], lanczos)
    return np.asarray(smaller, np.float32) / 255


def _power(pixels: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the covariance of (n, channels) pixels to a power."""
    covariance = np.atleast_2d(np.cov(pixels.T, bias=True))
    # The variance of rounding to 8 bits, so that flat pictures have one too.
    covariance = covariance + np.eye(len(covariance)) / 255**2 / 12
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * values**exponent) @ vectors.T
