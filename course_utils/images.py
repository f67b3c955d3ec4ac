"""Pictures: files to RGB arrays and back, the sample pictures, and display.

OpenCV's blue-green-red order exists only inside the functions that call OpenCV
or InsightFace.
"""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

KINDS = ("faces", "styles", "content", "made")


class ImageError(ValueError):
    """A picture cannot be read, written or used; the message says why."""


def load_image(
    path: str | os.PathLike | BinaryIO, max_side: int | None = None
) -> np.ndarray:
    """Read a picture file as the camera meant it to be seen.

    The EXIF rotation is applied, transparency is laid on white, and grey,
    16-bit, palette and CMYK pictures become RGB. Of an animation the first
    frame is taken.

    Args:
        path: a file, or an open binary file (an upload's ``io.BytesIO``).
        max_side: shrink a larger picture so that neither side is longer, in
            pixels.

    Raises:
        ImageError: there is no picture to be read; the message says why.
    """
    if str(path).startswith(("http:/", "https:/")):
        raise ImageError(
            f"{path} is an address: save the picture from your browser, then "
            "load that file. Nothing is read from the network here."
        )
    if hasattr(path, "read"):
        name = getattr(path, "name", "The uploaded file")
    else:
        name = path = os.path.expanduser(path)
    try:
        with Image.open(path) as picture:
            picture.load()
            # Some cameras write EXIF that Pillow cannot write again: that
            # fails after the turn.
            with contextlib.suppress(Exception):
                ImageOps.exif_transpose(picture, in_place=True)
            rgb = _to_rgb(picture)
            if max_side is not None:
                size = (max_side, max_side)
                rgb.thumbnail(size, Image.Resampling.LANCZOS, reducing_gap=None)
            # A copy: Pillow's own memory may not be written to.
            return np.array(rgb)
    except FileNotFoundError:
        raise ImageError(
            f"{name} does not exist: check the spelling; relative names start "
            f"from {Path.cwd().name!r}."
        ) from None
    # Damaged files make the decoders raise nearly every kind of exception.
    except Exception as error:
        raise ImageError(
            f"{name} is not a picture that can be read here, or is damaged: "
            "save it as JPEG or PNG, or download it again."
        ) from error


def save_image(image: np.ndarray, path: str | os.PathLike) -> Path:
    """Write a picture; an interrupted write leaves the old file untouched.

    The ending of ``path`` chooses the format, such as .jpg or .png. Raises
    ImageError.
    """
    path = Path(os.path.expanduser(path))
    part = path.with_stem(f".{path.stem}-part")
    try:
        Image.fromarray(require_rgb(image)).save(part, quality=92)
        part.replace(path)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path} cannot be written ({error}): choose a name in a folder "
            "that is there, with the ending .jpg or .png."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def require_rgb(image: np.ndarray) -> np.ndarray:
    """Return ``image`` if it is a picture, or raise ImageError.

    Whatever takes a picture asks here.
    """
    if image is None:
        raise ImageError(
            "There is no picture here (None): cv2.imread returns None when it "
            "cannot read a file, images.load_image says why."
        )
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise ImageError(
            f"A picture is a uint8 array with values 0 to 255, not {kind}: "
            "use images.load_image, or convert with (255 * x).astype('uint8')."
        )
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ImageError(
            f"A picture has shape (height, width, 3), not {tuple(image.shape)}."
        )
    return image


def samples(kind: str) -> list[Path]:
    """List the sample pictures of one of the ``KINDS``, by name."""
    if kind not in KINDS:
        raise ImageError(f"kind is one of {', '.join(KINDS)}, not {kind!r}.")
    package = Path(__file__).parent
    folder = package / "sample_images"  # of an installed package
    if not folder.is_dir():
        folder = package.parent / "images"
    return sorted((folder / kind).glob("*.jpg"))


def sample(name: str) -> Path:
    """Find one sample picture, for instance ``sample("faces/obama_1")``."""
    known = {
        f"{kind}/{file.stem}": file for kind in KINDS for file in samples(kind)
    }
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0)
    raise ImageError(
        f"There is no sample picture {name!r}: did you mean "
        f"{' or '.join(near)}?"
    )


def show(
    images: np.ndarray | Sequence[np.ndarray],
    titles: str | Sequence[str] | None = None,
    columns: int | None = None,
):
    """Lay pictures of any sizes out in a grid, by default up to four abreast.

    Returns:
        A matplotlib Figure. As the last line of a notebook cell it is shown;
        anywhere else use ``display(...)`` or ``.savefig(...)``.
    """
    from matplotlib import pyplot as plt

    if images is None or isinstance(images, np.ndarray):
        images = [images]
    images = [require_rgb(image) for image in images]
    titles = [titles] if isinstance(titles, str) else titles
    titles = list(titles or [""] * len(images))
    if not images or len(titles) != len(images):
        raise ImageError("show takes at least one picture, and a title each.")
    columns = min(columns or 4, len(images))
    aspects = [image.shape[0] / image.shape[1] for image in images]
    heights = [  # of each row, as a multiple of a column's width
        np.clip(max(aspects[start : start + columns]), 0.2, 1.6)
        for start in range(0, len(images), columns)
    ]
    width = 10 / columns if columns > 1 else 7.0  # inches
    figure, axes = plt.subplots(
        len(heights),
        columns,
        figsize=(width * columns, sum(width * h + 0.35 for h in heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title)
    plt.close(figure)  # else the notebook would show it a second time
    return figure


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB without the surprises of ``convert("RGB")``."""
    if picture.mode.startswith("I"):  # 16-bit grey, black 0, white 65535
        values = np.asarray(picture).clip(0, 65535) // 257
        picture = Image.fromarray(values.astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        picture = Image.alpha_composite(white, layer)
    return picture.convert("RGB")
