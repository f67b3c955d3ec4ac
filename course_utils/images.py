"""Pictures: files to RGB arrays and back, the sample pictures, and display.

Every picture in this course is an RGB ``uint8`` array of shape
(height, width, 3) with values 0 to 255. OpenCV's blue-green-red order exists
only inside the functions that call OpenCV or InsightFace.
"""

from __future__ import annotations

import difflib
import io
import os
import tempfile
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

KINDS = ("faces", "styles", "content", "made")
MAX_PIXELS = Image.MAX_IMAGE_PIXELS  # about 89 million; Pillow warns above it
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


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
        max_side: if given, shrink so that neither side is longer, in pixels.
            A picture that is small enough is left as it is.

    Returns:
        ``uint8`` array, shape (height, width, 3), RGB, 0 to 255.

    Raises:
        ImageError: the file is missing, locked, a folder, empty, damaged, not
            a picture, or has more than ``MAX_PIXELS`` pixels; or ``max_side``
            is not a whole number of at least 1.
    """
    if max_side is not None and not _is_a_side(max_side):
        raise ImageError(
            f"max_side is a whole number, at least 1 pixel, not {max_side!r}."
        )
    name = _readable_name(path)
    try:
        with Image.open(path) as picture:
            _refuse_huge(picture, name)
            upright = ImageOps.exif_transpose(picture)
            # A copy: Pillow's own memory may not be written to.
            return np.array(_shrink(_to_rgb(upright), max_side))
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(_too_many_pixels(name)) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a picture that can be read here: "
            "save it as JPEG or PNG and try again."
        ) from None
    except PermissionError:
        raise ImageError(
            f"{name} cannot be opened: ask for permission to read it."
        ) from None
    # Damaged files make the decoders raise nearly every kind of exception.
    except Exception as error:
        raise ImageError(
            f"{name} is damaged or incomplete ({error}): "
            "download or export it again."
        ) from error


def save_image(image: np.ndarray, path: str | os.PathLike) -> Path:
    """Write a picture; an interrupted write leaves the old file untouched.

    Args:
        image: ``uint8`` array, shape (height, width, 3), RGB.
        path: where to; the ending chooses the format (.jpg, .png or .webp).

    Returns:
        The path written.

    Raises:
        ImageError: the array is not a picture or too long for the format,
            the ending is not known, or the folder cannot be written to.
    """
    path = Path(path)
    picture = Image.fromarray(require_rgb(image))
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ImageError(
            f"{path.name!r} should end in .jpg, .png or .webp, "
            "which chooses the file format."
        )
    encoded = io.BytesIO()
    try:
        picture.save(encoded, file_format, quality=92)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{picture.width} x {picture.height} pixels are too many for "
            f"{file_format}: save the picture as .png, or make it smaller."
        ) from error
    try:
        _write_atomically(path, encoded.getvalue())
    except OSError as error:
        raise ImageError(
            f"{path} cannot be written ({error.strerror}): make its folder, "
            "or choose another one."
        ) from error
    return path


def require_rgb(image: np.ndarray) -> np.ndarray:
    """Return ``image`` if it is an RGB ``uint8`` array, else explain.

    Raises:
        ImageError: not an array, not ``uint8``, not (height, width, 3), or
            empty. (``cv2.imread`` returns None for a file that it cannot
            read: that is caught here too.)
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
    """List the sample pictures of one kind, in alphabetical order.

    Args:
        kind: "faces", "styles", "content" or "made" (by this course).

    Raises:
        ImageError: another kind was asked for.
    """
    if kind not in KINDS:
        raise ImageError(f"kind is one of {', '.join(KINDS)}, not {kind!r}.")
    return sorted((_samples_folder() / kind).glob("*.jpg"))


def sample(name: str) -> Path:
    """Find one sample picture, for instance ``sample("faces/obama_1")``.

    Raises:
        ImageError: there is none of that name; the nearest ones are named.
    """
    known = {
        f"{kind}/{file.stem}": file for kind in KINDS for file in samples(kind)
    }
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else "see images.samples."
    )
    raise ImageError(f"There is no sample picture {name!r}: {hint}")


