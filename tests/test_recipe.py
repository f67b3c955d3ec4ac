"""The knobs of a recipe: what they may be, and what they say of themselves."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from course_utils import style
from course_utils.style import StyleRecipe


@pytest.mark.parametrize(
    "knob",
    [
        {"content_layers": ("conv9_1",)},
        {"style_layers": {}},
        {"content_layers": {"conv4_2": -1.0}},
        {"content_weight": -1.0},
        {"style_weight": float("nan")},
        {"tv_weight": "a lot"},
        {"content_weight": 0, "style_weight": 0},
        {"preserve_color": "hue"},
        {"optimizer": ["adam"]},
        {"steps": 0},
        {"steps": 2.5},
        {"steps": True},
        {"sizes": ()},
        {"sizes": (256, 128)},
        {"sizes": (0, 128)},
        {"sizes": None},
        {"style_image_weights": (1.0, -1.0)},
    ],
    ids=str,
)
def test_senseless_knobs_are_named(knob):
    recipe = StyleRecipe(**knob)
    with pytest.raises(style.RecipeError, match=list(knob)[0]) as caught:
        recipe.validate()
    assert isinstance(caught.value, ValueError)


def test_what_are_no_layers_is_said_at_once():
    with pytest.raises(style.RecipeError, match="3 are no layers"):
        StyleRecipe(style_layers=3)


def test_numpys_numbers_are_numbers():
    for weight in np.arange(10, 100, 30):
        recipe = StyleRecipe(
            style_weight=weight,
            content_weight=np.float32(0.5),
            steps=np.int64(10),
            sizes=np.array([64, 128]),
            style_layers={"conv1_1": np.float64(1)},
            style_image_weights=[np.float32(2)],
        )
        recipe.validate()
        assert StyleRecipe.from_json(recipe.to_json()) == recipe


def test_one_size_and_layers_without_weights():
    assert StyleRecipe(sizes=128).sizes == (128,)
    recipe = StyleRecipe(style_layers=("conv1_1", "conv2_1"))
    assert recipe.style_layers == {"conv1_1": 0.5, "conv2_1": 0.5}
    assert StyleRecipe(content_layers="conv3_1").content_layers == {
        "conv3_1": 1.0
    }


def test_a_recipe_cannot_change_behind_ones_back():
    layers = {"conv1_1": 0.4, "conv2_1": 0.6}
    recipe = StyleRecipe(style_layers=layers)
    layers["conv1_1"] = 7
    with pytest.raises(TypeError):
        recipe.style_layers["conv1_1"] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.steps = 3
    turned = StyleRecipe(style_layers={"conv2_1": 0.6, "conv1_1": 0.4})
    assert recipe == turned and hash(recipe) == hash(turned)
    assert recipe == pickle.loads(pickle.dumps(recipe)) == copy.deepcopy(recipe)


def test_recipes_survive_being_written_down():
    recipe = StyleRecipe.quick(
        style_layers=("conv1_1", "conv2_1"),
        style_image_weights=(1.0, 3.0),
        preserve_color="match",
    )
    assert StyleRecipe.from_json(recipe.to_json()) == recipe
    for text in ('{"strength": 3}', "[1]", "{", "3"):
        with pytest.raises(style.RecipeError, match="not a recipe"):
            StyleRecipe.from_json(text)


def test_presets_are_valid_and_ordered():
    presets = StyleRecipe.quick(), StyleRecipe.balanced(), StyleRecipe.fine()
    for preset in presets:
        preset.validate()
    assert [p.sizes[-1] for p in presets] == [256, 512, 1024]
    assert StyleRecipe.quick(init="noise").init == "noise"
