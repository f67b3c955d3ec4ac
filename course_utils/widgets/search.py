"""Enrol people with a picture, and ask who is in another one."""

import html
from pathlib import Path

import ipywidgets

from course_utils import faces, images
from course_utils.faces.analysis import threshold_for
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


class SearchExplorer(Panel):
    """A picture, the enrolled people nearest to it, and who may be enrolled.

    Every control is an attribute: ``explorer.name.value = "Ann"``. ``result``
    is the ``faces.SearchResult``, None while the picture shows no face.
    """

    def __init__(
        self, gallery: faces.FaceGallery, *, threshold: float | None = None
    ):
        """Search and change ``gallery``; begin with its pack's threshold."""
        super().__init__()
        self.gallery = gallery
        self.result: faces.SearchResult | None = None
        # By photograph: a title, and embedding and crop of each face in it.
        self._portraits: dict[str, tuple[str, list]] = {}
        if threshold is None:
            pack = Path(gallery.app.model_dir).name
            threshold = threshold_for(pack, search=True)
        self.photo = FacePicker(gallery.app, "Picture", "obama_1")
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
        self._remember(
            photograph_name(image), title, self.photo.upright, self.photo.found
        )
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
        titles = "", "person", "similarity", "photograph"
        rows = [self._row(match) for match in matches]
        return table(titles, rows) if rows else ""

    def _row(self, match: faces.Match) -> tuple[str, ...]:
        if match.photograph not in self._portraits:
            self._read(match.photograph)
        title, portraits = self._portraits[match.photograph]
        query, picture = self.photo.face.embedding, ""

        def difference(portrait) -> float:
            similarity = faces.cosine_similarity(portrait[0], query)
            return abs(similarity - match.similarity)

        if portraits:  # of several faces the one that was enrolled
            _, crop = min(portraits, key=difference)
            picture = img(crop, "aligned face", 56)
        numbers = rounded_down(match.similarity, 3)
        return picture, html.escape(match.person), numbers, html.escape(title)

    def _read(self, photograph: str) -> None:
        try:
            image = images.load_image(photograph)
        except images.ImageError:  # moved, deleted, or never was a file
            self._portraits[photograph] = "not at hand", []
            return
        upright, found = find_upright(self.gallery.app, image)
        self._remember(photograph, Path(photograph).stem, upright, found)

    def _remember(self, photograph: str, title: str, image, found) -> None:
        portraits = [(face.embedding, aligned(image, face)) for face in found]
        self._portraits[photograph] = title, portraits


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