def show(
    images: np.ndarray | Sequence[np.ndarray],
    titles: str | Sequence[str] | None = None,
    columns: int | None = None,
):
    """Lay pictures out in a grid.

    Args:
        images: one RGB ``uint8`` picture or several, of any sizes.
        titles: one title a picture.
        columns: pictures side by side; by default up to four.

    Returns:
        A matplotlib Figure. As the last line of a notebook cell it is shown;
        anywhere else use ``display(...)`` or ``.savefig(...)``.

    Raises:
        ImageError: no picture, one that is not RGB, or not one title each.
    """
    from matplotlib import pyplot as plt

    if images is None or isinstance(images, np.ndarray):
        images = [images]
    images = list(images)
    if titles is not None:
        titles = [titles] if isinstance(titles, str) else list(titles)
    if not images:
        raise ImageError("There is no picture to show.")
    if titles is not None and len(titles) != len(images):
        raise ImageError(f"{len(images)} pictures need {len(images)} titles.")
    columns = min(columns or 4, len(images))
    aspects = [require_rgb(i).shape[0] / i.shape[1] for i in images]
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
    for number, (axis, image) in enumerate(
        zip(axes.flat, images, strict=False)
    ):
        axis.imshow(image)
        if titles is not None:
            axis.set_title(titles[number])
    plt.close(figure)  # else the notebook would show it a second time
    return figure


def _samples_folder() -> Path:
    """``images/`` in a clone of the repository, else the installed copy."""
    package = Path(__file__).parent
    installed = package / "sample_images"
    return installed if installed.is_dir() else package.parent / "images"


def _readable_name(path) -> str:
    """Name the file for messages, and refuse what cannot be a picture."""
    if hasattr(path, "read"):
        return getattr(path, "name", "The uploaded file")
    if not isinstance(path, (str, os.PathLike)):
        raise ImageError(
            "load_image takes the name of a file or an open file, not "
            f"{type(path).__name__}."
        )
    path = Path(path)
    # Not the methods of Path, which raise where a name is too long.
    if os.path.isdir(path):
        raise ImageError(f"{path} is a folder: name one picture inside it.")
    if not os.path.exists(path):
        raise ImageError(
            f"{path} does not exist: check the spelling; relative names start "
            f"from {Path.cwd().name or 'the root folder'!r}."
        )
    if path.stat().st_size == 0:
        raise ImageError(f"{path} is empty: download or export it again.")
    return str(path)


def _is_a_side(pixels) -> bool:
    return isinstance(pixels, Integral) and pixels >= 1


def _refuse_huge(picture: Image.Image, name: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise ImageError(_too_many_pixels(name))


def _too_many_pixels(name: str) -> str:
    return (
        f"{name} has more than {MAX_PIXELS // 10**6} million pixels: "
        "make it smaller before using it here."
    )


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB without the surprises of ``convert("RGB")``."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        return Image.fromarray(_to_8_bit(picture)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")


def _to_8_bit(picture: Image.Image) -> np.ndarray:
    """Scale 16-bit (0 to 65535) or float (0 to 1) grey values to 0 to 255.

    Pillow would clip them, which turns such a picture white or black.
    """
    values = np.nan_to_num(np.asarray(picture, np.float64))
    if picture.mode.startswith("I;16") or values.max() > 255:
        values = values / 257  # 65535 / 255
    elif picture.mode == "F" and values.max() <= 1:
        values = values * 255
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _shrink(picture: Image.Image, max_side: int | None) -> Image.Image:
    if max_side is not None and max(picture.size) > max_side:
        picture = ImageOps.contain(
            picture, (max_side, max_side), Image.Resampling.LANCZOS
        )
    return picture


def _write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, then rename: no reader sees half a file."""
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)  # mkstemp's own is private to the user
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
