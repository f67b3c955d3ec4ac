"""Neural style transfer: one algorithm, two frameworks.

    from course_utils import images, style

    photo = images.load_image(images.sample("content/china_pavilion"))
    painting = images.load_image(images.sample("styles/vangogh_starry_night"))

    recipe = style.StyleRecipe.balanced(style_weight=100)
    result = style.transfer(photo, painting, recipe, backend="torch")
    result.image                 # RGB uint8 (height, width, 3)
    result.history[-1].total     # Losses, one per evaluation
    more = style.StyleRecipe.balanced(style_weight=100, steps=80)
    style.transfer(photo, painting, more, resume=result)  # goes on

    for progress in style.stream(photo, painting, recipe, "tensorflow"):
        print(progress.step, progress.losses.total, progress.eta)
    run = style.Run(photo, painting, recipe)  # a stream that keeps snapshots

    style.vgg.features(photo, "conv4_2")["conv4_2"]  # what a layer sees

Read on in this order: recipe (the knobs), vgg (the network), losses (what is
minimised), torch_backend beside tensorflow_backend (how it is computed),
optimizers (how the pixels move), pyramid (sizes and colours), engine (the
loop).
"""

from . import vgg
from .engine import (
    DivergedError,
    NotEnoughMemoryError,
    Progress,
    Run,
    StyleResult,
    stream,
    transfer,
)
from .losses import Losses
from .pyramid import PictureError
from .recipe import RecipeError, StyleRecipe

__all__ = [
    "DivergedError",
    "Losses",
    "NotEnoughMemoryError",
    "PictureError",
    "Progress",
    "RecipeError",
    "Run",
    "StyleRecipe",
    "StyleResult",
    "stream",
    "transfer",
    "vgg",
]
