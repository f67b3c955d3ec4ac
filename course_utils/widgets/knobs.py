"""A control with a label and a sentence of help for each knob of a recipe."""

import dataclasses
from collections.abc import Iterable, Mapping

import ipywidgets

from course_utils.style import RecipeError, StyleRecipe
from course_utils.widgets.parts import Number, Panel, paragraph

_ALWAYS = 6  # knobs that are always shown: the first of StyleRecipe
_LABEL_WIDTH = "150px"  # all in one column, none cut off


class Knobs(Panel):
    """The knobs of a StyleRecipe, the rarer ones behind a button."""

    def __init__(self, recipe: StyleRecipe):
        super().__init__()
        fields = [
            field
            for field in dataclasses.fields(StyleRecipe)
            if field.name != "style_image_weights"  # the lab has one painting
        ]
        self.controls = {field.name: self._control(field) for field in fields}
        rows = [_above_help(self.controls[f.name], f) for f in fields]
        self.more = ipywidgets.ToggleButton(description="More knobs")
        self._rarer = ipywidgets.VBox(rows[_ALWAYS:])
        self.on_change(self._unfold, self.more)
        self._unfold()
        always = rows[:_ALWAYS]
        self.children = *always, self.more, self._rarer, self.message
        self.show(recipe)

    def recipe(self) -> StyleRecipe:
        """Return what the controls say. Raises RecipeError."""
        values = {name: knob.value for name, knob in self.controls.items()}
        values["preserve_color"] = values["preserve_color"] or None
        for name in ("content_layers", "style_layers"):
            values[name] = _read_layers(values[name])
        values["sizes"] = _read_sizes(values["sizes"])
        recipe = StyleRecipe(**values)
        recipe.validate()
        return recipe

    def show(self, recipe: StyleRecipe, only: Iterable[str] = ()) -> None:
        """Set all controls to a recipe, or only those named.

        Raises RecipeError if it mixes several style pictures.
        """
        if recipe.style_image_weights is not None:
            raise RecipeError(
                "This recipe mixes several style pictures, the lab paints with "
                "one: take style_image_weights out of it."
            )
        for name in only or self.controls:
            control, value = self.controls[name], getattr(recipe, name)
            if isinstance(value, Mapping):
                value = ", ".join(f"{k}={v}" for k, v in value.items())
            if isinstance(value, tuple):
                value = ", ".join(map(str, value))
            if control.has_trait("max"):  # a slider would cut the value off
                control.max = max(control.max, value)
            control.value = "" if value is None else value

    def _unfold(self) -> None:
        self._rarer.layout.display = None if self.more.value else "none"

    def _control(self, field: dataclasses.Field) -> ipywidgets.Widget:
        about = field.metadata
        label, low, high = about["label"], about["low"], about["high"]
        if isinstance(field.default, float):
            # A weight of 0 says no more than where a slider has to end.
            many = field.default > 0
            ends = (high / 10_000 if many else low, high)
            knob = {"logarithmic": many, "label_width": _LABEL_WIDTH}
            return Number(self, label, field.default, ends, **knob)
        common = {
            "description": label,
            "style": {"description_width": _LABEL_WIDTH},
            "layout": {"width": "auto"},
        }
        if about["choices"]:
            # A menu cannot hold None: "" stands for it.
            options = [(text, k or "") for k, text in about["choices"].items()]
            return ipywidgets.Dropdown(options=options, **common)
        common["continuous_update"] = False
        if not isinstance(field.default, int):
            return ipywidgets.Text(**common)
        if high is None:
            return ipywidgets.BoundedIntText(min=low, max=10**9, **common)
        return ipywidgets.IntSlider(min=low, max=high, **common)


def _above_help(control, field: dataclasses.Field) -> ipywidgets.VBox:
    text = paragraph(f"<small>{field.metadata['help']}</small>")
    margin = f"-4px 0 4px calc({_LABEL_WIDTH} + 10px)"
    below = ipywidgets.HTML(text, layout={"margin": margin})
    return ipywidgets.VBox([control, below], layout={"max_width": "520px"})


def _read_layers(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {layer.strip(): float(share) for layer, share in pairs}
    except ValueError:
        raise RecipeError(
            f"{text!r} should list layers with their shares, for example "
            "conv1_1=0.4, conv2_1=0.3."
        ) from None


def _read_sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(
            f"{text!r} should list long sides in pixels, for example "
            "128, 256, 512."
        ) from None
