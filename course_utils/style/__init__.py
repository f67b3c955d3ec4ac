"""Neural style transfer: one algorithm, two frameworks.

    from course_utils import images, style

    photo = images.load_image(images.sample("content/china_pavilion"))
    painting = images.load_image(images.sample("styles/vangogh_starry_night"))

    recipe = style.StyleRecipe(style_weight=50)
    result = style.transfer(photo, painting, recipe, backend="torch")
    images.show([result.image])
    for progress in style.stream(photo, painting, recipe, "tensorflow"):
        print(progress.step, progress.losses.total, progress.eta)

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
    stream,
    transfer,
)
from .losses import Losses
from .recipe import RecipeError, StyleRecipe
