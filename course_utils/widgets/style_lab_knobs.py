"""A control with a unit and a sentence of help for each knob of a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import ipywidgets

from course_utils.style import RecipeError, StyleRecipe

_LABELS = {"description_width": "160px"}  # all in one column, none cut off
_HELP = "font-size: smaller; line-height: 1.3; padding-top: 7px"
_BESIDE = {"flex": "1 1 180px"}
_ALWAYS = 6  # knobs that are always shown: the first of StyleRecipe


class Knobs(ipywidgets.VBox):
    """The knobs of a StyleRecipe, the rarer ones behind a button.

    Attributes:
        controls: {field of StyleRecipe: its control}.
        more: ipywidgets.ToggleButton that unfolds the rarer knobs.
    """

    def __init__(self, recipe: StyleRecipe):
        """Start with a recipe."""
        super().__init__()
        fields = [
            field
            for field in dataclasses.fields(StyleRecipe)
            if field.name != "style_image_weights"  # the lab has one painting
        ]
        self.controls = {field.name: _control(field) for field in fields}
        rows = [_row(field, self.controls[field.name]) for field in fields]
        self.more = ipywidgets.ToggleButton(description="More knobs")
        rarer = ipywidgets.VBox(rows[_ALWAYS:])
        self.more.observe(lambda change: _unfold(rarer, change["new"]), "value")
        _unfold(rarer, False)
        self.children = (*rows[:_ALWAYS], self.more, rarer)
        self.show(recipe)

    def recipe(self) -> StyleRecipe:
        """Return what the controls say. Raises RecipeError."""
        values = {name: knob.value for name, knob in self.controls.items()}
        for name in ("content_layers", "style_layers"):
            values[name] = _read_layers(values[name])
        values["sizes"] = _read_sizes(values["sizes"])
        values["preserve_color"] = values["preserve_color"] or None
        recipe = StyleRecipe(**values)
        recipe.validate()
        return recipe

    def show(self, recipe: StyleRecipe, only: Iterable[str] = ()) -> None:
        """Set all controls to a recipe, or only those named.

        Raises:
            RecipeError: it mixes several style pictures.
        """
        if recipe.style_image_weights is not None:
            raise RecipeError(
                "This recipe mixes several style pictures, the lab paints with "
                "one: take style_image_weights out of it."
            )
        values = {name: getattr(recipe, name) for name in self.controls}
        for name in ("content_layers", "style_layers"):
            shares = values[name].items()
            values[name] = ", ".join(f"{layer}={s!r}" for layer, s in shares)
        values["sizes"] = ", ".join(map(str, recipe.sizes))
        values["preserve_color"] = recipe.preserve_color or ""
        for name in only or values:
            control, value = self.controls[name], values[name]
            if control.has_trait("max"):  # a slider would cut the value off
                control.max = max(control.max, value)
            control.value = value


def _control(field: dataclasses.Field) -> ipywidgets.Widget:
    """Make the control that fits what a knob may be."""
    about, default = field.metadata, field.default
    common = {
        "description": about["label"],
        "style": _LABELS,
        "layout": {"flex": "1 1 420px", "max_width": "520px"},
    }
    if about["choices"]:
        # A menu cannot hold None: "" stands for it.
        options = [(word, v or "") for v, word in about["choices"].items()]
        return ipywidgets.Dropdown(options=options, **common)
    common["continuous_update"] = False
    if not isinstance(default, int | float):
        return ipywidgets.Text(**common)
    limits = {"min": about["low"], "max": about["high"] or 10**9}
    if isinstance(default, float):
        limits |= {"step": about["high"] / 200, "readout_format": ".3g"}
        return ipywidgets.FloatSlider(**limits, **common)
    if about["high"]:
        return ipywidgets.IntSlider(**limits, **common)
    return ipywidgets.BoundedIntText(**limits, **common)


def _row(
    field: dataclasses.Field, control: ipywidgets.Widget
) -> ipywidgets.HBox:
    text = f'<div style="{_HELP}">{field.metadata["help"]}</div>'
    return ipywidgets.HBox([control, ipywidgets.HTML(text, layout=_BESIDE)])


def _unfold(box: ipywidgets.Box, shown: bool) -> None:
    box.layout.display = None if shown else "none"


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
