"""Pictures: files to RGB arrays and back, the sample pictures, and display."""

import contextlib
import difflib
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

KINDS = ("faces", "styles", "content", "made")


class ImageError(ValueError):
    """A picture cannot be read, written or used; the message says why."""


def load_image(
    path: str | os.PathLike | BinaryIO, max_side: int | None = None
) -> np.ndarray:
    """Read a picture file as the camera meant it to be seen.

    The EXIF rotation is applied, transparency is laid on white, and grey,
    16-bit, palette and CMYK pictures become RGB. Of an animation the first
    frame is taken. No side is longer than ``max_side`` pixels. ``path`` may
    also be an open binary file (an upload's ``io.BytesIO``). Raises ImageError.
    """
    if str(path).startswith(("http:/", "https:/")):
        raise ImageError(
            f"{path} is an address: save the picture from your browser, then "
            "load that file. Nothing is read from the network here."
        )
    file, name = path, getattr(path, "name", "The uploaded file")
    if not hasattr(path, "read"):
        file = name = os.path.expanduser(path)
    try:
        with Image.open(file) as picture:
            picture.load()  # before asking: of a TIFF this turns it
            upright = Image.fromarray(np.asarray(_to_rgb(picture)))
            # Of EXIF that many programs write wrongly, only this is needed.
            with contextlib.suppress(Exception):
                orientation = picture.getexif()[ExifTags.Base.Orientation]
                upright.getexif()[ExifTags.Base.Orientation] = orientation
    except FileNotFoundError:
        raise ImageError(
            f"{name} does not exist: check the spelling; relative names start "
            f"from {Path.cwd().name or 'the root folder'!r}."
        ) from None
    except Image.DecompressionBombError:
        raise ImageError(
            f"{name} has too many pixels: make it smaller before using it."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{name} is not a picture that can be read here: "
            "save it as JPEG or PNG and try again."
        ) from None
    except ImageError:
        raise
    # Damaged files make the decoders raise nearly every kind of exception.
    except Exception as error:
        raise ImageError(
            f"{name} is damaged, incomplete or locked ({error}): "
            "download or export it again."
        ) from error
    upright = ImageOps.exif_transpose(upright)
    if max_side is not None:
        size = max_side, max_side
        upright.thumbnail(size, Image.Resampling.LANCZOS, None)
    # A copy: Pillow's own memory may not be written to.
    return np.array(upright)


def save_image(image: np.ndarray, path: str | os.PathLike) -> Path:
    """Write a picture; an interrupted write leaves the old file untouched.

    The ending of ``path`` chooses the format: .jpg, .png or .webp. Raises
    ImageError.
    """
    path = Path(path).expanduser()
    picture = Image.fromarray(require_rgb(image))
    if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
        raise ImageError(
            f"{path.name!r} should end in .jpg, .png or .webp, which chooses "
            "the file format."
        )
    unfinished = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        picture.save(unfinished, quality=92)
        if path.exists():
            shutil.copymode(path, unfinished)  # what was private stays so
        unfinished.replace(path)
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path} cannot be written ({error}): make its folder, choose "
            "another one, or make the picture smaller."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return path


def require_rgb(image: np.ndarray, smallest: int = 1) -> np.ndarray:
    """Return ``image`` if it is a picture, or raise ImageError.

    No side may be shorter than ``smallest`` pixels.
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
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(
            f"A picture has shape (height, width, 3), not {tuple(image.shape)}."
        )
    height, width, _ = image.shape
    if min(height, width) < smallest:
        raise ImageError(
            f"The picture has {width} x {height} pixels, but {smallest} are "
            "needed on each side: use a larger picture."
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

    The matplotlib Figure is shown as the last line of a notebook cell;
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


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB without the surprises of ``convert("RGB")``."""
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PPM"):
        raise ImageError(
            "This picture has numbers of 32 bits, and does not say which of "
            "them is white: save it as PNG or JPEG first."
        )
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut off
        grey = np.rint(np.asarray(picture) / 257)
        picture = Image.fromarray(grey.astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        picture = Image.alpha_composite(white, layer)
    return picture.convert("RGB")
