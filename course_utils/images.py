"""Pictures: files to RGB arrays and back, the sample pictures, and display.

OpenCV's blue-green-red order exists only inside the functions that call OpenCV
or InsightFace.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import secrets
import shutil
import warnings
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

KINDS = ("faces", "styles", "content", "made")
MAX_PIXELS = 89_478_485  # Pillow's own limit, which a learner may have moved
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_UPRIGHT = {  # how to turn a picture with this EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """A picture cannot be read, written or used; the message says why."""


def load_image(
    path: str | os.PathLike | BinaryIO, max_side: int | None = None
) -> np.ndarray:
    """Read a picture file as the camera meant it to be seen.

    The EXIF rotation is applied, transparency is laid on white, and grey,
    16-bit, palette and CMYK pictures become RGB. Of an animation the first
    frame is taken. A float picture or one of 32 bits that does not say which
    value is white gets a likely one and a warning.

    Args:
        path: a file, or an open binary file (an upload's ``io.BytesIO``).
        max_side: shrink a larger picture so that neither side is longer, in
            pixels.

    Raises:
        ImageError: there is no picture to be read; the message says why.
    """
    whole = isinstance(max_side, Integral) and max_side >= 1
    if max_side is not None and not whole:
        raise ImageError(
            f"max_side is a whole number, at least 1 pixel, not {max_side!r}."
        )
    file, name = _readable(path)
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            rgb = _to_rgb(_upright(picture), name)
            # A copy: Pillow's own memory may not be written to.
            return np.array(_shrink(rgb, max_side))
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name} has more than {MAX_PIXELS // 10**6} million pixels: "
            "make it smaller before using it here."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a picture that can be read here: "
            "save it as JPEG or PNG and try again."
        ) from None
    # Damaged files make the decoders raise nearly every kind of exception.
    except Exception as error:
        raise ImageError(
            f"{name} is damaged, incomplete or locked ({error}): "
            "download or export it again."
        ) from error


def save_image(image: np.ndarray, path: str | os.PathLike) -> Path:
    """Write a picture; an interrupted write leaves the old file untouched.

    The ending of ``path`` chooses the format: .jpg, .png or .webp. Raises
    ImageError.
    """
    path = Path(os.path.expanduser(path))
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
    return sorted((_samples_folder() / kind).glob("*.jpg"))


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
    if isinstance(titles, str):
        titles = [titles]
    titles = [""] * len(images) if titles is None else list(titles)
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


def _samples_folder() -> Path:
    package = Path(__file__).parent
    installed = package / "sample_images"
    return installed if installed.is_dir() else package.parent / "images"


def _readable(path) -> tuple[str | BinaryIO, str]:
    """What to open, and how to name it."""
    if hasattr(path, "read"):
        return path, getattr(path, "name", "The uploaded file")
    if not isinstance(path, (str, os.PathLike)):
        raise ImageError(
            f"load_image takes a file, by name or open, not {type(path)}."
        )
    if str(path).startswith(("http:/", "https:/")):
        raise ImageError(
            f"{path} is an address: save the picture from your browser, then "
            "load that file. Nothing is read from the network here."
        )
    # Not the methods of Path, which raise where a name is too long.
    path = os.path.expanduser(path)
    if os.path.isdir(path):
        raise ImageError(f"{path} is a folder: name one picture inside it.")
    if not os.path.exists(path):
        raise ImageError(
            f"{path} does not exist: check the spelling; relative names start "
            f"from {Path.cwd().name or 'the root folder'!r}."
        )
    if os.path.getsize(path) == 0:
        raise ImageError(f"{path} is empty: download or export it again.")
    return path, str(path)


def _upright(picture: Image.Image) -> Image.Image:
    """Turn as EXIF says; ``ImageOps.exif_transpose`` also rewrites the rest.

    Many programs write EXIF that cannot be written again.
    """
    picture.load()  # before looking: of a TIFF this turns it
    with contextlib.suppress(Exception):  # as varied as the programs
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
        if orientation in _UPRIGHT:
            return picture.transpose(_UPRIGHT[orientation])
    return picture


def _to_rgb(picture: Image.Image, name: str) -> Image.Image:
    """Any Pillow mode to RGB without the surprises of ``convert("RGB")``."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        return Image.fromarray(_to_8_bit(picture, name)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")


def _to_8_bit(picture: Image.Image, name: str) -> np.ndarray:
    """Grey values from black (0) to white; what lies outside is clipped.

    The file says which value is white, or else its kind. Never the largest
    value: one bright pixel would turn the others black.
    """
    tags = getattr(picture, "tag_v2", {})  # of a TIFF
    values = np.asarray(picture, np.float64)
    if picture.mode == "I" and np.max(tags.get(339, 1)) == 1:  # SampleFormat
        values = values % 2**32  # unsigned, which Pillow does not know
    told = tags.get(341) or tags.get(281)  # SMaxSampleValue, MaxSampleValue
    white = np.max(told or _likely_white(picture, tags, values, name))
    values = np.nan_to_num(values, nan=0, posinf=white, neginf=0)
    return np.clip(np.rint(values / white * 255), 0, 255).astype(np.uint8)


def _likely_white(picture, tags, values: np.ndarray, name: str) -> float:
    if picture.mode.startswith("I;16"):
        likely = [2.0 ** np.max(tags.get(258, 16)) - 1]  # BitsPerSample
    elif picture.format == "PPM" and picture.mode == "I":
        likely = [65535.0]  # Pillow has scaled it
    elif picture.mode == "I":
        likely = [255.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1]
    else:
        likely = [1.0, 255.0, 65535.0]
    finite = values[np.isfinite(values)]
    common = np.quantile(finite, 0.9) if finite.size else 0.0
    white = next((w for w in likely if common <= 1.1 * w), likely[-1])
    if len(likely) > 1 or common < white / 16:
        warnings.warn(
            f"{name} does not say which value is white: {white:.10g} was "
            f"assumed. 90 % of its values are at most {common:.4g}.",
            stacklevel=2,
        )
    return white


def _shrink(picture: Image.Image, max_side: int | None) -> Image.Image:
    longest = max(picture.size)
    if max_side is None or longest <= max_side:
        return picture
    size = [max(1, round(side * max_side / longest)) for side in picture.size]
    return picture.resize(size, Image.Resampling.LANCZOS)


def _write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, then rename: no reader sees half a file."""
    # Not in the name of the target, which may be as long as names can be.
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            if path.exists():
                shutil.copymode(path, temporary)  # what was private stays so
            file.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
