"""What every widget here needs: a picture, a line for errors, whole labels."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Sequence
from contextlib import contextmanager

import ipywidgets
from PIL import Image

from course_utils import images

_JPEG = {"format": "jpeg", "pil_kwargs": {"quality": 88}}

# As a control's style=: by default ipywidgets cuts off long descriptions.
WHOLE_LABEL = {"description_width": "initial"}


class Picture(ipywidgets.Image):
    """An ``ipywidgets.Image`` that takes pictures and figures."""

    def __init__(self, **layout):
        """Take CSS properties, for instance ``max_width="160px"``."""
        # An ipywidgets image has a margin of 2 pixels on each side.
        usual = {"max_width": "calc(100% - 4px)", "align_self": "flex-start"}
        super().__init__(format="jpeg", layout={**usual, **layout})

    def show(self, drawn) -> None:
        """Show an RGB ``uint8`` picture or a matplotlib Figure.

        Raises:
            images.ImageError: it is neither.
        """
        self.value = jpeg(drawn)


class Message(ipywidgets.HTML):
    """A line that is empty until something goes wrong."""

    @contextmanager
    def explaining(self):
        """Show an exception of the block in one sentence; else clear the line.

        Without this a callback's exception would vanish unseen.
        """
        try:
            yield
        except Exception as error:
            text = html.escape(_sentence(error))
            self.value = paragraph(f'<b role="alert">{text}</b>')
        else:
            self.value = ""


def paragraph(text: str) -> str:
    """HTML with the line spacing of text; ipywidgets' is that of buttons."""
    return f'<div style="line-height: 1.5">{text}</div>'


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """HTML of a table; the cells are HTML already."""
    lines = ["".join(f"<th>{title}</th>" for title in titles)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return (
        '<table style="line-height: 1.5; text-align: left" cellpadding="4">'
        f"<tr>{'</tr><tr>'.join(lines)}</tr></table>"
    )


def jpeg(drawn) -> bytes:
    """Encode an RGB ``uint8`` picture or a matplotlib Figure as JPEG.

    Raises:
        images.ImageError: it is neither.
    """
    buffer = io.BytesIO()
    if hasattr(drawn, "savefig"):
        drawn.savefig(buffer, bbox_inches="tight", **_JPEG)
    else:
        picture = Image.fromarray(images.require_rgb(drawn))
        picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def uploaded_files(value) -> list[tuple[str, bytes]]:
    """Names and contents of what ``FileUpload.value`` holds.

    ipywidgets 7 gives {name: {"content": bytes, ...}}, ipywidgets 8 a tuple
    of {"name": name, "content": memoryview, ...}.
    """
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def _sentence(error: Exception) -> str:
    """What this package raises is a sentence; others need the class's name."""
    own = type(error).__module__.startswith("course_utils")
    if own or isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
