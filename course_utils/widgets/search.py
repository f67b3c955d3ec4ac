"""Enrol people with a picture, and ask who is in another one."""

from __future__ import annotations

import html
from pathlib import Path
from typing import NamedTuple

import ipywidgets
import numpy as np

from course_utils import faces, images
from course_utils.faces.analysis import search_threshold
from course_utils.faces.draw import rounded_down
from course_utils.faces.gallery import photograph_name
from course_utils.faces.quality import find_upright
from course_utils.widgets.parts import (
    WHOLE_LABEL,
    Number,
    Panel,
    img,
    paragraph,
    row,
    table,
)
from course_utils.widgets.pickers import FacePicker, aligned

_HELP = (
    "Choose or upload a picture: the enrolled people who resemble it most are "
    "listed at once. To enrol somebody, type a name and press Enrol, with that "
    "person's consent. Remove deletes the person from the gallery's files."
)
_COLORS = {"known": "#009E73", "uncertain": "#E69F00", "unknown": "#D55E00"}


class _Portrait(NamedTuple):
    """An aligned face that a match can be illustrated with."""

    title: str
    embedding: np.ndarray
    crop: np.ndarray


class SearchExplorer(Panel):
    """A picture, the enrolled people nearest to it, and who may be enrolled.

    Attributes:
        gallery: the ``faces.FaceGallery``.
        photo: the ``FacePicker``; ``photo.picker.menu.value = "obama_2"``.
        threshold: Number, cosine similarity from which a match is known.
        result: the ``faces.SearchResult`` for the picture, or None while it
            shows no face.
        decision, matches: the answer and the ranked people as shown.
        name, enrol: the name and the button that enrols the picture under it.
        people, remove: the enrolled, and the button that deletes one of them.
        status: what was enrolled or removed last.
    """

    def __init__(
        self,
        gallery: faces.FaceGallery,
        *,
        start: str = "obama_1",
        threshold: float | None = None,
    ):
        """Search and change ``gallery``.

        Args:
            gallery: its models find the faces here too.
            start: the sample picture to begin with.
            threshold: where to begin; default as for ``FaceGallery.search``.
        """
        super().__init__()
        self.gallery = gallery
        self.result: faces.SearchResult | None = None
        self._portraits: dict[str, list[_Portrait]] = {}  # by photograph
        if threshold is None:
            threshold = search_threshold(Path(gallery.app.model_dir).name)
        self.photo = FacePicker(gallery.app, "Picture", start)
        self.threshold = Number(self, "Threshold", threshold, (0, 1), digits=3)
        self.decision, self.matches = ipywidgets.HTML(), ipywidgets.HTML()
        self.name = ipywidgets.Text(description="Name", style=WHOLE_LABEL)
        self.enrol = self.button("Enrol", self._enrol, "plus")
        self.people = ipywidgets.Dropdown(
            description="Enrolled people", style=WHOLE_LABEL
        )
        self.remove = self.button("Remove", self._remove, "trash")
        self.status = ipywidgets.HTML()
        answer = ipywidgets.VBox(
            [self.threshold, self.decision, self.matches],
            layout={"flex": "2 1 360px"},
        )
        self.children = (
            ipywidgets.HTML(paragraph(_HELP)),
            row(self.photo, answer),
            row(self.name, self.enrol),
            row(self.people, self.remove),
            *(self.status, self.message),
        )
        self.on_change(self._search, self.photo, trait="face")
        self.on_change(self._search, self.threshold)
        self.name.on_msg(self._key_pressed)
        with self.explaining():
            self._search()

    def _values(self) -> dict:
        return {
            "picture": self.photo.picker.name,
            "threshold": self.threshold.value,
            "people": len(self.people.options),
            "decision": self.result and self.result.decision,
        }

    def _key_pressed(self, _field, content: dict, _buffers) -> None:
        if content.get("event") == "submit":  # Enter
            self.enrol.click()

    def _search(self) -> None:
        self._list_people()
        face = self.photo.face
        self.enrol.disabled = face is None
        self.result = None
        self.decision.value = self.matches.value = ""
        if face is not None:
            self.result = self.gallery.search(
                face.embedding, threshold=self.threshold.value
            )
            self.decision.value = paragraph(_decision(self.result))
            self.matches.value = self._table(self.result.matches)

    def _list_people(self) -> None:
        people, chosen = self.gallery.people(), self.people.value
        self.people.options = people
        kept = chosen in people
        self.people.value = chosen if kept else next(iter(people), None)
        self.remove.disabled = not people

    def _enrol(self) -> None:
        self.status.value = ""
        image, title = self.photo.picker.image, self.photo.picker.name
        done = self.gallery.enrol(
            self.name.value, image, which_face=self.photo.which_face.value
        )
        # The gallery keeps no photographs; this picture is at hand now.
        self._portraits[photograph_name(image)] = [
            _portrait(title, self.photo.upright, face)
            for face in self.photo.found
        ]
        person = html.escape(done.person)
        self.status.value = (
            f"Enrolled <b>{person}</b> with {html.escape(title)}."
            if done.added
            else f"This picture of <b>{person}</b> is enrolled already."
        )
        if done.lookalikes:
            names = " and ".join(match.person for match in done.lookalikes)
            self.status.value += (
                f" This face is there as <b>{html.escape(names)}</b> already: "
                "is it one person under two names?"
            )
        self._search()

    def _remove(self) -> None:
        self.status.value = ""
        person = self.people.value
        count = self.gallery.remove(person)
        # Whoever asked to be deleted shall not stay in memory either.
        enrolled = set(self.gallery.embeddings().photographs)
        for photograph in set(self._portraits) - enrolled:
            del self._portraits[photograph]
        photographs = "1 photograph" if count == 1 else f"{count} photographs"
        self.status.value = (
            f"Removed <b>{html.escape(person)}</b> with {photographs}."
        )
        self._search()

    def _table(self, matches: tuple[faces.Match, ...]) -> str:
        rows = []
        for match in matches:
            portrait = self._portrait_of(match)
            picture, title = "", "not at hand"
            if portrait is not None:
                picture, title = (
                    img(portrait.crop, "aligned face", 56),
                    portrait.title,
                )
            similarity = rounded_down(match.similarity, 3)
            names = html.escape(match.person), similarity, html.escape(title)
            rows.append((picture, *names))
        titles = "", "person", "similarity", "photograph"
        return table(titles, rows) if rows else ""

    def _portrait_of(self, match: faces.Match) -> _Portrait | None:
        """Of several faces in the photograph, the one that was enrolled."""
        name = match.photograph
        if name not in self._portraits:
            self._portraits[name] = self._read(Path(name))
        query = self.photo.face.embedding

        def difference(portrait: _Portrait) -> float:
            similarity = faces.cosine_similarity(portrait.embedding, query)
            return abs(similarity - match.similarity)

        return min(self._portraits[name], key=difference, default=None)

    def _read(self, path: Path) -> list[_Portrait]:
        try:
            image = images.load_image(path)
        except images.ImageError:  # moved, deleted, or never was a file
            return []
        upright, found = find_upright(self.gallery.app, image)
        return [_portrait(path.stem, upright, face) for face in found]


def _portrait(title: str, image: np.ndarray, face) -> _Portrait:
    return _Portrait(title, face.embedding, aligned(image, face))


def _decision(result: faces.SearchResult) -> str:
    word = f'<b style="color: {_COLORS[result.decision]}">{result.decision}</b>'
    if not result.matches:
        return f"{word}: nobody is enrolled yet."
    best, *others = result.matches
    person = html.escape(best.person)
    similarity = rounded_down(best.similarity, 3)
    numbers = f"{similarity}, threshold {result.threshold:.3f}"
    if result.decision == "known":
        return f"{word}: this is <b>{person}</b> (similarity {numbers})."
    if best.similarity >= result.threshold:
        second = html.escape(others[0].person)
        return f"{word}: this may be <b>{person}</b> or <b>{second}</b>."
    return f"{word}: {person} is nearest (similarity {numbers})."
